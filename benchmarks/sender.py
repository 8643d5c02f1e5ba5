# SPDX-License-Identifier: Apache-2.0
"""A sender on the stock SDK: it makes spans, and its exporter encodes them as OTLP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.measure import Contender
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from messaging_status.model import AttributeValue

Attributes = Mapping[str, AttributeValue | int]

WITHOUT_STATUS: Final[Attributes] = {
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "server.address": "api.example.com",
    "server.port": 443,
    "url.full": "https://api.example.com/v1/messages",
    "network.protocol.version": "1.1",
    "user_agent.original": "sender/4.2",
    "app.tenant": "tenant-0042",
}
_OTHERS: Final[Attributes] = {
    "messaging.operation.name": "send",
    "messaging.message.id": "4f6c1e0a-2f6b-4f0e-9a51-0d8f6a1c7b55",
    "server.address": "api.example.com",
    "http.response.status_code": 200,
    "app.tenant": "tenant-0042",
}


def with_status(system: str, channel: str, code: str) -> Attributes:
    """The eight attributes of a span that carries a status, as a sender sets them."""
    return {"messaging.system": system, "messaging.channel": channel, "messaging.status.code": code, **_OTHERS}


class Encoder(SpanExporter):
    """Encodes spans as the OTLP exporter does, and sends them nowhere."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode the spans."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


class Nothing(SpanExporter):
    """Does nothing: what is left is the time of whoever wraps it."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the SDK's signature
        """Do nothing."""
        return SpanExportResult.SUCCESS


class _Collector(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


class Sender:
    """Makes ended spans with the real SDK."""

    def __init__(self) -> None:
        """Set a provider up that keeps what has ended."""
        self._collector = _Collector()
        provider = TracerProvider(resource=Resource.create({"service.name": "sender"}), shutdown_on_exit=False)
        provider.add_span_processor(self._collector)
        self._tracer = provider.get_tracer("sender", "4.2")

    def spans(
        self, attributes: Sequence[Attributes], more: Sequence[Attributes] = (), event: str = ""
    ) -> list[ReadableSpan]:
        """A span for each of the attributes; ``more`` is set on them later, with ``set_attributes``."""
        for index, given in enumerate(attributes):
            span = self._tracer.start_span("send", attributes=given)
            if more:
                span.set_attributes(more[index])
            if event:
                span.add_event(event, {"retry.number": 1})
            span.end()
        ended, self._collector.ended = self._collector.ended, []
        return ended

    def sends(
        self, attributes: Sequence[Attributes], exporter: SpanExporter, more: Sequence[Attributes] = ()
    ) -> Contender:
        """A contender that makes a batch of spans and exports it; answers the time of one span."""

        def run() -> float:
            start = time.perf_counter_ns()
            exporter.export(self.spans(attributes, more))
            return (time.perf_counter_ns() - start) / len(attributes)

        return run

    def exports(
        self, attributes: Sequence[Attributes], exporter: SpanExporter, *, event: str = "", in_cache: bool = False
    ) -> Contender:
        """A contender whose spans are there already: only what the exporter adds to one that does nothing counts.

        Whoever looks at a span first waits for memory. As the exporter that does nothing never looks, that wait
        counts too, unless the spans are ``in_cache``; with a real exporter it only moves from that one to ours.
        """
        nothing = Nothing()

        def run() -> float:
            batch = self.spans(attributes, event=event)
            if in_cache:
                _look_at(batch)
            start = time.perf_counter_ns()
            nothing.export(batch)
            middle = time.perf_counter_ns()
            exporter.export(batch)
            end = time.perf_counter_ns()
            return ((end - middle) - (middle - start)) / len(batch)

        return run


def _look_at(batch: Sequence[ReadableSpan]) -> None:
    for span in batch:
        dict(span.attributes or {})
        len(span.events)
