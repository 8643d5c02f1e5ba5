# SPDX-License-Identifier: Apache-2.0
"""The zero-code way: every exporter of the process enriches what it exports, and the application changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined] # untyped
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import ReadableSpan

from messaging_status.active import activate
from messaging_status.capture.answers import Answers
from messaging_status.capture.at_end import holds_another
from messaging_status.capture.clients import client_wrappers
from messaging_status.capture.late import LateStatuses
from messaging_status.capture.log import log_status
from messaging_status.errors import MessagingStatusError
from messaging_status.guard import log_error, place_of
from messaging_status.host import Host
from messaging_status.otel.exporters import EXPORTERS, exporting
from messaging_status.otel.logs import log_enricher
from messaging_status.otel.spans import spans_enricher, with_said
from messaging_status.settings import load_settings
from messaging_status.wrapping import Wrapping

__all__ = ["MessagingStatusInstrumentor"]

_OF_EVERY_INSTRUMENTOR: Final = ("tracer_provider", "meter_provider", "logger_provider")
"""What distributions hand to instrumentors, whether they use it or not."""


class MessagingStatusInstrumentor(BaseInstrumentor):  # type: ignore[misc] # untyped
    """Has exporters put the meaning of messaging statuses on what they export, and looks for more in HTTP clients.

    ``opentelemetry-instrument`` finds it by its entry point; by hand it is ``instrument()``, once and early. Exporters
    made before are wrapped as well as those made later. It never raises: where the settings are wrong, one error is
    logged and nothing is enriched.
    """

    _wrapping: Wrapping | None = None
    _answers: Answers | None = None
    _handler: logging.Handler | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: what it wraps is there or is not."""
        return ()

    def _instrument(self, **options: Any) -> None:
        """Load a host and wrap the exporters.

        Args:
            **options: Settings, by the keys of the file. Where none is given: the file that
                ``MESSAGING_STATUS_CONFIG`` names.
        """
        self._handler = _apart_from_the_pipeline()
        try:
            given = {name: value for name, value in options.items() if name not in _OF_EVERY_INSTRUMENTOR}
            host = Host.load(load_settings(given or None))
            self._wrapping = Wrapping()
            activate(host)
            answers = self._answers = Answers(host)
            export = exporting(_enricher(host, answers.late))
            for exporter in dict.fromkeys((*EXPORTERS, *host.settings.exporters)):
                self._wrapping.wrap(f"{exporter}.export", export)
            for method, wrapper in client_wrappers(answers).items():
                self._wrapping.wrap(method, wrapper)
        except MessagingStatusError as error:
            log_error("nothing is enriched: %s", "; ".join(error.problems))
        except Exception as error:  # noqa: BLE001 - the application has to start, whatever is installed or set
            log_error("nothing is enriched: %s", place_of(error))

    def _uninstrument(self, **_: Any) -> None:
        activate(None)
        if self._answers is not None:
            self._answers.late.give_up()
            self._answers = None
        if self._wrapping is not None:
            self._wrapping.take_off()
            self._wrapping = None
        if self._handler is not None:
            logger = logging.getLogger("messaging_status")
            logger.removeHandler(self._handler)
            logger.propagate = True
            self._handler = None


def _enricher(host: Host, late: LateStatuses) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A function that answers records of either signal, each with its status's meaning on it. It never raises."""
    spans, log = spans_enricher(host), log_enricher(host)

    def joined(span: ReadableSpan) -> ReadableSpan:
        try:
            return _joined(span, late, host)
        except Exception as error:  # noqa: BLE001 - whatever a span is made of, it must be exported
            host.stumbled(error)
            return span

    def enriched(records: Sequence[Any]) -> Sequence[Any]:
        first = records[0] if isinstance(records, (list, tuple)) and records else None
        if isinstance(first, ReadableSpan):
            late.is_served = True
            return spans([joined(span) for span in records] if late else records)
        if isinstance(first, ReadableLogRecord):
            return [log(record) for record in records]
        return records

    return enriched


def _joined(span: ReadableSpan, late: LateStatuses, host: Host) -> ReadableSpan:
    """A span with what has been found out since it ended; one that names another status stays as it is."""
    found = late.exported(span.context.span_id) if span.context is not None else None
    if found is None or not found[0]:
        return span
    said, is_first = found
    if not holds_another(span.attributes or {}, said, host):
        return with_said(span, said, host.settings)
    if is_first:
        log_status(host, said, trace.set_span_in_context(trace.NonRecordingSpan(span.context)))
    return span


def _apart_from_the_pipeline() -> logging.Handler | None:
    """Have what we log printed, not sent through the application's handlers: one may lead back into an exporter.

    An application that gives our logger a handler of its own decides for itself.
    """
    logger = logging.getLogger("messaging_status")
    if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        return None
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    return handler
