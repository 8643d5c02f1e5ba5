# SPDX-License-Identifier: Apache-2.0
"""Receipts in Flask and FastAPI under real servers and real instrumentation, the examples, and the page about them."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from flask import Flask, request
from opentelemetry.instrumentation import asgi, wsgi
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from pytest_httpserver import HTTPServer
from starlette.requests import ClientDisconnect
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import WSGIRequestHandler, make_server

from messaging_status import Host
from messaging_status.capture.receipts import ReceiptMiddleware
from messaging_status.settings import load_settings

from .conftest import ROOT, receiving_http
from .test_receipts import (
    CONTENT,
    KIB_64,
    ON_SPAN,
    RECEIPT,
    SAID,
    SECRET,
    Traces,
    around,
    ask,
    ask_async,
    async_echo,
    echo,
    logs,
    of_messaging,
    padded,
    part,
    signed,
    traces,
)

__all__ = ["logs", "traces"]

HTTP_SCOPE = {"http_version": "1.1", "query_string": b"", "scheme": "http", "server": ("x", 80), "client": None}
Address = tuple[str, int]


@pytest.fixture(scope="module")
def served() -> Traces:
    """What the servers of this process trace."""
    return Traces()


@pytest.fixture(scope="module")
def interrupted() -> threading.Event:
    """Whether an application noticed that its client is gone."""
    return threading.Event()


@pytest.fixture(scope="module")
def flask_server(host: Host, served: Traces, interrupted: threading.Event) -> Iterator[Address]:
    """An instrumented Flask application that answers what it is sent, on a thread."""
    app = Flask("echo")
    app.wsgi_app = around(app.wsgi_app, host)  # type: ignore[assignment, method-assign]
    FlaskInstrumentor().instrument_app(app, tracer_provider=served.provider)  # type: ignore[no-untyped-call]

    @app.post("/receipts")
    def receive() -> bytes:
        try:
            return request.get_data()
        except ClientDisconnected:
            interrupted.set()
            raise

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield "127.0.0.1", server.port
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def fastapi_server(host: Host, served: Traces, interrupted: threading.Event) -> Iterator[Address]:
    """An instrumented FastAPI application that answers what it is sent, on a thread."""
    app = FastAPI()
    app.add_middleware(ReceiptMiddleware, host, paths=["/receipts"])
    FastAPIInstrumentor().instrument_app(app, tracer_provider=served.provider)

    @app.post("/receipts")
    async def receive_async(request: Request) -> Response:
        try:
            return Response(await request.body())
        except ClientDisconnect:
            interrupted.set()
            raise

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


@pytest.fixture(params=["flask_server", "fastapi_server"])
def address(request: pytest.FixtureRequest, served: Traces, interrupted: threading.Event) -> Address:
    served.clear()
    interrupted.clear()
    found: Address = request.getfixturevalue(request.param)
    return found


def posted(connection: http.client.HTTPConnection, body: Any, **headers: str) -> tuple[int, bytes]:
    """An answer to a body, which is sent in chunks where it is an iterator."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/receipts", body, named, encode_chunked=not isinstance(body, bytes))
    answer = connection.getresponse()
    content = answer.status, answer.read()
    connection.close()
    return content


def in_chunks(body: bytes, size: int = 10_000) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def until(condition: Callable[[], Any]) -> Any:
    """What a condition becomes: the span of a request ends after its answer has arrived."""
    deadline = time.monotonic() + 20
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return found


class TestRealServers:
    @pytest.mark.parametrize("is_chunked", [False, True])
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", {}),
            (b"\x00\xff{", {}),
            (RECEIPT, ON_SPAN),
            (padded(KIB_64), ON_SPAN),
            (padded(KIB_64 + 1), {}),
            (random.Random(7).randbytes(5 * KIB_64), {}),  # noqa: S311 - only to be compared
        ],
        ids=len,
    )
    def test_every_byte_arrives(
        self, address: Address, served: Traces, body: bytes, said: dict[str, Any], is_chunked: bool
    ) -> None:
        connection = http.client.HTTPConnection(*address, timeout=20)
        assert posted(connection, in_chunks(body) if is_chunked else body) == (200, body)
        (span,) = until(served.ended)
        assert of_messaging(span) == said

    def test_a_client_that_goes_meets_the_application(
        self, address: Address, served: Traces, interrupted: threading.Event
    ) -> None:
        with socket.create_connection(address, timeout=20) as client:
            client.sendall(b"POST /receipts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + RECEIPT)
        assert interrupted.wait(20)
        (span,) = until(served.ended)
        assert of_messaging(span) == {}


class TestBesideTheInstrumentationsMiddleware:
    @pytest.mark.parametrize("is_outside", [True, False])
    def test_a_wsgi_span_is_found_from_either_side(self, host: Host, traces: Traces, is_outside: bool) -> None:
        inner = echo if is_outside else around(echo, host)
        app = wsgi.OpenTelemetryMiddleware(inner, tracer_provider=traces.provider)
        given = {"wsgi.url_scheme": "http", "SERVER_NAME": "x", "SERVER_PORT": "80"}
        assert ask(around(app, host) if is_outside else app, **given) == ("200 OK", RECEIPT)
        (span,) = traces.ended()
        assert of_messaging(span) == ON_SPAN

    @pytest.mark.parametrize("is_outside", [True, False])
    def test_an_asgi_span_is_found_from_inside_and_from_outside_nothing_is_lost(
        self, host: Host, traces: Traces, logs: InMemoryLogRecordExporter, is_outside: bool
    ) -> None:
        inner = async_echo if is_outside else around(async_echo, host)
        app = asgi.OpenTelemetryMiddleware(inner, tracer_provider=traces.provider)
        assert ask_async(around(app, host) if is_outside else app, **HTTP_SCOPE) == (200, RECEIPT)
        (span,) = traces.ended()
        in_logs = [dict(record.log_record.attributes or {}) for record in logs.get_finished_logs()]
        expected = SAID if in_logs else ON_SPAN
        assert [found for found in (of_messaging(span), *in_logs) if found] == [expected]
        assert is_outside or not in_logs


INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
EXAMPLES = {
    "gunicorn": ["gunicorn", "--bind", "unix:sock", "flask_receipts:app"],
    "uvicorn": ["uvicorn", "--uds", "sock", "fastapi_receipts:app"],
}
EXPORTING = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_BSP_SCHEDULE_DELAY": "50",
    "OTEL_BLRP_SCHEDULE_DELAY": "50",
}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


@contextmanager
def running(name: str, folder: Path, **environment: str) -> Iterator[UnixConnection]:
    """An example under auto-instrumentation, in a process of its own; when that has ended, everything is exported."""
    command = [word.replace("sock", f"{folder}/sock") for word in EXAMPLES[name]]
    server = subprocess.Popen(
        [INSTRUMENT, sys.executable, "-m", *command],
        env={**os.environ, **EXPORTING, **environment},
        cwd=ROOT / "examples",
        stderr=subprocess.PIPE,
        text=True,
    )
    connection = UnixConnection(folder / "sock")

    def answers() -> bool:
        assert server.poll() is None, server.communicate()[1]
        try:
            connection.request("HEAD", "/receipts")
            answer = connection.getresponse()
        except OSError:
            connection.close()
            return False
        connection.close()
        return answer.status == 200

    try:
        assert until(answers)
        yield connection
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="these servers listen on a socket file")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_as_its_users_run_it(name: str, httpserver: HTTPServer, tmp_path: Path) -> None:
    """Signed and not, in one piece and in chunks; only the middleware is at work, not the instrumented exporters."""
    received = receiving_http(httpserver)
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "my.toml").write_text('[receipts]\nsecret_file = "secret"\n')
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint,
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "messaging_status",
        "MESSAGING_STATUS_CONFIG": str(tmp_path / "my.toml"),
    }
    large = padded(3 * KIB_64)
    with running(name, tmp_path, **environment) as connection:
        answers = [
            posted(connection, RECEIPT, x_hub_signature=signed(RECEIPT)),
            posted(connection, in_chunks(RECEIPT, 7), x_hub_signature=signed(RECEIPT, "sha512")),
            posted(connection, in_chunks(large), x_hub_signature=signed(large)),
            posted(connection, RECEIPT, x_hub_signature=signed(RECEIPT + b" ")),
            posted(connection, RECEIPT),
        ]
    assert [status for status, _ in answers] == [200, 200, 200, 401, 401]
    assert [json.loads(answer)["bytes"] for _, answer in answers[:3]] == [len(RECEIPT), len(RECEIPT), len(large)]
    found = [of_messaging(record["attributes"]) for record in received.objects()]
    assert [attributes for attributes in found if attributes] == [ON_SPAN, ON_SPAN]
    assert len(found) >= 3


@pytest.mark.parametrize("number", range(3))
def test_a_snippet_of_the_page_runs(number: int, tmp_path: Path) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/receipts.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(snippets) == 3
    snippet: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(snippets[number], "receipts.md", "exec"), snippet)  # noqa: S102 - it is ours
    if number == 0:
        answer = snippet["app"].test_client().post("/receipts", json=CONTENT)
        assert (answer.status_code, answer.text) == (200, "")
    elif number == 1:
        headers = {"content-type": "application/json"}
        assert ask_async(snippet["app"], part(RECEIPT), headers=headers, **HTTP_SCOPE) == (200, b"null")


def test_the_settings_of_the_page_are_settings() -> None:
    (settings,) = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "docs/receipts.md").read_text(), re.MULTILINE | re.DOTALL)
    receipts = load_settings(tomllib.loads(settings)).receipts
    assert (receipts.paths, receipts.secret_file) == (("/receipts",), "receipts.secret")
