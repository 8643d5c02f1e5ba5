# SPDX-License-Identifier: Apache-2.0
"""What looking at the answers of an API costs, beside the instrumented client's own call on loopback."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Final

import requests
from benchmarks.measure import Contender, Figure, interleaved, ratios, repeated
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from messaging_status import Host
from messaging_status.capture import _requests
from messaging_status.capture.answers import Answers
from messaging_status.wrapping import Wrapping

_ANSWER: Final = b'{"response": [{"code": "1001", "transid": "t-1", "description": "Queued"}]}'
_REQUEST: Final = '{"deliverychannel": "sms", "destination": [{"msisdn": ["447700900001"]}]}'
_ROUNDS: Final = 60
_CALLS: Final = 50


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Response:
    """An answer that is there already, so that what is timed is ours alone."""

    def iter_content(self, _: int) -> Iterator[bytes]:
        return iter([_ANSWER])


class _Adapter:
    response: type[_Response] = _Response

    def send(self, _: Any) -> _Response:
        return self.response()


class _WatchedResponse(_Response):
    pass


class _WatchedAdapter(_Adapter):
    response = _WatchedResponse


def figures() -> Iterator[Figure]:
    """Our share of a call to a watched host and of one to another host."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    provider = TracerProvider(shutdown_on_exit=False)
    client = RequestsInstrumentor()
    client.instrument(tracer_provider=provider)
    session = requests.Session()
    answers = Answers(Host.load({}, strict=True))
    send, iter_content = _requests.wrappers(answers).values()
    wrapping = Wrapping()
    wrapping.wrap(f"{__name__}:_WatchedAdapter.send", send)
    wrapping.wrap(f"{__name__}:_WatchedResponse.iter_content", iter_content)
    tracer = provider.get_tracer("benchmark")

    def calls(adapter: _Adapter, hostname: str, *, is_served: bool = True) -> Contender:
        request = SimpleNamespace(url=f"https://{hostname}/v1/messages", body=_REQUEST)

        def call() -> object:
            return b"".join(adapter.send(request).iter_content(1))

        def run() -> float:
            total, spans = 0, []
            answers.late.is_served = is_served
            for _ in range(_CALLS):
                start = time.perf_counter_ns()
                with tracer.start_as_current_span("POST", kind=SpanKind.CLIENT) as span:
                    call()
                total += time.perf_counter_ns() - start
                spans.append(span.get_span_context().span_id)
            # As an exporter does, on a thread of its own.
            for span_id in spans:
                answers.late.exported(span_id)
            return total / _CALLS

        return run

    times = interleaved(
        {
            "client": repeated(lambda: session.post(url, data=_REQUEST).content, 20),
            "nobody": calls(_Adapter(), "api.webexconnect.io"),
            "watched": calls(_WatchedAdapter(), "api.webexconnect.io"),
            "not watched": calls(_WatchedAdapter(), "example.com"),
            "first": calls(_WatchedAdapter(), "api.webexconnect.io", is_served=False),
        },
        _ROUNDS,
    )
    client.uninstrument()
    server.shutdown()
    server.server_close()
    wrapping.take_off()
    names = {
        "watched": "call to a host that is watched: our share",
        "first": "the same, before the first export",
        "not watched": "call to a host that is not watched: our share",
    }
    for name, target in (("watched", 2.0), ("first", None), ("not watched", 0.2)):
        added = [ours - nobody for ours, nobody in zip(times[name], times["nobody"], strict=True)]
        beside = f"{statistics.median(added) / 1000:.1f} µs a call"
        yield Figure(names[name], ratios(added, times["client"], 100), "%", target, beside)
    yield Figure("instrumented call of requests on loopback", [value / 1e6 for value in times["client"]], "ms")
