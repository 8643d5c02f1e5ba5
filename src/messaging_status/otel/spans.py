# SPDX-License-Identifier: Apache-2.0
"""Spans, enriched where they leave: an ended span is frozen, so a new one is handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from messaging_status.host import Host
from messaging_status.model import FAILURES
from messaging_status.otel.attributes import merged
from messaging_status.settings import Settings

__all__ = ["StatusSpanExporter", "spans_enricher", "with_said"]


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
        self._enriched = spans_enricher(host)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand the spans on; those that carry a status as new spans, all others as the same objects."""
        return self._exporter.export(self._enriched(spans))

    def shutdown(self) -> None:
        """Shut the wrapped exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped exporter."""
        return self._exporter.force_flush(timeout_millis)


def spans_enricher(host: Host) -> Callable[[Sequence[ReadableSpan]], list[ReadableSpan]]:
    """A function that answers spans, each with its status's meaning on it, or as the same object where it has none.

    It never raises: a span that cannot be enriched is answered as it is.
    """
    enriched, holds_no_code = _span_enricher(host), host.code_keys.isdisjoint

    def all_enriched(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
        try:
            # The public properties wrap attributes in a proxy and copy events, twice the cost of this whole
            # look. Only the SDK's own class is known to hold both in these two fields.
            return [
                span
                if type(span) is ReadableSpan and holds_no_code(span._attributes) and not span._events  # type: ignore[arg-type]  # noqa: SLF001
                else enriched(span)
                for span in spans
            ]
        except Exception:  # noqa: BLE001 - whatever the spans are made of, they must be exported, one by one then
            return [enriched(span) for span in spans]

    return all_enriched


def _span_enricher(host: Host) -> Callable[[ReadableSpan], ReadableSpan]:
    said, holds_no_code = host.said, host.code_keys.isdisjoint
    outcome_key = f"{host.settings.prefix}.outcome"
    sets_status = host.settings.span_error_status

    def hold_code(events: Sequence[Event]) -> bool:
        # By index: iterating over the SDK's list takes its lock and copies it.
        for index in range(len(events)):
            attributes = events[index].attributes
            if attributes is not None and not holds_no_code(attributes):
                return True
        return False

    def enriched(span: ReadableSpan) -> ReadableSpan:
        try:
            if type(span) is ReadableSpan:
                attributes, events = span._attributes, span._events  # noqa: SLF001
            else:
                attributes, events = span.attributes, span.events
            if (attributes is None or holds_no_code(attributes)) and not (events and hold_code(events)):
                return span
            copied: dict[str, Any] = {} if attributes is None else attributes.copy()  # type: ignore[attr-defined]
            resource = span.resource.attributes
            what = said(copied, None, (), resource)
            if not what and events:
                what = said(copied, None, _attributes_of(events), resource)
            everything = merged(attributes, copied, what) if what else None
            is_failure = sets_status and what.get(outcome_key) in FAILURES and span.status.is_unset
            if everything is None and not is_failure:
                return span
            return _with(span, attributes if everything is None else everything, is_failure=is_failure)
        except Exception as error:  # noqa: BLE001 - whatever a span is made of, it must be exported
            host.stumbled(error)
            return span

    return enriched


def with_said(span: ReadableSpan, said: Mapping[str, Any], settings: Settings) -> ReadableSpan:
    """A span that also says what was found out about it after it had ended. What it says itself wins."""
    attributes = span.attributes
    everything = merged(span._attributes, dict(attributes or {}), said)  # noqa: SLF001 - with its limits
    is_failure = (
        settings.span_error_status and said.get(f"{settings.prefix}.outcome") in FAILURES and span.status.is_unset
    )
    return span if everything is None else _with(span, everything, is_failure=is_failure)


def _attributes_of(events: Sequence[Event]) -> Iterator[Mapping[str, Any]]:
    for event in events:
        yield event.attributes or {}


def _with(span: ReadableSpan, attributes: Mapping[str, Any] | None, *, is_failure: bool) -> ReadableSpan:
    """A span that is like another in everything but its attributes and, for a failure, an unset status."""
    # Made through the constructor, it would lose what the public properties do not show: dropped counts.
    fields = span.__dict__.copy()
    fields["_attributes"] = attributes
    if is_failure:
        fields["_status"] = Status(StatusCode.ERROR)
    twin = object.__new__(type(span))
    twin.__dict__ = fields
    return twin
