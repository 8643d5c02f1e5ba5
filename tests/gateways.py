# SPDX-License-Identifier: Apache-2.0
"""The gateway as a user starts it, in a process of its own, and next hops that answer what a test wants."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

__all__ = [
    "EXPORT",
    "Gateway",
    "GrpcHop",
    "ask_grpc",
    "end",
    "gateway",
    "grpc_hop",
    "hold",
    "kept_by",
    "spans_request",
    "wait_for",
]

SECONDS = 20
"""How long it may take to start, and to end."""
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass(slots=True)
class Gateway:
    """A running gateway.

    Attributes:
        process: Its process; with several workers the one that looks after them.
        grpc: Where it receives OTLP/gRPC, as host and port.
        http: Where it receives OTLP/HTTP, as a URL.
    """

    process: subprocess.Popen[bytes]
    grpc: str
    http: str
    printed: Path

    def output(self) -> str:
        """What it has printed so far."""
        return self.printed.read_text()

    def metrics(self) -> dict[str, float]:
        """What it counts, by name and labels as Prometheus writes them."""
        lines = requests.get(f"{self.http}/metrics", timeout=5).text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def post(self, path: str = "/v1/traces", body: Any = b"", **headers: str) -> requests.Response:
        """Ask over HTTP, as a protobuf client."""
        sent = {"Content-Type": "application/x-protobuf"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return requests.post(f"{self.http}{path}", data=body, headers=sent, timeout=10, allow_redirects=False)

    def export(self, body: bytes = b"", metadata: Sequence[tuple[str, str]] = (), **options: Any) -> bytes:
        """Ask over gRPC, for spans."""
        with grpc.insecure_channel(self.grpc) as channel:
            return ask_grpc(channel, EXPORT, body, metadata=tuple(metadata), **options)


@contextmanager
def gateway(folder: Path, next_hop: str, *options: str, **environment: str) -> Iterator[Gateway]:
    """Run a gateway on free ports of 127.0.0.1, while the block runs.

    Args:
        folder: An empty one, or the folder of the test.
        next_hop: Where it sends, as a URL.
        options: Further options of the command.
        environment: Environment variables.
    """
    command = [sys.executable, "-m", "messaging_status.cli", "gateway", "--next-hop", next_hop]
    ports = [] if "--http" in options else ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    printed = folder / f"gateway-{time.monotonic_ns()}"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [*command, *ports, *options], env=os.environ | environment, stdout=out, stderr=out, cwd=folder
        )
    try:
        wait_for(lambda: "messaging-status gateway:" in printed.read_text() or process.poll() is not None)
        found = re.search(r"OTLP/gRPC on (\S+), OTLP/HTTP on (\S+),", printed.read_text())
        assert found, printed.read_text()
        scheme = "https" if "--certificate" in options else "http"
        yield Gateway(process, found[1], f"{scheme}://{found[2]}", printed)
    finally:
        end(process)


@dataclass(slots=True)
class GrpcHop:
    """A next hop over gRPC that answers what a test wants.

    Attributes:
        url: Where it is.
        answer: What it does with a request: its bytes and its context in, bytes out.
        received: Method, bytes and metadata of each request.
    """

    url: str = ""
    answer: Callable[[bytes, grpc.ServicerContext], bytes] = lambda _, __: b""
    received: list[tuple[str, bytes, dict[str, str | bytes]]] = field(default_factory=list)


class _Anything(grpc.GenericRpcHandler):
    def __init__(self, hop: GrpcHop) -> None:
        self._hop = hop

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self._hop.received.append((details.method, request, dict(context.invocation_metadata())))
            return self._hop.answer(request, context)

        return grpc.unary_unary_rpc_method_handler(answer)


@contextmanager
def grpc_hop(credentials: grpc.ServerCredentials | None = None) -> Iterator[GrpcHop]:
    """Run a next hop over gRPC on a free port of 127.0.0.1, while the block runs."""
    hop = GrpcHop()
    server = grpc.server(ThreadPoolExecutor(8), handlers=[_Anything(hop)])
    if credentials is None:
        hop.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        hop.url = f"https://localhost:{server.add_secure_port('127.0.0.1:0', credentials)}"
    server.start()
    try:
        yield hop
    finally:
        server.stop(grace=None).wait()


def ask_grpc(channel: grpc.Channel, method: str, body: bytes, **options: Any) -> bytes:
    """What a method answers, as bytes."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    return call(body, timeout=10, **options)


def kept_by(server: HTTPServer, path: str = "/v1/traces", answer: bytes = b"") -> list[tuple[Mapping[str, str], bytes]]:
    """Headers and body of each request that a server gets from now on."""
    kept: list[tuple[Mapping[str, str], bytes]] = []

    def keep(request: Request) -> Response:
        kept.append((dict(request.headers), request.get_data()))
        return Response(answer)

    server.expect_request(path).respond_with_handler(keep)
    return kept


def hold(hop: GrpcHop, answer: bytes = b"") -> tuple[threading.Semaphore, threading.Event]:
    """Have a next hop wait: what says that it has a request, and what lets it answer."""
    waiting, going_on = threading.Semaphore(0), threading.Event()

    def held(_: bytes, __: grpc.ServicerContext) -> bytes:
        waiting.release()
        going_on.wait(10)
        return answer

    hop.answer = held
    return waiting, going_on


def spans_request(*codes: str | None, key: str = "messaging.status.code") -> bytes:
    """A request with a span on sms for each code; one without a status for None."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for code in codes:
        said = {"messaging.system": "webex_connect", "messaging.channel": "sms", key: code} if code else {"a": "b"}
        span = scope.spans.add(name="send", trace_id=os.urandom(16), span_id=os.urandom(8))
        span.attributes.extend(KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in said.items())
    return request.SerializeToString()


def end(process: subprocess.Popen[bytes]) -> None:
    """Tell a process to end, and end it if it does not."""
    process.terminate()
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(is_true: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until something is true; fail if it does not become so."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
