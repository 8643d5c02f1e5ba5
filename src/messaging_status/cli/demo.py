# SPDX-License-Identifier: Apache-2.0
"""A small sender through the real SDK and real OTLP exporters: what it emitted, and what arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import click
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from messaging_status.cli.output import print_json, print_rows, word
from messaging_status.cli.receiver import receiving
from messaging_status.cli.story import STORIES, SYSTEM, StoryKeys
from messaging_status.host import Host
from messaging_status.model import MESSAGING_SYSTEM
from messaging_status.otel import StatusLogExporter, StatusSpanExporter

__all__ = ["run_demo"]

_GRPC_PORT: Final = 4317
_NO_PROXY: Final = (("grpc.enable_http_proxy", 0),)
_RESOURCE: Final = Resource.create({SERVICE_NAME: "messaging-status-demo"})


class _Emitted:
    """What the sender emitted, before it was enriched, and whether all of it was taken."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.is_taken = True


def run_demo(host: Host, *, endpoint: str | None, wants_json: bool) -> int:
    """Tell the stories and show what became of them.

    Args:
        host: What decodes.
        endpoint: An OTLP endpoint to send to: gRPC where its port is 4317, else HTTP. None: a receiver of our own.
        wants_json: Print what arrived as JSON; with an endpoint, what the sender handed over.

    Returns:
        0, or 1 where the endpoint did not take everything.
    """
    if endpoint is not None:
        return _send_to(host, endpoint, wants_json=wants_json)
    with receiving() as received:
        spans = GrpcSpanExporter(endpoint=received.endpoint, insecure=True, channel_options=_NO_PROXY)  # type: ignore[arg-type]
        logs = GrpcLogExporter(endpoint=received.endpoint, insecure=True, channel_options=_NO_PROXY)  # type: ignore[arg-type]
        emitted = _tell(host, spans, logs)
    arrived = received.objects()
    if not emitted.is_taken or len(arrived) != len(STORIES) * 2:
        click.echo("not everything arrived; do OTEL_... variables of the environment switch off or sample?", err=True)
        return 1
    if wants_json:
        print_json(arrived)
    else:
        _show(host, emitted, arrived)
    return 0


def _send_to(host: Host, endpoint: str, *, wants_json: bool) -> int:
    address = _address(endpoint)
    spans: SpanExporter
    logs: LogRecordExporter
    if address.port == _GRPC_PORT:
        spans = GrpcSpanExporter(endpoint=endpoint, insecure=address.scheme == "http")
        logs = GrpcLogExporter(endpoint=endpoint, insecure=address.scheme == "http")
    else:
        base = endpoint.rstrip("/")
        spans = HttpSpanExporter(endpoint=f"{base}/v1/traces")
        logs = HttpLogExporter(endpoint=f"{base}/v1/logs")
    emitted = _tell(host, spans, logs)
    if wants_json:
        print_json({"endpoint": endpoint, "spans": len(STORIES), "logs": len(STORIES), "accepted": emitted.is_taken})
    elif emitted.is_taken:
        click.echo(f"{endpoint} took {len(STORIES)} spans and {len(STORIES)} logs of service messaging-status-demo")
    else:
        click.echo(f"{endpoint} did not take everything; is an OTLP receiver there?", err=True)
    return 0 if emitted.is_taken else 1


def _address(endpoint: str) -> SplitResult:
    try:
        address = urlsplit(endpoint)
        is_usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        msg = f"{endpoint!r} is not an OTLP endpoint; write it like http://localhost:4318"
        raise click.UsageError(msg)
    return address


def _tell(host: Host, spans: SpanExporter, logs: LogRecordExporter) -> _Emitted:
    """Emit every story as a span and a log record, with our two lines around the exporters."""
    emitted = _Emitted()
    tracer_provider = TracerProvider(resource=_RESOURCE, shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(emitted.spans))
    tracer_provider.add_span_processor(BatchSpanProcessor(StatusSpanExporter(_NotedSpans(spans, emitted), host)))
    logger_provider = LoggerProvider(resource=_RESOURCE, shutdown_on_exit=False)
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(emitted.logs))
    logger_provider.add_log_record_processor(
        BatchLogRecordProcessor(StatusLogExporter(_NotedLogs(logs, emitted), host))
    )
    tracer, logger = tracer_provider.get_tracer("sender"), logger_provider.get_logger("sender")
    keys = StoryKeys.of(host.settings)
    for story in STORIES:
        with tracer.start_as_current_span(
            f"send {story.channel}", kind=SpanKind.PRODUCER, attributes=story.span_attributes(keys)
        ):
            logger.emit(
                LogRecord(
                    severity_number=SeverityNumber.INFO,
                    body=story.log_body(keys),
                    attributes=dict(story.log_attributes(keys)),
                )
            )
    tracer_provider.shutdown()
    logger_provider.shutdown()
    return emitted


class _NotedSpans(SpanExporter):
    def __init__(self, exporter: SpanExporter, emitted: _Emitted) -> None:
        self._exporter = exporter
        self._emitted = emitted

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        self._emitted.is_taken &= result is SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _NotedLogs(LogRecordExporter):
    def __init__(self, exporter: LogRecordExporter, emitted: _Emitted) -> None:
        self._exporter = exporter
        self._emitted = emitted

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        result = self._exporter.export(batch)
        self._emitted.is_taken &= result is LogRecordExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _show(host: Host, emitted: _Emitted, arrived: Sequence[Mapping[str, Any]]) -> None:
    """The span and the log of one story after the other, each as it was emitted and as it arrived."""
    prefix = host.settings.prefix
    left = [_written(prefix, span.attributes) for span in emitted.spans.get_finished_spans()]
    left += [_written(prefix, record.attributes, record.body) for record in _records(emitted)]
    pairs = list(zip(left, arrived, strict=True))
    stories = [pair for story in zip(pairs[: len(STORIES)], pairs[len(STORIES) :], strict=True) for pair in story]

    def said(item: Mapping[str, Any], name: str) -> str:
        return word(item["attributes"].get(f"{prefix}.{name}"))

    told = ("channel", "description", "severity", "retryable", "outcome")
    heads = ("signal", "left the sender", "arrived: channel", *told[1:])
    rows = [(item["signal"], before, *(said(item, name) for name in told)) for before, item in stories]
    print_rows(heads, rows, title="One message on each channel: its send call, and what was reported later")
    outcomes = Counter(said(item, "outcome") for item in arrived)
    click.echo()
    print_rows(("outcome", "records"), [(name, str(count)) for name, count in outcomes.most_common()])


def _records(emitted: _Emitted) -> list[LogRecord]:
    return [readable.log_record for readable in emitted.logs.get_finished_logs()]


def _written(prefix: str, attributes: Mapping[str, Any] | None, body: Any = None) -> str:
    """What a person would see of a record without us, on one line and without prefixes; the system is always the same."""
    pairs = body if isinstance(body, Mapping) else attributes or {}
    words = [f"{key}={value}" for key, value in pairs.items() if key != MESSAGING_SYSTEM]
    text = " ".join([*([body] if isinstance(body, str) else []), *words])
    text = text.replace(f'"{MESSAGING_SYSTEM}": "{SYSTEM}", ', "")
    return text.replace(f"{prefix}.", "").replace("messaging.", "")
