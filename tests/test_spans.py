# SPDX-License-Identifier: Apache-2.0
"""Spans through the real SDK: enriched where they leave, and otherwise as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, Tracer

from messaging_status import Host
from messaging_status.otel import StatusSpanExporter

from .conftest import SIM_FULL

SMS = {"messaging.channel": "sms", "messaging.delivery.code": "7206"}


class Pipeline:
    """A provider whose spans arrive twice: as they are, and enriched."""

    def __init__(self, host: Host, **options: Any) -> None:
        self.plain, self.enriched = InMemorySpanExporter(), InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, **options)
        provider.add_span_processor(SimpleSpanProcessor(self.plain))
        provider.add_span_processor(SimpleSpanProcessor(StatusSpanExporter(self.enriched, host)))
        self.tracer: Tracer = provider.get_tracer("sender", "1.0", "https://example.com/schema", {"a": "b"})

    def spans(self) -> tuple[ReadableSpan, ReadableSpan]:
        """The last span, as it is and enriched."""
        return self.plain.get_finished_spans()[-1], self.enriched.get_finished_spans()[-1]


def encoded(span: ReadableSpan) -> Span:
    return encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]


def test_a_span_leaves_with_the_meaning_of_its_status(host: Host) -> None:
    pipeline = Pipeline(host)
    with pipeline.tracer.start_as_current_span("send", attributes=SMS):
        pass
    plain, enriched = pipeline.spans()
    assert enriched.attributes is not None
    assert dict(enriched.attributes) == {**SMS, **SIM_FULL}
    assert dict(plain.attributes or {}) == SMS


def test_a_span_without_a_status_is_the_same_object(host: Host) -> None:
    pipeline = Pipeline(host)
    with pipeline.tracer.start_as_current_span("other", attributes={"http.route": "/"}) as span:
        span.add_event("nothing of ours", {"a": 1})
    plain, enriched = pipeline.spans()
    assert enriched is plain


def test_everything_else_about_a_span_is_unchanged(host: Host) -> None:
    limits = SpanLimits(max_events=2, max_links=1, max_event_attributes=1)
    pipeline = Pipeline(host, span_limits=limits, resource=Resource({"service.name": "sender"}, "https://schema"))
    with pipeline.tracer.start_as_current_span("parent") as parent:
        link = Link(parent.get_span_context(), {"n": 1})
        with pipeline.tracer.start_as_current_span("send", attributes=SMS, links=[link, link]) as span:
            for name in ("one", "two", "three"):
                span.add_event(name, {"a": 1, "b": 2})
            span.set_status(Status(StatusCode.ERROR, "gone"))
    plain, enriched = pipeline.plain.get_finished_spans()[0], pipeline.enriched.get_finished_spans()[0]
    before, after = encoded(plain), encoded(enriched)
    assert (before.dropped_events_count, before.dropped_links_count) == (1, 1)
    assert len(after.attributes) > len(before.attributes)
    del after.attributes[len(before.attributes) :]
    assert after == before
    assert enriched.resource is plain.resource
    assert enriched.instrumentation_scope is plain.instrumentation_scope
    assert (enriched.parent, enriched.start_time, enriched.end_time) == (
        plain.parent,
        plain.start_time,
        plain.end_time,
    )


def test_a_status_in_an_event_is_put_on_the_span(host: Host) -> None:
    pipeline = Pipeline(host)
    with pipeline.tracer.start_as_current_span("send", attributes={"messaging.channel": "sms"}) as span:
        span.add_event("delivery report", {"messaging.delivery.code": 7206})
    _, enriched = pipeline.spans()
    assert (enriched.attributes or {})["messaging.status.retryable"] is True
    assert dict(enriched.events[0].attributes or {}) == {"messaging.delivery.code": 7206}


def test_channel_and_system_may_stand_in_the_resource(host: Host) -> None:
    resource = Resource({"messaging.system": "webex_connect", "messaging.channel": "sms"})
    pipeline = Pipeline(host, resource=resource)
    with pipeline.tracer.start_as_current_span("send", attributes={"code": "7206"}):
        pass
    _, enriched = pipeline.spans()
    assert (enriched.attributes or {})["messaging.status.channel"] == "sms"
    assert enriched.resource is resource


class TestLimits:
    def test_the_callers_attributes_survive_and_ours_take_what_room_is_left(self, host: Host) -> None:
        pipeline = Pipeline(host, span_limits=SpanLimits(max_span_attributes=4))
        with pipeline.tracer.start_as_current_span("send", attributes=SMS):
            pass
        _, enriched = pipeline.spans()
        assert list(enriched.attributes or {}) == [*SMS, "messaging.status.code", "messaging.status.description"]
        assert enriched.dropped_attributes == 0

    def test_any_number_of_wrappers_keeps_to_them(self, host: Host) -> None:
        attributes = BoundedAttributes(maxlen=4, attributes=SMS)
        inner = Recorder()
        twice = StatusSpanExporter(StatusSpanExporter(inner, host), host)
        twice.export([ReadableSpan("send", attributes=attributes)])
        ((enriched,),) = inner.asked
        assert list(enriched.attributes) == [*SMS, "messaging.status.code", "messaging.status.description"]

    def test_a_full_span_stays_as_it_is(self, host: Host) -> None:
        pipeline = Pipeline(host, span_limits=SpanLimits(max_span_attributes=2))
        with pipeline.tracer.start_as_current_span("send", attributes=SMS):
            pass
        plain, enriched = pipeline.spans()
        assert enriched is plain

    def test_the_count_of_dropped_attributes_stays_right(self, host: Host) -> None:
        attributes = BoundedAttributes(maxlen=4, attributes=SMS)
        attributes.dropped = 2
        context = SpanContext(1, 2, is_remote=False)
        inner = Recorder()
        StatusSpanExporter(inner, host).export([ReadableSpan("send", context=context, attributes=attributes)])
        ((enriched,),) = inner.asked
        assert list(enriched.attributes) == [*SMS, "messaging.status.code", "messaging.status.description"]
        assert enriched.dropped_attributes == encoded(enriched).dropped_attributes_count == 2
        assert list(attributes) == list(SMS)

    def test_long_texts_are_cut_as_the_sdk_cuts_them(self, host: Host) -> None:
        pipeline = Pipeline(host, span_limits=SpanLimits(max_span_attribute_length=9))
        with pipeline.tracer.start_as_current_span("send", attributes=SMS):
            pass
        _, enriched = pipeline.spans()
        attributes = enriched.attributes or {}
        assert attributes["messaging.status.description"] == "Recipient"
        assert attributes["messaging.status.retryable"] is True


class TestErrorStatus:
    @pytest.mark.parametrize(
        ("code", "before", "after"),
        [
            ("7206", StatusCode.UNSET, StatusCode.ERROR),
            ("7006", StatusCode.UNSET, StatusCode.ERROR),
            ("7206", StatusCode.OK, StatusCode.OK),
            ("7500", StatusCode.UNSET, StatusCode.UNSET),
            ("4242", StatusCode.UNSET, StatusCode.UNSET),
        ],
    )
    def test_a_failure_sets_it_where_it_is_unset(self, code: str, before: StatusCode, after: StatusCode) -> None:
        pipeline = Pipeline(Host.load({"span_error_status": True}, strict=True))
        with pipeline.tracer.start_as_current_span("send", attributes={**SMS, "messaging.delivery.code": code}) as span:
            if before is not StatusCode.UNSET:
                span.set_status(before)
        _, enriched = pipeline.spans()
        assert enriched.status.status_code is after

    def test_it_is_set_where_attributes_have_no_room(self) -> None:
        host = Host.load({"span_error_status": True}, strict=True)
        pipeline = Pipeline(host, span_limits=SpanLimits(max_span_attributes=2))
        with pipeline.tracer.start_as_current_span("send", attributes=SMS):
            pass
        plain, enriched = pipeline.spans()
        assert (plain.status.status_code, enriched.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
        assert dict(enriched.attributes or {}) == SMS

    def test_it_is_off_by_default(self, host: Host) -> None:
        pipeline = Pipeline(host)
        with pipeline.tracer.start_as_current_span("send", attributes=SMS):
            pass
        assert pipeline.spans()[1].status.status_code is StatusCode.UNSET

    def test_it_is_set_where_error_type_is_the_callers(self) -> None:
        pipeline = Pipeline(Host.load({"span_error_status": True}, strict=True))
        with pipeline.tracer.start_as_current_span("send", attributes={**SMS, "error.type": "mine"}):
            pass
        _, enriched = pipeline.spans()
        assert enriched.status.status_code is StatusCode.ERROR
        assert (enriched.attributes or {})["error.type"] == "mine"


class Recorder(SpanExporter):
    """An exporter that remembers what it was asked."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.asked: list[Any] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.append(tuple(spans))
        return self.result

    def shutdown(self) -> None:
        self.asked.append("shutdown")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.asked.append(timeout_millis)
        return False


def test_result_shutdown_and_flush_pass_through(host: Host) -> None:
    inner = Recorder(SpanExportResult.FAILURE)
    exporter = StatusSpanExporter(inner, host)
    assert exporter.export([]) is SpanExportResult.FAILURE
    assert exporter.force_flush(5) is False
    exporter.shutdown()
    assert inner.asked == [(), 5, "shutdown"]


def test_what_the_wrapped_exporter_raises_is_the_processors_to_handle(host: Host) -> None:
    class Failing(Recorder):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        StatusSpanExporter(Failing(), host).export([])


def test_an_enriched_span_is_enriched_once_by_any_number_of_wrappers(host: Host) -> None:
    inner = Recorder()
    twice = StatusSpanExporter(StatusSpanExporter(inner, host), host)
    pipeline = Pipeline(host)
    with pipeline.tracer.start_as_current_span("send", attributes=SMS):
        pass
    plain, enriched = pipeline.spans()
    twice.export([plain])
    (spans,) = inner.asked
    assert encoded(spans[0]) == encoded(enriched)


@pytest.mark.parametrize("attributes", [SMS, BoundedAttributes(attributes=SMS), None])
def test_a_span_made_by_hand_is_enriched_too(host: Host, attributes: Any) -> None:
    class Mine(ReadableSpan):
        pass

    inner = Recorder()
    spans = [kind(name="send", attributes=attributes) for kind in (ReadableSpan, Mine)]
    StatusSpanExporter(inner, host).export(spans)
    (exported,) = inner.asked
    for span in exported:
        assert ((span.attributes or {}).get("messaging.status.retryable") is True) == (attributes is not None)


def test_a_span_that_cannot_be_enriched_is_exported_as_it_is(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(ReadableSpan):
        @property
        def attributes(self) -> Any:
            raise RuntimeError

    span, inner = Odd(name="odd"), Recorder()
    fresh = Host.load({}, strict=True)
    StatusSpanExporter(inner, fresh).export([span, span])
    assert inner.asked == [(span, span)]
    assert len(caplog.records) == 1
