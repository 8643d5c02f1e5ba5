# SPDX-License-Identifier: Apache-2.0
"""What the gateway refuses, and what it tells whom: limits, mistakes, tokens, certificates, the next hop's failures."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
import requests
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from .gateways import EXPORT, Gateway, GrpcHop, ask_grpc, gateway, grpc_hop, hold, kept_by, wait_for

MIB = 1024 * 1024
LIMITS = (
    *("--max-body", "300000", "--max-unpacked", str(2 * MIB), "--max-in-flight", "2", "--max-headers", "4000"),
    *("--max-depth", "12", "--read-timeout", "0.5", "--timeout", "1.5"),
)


@pytest.fixture(scope="module")
def hops() -> Iterator[GrpcHop]:
    with grpc_hop() as running:
        yield running


@pytest.fixture(scope="module")
def to_grpc(tmp_path_factory: pytest.TempPathFactory, hops: GrpcHop) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("limits"), hops.url, "--protocol", "grpc", *LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def to_http(tmp_path_factory: pytest.TempPathFactory, make_httpserver: HTTPServer) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("limits")
    with gateway(folder, make_httpserver.url_for("/otlp"), *LIMITS) as running:
        yield running


@pytest.fixture
def hop(hops: GrpcHop) -> GrpcHop:
    hops.received.clear()
    hops.answer = lambda _, __: b""
    return hops


def grpc_failure(to: Gateway, body: bytes = b"", **options: Any) -> tuple[grpc.StatusCode, str, float | None]:
    """Code, message and the seconds of the RetryInfo of an export that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        to.export(body, **options)
    error: Any = caught.value
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    info = RetryInfo()
    found = details is not None and any(item.Unpack(info) for item in Status.FromString(details).details)
    return error.code(), error.details(), info.retry_delay.seconds + info.retry_delay.nanos / 1e9 if found else None


def http_failure(answer: requests.Response) -> tuple[int, int, str]:
    """HTTP's status, gRPC's code in the body, and its message."""
    status = Status.FromString(answer.content)
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    return answer.status_code, status.code, status.message


def raw(to: Gateway, content: bytes) -> bytes:
    """What the gateway answers until it closes the connection."""
    host, port = to.http.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(content)
        return b"".join(iter(lambda: connection.recv(65536), b""))


class TestLimits:
    def test_a_body_that_is_too_large(self, to_http: Gateway) -> None:
        expected = (413, 8, "the request has more than 300000 bytes")
        assert http_failure(to_http.post(body=b"\0" * 300_001)) == expected
        assert http_failure(to_http.post(body=iter([b"\0" * 100_000] * 4))) == expected

    def test_a_bomb_is_refused_at_the_limit(self, to_http: Gateway) -> None:
        bomb = gzip.compress(b"\0" * (200 * MIB))
        before = psutil.Process(to_http.process.pid).memory_info().rss
        for _ in range(5):
            answer = http_failure(to_http.post(body=bomb, Content_Encoding="gzip"))
            assert answer == (413, 8, f"the request has more than {2 * MIB} bytes when it is unpacked")
        assert psutil.Process(to_http.process.pid).memory_info().rss - before < 60 * MIB

    def test_a_bomb_over_grpc(self, to_grpc: Gateway) -> None:
        before = psutil.Process(to_grpc.process.pid).memory_info().rss
        for _ in range(3):
            code, _, _ = grpc_failure(to_grpc, b"\0" * (100 * MIB), compression=grpc.Compression.Gzip)
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert psutil.Process(to_grpc.process.pid).memory_info().rss - before < 60 * MIB

    def test_more_in_flight_than_there_may_be(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        waiting, going_on = hold(hop)
        with ThreadPoolExecutor() as pool:
            try:
                first: list[Future[Any]] = [pool.submit(to_grpc.post), pool.submit(to_grpc.export)]
                assert all(waiting.acquire(timeout=5) for _ in first)
                answered = to_grpc.post()
                assert http_failure(answered) == (429, 8, "too many requests in flight")
                assert answered.headers["Retry-After"] == "1"
                expected = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests in flight", 1.0)
                assert grpc_failure(to_grpc) == expected
            finally:
                going_on.set()
            assert [done.result(5) is not None for done in first] == [True, True]
        assert to_grpc.post().status_code == 200

    def test_headers_that_are_too_large(self, to_http: Gateway) -> None:
        assert to_http.post(X_Much="y" * 5_000).status_code in (400, 431)
        assert to_http.post(**{f"X-{number}": "y" for number in range(500)}).status_code in (400, 431)
        code, _, _ = grpc_failure(to_http, metadata=[("x-much", "y" * 5_000)])
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED

    def test_slow_senders_keep_nobody_out(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(b"")
        head = (
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n"
        )
        host, port = to_http.http.removeprefix("http://").split(":")
        with ExitStack() as stack:
            for _ in range(6):
                stack.enter_context(socket.create_connection((host, int(port)))).sendall(head)
            assert to_http.post().status_code == 200

    def test_json_of_too_many_objects(self, tmp_path: Path) -> None:
        sent = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
        with gateway(tmp_path, "http://127.0.0.1:1") as running:
            answer = running.post(body=gzip.compress(b'{"a":[' + b"{}," * 1_000_000 + b"{}]}"), **sent)
            assert (answer.status_code, answer.json()["message"]) == (413, "the JSON has more than 1000000 objects")

    def test_json_that_nests_too_deep(self, to_http: Gateway) -> None:
        for depth in (13, 40_000):
            answer = to_http.post(body=b'{"a":' * depth + b"1" + b"}" * depth, Content_Type="application/json")
            assert (answer.status_code, answer.json()) == (400, {"code": 3, "message": "the JSON nests deeper than 12"})

    def test_a_sender_that_is_slow_with_its_body(self, to_http: Gateway) -> None:
        head = (
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n"
        )
        answer = raw(to_http, head + b"abc")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the request was not sent within 0.5 s" in answer

    def test_senders_that_go_away(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(b"")
        host, port = to_http.http.removeprefix("http://").split(":")
        head = (
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n"
        )
        for content in (b"", head[:20], head, head + b"abc", head + b"abcdefghi"):
            for _ in range(5):
                socket.create_connection((host, int(port))).close()
                with socket.create_connection((host, int(port))) as connection:
                    connection.sendall(content)
        wait_for(lambda: to_http.metrics()["messaging_status_gateway_in_flight"] == 0)
        assert to_http.post().status_code == 200
        assert "Traceback" not in to_http.output()


class TestMistakes:
    @pytest.mark.parametrize(
        ("headers", "status", "message"),
        [
            (
                {"Content_Type": "text/plain"},
                415,
                "the content type has to be application/x-protobuf or application/json",
            ),
            ({"Content_Encoding": "br"}, 415, "the content encoding has to be gzip, or none"),
            ({"Content_Encoding": "gzip"}, 400, "the body is not gzip"),
        ],
        ids=["type", "encoding", "no gzip"],
    )
    def test_headers(self, to_http: Gateway, headers: dict[str, str], status: int, message: str) -> None:
        assert http_failure(to_http.post(body=b"abc", **headers)) == (status, 3, message)

    def test_a_header_that_cannot_be_passed_on(self, to_grpc: Gateway) -> None:
        answer = raw(
            to_grpc,
            b"POST /v1/traces HTTP/1.0\r\nContent-Type: application/x-protobuf\r\nAuthorization: \xe9\r\nContent-Length: 0\r\n\r\n",
        )
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert b"the header Authorization has other characters than printable ASCII" in answer

    def test_unknown_paths_and_methods(self, to_http: Gateway) -> None:
        assert to_http.post("/v1/profiles").status_code == 404
        assert requests.get(f"{to_http.http}/v1/traces", timeout=5).status_code == 405
        with grpc.insecure_channel(to_http.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
            ask_grpc(channel, "/a.B/C", b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    def test_bytes_that_are_no_request_go_on(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no protobuf")

        hop.answer = refuse
        bad = b"\xff\xffmessaging.status.code"
        assert http_failure(to_grpc.post(body=bad)) == (400, 3, "no protobuf")
        assert grpc_failure(to_grpc, bad) == (grpc.StatusCode.INVALID_ARGUMENT, "no protobuf", None)
        assert [request for _, request, _ in hop.received] == [bad, bad]

    def test_json_that_is_none_cannot_go_on_over_grpc(self, to_grpc: Gateway) -> None:
        for body in (
            b"{",
            b"[]",
            b'{"resourceSpans": 1}',
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"1"}],"spans":[{"name":"2"}]}]}]}',
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x"}]}]}]}',
        ):
            answer = to_grpc.post(body=body, Content_Type="application/json")
            assert (answer.status_code, answer.json()["message"]) == (400, "the body is not OTLP in JSON")

    def test_http_1_0_and_what_is_no_http(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(b"")
        head = b"POST /v1/traces HTTP/1.0\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
        assert raw(to_http, head).startswith(b"HTTP/1.0 200 ")
        assert raw(to_http, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.0 400 ")
        assert to_http.post().status_code == 200


class TestNextHopOverGrpc:
    def test_what_it_rejected_in_part(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        partial = ExportTraceServiceResponse()
        partial.partial_success.rejected_spans, partial.partial_success.error_message = 3, "too old"
        hop.answer = lambda _, __: partial.SerializeToString()
        assert to_grpc.export() == partial.SerializeToString()
        assert to_grpc.post().content == partial.SerializeToString()
        answer = to_grpc.post(body=b"{}", Content_Type="application/json")
        assert answer.json() == {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}

    @pytest.mark.parametrize(
        ("code", "retry", "status"),
        [
            (grpc.StatusCode.RESOURCE_EXHAUSTED, 2.5, 429),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, None, 413),
            (grpc.StatusCode.UNAVAILABLE, 7.0, 503),
            (grpc.StatusCode.UNAVAILABLE, None, 503),
            (grpc.StatusCode.UNAUTHENTICATED, None, 401),
            (grpc.StatusCode.PERMISSION_DENIED, None, 403),
            (grpc.StatusCode.UNIMPLEMENTED, None, 404),
            (grpc.StatusCode.ABORTED, None, 503),
            (grpc.StatusCode.INTERNAL, None, 500),
        ],
    )
    def test_its_failures(
        self, to_grpc: Gateway, hop: GrpcHop, code: grpc.StatusCode, retry: float | None, status: int
    ) -> None:
        details = Status(code=code.value[0], message="why")
        if retry is not None:
            info = RetryInfo()
            info.retry_delay.FromNanoseconds(int(retry * 1e9))
            details.details.add().Pack(info)

        def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
            if retry is not None:
                context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
            context.abort(code, "why")

        hop.answer = refuse
        # Without details, UNAVAILABLE may be gRPC's own word, which names addresses.
        is_bare = code is grpc.StatusCode.UNAVAILABLE and retry is None
        why = "the next hop cannot be reached, or is not available" if is_bare else "why"
        assert grpc_failure(to_grpc) == (code, why, retry)
        answer = to_grpc.post()
        assert http_failure(answer) == (status, code.value[0], why)
        assert answer.headers.get("Retry-After") == {2.5: "3", 7.0: "7", None: None}[retry]

    def test_it_is_slow(self, to_grpc: Gateway, hop: GrpcHop) -> None:
        _, going_on = hold(hop)
        message = "the next hop did not answer within 1.5 s"
        with ThreadPoolExecutor() as pool:
            over_http = pool.submit(to_grpc.post)
            assert grpc_failure(to_grpc) == (grpc.StatusCode.UNAVAILABLE, message, None)
            assert http_failure(over_http.result()) == (503, 14, message)
        going_on.set()

    def test_it_is_down(self, tmp_path: Path) -> None:
        with gateway(tmp_path, "http://127.0.0.1:1", "--protocol", "grpc") as running:
            message = "the next hop cannot be reached, or is not available"
            assert grpc_failure(running) == (grpc.StatusCode.UNAVAILABLE, message, None)
            assert http_failure(running.post()) == (503, 14, message)
            assert running.output().count("senders are told to try again") == 1


class TestNextHopOverHttp:
    @pytest.mark.parametrize(
        ("status", "retry_after", "code", "retry"),
        [
            (429, "3", grpc.StatusCode.RESOURCE_EXHAUSTED, 3.0),
            (429, None, grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0),
            (503, "9", grpc.StatusCode.UNAVAILABLE, 9.0),
            (503, None, grpc.StatusCode.UNAVAILABLE, None),
            (502, None, grpc.StatusCode.UNAVAILABLE, None),
            (400, None, grpc.StatusCode.INVALID_ARGUMENT, None),
            (401, None, grpc.StatusCode.UNAUTHENTICATED, None),
            (413, None, grpc.StatusCode.RESOURCE_EXHAUSTED, None),
            (500, None, grpc.StatusCode.UNKNOWN, None),
        ],
    )
    def test_its_failures(  # noqa: PLR0917 - a row of the table, and the two sides
        self,
        to_http: Gateway,
        httpserver: HTTPServer,
        status: int,
        retry_after: str | None,
        code: grpc.StatusCode,
        retry: float | None,
    ) -> None:
        body = Status(code=99, message="why").SerializeToString()
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(
            body, status=status, headers=headers, content_type="application/x-protobuf"
        )
        answer = to_http.post()
        assert (answer.status_code, answer.content, answer.headers.get("Retry-After")) == (status, body, retry_after)
        assert grpc_failure(to_http) == (code, "why", retry)

    def test_what_it_rejected_in_part(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        partial = ExportTraceServiceResponse()
        partial.partial_success.rejected_spans = 3
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(
            partial.SerializeToString(), content_type="application/x-protobuf"
        )
        assert to_http.export() == partial.SerializeToString()
        assert to_http.post().content == partial.SerializeToString()

    def test_an_answer_that_is_no_protobuf(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/otlp/v1/traces").respond_with_data("<p>OK</p>", content_type="text/html")
        assert to_http.export() == b""
        assert to_http.post().text == "<p>OK</p>"

    @pytest.mark.parametrize("status", [503, 400])
    def test_a_long_message_is_cut(self, to_http: Gateway, httpserver: HTTPServer, status: int) -> None:
        body = Status(code=14, message="a" * 20_000).SerializeToString()
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(
            body, status=status, headers={"Retry-After": "2"}, content_type="application/x-protobuf"
        )
        code = {503: grpc.StatusCode.UNAVAILABLE, 400: grpc.StatusCode.INVALID_ARGUMENT}[status]
        assert grpc_failure(to_http) == (code, "a" * 1_000, {503: 2.0, 400: None}[status])

    def test_what_it_says_is_not_logged(self, tmp_path: Path, httpserver: HTTPServer) -> None:
        body = json.dumps({"message": "cannot store +491701234567\nERROR"}).encode()
        httpserver.expect_request("/v1/traces").respond_with_data(body, 503, content_type="application/json")
        with gateway(tmp_path, httpserver.url_for("/")) as running:
            assert running.post().status_code == 503
            assert "senders are told to try again: the next hop says that it is not available" in running.output()
            assert "4917" not in running.output()

    def test_probes_are_few(self, tmp_path: Path, httpserver: HTTPServer) -> None:
        kept = kept_by(httpserver)
        with gateway(tmp_path, httpserver.url_for("/")) as running, ThreadPoolExecutor(8) as pool:
            url = f"{running.http}/readyz"
            asked = [pool.submit(requests.get, url, timeout=5) for _ in range(40)]
            assert {done.result().status_code for done in asked} == {200}
        assert len(kept) <= 3

    def test_it_sends_elsewhere(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/otlp/v1/traces").respond_with_data(b"", 307, {"Location": "http://127.0.0.1:1/"})
        assert to_http.post().status_code == 500
        message = "the next hop answered HTTP 307, which goes elsewhere; the gateway does not follow"
        assert grpc_failure(to_http) == (grpc.StatusCode.UNKNOWN, message, None)

    def test_it_is_slow_or_breaks_off(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        def answer(_: Request) -> Response:
            time.sleep(2.5)
            return Response(b"")

        httpserver.expect_request("/otlp/v1/traces").respond_with_handler(answer)
        assert http_failure(to_http.post()) == (503, 14, "the next hop did not answer within 1.5 s")

    def test_an_endless_answer_is_not_kept(self, to_http: Gateway, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/otlp/v1/traces").respond_with_handler(
            lambda _: Response((b"x" * MIB for _ in range(50)), content_type="application/x-protobuf")
        )
        before = psutil.Process(to_http.process.pid).memory_info().rss
        answer = to_http.post()
        assert (answer.status_code, answer.content) == (200, b"")
        assert psutil.Process(to_http.process.pid).memory_info().rss - before < 30 * MIB


class TestSecurity:
    def test_bearer_tokens(self, tmp_path: Path, hop: GrpcHop) -> None:
        (tmp_path / "tokens").write_text("first\n\nsecond\n")
        with gateway(tmp_path, hop.url, "--protocol", "grpc", "--tokens-file", "tokens") as running:
            asked = raw(running, b"GET /metrics HTTP/1.0\r\nAuthorization: Bearer \xff\r\n\r\n")
            assert asked.startswith(b"HTTP/1.0 401 ")
            for given in (None, "Bearer ", "Bearer third", "first", "Basic first", "Bearer first second"):
                headers = {} if given is None else {"Authorization": given}
                answer = running.post(**headers)
                assert http_failure(answer) == (401, 16, "a bearer token is needed"), given
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                metadata = [] if given is None else [("authorization", given)]
                assert grpc_failure(running, metadata=metadata)[0] is grpc.StatusCode.UNAUTHENTICATED
            assert hop.received == []
            for given in ("Bearer first", "bearer second"):
                assert running.post(Authorization=given).status_code == 200
                assert running.export(metadata=[("authorization", given)]) == b""
            assert [metadata.get("authorization") for *_, metadata in hop.received] == [None] * 4
            assert requests.get(f"{running.http}/healthz", timeout=5).status_code == 200
            assert requests.get(f"{running.http}/readyz", timeout=5).status_code == 200
            assert requests.get(f"{running.http}/metrics", timeout=5).status_code == 401

    @pytest.mark.parametrize("protocol", ["grpc", "http"])
    def test_tls_and_client_certificates_on_both_sides(self, tmp_path: Path, protocol: str) -> None:
        ca, others = trustme.CA(), trustme.CA()
        server, client, stranger = ca.issue_cert("localhost", "127.0.0.1"), ca.issue_cert("a"), others.issue_cert("b")
        for name, certificate in (("server", server), ("client", client), ("stranger", stranger)):
            certificate.private_key_pem.write_to_path(tmp_path / f"{name}.key")
            certificate.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        ca.cert_pem.write_to_path(tmp_path / "ca.pem")
        key, chain, root = ((tmp_path / name).read_bytes() for name in ("server.key", "server.pem", "ca.pem"))
        options = (
            *("--certificate", "server.pem", "--key", "server.key", "--client-ca", "ca.pem", "--protocol", protocol),
            *("--next-hop-ca", "ca.pem", "--next-hop-certificate", "client.pem", "--next-hop-key", "client.key"),
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        hop_credentials = grpc.ssl_server_credentials([(key, chain)], root, require_client_auth=True)
        with grpc_hop(hop_credentials) as over_grpc, HTTPServer(host="localhost", ssl_context=context) as over_http:
            over_http.expect_request("/v1/traces").respond_with_data(b"")
            url = over_grpc.url if protocol == "grpc" else over_http.url_for("/")
            with gateway(tmp_path, url, *options) as running:

                def ask(name: str) -> int:
                    return requests.post(
                        f"{running.http.replace('127.0.0.1', 'localhost')}/v1/traces",
                        headers={"Content-Type": "application/x-protobuf"},
                        verify=str(tmp_path / "ca.pem"),
                        cert=(str(tmp_path / f"{name}.pem"), str(tmp_path / f"{name}.key")),
                        timeout=5,
                    ).status_code

                def export(name: str) -> bytes:
                    key, chain = ((tmp_path / f"{name}.{kind}").read_bytes() for kind in ("key", "pem"))
                    credentials = grpc.ssl_channel_credentials(root, key, chain)
                    with grpc.secure_channel(running.grpc.replace("127.0.0.1", "localhost"), credentials) as channel:
                        return ask_grpc(channel, EXPORT, b"")

                assert ask("client") == 200
                assert export("client") == b""
                with pytest.raises(requests.ConnectionError):
                    ask("stranger")
                with pytest.raises(grpc.RpcError):
                    export("stranger")
                with pytest.raises((OSError, http.client.HTTPException)):
                    requests.get(running.http.replace("https", "http"), timeout=5)

    def test_a_next_hop_with_another_certificate(self, tmp_path: Path) -> None:
        with (
            grpc_hop() as plain,
            gateway(tmp_path, plain.url.replace("http:", "https:"), "--protocol", "grpc") as running,
        ):
            assert grpc_failure(running)[0] is grpc.StatusCode.UNAVAILABLE


def start(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "messaging_status.cli", "gateway", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=20, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


class TestStart:
    HOP = ("--next-hop", "http://127.0.0.1:9", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ((), "gateway.next_hop: is not set; expected where to send everything, as 'http://collector:4318'"),
            (("--next-hop", "collector:4318"), "is not a URL, as 'http://collector:4318'"),
            (("--next-hop", "http://localhost:4318"), "is where the gateway itself receives (gateway.http)"),
            ((*HOP, "--protocol", "udp"), "gateway.protocol: 'udp' is not 'grpc' or 'http'"),
            ((*HOP, "--workers", "0"), "gateway.workers: 0 is not a number of processes, 1 or more"),
            (
                (*HOP, "--certificate", "none.pem"),
                "gateway.certificate and gateway.key: one is of no use without the other",
            ),
            (
                (*HOP, "--certificate", "none.pem", "--key", "none.key"),
                "gateway.certificate: none.pem: cannot be read: No such file or directory",
            ),
            ((*HOP, "--tokens-file", "none"), "gateway.tokens_file: none: cannot be read: No such file or directory"),
            ((*HOP, "--tokens-file", "empty"), "gateway.tokens_file: empty: there is no token in it; write one a line"),
            (("--next-hop", "http://x:1/y", "--protocol", "grpc"), "gRPC has no path"),
            (("--next-hop", "http://x:99999"), "gateway.next_hop: http://x:99999 is not a URL"),
            (("--next-hop", "http://[::1"), "gateway.next_hop: http://[::1 is not a URL"),
            (("--next-hop", "http://localhost", "--protocol", "grpc"), "(gateway.grpc)"),
            (("--next-hop", "http://127.0.0.1:4318", "--http", "0.0.0.0:4318"), "(gateway.http)"),
            ((*HOP[:2], "--http", "127.0.0.1:99999"), "there are ports up to 65535 only"),
            ((*HOP, "--max-in-flight", "4294967296"), "gateway.max_in_flight: 4294967296 is not a whole number"),
            ((*HOP, "--timeout", "inf"), "gateway.timeout: inf is not a number of seconds"),
            ((*HOP, "--pass-headers", "Content-Length"), "'Content-Length' is for one connection, or binary"),
            ((*HOP, "--pass-headers", "x-trace-bin"), "'x-trace-bin' is for one connection, or binary"),
            ((*HOP, "--pass-headers", "x y"), "gateway.pass_headers"),
            ((*HOP, "--next-hop-ca", "empty"), "gateway.next_hop_ca: is of no use with a next_hop of http:"),
            (
                ("--next-hop", "https://x:1", *HOP[2:], "--next-hop-ca", "empty"),
                "gateway.next_hop_ca: empty: cannot be used",
            ),
            (
                (*HOP, "--certificate", "empty", "--key", "empty"),
                "gateway.certificate and gateway.key: empty and empty: cannot be used",
            ),
        ],
    )
    def test_settings_that_cannot_be_followed(self, tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
        (tmp_path / "empty").write_text("\n")
        code, said = start(tmp_path, *options)
        assert code == 2
        assert problem in said

    def test_a_key_that_is_encrypted(self, tmp_path: Path) -> None:
        made = trustme.CA().issue_cert("localhost")
        key = load_pem_private_key(made.private_key_pem.bytes(), None)
        encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        (tmp_path / "a.key").write_bytes(encrypted)
        made.cert_chain_pems[0].write_to_path(tmp_path / "a.pem")
        code, said = start(tmp_path, *self.HOP, "--certificate", "a.pem", "--key", "a.key")
        assert code == 2
        assert "the key is encrypted; expected one that is not" in said

    @pytest.mark.parametrize("workers", ["1", "2"])
    @pytest.mark.parametrize("which", ["grpc", "http"])
    def test_a_port_that_is_in_use(self, tmp_path: Path, workers: str, which: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            code, said = start(tmp_path, *self.HOP, f"--{which}", address, "--workers", workers)
        assert code == 2
        assert f"gateway.{which}: cannot listen on {address}" in said
