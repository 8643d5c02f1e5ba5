# SPDX-License-Identifier: Apache-2.0
"""The whole way: the real SDK, the real OTLP exporters, a real receiver on loopback; what arrived is read off the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from pytest_httpserver import HTTPServer

from messaging_status import Host
from messaging_status.cli.receiver import Received, receiving
from messaging_status.otel import StatusLogExporter, StatusSpanExporter

from .conftest import SIM_FULL, receiving_http

SENT = {"messaging.channel": "sms", "messaging.status.code": "7206"}


@pytest.fixture(params=["grpc", "http", "http with gzip"])
def wire(request: pytest.FixtureRequest) -> Iterator[tuple[SpanExporter, LogRecordExporter, Received]]:
    """Exporters that send to a receiver, and what it received."""
    if request.param == "grpc":
        with receiving() as received:
            yield (
                GrpcSpanExporter(endpoint=received.endpoint, insecure=True),
                GrpcLogExporter(endpoint=received.endpoint, insecure=True),
                received,
            )
        return
    server: HTTPServer = request.getfixturevalue("httpserver")
    received = receiving_http(server)
    compression = Compression.Gzip if "gzip" in request.param else Compression.NoCompression
    yield (
        HttpSpanExporter(endpoint=server.url_for("/v1/traces"), compression=compression),
        HttpLogExporter(endpoint=server.url_for("/v1/logs"), compression=compression),
        received,
    )


def test_spans_arrive_with_their_meaning(wire: tuple[SpanExporter, LogRecordExporter, Received], host: Host) -> None:
    exporter, _, received = wire
    provider = TracerProvider(resource=Resource({"service.name": "sender"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(StatusSpanExporter(exporter, host)))
    tracer = provider.get_tracer("sender", "1.0")
    with tracer.start_as_current_span("send", attributes=SENT):
        with tracer.start_as_current_span("look up", attributes={"db.system": "redis"}):
            pass
        with tracer.start_as_current_span("send", attributes={"messaging.channel": "rt", "code": 7513}) as span:
            span.add_event("failed", {"messaging.delivery.code": "7703"})
    provider.shutdown()
    assert received.objects() == [
        {"signal": "span", "name": "look up", "attributes": {"db.system": "redis"}},
        {
            "signal": "span",
            "name": "send",
            "attributes": {
                "messaging.channel": "rt",
                "code": 7513,
                "messaging.status.code": "7513",
                "messaging.status.category": "unknown",
                "messaging.status.outcome": "unknown",
                "messaging.status.channel": "in_app",
            },
        },
        {"signal": "span", "name": "send", "attributes": {**SENT, **SIM_FULL}},
    ]
    (scope,) = received.trace_requests[0].resource_spans[0].scope_spans
    assert (scope.scope.name, scope.scope.version) == ("sender", "1.0")
    assert scope.spans[0].parent_span_id == scope.spans[2].span_id


def test_logs_arrive_with_their_meaning(wire: tuple[SpanExporter, LogRecordExporter, Received], host: Host) -> None:
    _, exporter, received = wire
    provider = LoggerProvider(resource=Resource({"service.name": "sender"}), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(StatusLogExporter(exporter, host)))
    logger = provider.get_logger("sender")
    bodies: list[Any] = ["channel=sms code=7206", {"channel": "sms", "code": 7206}, "nothing of ours"]
    for body in bodies:
        logger.emit(LogRecord(body=body))
    provider.shutdown()
    meaning = dict(SIM_FULL)
    assert [(found["body"], found["attributes"]) for found in received.objects()] == [
        ("channel=sms code=7206", meaning),
        ({"channel": "sms", "code": 7206}, meaning),
        ("nothing of ours", {}),
    ]


def test_a_receiver_that_refuses_is_the_wrapped_exporters_to_report(httpserver: HTTPServer, host: Host) -> None:
    httpserver.expect_request("/v1/traces").respond_with_data(b"", status=400)
    exporter = StatusSpanExporter(HttpSpanExporter(endpoint=httpserver.url_for("/v1/traces")), host)
    assert exporter.export([]).name == "FAILURE"
    exporter.shutdown()
