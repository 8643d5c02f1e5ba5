# SPDX-License-Identifier: Apache-2.0
"""The gateway between real senders and real next hops."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pytest_httpserver import HTTPServer

from messaging_status.cli.receiver import receiving

from .conftest import SIM_FULL
from .gateways import Gateway, GrpcHop, gateway, grpc_hop, hold, kept_by, spans_request, wait_for
from .node_sender import NodeSender, node_sender
from .rotel_agent import rotel

__all__ = ["node_sender"]

STATUS = {"messaging.system": "webex_connect", "messaging.channel": "sms", "messaging.status.code": "7206"}
ENRICHED: dict[str, Any] = {**STATUS, **SIM_FULL}
BODY = '{"channel": "sms", "code": "7206", "messaging.system": "webex_connect"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateways")


@pytest.fixture(scope="module")
def grpc_next() -> Iterator[GrpcHop]:
    with grpc_hop() as hop:
        yield hop


@pytest.fixture(scope="module")
def to_grpc(folder: Path, grpc_next: GrpcHop) -> Iterator[Gateway]:
    with gateway(folder, grpc_next.url, "--protocol", "grpc") as running:
        yield running


@pytest.fixture
def hop(grpc_next: GrpcHop) -> GrpcHop:
    grpc_next.received.clear()
    grpc_next.answer = lambda _, __: b""
    return grpc_next


@pytest.fixture(scope="module")
def to_http(folder: Path, make_httpserver: HTTPServer) -> Iterator[Gateway]:
    with gateway(folder, make_httpserver.url_for("/")) as running:
        yield running


def received_by(hop: GrpcHop) -> dict[str, bytes]:
    return {method.split(".")[-1]: request for method, request, _ in hop.received}


def span_attributes(request: bytes) -> list[dict[str, Any]]:
    message = ExportTraceServiceRequest.FromString(request)
    spans = [span for group in message.resource_spans for scope in group.scope_spans for span in scope.spans]
    return [{a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes} for span in spans]


def log_attributes(request: bytes) -> list[dict[str, Any]]:
    message = ExportLogsServiceRequest.FromString(request)
    logs = [log for group in message.resource_logs for scope in group.scope_logs for log in scope.log_records]
    return [{a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in log.attributes} for log in logs]


def send_everything(spans: Any, logs: Any, metrics: Any) -> None:
    """A span, a log record and a metric, through the SDK."""
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    meters = MeterProvider([PeriodicExportingMetricReader(metrics, export_interval_millis=60_000)])
    tracers.get_tracer("sender").start_span("send", attributes=STATUS).end()
    loggers.get_logger("sender").emit(body=BODY)
    meters.get_meter("sender").create_counter("messaging.status.code").add(7, {"code": "7206", "channel": "sms"})
    for provider in (tracers, loggers, meters):
        provider.shutdown()


def over_grpc(to: Gateway) -> tuple[Any, ...]:
    exporters = (GrpcSpanExporter, GrpcLogExporter, GrpcMetricExporter)
    return tuple(exporter(endpoint=f"http://{to.grpc}", timeout=5) for exporter in exporters)


def over_http(to: Gateway, compression: Compression = Compression.NoCompression) -> tuple[Any, ...]:
    exporters = {"traces": HttpSpanExporter, "logs": HttpLogExporter, "metrics": HttpMetricExporter}
    return tuple(
        exporter(endpoint=f"{to.http}/v1/{signal}", timeout=5, compression=compression)
        for signal, exporter in exporters.items()
    )


class TestClients:
    @pytest.mark.parametrize("protocol", ["grpc", "http", "gzip"])
    def test_the_sdk_sends_every_signal(self, to_grpc: Gateway, hop: GrpcHop, protocol: str) -> None:
        exporters = {
            "grpc": lambda: over_grpc(to_grpc),
            "http": lambda: over_http(to_grpc),
            "gzip": lambda: over_http(to_grpc, Compression.Gzip),
        }
        send_everything(*exporters[protocol]())
        received = received_by(hop)
        assert span_attributes(received["TraceService/Export"]) == [ENRICHED]
        assert log_attributes(received["LogsService/Export"]) == [{**SIM_FULL, "messaging.system": "webex_connect"}]
        assert b"messaging.status.code" in received["MetricsService/Export"]
        assert b"messaging.status.description" not in received["MetricsService/Export"]

    @pytest.mark.parametrize("protocol", ["http/json", "http/protobuf", "grpc"])
    def test_a_sender_in_another_language_sends_through_two_collectors(
        self, folder: Path, node_sender: NodeSender, protocol: Any
    ) -> None:
        with receiving() as received, rotel(export_to=received.endpoint) as agent:
            options = ("--protocol", "grpc") if protocol == "grpc" else ()
            with gateway(folder, agent.grpc if protocol == "grpc" else agent.http, *options) as between:
                endpoint = f"http://{between.grpc}" if protocol == "grpc" else between.http
                sent = node_sender(protocol, endpoint, 1200)
                assert (sent.returncode, sent.stderr) == (0, "")
                wait_for(lambda: len(received.objects()) == 1201)
        spans = [item["attributes"] for item in received.objects() if item["signal"] == "span"]
        assert sorted(span.pop("app.number") for span in spans) == list(range(1200))
        assert all(span == ENRICHED for span in spans)
        (log,) = (item["attributes"] for item in received.objects() if item["signal"] == "log")
        assert log["messaging.status.description"] == SIM_FULL["messaging.status.description"]

    def test_json_goes_on_as_json(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        kept = kept_by(httpserver, answer=b"{}")
        pairs = [{"key": key, "value": {"stringValue": value}} for key, value in STATUS.items()]
        span = {"traceId": "0102030405060708090a0b0c0d0e0f10", "attributes": pairs, "mine": 12345678901234567890123}
        request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        answer = to_http.post(body=json.dumps(request), Content_Type="application/json")
        assert (answer.status_code, answer.content) == (200, b"{}")
        ((headers, body),) = kept
        (arrived,) = json.loads(body)["resourceSpans"][0]["scopeSpans"][0]["spans"]
        assert headers["Content-Type"] == "application/json"
        assert arrived.pop("attributes")[: len(pairs)] == pairs
        assert b'"messaging.status.retryable","value":{"boolValue":true}' in body
        assert arrived == {"traceId": span["traceId"], "mine": span["mine"]}

    def test_a_text_that_was_cut_in_a_character_goes_on(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        span = b'{"name":"cut \\ud83d","attributes":[{"key":"a","value":{"stringValue":"\\ud83d\\ude00"}}]}'
        body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + span + b"]}]}]}"
        assert to_grpc.post(body=body, Content_Type="application/json").status_code == 200
        ((_, received, _),) = hop.received
        arrived = ExportTraceServiceRequest.FromString(received).resource_spans[0].scope_spans[0].spans[0]
        assert (arrived.name, arrived.attributes[0].value.string_value) == ("cut ?", "\N{GRINNING FACE}")

    def test_json_becomes_protobuf_for_a_next_hop_over_grpc(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        pairs = [{"key": key, "value": {"stringValue": value}} for key, value in STATUS.items()]
        span = {"traceId": "0102030405060708090A0b0c0d0e0f10", "attributes": pairs, "startTimeUnixNano": "17"}
        request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        answer = to_grpc.post(body=json.dumps(request), Content_Type="application/json")
        assert (answer.status_code, answer.json(), answer.headers["Content-Type"]) == (200, {}, "application/json")
        (_, received, _), *others = hop.received
        assert others == []
        assert span_attributes(received) == [ENRICHED]
        arrived = ExportTraceServiceRequest.FromString(received).resource_spans[0].scope_spans[0].spans[0]
        assert (arrived.trace_id.hex(), arrived.start_time_unix_nano) == ("0102030405060708090a0b0c0d0e0f10", 17)


class TestBytes:
    def test_what_has_no_status_goes_on_as_the_same_bytes(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        kept = kept_by(httpserver)
        body = spans_request(None, None) + b"\xfa\x3e\x03abc"
        packed = gzip.compress(body, 3)
        assert to_http.post(body=body).status_code == 200
        assert to_http.post(body=packed, Content_Encoding="gzip").status_code == 200
        arrived = [(headers.get("Content-Encoding"), content) for headers, content in kept]
        assert arrived == [(None, body), ("gzip", packed)]

    def test_what_was_packed_is_packed_again(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        kept = kept_by(httpserver)
        assert to_http.post(body=gzip.compress(spans_request("7206")), Content_Encoding="gzip").status_code == 200
        ((headers, body),) = kept
        assert headers["Content-Encoding"] == "gzip"
        assert span_attributes(gzip.decompress(body)) == [ENRICHED]

    @pytest.mark.parametrize("compression", ["gzip", "none"])
    def test_the_compression_can_be_chosen(self, tmp_path: Path, httpserver: HTTPServer, compression: str) -> None:
        kept = kept_by(httpserver)
        with gateway(tmp_path, httpserver.url_for("/"), "--compression", compression) as running:
            for body in (spans_request(None), spans_request("7206")):
                running.post(body=body)
                running.post(body=gzip.compress(body), Content_Encoding="gzip")
            running.export(spans_request("7206"))
        expected = {"gzip": "gzip", "none": None}[compression]
        assert [headers.get("Content-Encoding") for headers, _ in kept] == [expected] * 5

    def test_grpc_is_compressed_where_that_is_chosen(self, tmp_path: Path, hop: GrpcHop) -> None:
        with gateway(tmp_path, hop.url, "--protocol", "grpc", "--compression", "gzip") as running:
            running.export(spans_request("7206", None), compression=grpc.Compression.Gzip)
            assert running.post(body=gzip.compress(spans_request("7206")), Content_Encoding="gzip").status_code == 200
        assert [span_attributes(request)[0] for _, request, _ in hop.received] == [ENRICHED, ENRICHED]


class TestHeaders:
    def test_chosen_headers_are_passed_on(self, tmp_path: Path, hop: GrpcHop) -> None:
        options = ("--protocol", "grpc", "--pass-headers", "x-tenant", "--pass-headers", "Authorization")
        with gateway(tmp_path, hop.url, *options) as running:
            running.post(X_Tenant="acme", Authorization="Bearer a", X_Other="no")
            running.export(metadata=[("x-tenant", "b"), ("x-other", "no")])
        passed = [
            {key: metadata.get(key) for key in ("x-tenant", "authorization", "x-other")}
            for *_, metadata in hop.received
        ]
        assert passed == [
            {"x-tenant": "acme", "authorization": "Bearer a", "x-other": None},
            {"x-tenant": "b", "authorization": None, "x-other": None},
        ]

    def test_authorization_and_the_tenant_are_by_default(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request(
            "/v1/traces", headers={"Authorization": "Basic x", "X-Scope-OrgID": "7"}
        ).respond_with_data(b"")
        assert to_http.post(Authorization="Basic x", X_Scope_OrgID="7").status_code == 200
        to_http.export(metadata=[("authorization", "Basic x"), ("x-scope-orgid", "7")])


class TestOperation:
    def test_health_and_readiness(self, folder: Path) -> None:
        with gateway(folder, "http://127.0.0.1:1") as running:
            assert requests.get(f"{running.http}/healthz", timeout=5).status_code == 200
            assert requests.get(f"{running.http}/readyz", timeout=5).status_code == 503
            assert running.post().status_code == 503

    def test_ready_where_the_next_hop_answers(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        assert requests.get(f"{to_grpc.http}/readyz", timeout=5).status_code == 200

    def test_metrics(self, folder: Path, hop: GrpcHop) -> None:
        with gateway(folder, hop.url, "--protocol", "grpc") as running:
            running.export(spans_request("7206", "7206", "4711", None))
            running.export(spans_request("491701234567"))
            running.post(body=spans_request("7206"))
            running.post(body=b"", Content_Type="text/plain")
            metrics = running.metrics()
        ours = {key.removeprefix("messaging_status_gateway_"): value for key, value in metrics.items()}
        assert ours['records_total{signal="traces"}'] == 6
        assert ours['decoded_total{channel="sms",outcome="undelivered",system="webex_connect"}'] == 3
        assert ours['unknown_codes_total{channel="sms",code="4711",system="webex_connect"}'] == 1
        assert ours['unknown_codes_total{channel="other",code="other",system="other"}'] == 1
        assert not any("4917" in name for name in metrics)
        assert ours['requests_total{code="OK",signal="traces",transport="grpc"}'] == 2
        assert ours['requests_total{code="OK",signal="traces",transport="http"}'] == 1
        assert ours['requests_total{code="INVALID_ARGUMENT",signal="traces",transport="http"}'] == 1
        assert ours['failures_total{cause="unsupported"}'] == 1
        assert ours["added_seconds_count"] == ours["next_hop_seconds_count"] == 3
        assert ours["in_flight"] == 0

    def test_an_overlay_that_changes_is_read_again(self, tmp_path: Path, hop: GrpcHop) -> None:
        overlay = tmp_path / "sms.toml"
        text = 'system = "webex_connect"\nchannel = "sms"\n[status.7206]\ndescription = "{}"\n'
        overlay.write_text(text.format("One"))
        settings = tmp_path / "settings.toml"
        settings.write_text('overlays = ["sms.toml"]\n[gateway]\nprotocol = "grpc"\n')
        with gateway(tmp_path, hop.url, MESSAGING_STATUS_CONFIG=str(settings)) as running:

            def description() -> Any:
                running.export(spans_request("7206"))
                return span_attributes(hop.received[-1][1])[0]["messaging.status.description"]

            assert description() == "One"
            overlay.write_text(text.format("Two"))
            wait_for(lambda: description() == "Two")

    def test_what_is_in_flight_is_finished(self, folder: Path, hop: GrpcHop) -> None:
        waiting, going_on = hold(hop, b"\x0a\x00")
        answers: list[Any] = []
        with gateway(folder, hop.url, "--protocol", "grpc") as running:
            threads = [
                threading.Thread(target=lambda: answers.append(running.post(body=spans_request("7206")))),
                threading.Thread(target=lambda: answers.append(running.export(spans_request("7206")))),
            ]
            for thread in threads:
                thread.start()
                assert waiting.acquire(timeout=10)
            running.process.terminate()
            time.sleep(0.3)
            with pytest.raises(requests.ConnectionError):
                running.post()
            assert running.process.poll() is None
            going_on.set()
            for thread in threads:
                thread.join()
            assert running.process.wait(10) == 0
        over_http, over_grpc = sorted(answers, key=lambda answer: isinstance(answer, bytes))
        assert (over_http.content, over_grpc) == (b"\x0a\x00", b"\x0a\x00")
        # Else the sender would send the next one into a connection that is about to close.
        assert over_http.headers["Connection"] == "close"

    def test_workers_share_the_ports_and_the_counts(self, folder: Path, hop: GrpcHop) -> None:
        with gateway(folder, hop.url, "--protocol", "grpc", "--workers", "2") as running:
            workers = [
                child
                for child in psutil.Process(running.process.pid).children()
                if "spawn_main" in str(child.cmdline())
            ]
            assert len(workers) == 2
            for _ in range(30):
                running.post(body=spans_request("7206"))
                running.export(spans_request("7206"))
            name = 'messaging_status_gateway_decoded_total{channel="sms",outcome="undelivered",system="webex_connect"}'
            assert [running.metrics()[name] for _ in range(6)] == [60] * 6
            os.kill(workers[0].pid, signal.SIGKILL)
            wait_for(lambda: "a worker ended and is started again: exit code -9" in running.output())
            wait_for(lambda: running.post(body=spans_request("7206")).status_code == 200)
            assert running.metrics()[name] >= 61
            children = psutil.Process(running.process.pid).children()
            running.process.terminate()
            assert running.process.wait(10) == 0
        assert psutil.wait_procs(children, timeout=5)[1] == []

    def test_workers_leave_when_the_process_that_started_them_is_killed(self, folder: Path, hop: GrpcHop) -> None:
        with gateway(folder, hop.url, "--protocol", "grpc", "--workers", "2") as running:
            children = psutil.Process(running.process.pid).children()
            running.process.kill()
            assert psutil.wait_procs(children, timeout=10)[1] == []
