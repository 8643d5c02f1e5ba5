# SPDX-License-Identifier: Apache-2.0
"""Receipts in web applications: what is on the span or in the log, and that the application sees every byte."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from messaging_status import Host, Settings, SettingsError
from messaging_status.active import activate
from messaging_status.capture import receipt_asgi
from messaging_status.capture.receipt_wsgi import ReplayedInput
from messaging_status.capture.receipts import ReceiptMiddleware
from messaging_status.capture.signature import is_signed

from .conftest import SIM_FULL

CONTENT = {
    "deliveryInfoNotification": {
        "deliveryInfo": {
            "code": "7206",
            "deliveryChannel": "SMS",
            "deliveryStatus": "Un-Delivered",
            "destination": "447700900001",
            "Description": "Memory of 447700900001 exceeded",
        },
        "transid": "t-1",
    }
}
RECEIPT = json.dumps(CONTENT).encode()
SAID = {**SIM_FULL, "messaging.system": "webex_connect", "messaging.message.id": "t-1"}
ON_SPAN = {key: value for key, value in SAID.items() if key != "error.type"}
"""What a server span says: the request itself did not fail."""
KIB_64 = 64 * 1024
MIB = 1024 * 1024
SECRET = b"of the webhook"

Message = dict[str, Any]


def signed(body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(SECRET, body, algorithm).hexdigest()


def padded(length: int) -> bytes:
    return RECEIPT.ljust(length)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> InMemoryLogRecordExporter:
    """What the application's own log pipeline exports."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", provider)
    return exporter


class Traces:
    """A tracer, and what its spans look like once they ended."""

    def __init__(self, **limits: int) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, span_limits=SpanLimits(**limits))
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("server")

    def ended(self, kind: SpanKind = SpanKind.SERVER) -> list[dict[str, Any]]:
        return [dict(span.attributes or {}) for span in self._exporter.get_finished_spans() if span.kind is kind]

    def clear(self) -> None:
        self._exporter.clear()


@pytest.fixture
def traces() -> Traces:
    return Traces()


def of_messaging(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key in SAID or key.startswith("messaging.")}


def only_log(logs: InMemoryLogRecordExporter) -> ReadableLogRecord:
    (record,) = logs.get_finished_logs()
    return record


# --- WSGI ---------------------------------------------------------------------------------------------------------


class Ends(io.RawIOBase):
    """A stream without a way back that ends, or breaks, after so many bytes, and counts what was taken of it."""

    def __init__(self, content: bytes, error: Exception | None = None) -> None:
        self._content = io.BytesIO(content)
        self._error = error

    @property
    def taken(self) -> int:
        return self._content.tell()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._checked(self._content.read(size), size)

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._checked(self._content.readline(size), size)

    def _checked(self, found: bytes, size: int | None) -> bytes:
        if not found and size != 0 and self._error is not None:
            raise self._error
        return found


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def silent(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


def environ_of(body: bytes | Any, **changes: Any) -> dict[str, Any]:
    stream = Ends(body) if isinstance(body, bytes) else body
    length = {"CONTENT_LENGTH": str(len(body))} if isinstance(body, bytes) else {}
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/receipts",
        "wsgi.input": stream,
        **length,
        **changes,
    }


def ask(app: Any, body: bytes | Any = RECEIPT, **changes: Any) -> tuple[str, bytes]:
    statuses: list[str] = []
    answer = app(environ_of(body, **changes), lambda status, headers, exc_info=None: statuses.append(status))
    content = b"".join(answer)
    return statuses[-1], content


def around(app: Any, host: Host, **options: Any) -> ReceiptMiddleware:
    return ReceiptMiddleware(app, host, **{"paths": ["/receipts"], **options})


class TestWsgi:
    def test_the_meaning_is_on_the_current_server_span(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter
    ) -> None:
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER):
            assert ask(around(echo, host)) == ("200 OK", RECEIPT)
        assert traces.ended() == [ON_SPAN]
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize("app", [echo, silent])
    def test_without_a_server_span_it_is_one_log_record(
        self, host: Host, logs: InMemoryLogRecordExporter, app: Any
    ) -> None:
        ask(around(app, host))
        record = only_log(logs).log_record
        assert dict(record.attributes or {}) == SAID
        assert (record.severity_number, record.severity_text) == (SeverityNumber.WARN, "WARN")
        assert (record.event_name, record.body, record.trace_id) == ("messaging.status", None, 0)
        assert record.timestamp is not None
        scope = only_log(logs).instrumentation_scope
        assert scope is not None
        assert scope.name == "messaging_status"
        assert "447700900001" not in str(only_log(logs).to_json())

    def test_an_unknown_code_is_a_log_record_without_a_severity(
        self, host: Host, logs: InMemoryLogRecordExporter
    ) -> None:
        ask(around(echo, host), RECEIPT.replace(b"7206", b"9999"))
        record = only_log(logs).log_record
        assert dict(record.attributes or {})["messaging.status.category"] == "unknown"
        assert record.severity_number is None

    @pytest.mark.parametrize("kind", [SpanKind.INTERNAL, SpanKind.CONSUMER])
    def test_another_span_is_left_alone_and_the_log_record_is_of_its_trace(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter, kind: SpanKind
    ) -> None:
        with traces.tracer.start_as_current_span("send", kind=kind) as span:
            ask(around(echo, host))
        assert traces.ended(kind) == [{}]
        assert only_log(logs).log_record.trace_id == span.get_span_context().trace_id

    def test_a_server_span_that_is_not_sampled_is_not_one(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True))):
            ask(around(echo, host))
        assert only_log(logs).log_record.trace_id == 1

    def test_a_server_span_that_has_ended_is_not_one(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter
    ) -> None:
        span = traces.tracer.start_span("POST", kind=SpanKind.SERVER)
        span.end()
        with trace.use_span(span):
            ask(around(echo, host))
        assert dict(only_log(logs).log_record.attributes or {}) == SAID

    @pytest.mark.parametrize("step", ["read", "readline", "readinto", "iterate", "start_response"])
    def test_a_span_that_starts_inside_the_application_is_found(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter, step: str
    ) -> None:
        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            stream, buffer = environ["wsgi.input"], bytearray(10)
            steps: dict[str, Callable[[], Any]] = {
                "read": partial(stream.read, 1),
                "readline": stream.readline,
                "readinto": partial(stream.readinto, buffer),
                "iterate": partial(next, stream),
                "start_response": partial(start_response, "200 OK", []),
            }
            with traces.tracer.start_as_current_span("view", kind=SpanKind.SERVER):
                steps[step]()
            start_response("200 OK", [])
            return []

        ask(around(app, host))
        assert traces.ended() == [ON_SPAN]
        assert logs.get_finished_logs() == ()

    def test_what_is_on_the_span_is_not_overwritten(self, host: Host, traces: Traces) -> None:
        mine = {"messaging.status.code": "7206", "messaging.status.description": "mine", "error.type": "500"}
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER, attributes=mine):
            ask(around(echo, host))
        assert traces.ended() == [{**ON_SPAN, **mine}]

    def test_two_statuses_are_not_mixed_on_one_span(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter
    ) -> None:
        mine = {"messaging.status.code": "7101"}
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER, attributes=mine):
            ask(around(echo, host))
        assert traces.ended() == [mine]
        assert dict(only_log(logs).log_record.attributes or {}) == SAID

    def test_the_span_keeps_the_applications_attributes_past_its_limit(self, host: Host) -> None:
        traces = Traces(max_span_attributes=3)
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER, attributes={"a": 1, "b": 2}):
            ask(around(echo, host))
        assert traces.ended() == [{"a": 1, "b": 2, "messaging.status.code": "7206"}]

    def test_put_around_twice_it_is_told_once(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter
    ) -> None:
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER):
            assert ask(around(around(echo, host), host)) == ("200 OK", RECEIPT)
        assert traces.ended() == [ON_SPAN]
        assert logs.get_finished_logs() == ()

    def test_an_answer_in_pieces_is_handed_on_as_it_is(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        pieces = iter([b"a", b"b"])

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            return pieces

        assert around(app, host)(environ_of(RECEIPT), lambda *_: None) is pieces

        def lazy(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
            yield b"a"
            start_response("200 OK", [])
            yield environ["wsgi.input"].read()

        assert ask(around(lazy, host)) == ("200 OK", b"a" + RECEIPT)
        assert len(logs.get_finished_logs()) == 2

    def test_the_applications_exception_is_its_own(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        error = ZeroDivisionError("mine")

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            raise error

        with pytest.raises(ZeroDivisionError) as caught:
            ask(around(app, host))
        assert caught.value is error
        assert len(logs.get_finished_logs()) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"REQUEST_METHOD": "GET"},
            {"REQUEST_METHOD": "HEAD"},
            {"REQUEST_METHOD": "PATCH"},
            {"PATH_INFO": "/receipts/1"},
            {"PATH_INFO": "/Receipts"},
            {"PATH_INFO": ""},
            {"SCRIPT_NAME": "/receipts", "PATH_INFO": "/more"},
            {"CONTENT_LENGTH": None},
            {"CONTENT_LENGTH": "-1"},
            {"CONTENT_LENGTH": "1_0"},
            {"CONTENT_LENGTH": "65537"},
            {"CONTENT_LENGTH": "9" * 5000},
            {"HTTP_CONTENT_ENCODING": "gzip"},
            {"wsgi.input": None},
        ],
        ids=str,
    )
    def test_any_other_request_is_handed_on_untouched(
        self, host: Host, logs: InMemoryLogRecordExporter, changes: dict[str, Any]
    ) -> None:
        seen = []
        given = environ_of(RECEIPT, **changes)
        before = dict(given)
        start_response = print

        def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            seen.append((environ is given, start is start_response, environ == before))
            return []

        around(app, host)(given, start_response)
        assert seen == [(True, True, True)]
        assert given["wsgi.input"] is None or given["wsgi.input"].taken == 0
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize(
        ("path", "changes"),
        [
            ("/receipts", {"PATH_INFO": "/receipts/"}),
            ("/receipts/", {"PATH_INFO": "/receipts"}),
            ("/", {"PATH_INFO": ""}),
            ("/api/receipts", {"SCRIPT_NAME": "/api", "PATH_INFO": "/receipts"}),
            ("/receipts", {"SCRIPT_NAME": "/api", "PATH_INFO": "/receipts"}),
            ("/quittüng", {"PATH_INFO": "/quittüng".encode().decode("latin-1")}),
            ("/receipts", {"REQUEST_METHOD": "PUT"}),
            ("/receipts", {"HTTP_CONTENT_ENCODING": " Identity"}),
        ],
    )
    def test_a_receipt_at_its_path(
        self, host: Host, logs: InMemoryLogRecordExporter, path: str, changes: dict[str, Any]
    ) -> None:
        assert ask(around(echo, host, paths=[path]), **changes) == ("200 OK", RECEIPT)
        assert dict(only_log(logs).log_record.attributes or {}) == SAID

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            b"[]",
            b'{"code": "7206"}',
            b"channel=sms code=7206",
            b"{channel=sms code=7206",
            json.dumps(RECEIPT.decode()).encode(),
            RECEIPT[:-1],
            b"\xff" * 10,
            b"[" * 5000,
        ],
    )
    def test_what_is_no_receipt_is_handed_on(self, host: Host, logs: InMemoryLogRecordExporter, body: bytes) -> None:
        assert ask(around(echo, host), body) == ("200 OK", body)
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize(
        ("length", "is_decoded"), [(KIB_64 - 1, True), (KIB_64, True), (KIB_64 + 1, False), (5 * KIB_64, False)]
    )
    @pytest.mark.parametrize("is_declared", [True, False])
    def test_no_more_than_64_kib_are_looked_at(
        self, host: Host, logs: InMemoryLogRecordExporter, length: int, is_decoded: bool, is_declared: bool
    ) -> None:
        taken = []
        stream = Ends(padded(length))

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            taken.append(stream.taken)
            return echo(environ, start_response)

        changes = {"CONTENT_LENGTH": str(length)} if is_declared else {"wsgi.input_terminated": True}
        assert ask(around(app, host), stream, **changes) == ("200 OK", padded(length))
        assert len(logs.get_finished_logs()) == is_decoded
        assert taken[0] <= KIB_64 + 1

    def test_what_stands_behind_the_declared_length_is_not_touched(self, host: Host) -> None:
        stream = Ends(RECEIPT + b"the next request")
        assert ask(around(echo, host), stream, CONTENT_LENGTH=str(len(RECEIPT))) == ("200 OK", RECEIPT)
        assert stream.taken == len(RECEIPT)

    def test_a_stream_that_breaks_raises_where_the_application_gets_there(
        self, host: Host, logs: InMemoryLogRecordExporter
    ) -> None:
        error = ConnectionResetError("gone")
        found = []

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            stream = environ["wsgi.input"]
            found.append(stream.read(4))
            found.append(stream.read(len(RECEIPT) - 4))
            with pytest.raises(ConnectionResetError) as caught:
                stream.read(1)
            assert caught.value is error
            with pytest.raises(ConnectionResetError):
                stream.readline()
            start_response("200 OK", [])
            return []

        ask(around(app, host), Ends(RECEIPT, error), CONTENT_LENGTH="1000")
        assert found == [RECEIPT[:4], RECEIPT[4:]]
        assert logs.get_finished_logs() == ()

    def test_half_a_body_is_not_decoded(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        assert ask(around(echo, host), Ends(RECEIPT), CONTENT_LENGTH="1000") == ("200 OK", RECEIPT)
        assert logs.get_finished_logs() == ()


class TestReplayedInput:
    def test_where_all_is_known_it_can_be_read_again(self) -> None:
        stream = ReplayedInput(b"abc")
        assert (stream.readable(), stream.seekable(), stream.read(), stream.read(), stream.seek(1)) == (
            True,
            True,
            b"abc",
            b"",
            1,
        )
        assert stream.read() == b"bc"

    def test_where_more_comes_it_cannot(self) -> None:
        stream = ReplayedInput(b"abc", Ends(b"def"))
        assert not stream.seekable()
        with pytest.raises(io.UnsupportedOperation):
            stream.seek(0)

    @given(
        body=st.binary(max_size=60).map(lambda body: body.replace(b"\x00", b"\n")),
        at=st.integers(0, 60),
        steps=st.lists(st.tuples(st.sampled_from(["read", "readline", "readlines"]), st.integers(-1, 40))),
    )
    def test_however_it_is_read_it_is_the_stream(self, body: bytes, at: int, steps: list[tuple[str, int]]) -> None:
        original = io.BytesIO(body)
        replayed = ReplayedInput(body[:at], Ends(body[at:]))
        for name, size in steps:
            assert getattr(replayed, name)(size) == getattr(original, name)(size)
        assert list(replayed) == list(original)


BODIES = st.one_of(
    st.binary(max_size=300),
    st.just(RECEIPT),
    st.integers(0, 10).map(lambda more: padded(KIB_64 - 5 + more)),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=10).map(
        lambda value: json.dumps({"deliveryInfoNotification": value, "response": value}).encode()
    ),
)
CHUNKS = st.lists(BODIES, max_size=4)


class Dribbling(Ends):
    """A stream that never gives more than a few bytes at once, as sockets may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None or size < 0 else min(size, 5000))


class TestWhateverIsSent:
    @given(chunks=CHUNKS, is_declared=st.booleans(), secret=st.none() | st.just(SECRET))
    def test_a_wsgi_application_gets_it(
        self, host: Host, chunks: list[bytes], is_declared: bool, secret: bytes | None
    ) -> None:
        body = b"".join(chunks)
        changes = {"CONTENT_LENGTH": str(len(body))} if is_declared else {"wsgi.input_terminated": True}
        answer = ask(around(echo, host, secret=secret), Dribbling(body), HTTP_X_HUB_SIGNATURE=signed(body), **changes)
        assert answer == ("200 OK", body)

    @given(chunks=CHUNKS, end=st.sampled_from(["last", "empty", "disconnect", "error"]))
    def test_an_asgi_application_gets_it_in_the_same_messages(self, host: Host, chunks: list[bytes], end: str) -> None:
        messages = [part(chunk, more=True) for chunk in chunks]
        ends: dict[str, Message | Exception] = {
            "last": {"type": "http.request"},
            "empty": part(b""),
            "disconnect": {"type": "http.disconnect"},
            "error": ConnectionError("gone"),
        }
        last = ends[end]
        received: list[Any] = []

        async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
            for _ in range(len(messages) + 1):
                try:
                    received.append(await receive())
                except ConnectionError as error:
                    received.append(error)

        asyncio.run(call(around(app, host), [*messages, last]))
        assert len(received) == len(messages) + 1
        assert all(found is sent for found, sent in zip(received, [*messages, last], strict=True))

    @given(signature=st.binary(max_size=140) | st.text(alphabet="0123456789abcdefsha=", min_size=60).map(str.encode))
    def test_a_made_up_signature_is_wrong(self, signature: bytes) -> None:
        assert not is_signed(RECEIPT, signature, SECRET)


# --- ASGI ---------------------------------------------------------------------------------------------------------


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def call(
    app: Any, messages: Sequence[Any] = (), headers: dict[str, str] | None = None, **changes: Any
) -> list[Message]:
    sent: list[Message] = []
    left = list(messages)

    async def receive() -> Message:
        message = left.pop(0) if left else {"type": "http.disconnect"}
        if isinstance(message, Exception):
            raise message
        return cast("Message", message)

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "POST", "path": "/receipts", "root_path": "", "headers": raw, **changes}
    await app(scope, receive, send)
    return sent


async def async_echo(scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
    body = b""
    message: Message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def ask_async(app: Any, *messages: Any, **changes: Any) -> tuple[int, bytes]:
    started, *parts = asyncio.run(call(app, messages or [part(RECEIPT)], **changes))
    return started["status"], b"".join(message["body"] for message in parts)


class TestAsgi:
    def test_the_meaning_is_on_the_current_server_span(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter
    ) -> None:
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER):
            messages = part(RECEIPT[:9], more=True), part(RECEIPT[9:], more=True), part(b"")
            assert ask_async(around(async_echo, host), *messages) == (200, RECEIPT)
        assert traces.ended() == [ON_SPAN]
        assert logs.get_finished_logs() == ()

    def test_without_a_server_span_it_is_one_log_record(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        assert ask_async(around(async_echo, host)) == (200, RECEIPT)
        assert dict(only_log(logs).log_record.attributes or {}) == SAID

    @pytest.mark.parametrize("step", ["receive", "send"])
    def test_a_span_that_starts_inside_the_application_is_found(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter, step: str
    ) -> None:
        async def app(scope: Message, receive: Any, send: Any) -> None:
            with traces.tracer.start_as_current_span("view", kind=SpanKind.SERVER):
                await (receive() if step == "receive" else send({"type": "http.response.start", "status": 200}))

        asyncio.run(call(around(app, host), [part(RECEIPT)]))
        assert traces.ended() == [ON_SPAN]
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize(
        "changes",
        [
            {"method": "GET"},
            {"path": "/else"},
            {"root_path": "/api", "path": "/api/else"},
            {"type": "websocket"},
            {"type": "lifespan"},
            {"headers": {"Content-Length": "65537"}},
            {"headers": {"content-encoding": "br"}},
        ],
        ids=str,
    )
    def test_any_other_request_is_handed_on_untouched(
        self, host: Host, logs: InMemoryLogRecordExporter, changes: dict[str, Any]
    ) -> None:
        received = []

        async def app(scope: Message, receive: Any, send: Any) -> None:
            received.append(await receive())

        message = part(RECEIPT)
        asyncio.run(call(around(app, host), [message], **changes))
        assert received[0] is message
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize(
        ("path", "changes"),
        [
            ("/receipts/", {}),
            ("/receipts", {"path": "/receipts/"}),
            ("/", {"path": ""}),
            ("/quittüng", {"path": "/quittüng"}),
            ("/receipts", {"root_path": "/api", "path": "/api/receipts"}),
            ("/api/receipts", {"root_path": "/api", "path": "/api/receipts"}),
            ("/api/receipts", {"root_path": "/api", "path": "/receipts"}),
            ("/receipts", {"method": "PUT"}),
        ],
    )
    def test_a_receipt_at_its_path(
        self, host: Host, logs: InMemoryLogRecordExporter, path: str, changes: dict[str, Any]
    ) -> None:
        assert ask_async(around(async_echo, host, paths=[path]), **changes) == (200, RECEIPT)
        assert dict(only_log(logs).log_record.attributes or {}) == SAID

    @pytest.mark.parametrize(("length", "is_decoded"), [(KIB_64, True), (KIB_64 + 1, False)])
    def test_no_more_than_64_kib_are_looked_at(
        self, host: Host, logs: InMemoryLogRecordExporter, length: int, is_decoded: bool
    ) -> None:
        body = padded(length)
        assert ask_async(around(async_echo, host), part(body[:70], more=True), part(body[70:])) == (200, body)
        assert len(logs.get_finished_logs()) == is_decoded

    def test_no_more_than_a_thousand_messages_are_kept(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        messages = [part(b"", more=True)] * 1_000
        assert ask_async(around(async_echo, host), *messages, part(RECEIPT)) == (200, RECEIPT)
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize("odd", [None, {}, {"type": "http.request", "body": "text"}], ids=str)
    def test_messages_that_should_not_be_are_handed_on(self, odd: Any) -> None:
        host = Host.load({})
        received = []

        async def app(scope: Message, receive: Any, send: Any) -> None:
            received.append(await receive())

        asyncio.run(call(around(app, host), [odd]))
        assert received[0] is odd
        assert host._stumbles == 1
        assert ask_async(around(app, host, secret=SECRET), odd)[0] == 401
        assert len(received) == 1

    def test_the_applications_exception_is_its_own(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        error = ZeroDivisionError("mine")

        async def app(scope: Message, receive: Any, send: Any) -> None:
            raise error

        with pytest.raises(ZeroDivisionError) as caught:
            asyncio.run(call(around(app, host), [part(RECEIPT)]))
        assert caught.value is error
        assert len(logs.get_finished_logs()) == 1

    def test_a_request_that_is_cancelled_is_cancelled(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        async def app(scope: Message, receive: Any, send: Any) -> None:
            await asyncio.sleep(60)

        async def cancelled() -> None:
            task = asyncio.create_task(call(around(app, host), [part(RECEIPT)]))
            await asyncio.sleep(0)
            task.cancel()
            await task

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(cancelled())
        assert len(logs.get_finished_logs()) == 1


class Decoding:
    """A host of which only the decoding is another's."""

    def __init__(self, enrich: Callable[..., Any]) -> None:
        self.settings = Settings()
        self.enrich = enrich
        self.errors: list[Exception] = []
        self.stumbled = self.errors.append

    def as_host(self) -> Host:
        return cast("Host", self)


class TestNothingOfOursReachesTheCaller:
    def test_a_decoder_that_raises(self, logs: InMemoryLogRecordExporter) -> None:
        def fail(*_: Any) -> Any:
            raise OSError

        decoding = Decoding(fail)
        assert ask(around(echo, decoding.as_host())) == ("200 OK", RECEIPT)
        assert ask_async(around(async_echo, decoding.as_host())) == (200, RECEIPT)
        assert [type(error) for error in decoding.errors] == [OSError, OSError]
        assert logs.get_finished_logs() == ()

    def test_a_log_pipeline_that_raises(self, monkeypatch: pytest.MonkeyPatch) -> None:
        host = Host.load({})
        monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", object())
        assert ask(around(echo, host)) == ("200 OK", RECEIPT)
        assert host._stumbles == 1

    def test_a_span_that_raises_is_as_good_as_none(
        self, traces: Traces, logs: InMemoryLogRecordExporter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host = Host.load({})
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER) as span:
            monkeypatch.setattr(span, "set_attributes", None)
            assert ask(around(echo, host)) == ("200 OK", RECEIPT)
        assert host._stumbles == 3
        assert len(logs.get_finished_logs()) == 1


def test_without_a_host_it_is_the_one_that_zero_code_instrumentation_uses(traces: Traces) -> None:
    activate(Host.load({"prefix": "acme", "receipts": {"paths": ["/receipts"]}}))
    app = ReceiptMiddleware(echo)
    activate(None)
    with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER) as span:
        ask(app)
    assert isinstance(span, ReadableSpan)
    assert (span.attributes or {})["acme.code"] == "7206"


def test_a_text_wrapper_can_read_the_body(host: Host) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return ["".join(io.TextIOWrapper(environ["wsgi.input"])).encode()]

    assert ask(around(app, host)) == ("200 OK", RECEIPT)


class TestAsyncCodeIsNotBlocked:
    @pytest.mark.parametrize(("length", "is_elsewhere"), [(4 * 1024, False), (4 * 1024 + 1, True)])
    def test_a_long_body_is_decoded_on_another_thread(self, length: int, is_elsewhere: bool) -> None:
        threads: list[int] = []

        def enrich(*_: Any) -> dict[str, Any]:
            threads.append(threading.get_ident())
            return {}

        assert ask_async(around(async_echo, Decoding(enrich).as_host()), part(padded(length)))[0] == 200
        assert [thread != threading.get_ident() for thread in threads] == [is_elsewhere]

    def test_decoding_that_takes_too_long_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answered = threading.Event()
        monkeypatch.setattr(receipt_asgi, "_MAX_WAIT_S", 0.02)
        decoding = Decoding(lambda *_: {"waited": answered.wait(20)})

        async def app(scope: Message, receive: Any, send: Any) -> None:
            answered.set()
            await async_echo(scope, receive, send)

        assert ask_async(around(app, decoding.as_host()), part(padded(5000))) == (200, padded(5000))
        assert [type(error) for error in decoding.errors] == [TimeoutError]

    def test_another_librarys_event_loop(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        with pytest.raises(StopIteration):
            call(around(async_echo, host), [part(padded(5000))]).send(None)
        assert len(logs.get_finished_logs()) == 1


# --- signatures ---------------------------------------------------------------------------------------------------

GOOD = [
    signed(RECEIPT),
    signed(RECEIPT, "sha512"),
    f"sha256={signed(RECEIPT)}",
    f" SHA512={signed(RECEIPT, 'sha512').upper()} ",
]
BAD = [
    None,
    "",
    "sha256=",
    f"sha512={signed(RECEIPT)}",
    f"sha1={hmac.new(SECRET, RECEIPT, hashlib.sha1).hexdigest()}",
    hmac.new(SECRET, RECEIPT, hashlib.sha1).hexdigest(),
    signed(RECEIPT)[:-1],
    signed(RECEIPT + b" "),
    hmac.new(b"another", RECEIPT, "sha256").hexdigest(),
    f"{signed(RECEIPT)}, {signed(RECEIPT)}",
    "ÿ" * 64,
    "=" * 64,
]


class TestSignature:
    @pytest.mark.parametrize("signature", GOOD)
    @pytest.mark.parametrize("secret", [SECRET, SECRET.decode()])
    def test_what_is_signed_is_decoded_and_handed_on(
        self, host: Host, logs: InMemoryLogRecordExporter, signature: str, secret: str | bytes
    ) -> None:
        assert ask(around(echo, host, secret=secret), HTTP_X_HUB_SIGNATURE=signature) == ("200 OK", RECEIPT)
        messages = part(RECEIPT[:9], more=True), part(RECEIPT[9:])
        headers = {"X-Hub-Signature": signature}
        assert ask_async(around(async_echo, host, secret=secret), *messages, headers=headers) == (200, RECEIPT)
        assert [dict(record.log_record.attributes or {}) for record in logs.get_finished_logs()] == [SAID, SAID]

    @pytest.mark.parametrize("signature", BAD)
    def test_what_is_not_is_answered_401_and_decoded_by_nobody(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter, signature: str | None
    ) -> None:
        in_environ = {} if signature is None else {"HTTP_X_HUB_SIGNATURE": signature}
        headers = {} if signature is None else {"x-hub-signature": signature}
        text = b"The signature in x-hub-signature is missing or wrong.\n"
        with traces.tracer.start_as_current_span("POST", kind=SpanKind.SERVER):
            assert ask(around(None, host, secret=SECRET), **in_environ) == ("401 Unauthorized", text)
            assert ask_async(around(None, host, secret=SECRET), headers=headers) == (401, text)
        assert traces.ended() == [{}]
        assert logs.get_finished_logs() == ()

    def test_the_refusal_is_plain_text(self, host: Host) -> None:
        started, _ = asyncio.run(call(around(None, host, secret=SECRET), [part(b"")]))
        assert started["headers"] == [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"54")]

    def test_a_signature_that_is_not_even_latin_1_is_wrong(self, host: Host) -> None:
        assert ask(around(None, host, secret=SECRET), HTTP_X_HUB_SIGNATURE="\u20ac\ud800")[0] == "401 Unauthorized"

    def test_the_header_twice_is_wrong(self, host: Host) -> None:
        headers = [(b"x-hub-signature", signed(RECEIPT).encode())] * 2
        app = around(None, host, secret=SECRET)

        async def asked() -> list[Message]:
            return await call(lambda scope, *rest: app({**scope, "headers": headers}, *rest), [part(RECEIPT)])

        assert asyncio.run(asked())[0]["status"] == 401

    @pytest.mark.parametrize(("length", "status"), [(MIB, 200), (MIB + 1, 413)])
    @pytest.mark.parametrize("is_declared", [True, False])
    def test_a_mebibyte_can_be_verified_and_is_not_decoded(
        self, host: Host, logs: InMemoryLogRecordExporter, length: int, status: int, is_declared: bool
    ) -> None:
        body = padded(length)
        changes = {"CONTENT_LENGTH": str(length)} if is_declared else {"wsgi.input_terminated": True}
        app = around(echo, host, secret=SECRET)
        answer = ask(app, Ends(body), HTTP_X_HUB_SIGNATURE=signed(body), **changes)
        headers = {"x-hub-signature": signed(body), **({"content-length": str(length)} if is_declared else {})}
        messages = part(body[:KIB_64], more=True), part(body[KIB_64:])
        async_answer = ask_async(around(async_echo, host, secret=SECRET), *messages, headers=headers)
        assert (int(answer[0][:3]), async_answer[0]) == (status, status)
        assert status == 413 or (answer[1] == body and async_answer[1] == body)
        assert logs.get_finished_logs() == ()

    def test_many_small_messages_are_a_body_too(self, host: Host) -> None:
        messages = [part(bytes([byte]), more=True) for byte in RECEIPT.ljust(3000)]
        headers = {"x-hub-signature": signed(RECEIPT.ljust(3000))}
        answer = ask_async(around(async_echo, host, secret=SECRET), *messages, part(b""), headers=headers)
        assert answer == (200, RECEIPT.ljust(3000))

    def test_a_compressed_body_is_verified_and_not_decoded(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        changes = {"HTTP_X_HUB_SIGNATURE": signed(RECEIPT), "HTTP_CONTENT_ENCODING": "gzip"}
        assert ask(around(echo, host, secret=SECRET), **changes) == ("200 OK", RECEIPT)
        headers = {"x-hub-signature": signed(RECEIPT), "content-encoding": "gzip"}
        assert ask_async(around(async_echo, host, secret=SECRET), headers=headers) == (200, RECEIPT)
        assert logs.get_finished_logs() == ()

    @pytest.mark.parametrize("length", [None, "", "-1", "x"])
    def test_nothing_unsigned_comes_behind_a_length_that_nobody_knows(self, host: Host, length: str | None) -> None:
        changes = {"CONTENT_LENGTH": length, "HTTP_X_HUB_SIGNATURE": signed(b"")}
        assert ask(around(echo, host, secret=SECRET), Ends(b"unsigned"), **changes) == ("200 OK", b"")

    def test_a_client_that_goes_is_the_servers_to_know(self, host: Host) -> None:
        app = around(None, host, secret=SECRET)
        with pytest.raises(ConnectionError, match="gone"):
            ask(app, Ends(RECEIPT, ConnectionError("gone")), CONTENT_LENGTH="1000")
        with pytest.raises(ConnectionError, match="gone"):
            asyncio.run(call(app, [part(RECEIPT, more=True), ConnectionError("gone")]))
        assert asyncio.run(call(app, [part(RECEIPT, more=True), {"type": "http.disconnect"}])) == []
        assert ask(app, Ends(RECEIPT), CONTENT_LENGTH="1000")[0] == "401 Unauthorized"


# --- what it is made with -----------------------------------------------------------------------------------------


class TestConstruction:
    def test_paths_and_secret_come_from_the_settings(self, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        file.write_bytes(SECRET + b"\r\n")
        host = Host.load({"receipts": {"paths": ["/receipts"], "secret_file": str(file)}})
        app = ReceiptMiddleware(echo, host)
        file.unlink()
        assert ask(app)[0] == "401 Unauthorized"
        assert ask(app, HTTP_X_HUB_SIGNATURE=signed(RECEIPT)) == ("200 OK", RECEIPT)

    def test_a_host_is_loaded_where_none_is_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: InMemoryLogRecordExporter
    ) -> None:
        (tmp_path / "my.toml").write_text('prefix = "acme"\n[receipts]\npaths = ["/receipts"]\n')
        monkeypatch.setenv("MESSAGING_STATUS_CONFIG", str(tmp_path / "my.toml"))
        ask(ReceiptMiddleware(echo))
        assert dict(only_log(logs).log_record.attributes or {})["acme.code"] == "7206"
        assert only_log(logs).log_record.severity_number is SeverityNumber.WARN

    @pytest.mark.parametrize(
        ("content", "problem"), [(None, "cannot be read: No such file or directory"), (b" \n", "is empty; put")]
    )
    def test_a_secret_file_without_a_secret_stops_the_start(
        self, tmp_path: Path, content: bytes | None, problem: str
    ) -> None:
        file = tmp_path / "secret"
        if content is not None:
            file.write_bytes(content)
        host = Host.load({"receipts": {"secret_file": str(file)}})
        with pytest.raises(SettingsError) as caught:
            around(echo, host)
        assert caught.value.problems[0].startswith(f"receipts.secret_file: {file}: {problem}")

    @pytest.mark.parametrize("secret", ["", b"", " "])
    def test_an_empty_secret_stops_the_start(self, host: Host, secret: str | bytes) -> None:
        with pytest.raises(SettingsError, match="the secret is empty; leave it out to verify nothing"):
            around(echo, host, secret=secret)

    @pytest.mark.parametrize("paths", ["/receipts", ["receipts"], [""], ["/a?b"], [7]])
    def test_paths_that_never_match_stop_the_start(self, host: Host, paths: Any) -> None:
        with pytest.raises(SettingsError, match=r"receipts.paths: .* is not a list of paths, each as '/receipts'"):
            around(echo, host, paths=paths)

    def test_without_paths_it_says_that_it_does_nothing(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        assert ask(ReceiptMiddleware(echo, host)) == ("200 OK", RECEIPT)
        assert caplog.record_tuples == [
            ("messaging_status", logging.WARNING, "ReceiptMiddleware has nothing to do: receipts.paths is empty")
        ]

    def test_paths_can_be_any_iterable(self, host: Host, logs: InMemoryLogRecordExporter) -> None:
        ask(around(echo, host, paths=iter(["/receipts"])))
        assert len(logs.get_finished_logs()) == 1

    @pytest.mark.parametrize("app", [async_echo, partial(async_echo), around(async_echo, Host.load({}))])
    def test_servers_take_it_for_what_the_application_is(self, host: Host, app: Any) -> None:
        middleware = around(app, host)
        assert isinstance(middleware, ReceiptMiddleware)
        assert iscoroutinefunction(middleware.__call__)
        assert not iscoroutinefunction(around(echo, host).__call__)

    def test_an_application_that_hides_what_it_is(self, host: Host) -> None:
        assert ask_async(around(lambda *args: async_echo(*args), host)) == (200, RECEIPT)  # noqa: PLW0108

    def test_it_can_be_built_upon(self, host: Host) -> None:
        class Mine(ReceiptMiddleware):
            pass

        assert type(Mine(async_echo, host, paths=["/receipts"])) is Mine

    def test_it_is_no_asgi_2_application(self, host: Host) -> None:
        with pytest.raises(TypeError):
            around(echo, host)({"type": "http"})
