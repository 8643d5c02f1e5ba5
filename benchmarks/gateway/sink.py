# SPDX-License-Identifier: Apache-2.0
"""The next hop of all subjects: it accepts everything, counts spans without parsing, and keeps a sample."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

import grpc.aio
from aiohttp import web
from benchmarks.gateway.bodies import MARK, SPANS
from benchmarks.gateway.child import Answer

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_SAMPLED_EACH: Final = 50 * SPANS
_MOST_SAMPLES: Final = 4
_MAX_BYTES: Final = 2**26


@dataclass(slots=True)
class Arrived:
    """What has arrived since the last question for it to begin anew.

    Attributes:
        spans: How many.
        last: When the last of them came, in seconds of the monotonic clock, which all processes share.
        sample: Some requests, to be looked at when nothing is measured.
    """

    spans: int = 0
    last: float = 0.0
    sample: list[bytes] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        """Count a request."""
        if self.spans >= len(self.sample) * _SAMPLED_EACH and len(self.sample) < _MOST_SAMPLES:
            self.sample.append(body)
        self.spans += body.count(MARK)
        self.last = time.monotonic()


async def sink() -> tuple[tuple[str, str], Answer]:
    """Receive over HTTP and gRPC; says both addresses.

    It answers ``begin`` (and forgets what was before), ``spans``, ``last`` and ``sample``.
    """
    arrived = Arrived()

    async def over_http(request: web.Request) -> web.Response:
        arrived.take(await request.read())
        return web.Response(content_type="application/x-protobuf")

    async def over_grpc(request: bytes, _: Any) -> bytes:
        arrived.take(request)
        return b""

    async def answer(what: str) -> Any:
        if what == "begin":
            arrived.spans, arrived.sample = 0, []
            return None
        return getattr(arrived, what)

    app = web.Application(client_max_size=_MAX_BYTES)
    app.router.add_post("/v1/traces", over_http)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = grpc.aio.server(options=(("grpc.max_receive_message_length", _MAX_BYTES),))
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(over_grpc)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    app["server"] = server  # grpc stops a server that nothing holds
    return (f"127.0.0.1:{runner.addresses[0][1]}", f"127.0.0.1:{port}"), answer
