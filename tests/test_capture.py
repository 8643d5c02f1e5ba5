# SPDX-License-Identifier: Apache-2.0
"""Statuses in the answers of providers' APIs: real clients, their standard instrumentation, a real server."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpcore
import httpx
import pytest
import requests
import urllib3
from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import SpanKind

from messaging_status import Host, PluginError
from messaging_status.active import active_host
from messaging_status.capture.answers import Answers
from messaging_status.capture.late import LateStatuses
from messaging_status.otel.instrumentor import MessagingStatusInstrumentor

from .conftest import KeepingExporter

QUEUED = b'{"response": [{"code": "1001", "transid": "t-1", "description": "Queued"}]}'
BATCH = b'{"response": [{"code": "1001", "transid": "t-1"}, {"code": "7001", "transid": "t-2"}]}'
FAILURE = b'{"response": {"code": 7000, "description": "Invalid JSON", "destination": "447700900001"}}'
BUSY = b'{"response": {"code": 7020, "description": "Too many requests"}}'
V2_ERROR = b'{"code": "7004", "message": "Invalid parameter - sendAt"}'
HTML = b"<html><body>code=7206 channel=sms</body></html>"
HUGE = b'{"response": [{"code": "1001", "transid": "t-1"}], "padding": "' + b"x" * 70_000 + b'"}'
LARGE = b'{"response": [{"code": "1001", "transid": "t-1"}], "padding": "' + b"x" * 30_000 + b'"}'
ANSWERS = {
    "/success": (200, QUEUED, "1001"),
    "/batch": (200, BATCH, "7001"),
    "/failure": (400, FAILURE, "7000"),
    "/v2": (400, V2_ERROR, "7004"),
    "/gzip": (200, QUEUED, "1001"),
    "/chunked": (200, QUEUED, "1001"),
    "/slow": (200, QUEUED, "1001"),
    "/unauthorized": (401, b"", None),
    "/html": (500, HTML, None),
    "/huge": (200, HUGE, None),
    "/empty": (200, b"", None),
    "/large": (200, LARGE, "1001"),
    "/busy": (429, BUSY, "7020"),
    "/busy/till": (429, BUSY, "7020"),
}
REQUEST = {"deliverychannel": "sms", "destination": [{"msisdn": ["447700900001"]}]}


class Api(BaseHTTPRequestHandler):
    """Answers like the platform."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(QUEUED)
            self.close_connection = True
            return
        status, body, _ = ANSWERS[urlsplit(self.path).path]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 10):
                part = body[start : start + 10]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
            return
        if self.path == "/busy":
            self.send_header("Retry-After", "30")
        if self.path == "/busy/till":
            self.send_header("Retry-After", formatdate(time.time() + 3600, usegmt=True))
        if self.path == "/gzip":
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/slow":
            self.wfile.write(body[:20])
            self.wfile.flush()
            time.sleep(0.3)
            body = body[20:]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


def by_requests(url: str) -> tuple[int, bytes]:
    answer = requests.post(url, json=REQUEST, timeout=10)
    return answer.status_code, answer.content


def by_httpx(url: str) -> tuple[int, bytes]:
    answer = httpx.post(url, json=REQUEST)
    return answer.status_code, answer.content


def by_async_httpx(url: str) -> tuple[int, bytes]:
    async def post() -> tuple[int, bytes]:
        async with httpx.AsyncClient() as client:
            answer = await client.post(url, json=REQUEST)
            return answer.status_code, answer.content

    return asyncio.run(post())


def by_aiohttp(url: str) -> tuple[int, bytes]:
    async def post() -> tuple[int, bytes]:
        async with aiohttp.ClientSession() as session, session.post(url, json=REQUEST) as answer:
            return answer.status, await answer.read()

    return asyncio.run(post())


def by_urllib3(url: str) -> tuple[int, bytes]:
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", url, json=REQUEST)
        return answer.status, answer.data


CLIENTS = [by_requests, by_httpx, by_async_httpx, by_aiohttp, by_urllib3]
INSTRUMENTORS: list[Any] = [
    RequestsInstrumentor,
    HTTPXClientInstrumentor,
    AioHttpClientInstrumentor,
    URLLib3Instrumentor,
]
Post = Callable[[str], tuple[int, bytes]]


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def log_exporter() -> InMemoryLogRecordExporter:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    set_logger_provider(provider)
    return exporter


class Telemetry:
    """What left the process."""

    def __init__(self, provider: TracerProvider, exporter: KeepingExporter, logs: InMemoryLogRecordExporter) -> None:
        self.provider = provider
        self._exporter = exporter
        self._logs = logs

    def spans(self) -> list[ReadableSpan]:
        self.provider.force_flush()
        return self._exporter.kept

    def span(self) -> dict[str, Any]:
        """The attributes of ours of the one client span."""
        (span,) = (span for span in self.spans() if span.kind is SpanKind.CLIENT)
        return ours(span.attributes)

    def logs(self) -> list[dict[str, Any]]:
        return [ours(record.log_record.attributes) for record in self._logs.get_finished_logs()]


def ours(attributes: Any) -> dict[str, Any]:
    return {key: value for key, value in (attributes or {}).items() if key.startswith("messaging.")}


def instrumented(api: str, **options: Any) -> MessagingStatusInstrumentor:
    instrumentor = MessagingStatusInstrumentor()
    hosts = {"webex_connect": ["127.0.0.1"]}
    instrumentor.instrument(exporters=["tests.conftest:KeepingExporter"], capture={"hosts": hosts}, **options)
    return instrumentor


@pytest.fixture(params=["ours first", "ours last"])
def telemetry(request: pytest.FixtureRequest, api: str, log_exporter: InMemoryLogRecordExporter) -> Iterator[Telemetry]:
    """Everything instrumented, in either order: nobody can choose it."""
    log_exporter.clear()
    exporter, provider = KeepingExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=60_000))
    ours_last = request.param == "ours last"
    instrumentor = None if ours_last else instrumented(api)
    for client in INSTRUMENTORS:
        client().instrument(tracer_provider=provider)
    instrumentor = instrumentor or instrumented(api)
    yield Telemetry(provider, exporter, log_exporter)
    for client in INSTRUMENTORS:
        client().uninstrument()
    instrumentor.uninstrument()
    provider.shutdown()


@pytest.fixture
def bare(api: str, log_exporter: InMemoryLogRecordExporter) -> Iterator[Telemetry]:
    """Without the clients' own instrumentation."""
    log_exporter.clear()
    instrumentor = instrumented(api)
    yield Telemetry(TracerProvider(shutdown_on_exit=False), KeepingExporter(), log_exporter)
    instrumentor.uninstrument()


@pytest.mark.parametrize("post", CLIENTS)
class TestAnswers:
    @pytest.mark.parametrize("path", ANSWERS)
    def test_the_span_of_the_request_says_what_the_answer_says(
        self, telemetry: Telemetry, api: str, post: Post, path: str
    ) -> None:
        status, body, code = ANSWERS[path]
        assert post(api + path) == (status, body)
        found = telemetry.span()
        assert found.get("messaging.status.code") == code
        assert telemetry.logs() == []
        assert "4477" not in json.dumps(found)

    def test_everything_that_is_known_is_said(self, telemetry: Telemetry, api: str, post: Post) -> None:
        post(api + "/success")
        assert telemetry.span() == {
            "messaging.status.code": "1001",
            "messaging.status.description": "Queued",
            "messaging.status.severity": "INFO",
            "messaging.status.retryable": False,
            "messaging.status.category": "success",
            "messaging.status.outcome": "accepted",
            "messaging.status.channel": "sms",
            "messaging.system": "webex_connect",
            "messaging.message.id": "t-1",
        }

    def test_the_time_to_wait_is_that_of_the_header(self, telemetry: Telemetry, api: str, post: Post) -> None:
        post(api + "/busy")
        assert telemetry.span()["messaging.status.retry_after"] == 30

    def test_a_date_is_a_time_to_wait_from_now(self, telemetry: Telemetry, api: str, post: Post) -> None:
        post(api + "/busy/till")
        assert 3500 < telemetry.span()["messaging.status.retry_after"] <= 3600

    def test_without_a_client_span_it_is_a_log_record(self, bare: Telemetry, api: str, post: Post) -> None:
        assert post(api + "/failure") == (400, FAILURE)
        (record,) = bare.logs()
        assert (record["messaging.status.code"], record["messaging.status.channel"]) == ("7000", "sms")

    def test_a_broken_connection_is_the_clients_own_error(self, telemetry: Telemetry, api: str, post: Post) -> None:
        with pytest.raises(Exception) as ours_on:  # noqa: PT011 - every client has its own
            post(api + "/broken")
        MessagingStatusInstrumentor().uninstrument()
        with pytest.raises(type(ours_on.value)):
            post(api + "/broken")
        instrumented(api)
        assert all("messaging.status.code" not in (span.attributes or {}) for span in telemetry.spans())

    def test_other_hosts_are_left_alone(self, telemetry: Telemetry, api: str, post: Post) -> None:
        assert post(api.replace("127.0.0.1", "localhost") + "/success") == (200, QUEUED)
        assert telemetry.span() == {}
        assert telemetry.logs() == []


def mock_exporter(kept: list[ReadableSpan]) -> SpanExporter:
    """An exporter of a class that nobody has named."""

    class Unnamed(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            kept.extend(spans)
            return SpanExportResult.SUCCESS

    return Unnamed()


class TestStreams:
    def test_requests_hands_on_what_has_come_and_reads_nothing_ahead(self, telemetry: Telemetry, api: str) -> None:
        started = time.monotonic()
        with requests.post(api + "/slow", json=REQUEST, stream=True, timeout=10) as answer:
            chunks = answer.iter_content(20)
            assert next(chunks) == QUEUED[:20]
            assert time.monotonic() - started < 0.25
            assert b"".join(chunks) == QUEUED[20:]
        assert telemetry.span()["messaging.status.code"] == "1001"

    def test_httpx_does_so_too(self, telemetry: Telemetry, api: str) -> None:
        started = time.monotonic()
        with httpx.stream("POST", api + "/slow", json=REQUEST) as answer:
            chunks = answer.iter_bytes(20)
            assert next(chunks) == QUEUED[:20]
            assert time.monotonic() - started < 0.25
            assert b"".join(chunks) == QUEUED[20:]
        assert telemetry.span()["messaging.status.code"] == "1001"

    def test_a_response_that_nobody_else_holds_is_read_all_the_same(self, telemetry: Telemetry, api: str) -> None:
        assert (
            b"".join(requests.post(api + "/success", json=REQUEST, stream=True, timeout=10).iter_content(9)) == QUEUED
        )
        assert telemetry.span()["messaging.status.code"] == "1001"

    def test_an_answer_that_nobody_reads_says_nothing(self, telemetry: Telemetry, api: str) -> None:
        requests.post(api + "/success", json=REQUEST, stream=True, timeout=10).close()
        assert telemetry.span() == {}
        assert telemetry.logs() == []

    def test_an_answer_that_is_read_after_the_export_is_a_log_record_of_that_span(
        self, telemetry: Telemetry, api: str, log_exporter: InMemoryLogRecordExporter
    ) -> None:
        answer = requests.post(api + "/success", json=REQUEST, stream=True, timeout=10)
        (span,) = telemetry.spans()
        assert answer.json()["response"][0]["code"] == "1001"
        (record,) = log_exporter.get_finished_logs()
        assert record.log_record.span_id == span.context.span_id
        assert ours(record.log_record.attributes)["messaging.status.code"] == "1001"


class TestTheApplication:
    def test_hooks_of_the_user_keep_working(self, api: str) -> None:
        seen = []
        exporter, provider = KeepingExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        ours_on = instrumented(api)
        client = RequestsInstrumentor()
        client.instrument(tracer_provider=provider, response_hook=lambda span, _, answer: seen.append(answer.content))
        requests.post(api + "/success", json=REQUEST, hooks={"response": lambda answer, **_: None}, timeout=10)
        client.uninstrument()
        ours_on.uninstrument()
        assert seen == [QUEUED]
        assert ours(exporter.kept[0].attributes)["messaging.status.code"] == "1001"

    def test_what_the_span_says_already_stays(self, api: str) -> None:
        exporter, provider = KeepingExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        ours_on, client = instrumented(api, span_error_status=True), RequestsInstrumentor()
        client.instrument(
            tracer_provider=provider, request_hook=lambda span, _: span.set_attribute("messaging.status.fault", "mine")
        )
        requests.post(api + "/failure", json=REQUEST, timeout=10)
        client.uninstrument()
        ours_on.uninstrument()
        found = ours(exporter.kept[0].attributes)
        assert (found["messaging.status.fault"], found["messaging.status.code"]) == ("mine", "7000")

    def test_a_span_of_the_applications_own_is_no_clients(self, bare: Telemetry, api: str) -> None:
        with bare.provider.get_tracer("app").start_as_current_span("send", kind=SpanKind.SERVER) as span:
            by_requests(api + "/failure")
        assert isinstance(span, ReadableSpan)
        assert ours(span.attributes) == {}
        assert [record["messaging.status.code"] for record in bare.logs()] == ["7000"]

    def test_every_exporter_of_a_span_gets_it(self, telemetry: Telemetry, api: str) -> None:
        second = KeepingExporter()
        telemetry.provider.add_span_processor(BatchSpanProcessor(second))
        for post in CLIENTS:
            post(api + "/failure")
        spans = telemetry.spans()
        assert [ours(span.attributes) for span in second.kept] == [ours(span.attributes) for span in spans]
        assert [ours(span.attributes)["messaging.status.code"] for span in spans] == ["7000"] * len(CLIENTS)

    @pytest.mark.parametrize("post", [by_requests, by_urllib3])
    def test_where_the_span_is_still_there_it_says_so_to_everybody(self, api: str, post: Post) -> None:
        """An exporter that is not wrapped, and processors of the application's own."""
        kept: list[ReadableSpan] = []
        exporter, provider = mock_exporter(kept), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        ours_on = instrumented(api, span_error_status=True)
        for client in (RequestsInstrumentor, URLLib3Instrumentor):
            client().instrument(tracer_provider=provider)
        post(api + "/failure")
        for client in (RequestsInstrumentor, URLLib3Instrumentor):
            client().uninstrument()
        ours_on.uninstrument()
        assert ours(kept[0].attributes)["messaging.status.code"] == "7000"
        assert "end" not in vars(kept[0])

    def test_a_span_that_names_another_status_is_left_alone(
        self, api: str, log_exporter: InMemoryLogRecordExporter
    ) -> None:
        log_exporter.clear()
        exporter, provider = KeepingExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        ours_on, client = instrumented(api), RequestsInstrumentor()
        client.instrument(
            tracer_provider=provider,
            response_hook=lambda span, *_: span.set_attribute("messaging.status.code", "1001"),
        )
        requests.post(api + "/batch", json=REQUEST, timeout=10)
        client.uninstrument()
        ours_on.uninstrument()
        found = ours(exporter.kept[0].attributes)
        assert (found["messaging.status.code"], found["messaging.status.category"]) == ("1001", "unknown")
        (record,) = log_exporter.get_finished_logs()
        assert ours(record.log_record.attributes)["messaging.status.code"] == "7001"

    @pytest.mark.parametrize("is_served", [False, True])
    def test_a_status_that_the_span_has_no_room_for_is_a_log_record(
        self, api: str, log_exporter: InMemoryLogRecordExporter, is_served: bool
    ) -> None:
        log_exporter.clear()
        exporter, provider = KeepingExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer, ours_on = provider.get_tracer("app"), instrumented(api)
        if is_served:
            tracer.start_span("first").end()
        with tracer.start_as_current_span("send", kind=SpanKind.CLIENT) as span:
            by_requests(api + "/failure")
            span.set_attribute("messaging.status.code", "1001")
        ours_on.uninstrument()
        (record,) = log_exporter.get_finished_logs()
        assert ours(record.log_record.attributes)["messaging.status.code"] == "7000"
        assert record.log_record.span_id == span.get_span_context().span_id

    def test_a_span_whose_end_others_have_replaced_ends_their_way(self, api: str) -> None:
        ended: list[str] = []
        exporter, provider = KeepingExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        ours_on = instrumented(api)
        span = provider.get_tracer("app").start_span("send", kind=SpanKind.CLIENT)

        def end() -> None:
            ended.append("theirs")
            type(span).end(span)

        vars(span)["end"] = end
        with trace.use_span(span, end_on_exit=True):
            by_requests(api + "/failure")
        ours_on.uninstrument()
        assert ended == ["theirs"]
        assert ours(exporter.kept[0].attributes)["messaging.status.code"] == "7000"

    def test_an_exporters_own_requests_are_not_watched(self, bare: Telemetry, api: str) -> None:
        with suppress_instrumentation():
            assert by_requests(api + "/failure") == (400, FAILURE)
        assert bare.logs() == []

    def test_signatures_stay_what_they_were(self, api: str) -> None:
        methods = (httpcore.ConnectionPool.handle_request, httpcore.AsyncConnectionPool.handle_async_request)
        before = [(inspect.getfullargspec(method), inspect.iscoroutinefunction(method)) for method in methods]
        ours_on = instrumented(api)
        wrapped = (httpcore.ConnectionPool.handle_request, httpcore.AsyncConnectionPool.handle_async_request)
        assert wrapped != methods
        assert [(inspect.getfullargspec(method), inspect.iscoroutinefunction(method)) for method in wrapped] == before
        ours_on.uninstrument()

    def test_behind_a_proxy_the_host_is_the_one_that_was_asked_for(self, bare: Telemetry, api: str) -> None:
        MessagingStatusInstrumentor().uninstrument()
        MessagingStatusInstrumentor().instrument()
        with urllib3.ProxyManager(api) as proxy:
            proxy.request("POST", "http://eu.webexconnect.io/failure", json=REQUEST)
            proxy.request("POST", "http://example.com/failure", json=REQUEST)
        assert [record["messaging.status.code"] for record in bare.logs()] == ["7000"]

    def test_a_trace_that_is_not_sampled_stays_silent(self, bare: Telemetry, api: str) -> None:
        context = trace.SpanContext(trace_id=1, span_id=2, is_remote=False)
        with trace.use_span(trace.NonRecordingSpan(context)):
            by_requests(api + "/failure")
        assert bare.logs() == []

    def test_several_threads_and_tasks_do_not_mix_up_their_answers(self, telemetry: Telemetry, api: str) -> None:
        async def post_all() -> None:
            async with httpx.AsyncClient() as client:
                await asyncio.gather(
                    *(client.post(api + path, json=REQUEST) for path in ("/slow", "/batch", "/failure") * 5)
                )

        asyncio.run(post_all())
        found: dict[str, list[Any]] = {}
        for span in telemetry.spans():
            attributes = span.attributes or {}
            url = str(attributes.get("http.url", attributes.get("url.full")))
            found.setdefault(url.removeprefix(api), []).append(attributes["messaging.status.code"])
        assert found == {"/slow": ["1001"] * 5, "/batch": ["7001"] * 5, "/failure": ["7000"] * 5}


class TestSettings:
    def test_hosts_of_a_system_that_is_not_installed_are_a_mistake(self) -> None:
        with pytest.raises(PluginError) as caught:
            Host.load({"capture": {"hosts": {"webex": ["x.example"]}}}, strict=True)
        problem = "settings: capture.hosts.webex: 'webex' is not installed; did you mean 'webex_connect'?"
        assert caught.value.problems == (problem,)

    def test_receipts_use_the_host_that_is_active(self) -> None:
        ours_on = MessagingStatusInstrumentor()
        ours_on.instrument(prefix="acme", receipts={"paths": ["/receipts"]})
        host = active_host()
        ours_on.uninstrument()
        assert host is not None
        assert (host.settings.prefix, host.settings.receipts.paths) == ("acme", ("/receipts",))
        assert active_host() is None


class TestHosts:
    @pytest.mark.parametrize(
        ("location", "is_ours"),
        [
            ("eu.webexconnect.io", True),
            ("API.EU.WebexConnect.io:443", True),
            ("user:secret@api.imiconnect.com", True),
            ("webexconnect.io", False),
            ("webexconnect.io.example.com", False),
            ("example.com", False),
            ("[::1]:80", False),
            ("[", False),
            (None, False),
            ("", False),
        ],
    )
    def test_a_host_is_found_by_its_name_alone(self, host: Host, location: str | None, is_ours: bool) -> None:
        assert (Answers(host).call(location) is not None) is is_ours


class TestLate:
    """What an answer says, on its way to the export of its span."""

    @pytest.fixture
    def left(self) -> list[tuple[int, Any]]:
        return []

    @pytest.fixture
    def late(self, left: list[tuple[int, Any]]) -> LateStatuses:
        return LateStatuses(lambda context, said: left.append((context.span_id, said())))

    @staticmethod
    def context(span_id: int) -> trace.SpanContext:
        return trace.SpanContext(trace_id=1, span_id=span_id, is_remote=False)

    def test_it_is_taken_by_every_exporter_or_at_the_end(self, late: LateStatuses, left: list[Any]) -> None:
        late.expect(self.context(1))
        assert late.untaken == 1
        late.arrived(self.context(1), lambda: {"a": "b"})
        found = (late.exported(1), late.exported(1), late.ended(2), left, late.untaken)
        assert found == (({"a": "b"}, True), ({"a": "b"}, False), None, [], 0)
        assert (late.ended(1), late.exported(1), late.untaken) == ({"a": "b"}, None, 0)

    def test_what_arrives_after_the_export_is_left_over(self, late: LateStatuses, left: list[Any]) -> None:
        late.expect(self.context(1))
        assert late.exported(1) is None
        late.arrived(self.context(1), lambda: {"a": "b"})
        assert left == [(1, {"a": "b"})]

    def test_what_no_export_takes_within_two_minutes_is_left_over(
        self, late: LateStatuses, left: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = time.monotonic()
        for span_id, age in ((1, 121), (2, 121), (3, 119)):
            monkeypatch.setattr("messaging_status.capture.late.time.monotonic", lambda age=age: now - age)
            late.expect(self.context(span_id))
        for span_id in (1, 3):
            late.arrived(self.context(span_id), lambda: {"a": "b"})
        monkeypatch.setattr("messaging_status.capture.late.time.monotonic", lambda: now)
        late.expect(self.context(4))
        assert left == [(1, {"a": "b"})]
        assert (late.exported(2), late.exported(3)) == (None, ({"a": "b"}, True))

    def test_it_waits_for_so_many_at_most(self, late: LateStatuses, left: list[Any]) -> None:
        for span_id in range(1, 8_500):
            late.expect(self.context(span_id))
            late.arrived(self.context(span_id), lambda: {"a": "b"})
        assert [span_id for span_id, _ in left] == list(range(1, 308))
        assert late.untaken == 8_192

    def test_a_later_answer_in_the_same_span_replaces_the_earlier_one_which_is_left_over(
        self, late: LateStatuses, left: list[Any]
    ) -> None:
        for word in ("first", "second"):
            late.expect(self.context(1))
            late.arrived(self.context(1), partial(dict, a=word))
        assert (late.exported(1), left) == (({"a": "second"}, True), [(1, {"a": "first"})])

    def test_of_two_answers_that_are_read_side_by_side_none_is_lost(self, late: LateStatuses, left: list[Any]) -> None:
        for _ in range(2):
            late.expect(self.context(1))
        for word in ("first", "second"):
            late.arrived(self.context(1), partial(dict, a=word))
        assert (late.exported(1), left) == (({"a": "second"}, True), [(1, {"a": "first"})])

    def test_exporters_on_several_threads_get_the_same(self, late: LateStatuses) -> None:
        for span_id in range(1, 201):
            late.expect(self.context(span_id))
            # Worked out a second time, it would say nothing: an answer's body is not kept.
            late.arrived(self.context(span_id), partial(list.pop, [{"a": "b"}]))
            with ThreadPoolExecutor(max_workers=2) as threads:
                found = list(threads.map(late.exported, [span_id, span_id]))
            assert sorted(found, key=str) == [({"a": "b"}, False), ({"a": "b"}, True)]

    def test_given_up_it_is_left_over(self, late: LateStatuses, left: list[Any]) -> None:
        for span_id in (1, 2, 3):
            late.expect(self.context(span_id))
        for span_id in (1, 2):
            late.arrived(self.context(span_id), lambda: {"a": "b"})
        late.exported(2)
        late.give_up()
        assert (left, late.untaken) == ([(1, {"a": "b"})], 0)


@pytest.mark.parametrize(
    ("request_body", "channel"),
    [
        ('{"deliverychannel": "whatsapp"}', "whatsapp"),
        (b'[{"channel": "SMS"}]', "sms"),
        ('{"channel": {"a": 1}}', None),
        ("not json", None),
        ("[]", None),
        (None, None),
        (["a list"], None),
        (json.dumps({"channel": "sms", "text": "x" * 10_000}), "sms"),
        (json.dumps({"channel": "sms", "text": "x" * 100_000}), None),
    ],
    ids=range(9),
)
def test_the_channel_is_the_one_that_the_request_names(
    host: Host, log_exporter: InMemoryLogRecordExporter, request_body: object, channel: str | None
) -> None:
    log_exporter.clear()
    call = Answers(host).call("eu.webexconnect.io", request_body)
    assert call is not None
    call.read(QUEUED)
    call.read(QUEUED)
    (record,) = log_exporter.get_finished_logs()
    assert (record.log_record.attributes or {}).get("messaging.status.channel") == channel
    assert (record.log_record.event_name, record.log_record.severity_text) == ("messaging.status", "INFO")
