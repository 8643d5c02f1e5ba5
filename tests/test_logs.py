# SPDX-License-Identifier: Apache-2.0
"""Log records through the real SDK: by the exporter, and by the processor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as EncodedRecord
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource

from messaging_status import Host
from messaging_status.otel import StatusLogExporter, StatusLogRecordProcessor

from .conftest import SIM_FULL

TEXT = "channel=sms code=7206"
Emit = Callable[..., tuple[ReadableLogRecord, ReadableLogRecord]]


def emit(host: Host, record: LogRecord, **options: Any) -> tuple[ReadableLogRecord, ReadableLogRecord]:
    """The record as an exporter without us gets it, and as one of ours hands it on."""
    plain, enriched = InMemoryLogRecordExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False, **options)
    provider.add_log_record_processor(SimpleLogRecordProcessor(StatusLogExporter(enriched, host)))
    provider.add_log_record_processor(SimpleLogRecordProcessor(plain))
    provider.get_logger("sender", "1.0").emit(record)
    (one,), (other,) = plain.get_finished_logs(), enriched.get_finished_logs()
    return one, other


def encoded(record: ReadableLogRecord) -> EncodedRecord:
    return encode_logs([record]).resource_logs[0].scope_logs[0].log_records[0]


@pytest.mark.parametrize(
    ("attributes", "body"),
    [
        ({"messaging.channel": "sms", "messaging.delivery.code": "7206"}, "sent"),
        ({"a": 1}, TEXT),
        (None, {"channel": "sms", "code": 7206}),
        (None, '{"channel": "sms", "code": "7206"}'),
        (None, b'{"channel": "sms", "code": "7206"}'),
    ],
)
def test_a_record_leaves_with_the_meaning_of_its_status(host: Host, attributes: Any, body: Any) -> None:
    plain, enriched = emit(host, LogRecord(body=body, attributes=attributes))
    assert dict(enriched.log_record.attributes or {}) == {**(attributes or {}), **SIM_FULL}
    assert dict(plain.log_record.attributes or {}) == (attributes or {})


def test_everything_else_about_a_record_is_unchanged(host: Host) -> None:
    resource = Resource({"service.name": "sender"})
    record = LogRecord(
        timestamp=5,
        observed_timestamp=6,
        severity_text="notice",
        severity_number=SeverityNumber.INFO2,
        body=TEXT,
        attributes={"a": [1, 2]},
        event_name="report",
    )
    plain, enriched = emit(host, record, resource=resource)
    before, after = encoded(plain), encoded(enriched)
    del after.attributes[len(before.attributes) :]
    assert after == before
    assert enriched.resource is resource
    assert (enriched.instrumentation_scope, enriched.limits) == (plain.instrumentation_scope, plain.limits)


def test_a_record_without_a_status_is_the_same_object(host: Host) -> None:
    record = ReadableLogRecord(LogRecord(body="nothing of ours"), Resource({}))
    inner = Recorder()
    StatusLogExporter(inner, host).export([record])
    assert inner.asked == [(record,)]
    assert inner.asked[0][0] is record


def test_channel_may_stand_in_the_resource(host: Host) -> None:
    _, enriched = emit(host, LogRecord(body="code=7206"), resource=Resource({"messaging.channel": "sms"}))
    assert dict(enriched.log_record.attributes or {}) == SIM_FULL


class TestLimits:
    def test_the_callers_attributes_survive(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "3")
        plain, enriched = emit(host, LogRecord(body=TEXT, attributes={"a": 1, "b": 2}))
        assert list(enriched.log_record.attributes or {}) == ["a", "b", "messaging.status.code"]
        assert list(plain.log_record.attributes or {}) == ["a", "b"]

    def test_the_count_of_dropped_attributes_stays_right(self, host: Host) -> None:
        attributes = BoundedAttributes(maxlen=3, attributes={"a": 1}, immutable=False)
        attributes.dropped = 2
        inner = Recorder()
        record = ReadableLogRecord(LogRecord(body=TEXT, attributes=attributes), Resource({}))
        StatusLogExporter(inner, host).export([record])
        ((enriched,),) = inner.asked
        assert list(enriched.log_record.attributes) == ["a", "messaging.status.code", "messaging.status.description"]
        assert encoded(enriched).dropped_attributes_count == 2
        assert list(attributes) == ["a"]

    def test_long_texts_are_cut(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9")
        _, enriched = emit(host, LogRecord(body=TEXT))
        assert (enriched.log_record.attributes or {})["messaging.status.description"] == "Recipient"


class TestSeverity:
    @pytest.mark.parametrize(
        ("code", "before", "after"),
        [
            ("7206", SeverityNumber.INFO, SeverityNumber.WARN),
            ("7206", None, SeverityNumber.WARN),
            ("7206", SeverityNumber.ERROR, SeverityNumber.ERROR),
            ("7101", SeverityNumber.DEBUG, SeverityNumber.ERROR),
            ("7500", SeverityNumber.DEBUG, SeverityNumber.INFO),
            ("4242", SeverityNumber.DEBUG, SeverityNumber.DEBUG),
        ],
    )
    @pytest.mark.parametrize("by", ["exporter", "processor"])
    def test_it_is_raised_and_never_lowered(
        self, code: str, before: SeverityNumber | None, after: SeverityNumber, by: str
    ) -> None:
        host = Host.load({"log_severity": True}, strict=True)
        record = LogRecord(severity_number=before, severity_text="as it was", body=f"channel=sms code={code}")
        if by == "exporter":
            plain, enriched = emit(host, record)
            assert plain.log_record.severity_number is before
        else:
            enriched = process(host, record)
        assert enriched.log_record.severity_number is after
        assert enriched.log_record.severity_text == "as it was"

    def test_it_stays_by_default(self, host: Host) -> None:
        _, enriched = emit(host, LogRecord(severity_number=SeverityNumber.INFO, body=TEXT))
        assert enriched.log_record.severity_number is SeverityNumber.INFO


class Recorder(LogRecordExporter):
    """An exporter that remembers what it was asked."""

    def __init__(self, result: LogRecordExportResult = LogRecordExportResult.SUCCESS) -> None:
        self.result = result
        self.asked: list[Any] = []

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        self.asked.append(tuple(batch))
        return self.result

    def shutdown(self) -> None:
        self.asked.append("shutdown")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.asked.append(timeout_millis)
        return False


def test_result_shutdown_and_flush_pass_through(host: Host) -> None:
    inner = Recorder(LogRecordExportResult.FAILURE)
    exporter = StatusLogExporter(inner, host)
    assert exporter.export([]) is LogRecordExportResult.FAILURE
    assert exporter.force_flush(5) is False
    exporter.shutdown()
    assert inner.asked == [(), 5, "shutdown"]


def test_a_record_that_cannot_be_enriched_is_exported_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    inner = Recorder()
    StatusLogExporter(inner, Host.load({}, strict=True)).export(["no record", "none either"])  # type: ignore[list-item]
    assert inner.asked == [("no record", "none either")]
    assert len(caplog.records) == 1


def process(host: Host, record: LogRecord, *behind: LogRecordProcessor) -> ReadableLogRecord:
    """The record as an exporter behind our processor gets it."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(StatusLogRecordProcessor(host))
    for processor in behind:
        provider.add_log_record_processor(processor)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("sender").emit(record)
    assert provider.force_flush()
    provider.shutdown()
    (found,) = exporter.get_finished_logs()
    return found


class TestProcessor:
    def test_the_processors_behind_it_see_the_meaning(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        class Watching(LogRecordProcessor):
            seen: dict[str, Any]

            def on_emit(self, log_record: ReadWriteLogRecord) -> None:
                self.seen = dict(log_record.log_record.attributes or {})

            def shutdown(self) -> None:
                """Nothing to do."""

            def force_flush(self, timeout_millis: int = 30000) -> bool:
                return True

        watching = Watching()
        found = process(host, LogRecord(body=TEXT, attributes={"a": 1}), watching)
        assert watching.seen == dict(found.log_record.attributes or {}) == {"a": 1, **SIM_FULL}
        assert caplog.records == []

    def test_the_callers_attributes_survive(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")
        found = process(host, LogRecord(body=TEXT, attributes={"a": 1}))
        assert list(found.log_record.attributes or {}) == ["a", "messaging.status.code"]
        assert found.dropped_attributes == 0

    def test_a_record_without_a_status_is_left_alone(self, host: Host) -> None:
        assert dict(process(host, LogRecord(body="x", attributes={"a": 1})).log_record.attributes or {}) == {"a": 1}

    def test_it_never_raises(self, caplog: pytest.LogCaptureFixture) -> None:
        StatusLogRecordProcessor(Host.load({}, strict=True)).on_emit("no record")  # type: ignore[arg-type]
        assert "goes on as it is" in caplog.text

    @pytest.mark.parametrize("kind", [SimpleLogRecordProcessor, BatchLogRecordProcessor])
    def test_it_says_once_that_it_stands_behind_an_exporting_processor(
        self, host: Host, caplog: pytest.LogCaptureFixture, kind: Callable[[LogRecordExporter], LogRecordProcessor]
    ) -> None:
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(kind(Recorder()))
        provider.add_log_record_processor(StatusLogRecordProcessor(host))
        for _ in range(3):
            provider.get_logger("sender").emit(LogRecord(body=TEXT))
        provider.shutdown()
        assert [record.getMessage() for record in caplog.records] == [
            f"StatusLogRecordProcessor was added behind {kind.__name__}, which exports records before their status "
            "is known; add it first, or wrap the exporter with StatusLogExporter instead"
        ]


def test_what_we_log_does_not_stop_the_applications_own_log_pipeline() -> None:
    """The application's root handler feeds the very pipeline that our error is about."""
    inner = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    host = Host.load({}, strict=True)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(StatusLogExporter(inner, host)))
    otel = provider.get_logger("bridge")

    class Bridge(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            otel.emit(LogRecord(body=record.getMessage()))

    class Trap(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise RuntimeError(key)

    bridge, root = Bridge(), logging.getLogger()
    root.addHandler(bridge)
    try:
        for number in range(3):
            host.enrich(Trap({"messaging.status.code": "1"}))
            otel.emit(LogRecord(body=f"record {number}"))
    finally:
        root.removeHandler(bridge)
    bodies = [str(record.log_record.body) for record in inner.get_finished_logs()]
    assert [body for body in bodies if body.startswith("record")] == ["record 0", "record 1", "record 2"]
    assert len([body for body in bodies if "could not be enriched" in body]) == 1
