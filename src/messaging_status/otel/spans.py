# SPDX-License-Identifier: Apache-2.0
"""Spans, enriched where they leave: an ended span is frozen, so a new one is handed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from messaging_status.host import Host
from messaging_status.model import FAILURES
from messaging_status.otel.attributes import merged

__all__ = ["StatusSpanExporter", "span_enricher"]

_FAILURES = frozenset(outcome.value for outcome in FAILURES)


@final
class StatusSpanExporter(SpanExporter):
    """Puts the meaning of messaging statuses on spans, then hands them to the exporter it wraps."""

    def __init__(self, exporter: SpanExporter, host: Host) -> None:
        """Wrap an exporter.

        Args:
            exporter: Any span exporter, such as an ``OTLPSpanExporter``.
            host: What decodes; one host can serve any number of exporters.
        """
        self._exporter = exporter
        self._enriched = span_enricher(host)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand the spans on; those that carry a status as new spans, all others as the same objects."""
        enriched = self._enriched
        return self._exporter.export([enriched(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the wrapped exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped exporter."""
        return self._exporter.force_flush(timeout_millis)


def span_enricher(host: Host) -> Callable[[ReadableSpan], ReadableSpan]:
    """A function that answers a span with its status's meaning on it, or the same span where it has none.

    It never raises: a span that cannot be enriched is answered as it is.
    """
    enrich, holds_no_code = host.enrich, host.code_keys.isdisjoint
    outcome_key = f"{host.settings.prefix}.outcome"
    sets_status = host.settings.span_error_status

    def enriched(span: ReadableSpan) -> ReadableSpan:
        try:
            # The public properties wrap attributes in a proxy and copy events, four times the cost of
            # this whole look. Only the SDK's own class is known to hold both in these two fields.
            if type(span) is ReadableSpan:
                attributes, events = span._attributes, span._events  # noqa: SLF001
            else:
                attributes, events = span.attributes, span.events
            if not events and (attributes is None or holds_no_code(attributes)):
                return span
            added = enrich(
                {} if attributes is None else attributes.copy(),  # type: ignore[attr-defined]
                events=[event.attributes or {} for event in events],
                resource=span.resource.attributes,
            )
            if not added:
                return span
            all_attributes = merged(attributes, added)
            is_failure = added.get(outcome_key) in _FAILURES
            status = Status(StatusCode.ERROR) if sets_status and is_failure and _is_unset(span) else span.status
            return span if all_attributes is None else _with(span, all_attributes, status)
        except Exception as error:  # noqa: BLE001 - whatever a span is made of, it must be exported
            host.stumbled(error)
            return span

    return enriched


def _is_unset(span: ReadableSpan) -> bool:
    return span.status.status_code is StatusCode.UNSET


def _with(span: ReadableSpan, attributes: Mapping[str, Any], status: Status) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=span._events,  # noqa: SLF001 - the property answers a tuple, which has lost the dropped count
        links=span._links,  # noqa: SLF001 - as events
        kind=span.kind,
        instrumentation_info=span._instrumentation_info,  # noqa: SLF001 - the property warns that it is deprecated
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
