# SPDX-License-Identifier: Apache-2.0
"""A next hop in a process of its own that writes the numbers of spans down before it answers.

What is written survives the process, so that it may be killed at any time: `python tests/numbered_hop.py HTTP GRPC FILE`,
with host and port of both receivers. A span that nothing has been put on is written down as a negative number.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from typing import Any

import grpc.aio
from aiohttp import web
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["NUMBER", "TRACES_SERVICE"]

NUMBER = "test.number"
TRACES_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
WAITS_S = 0.01
"""At most how long it waits before it writes, and again before it answers: both are times to be killed at."""


class Hop:
    """Receives over HTTP and gRPC."""

    def __init__(self, file: str) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self._file, b"\n")  # what was killed in the middle of a line has left one without an end

    async def over_http(self, request: web.Request) -> web.Response:
        body = await request.read()
        is_json = request.content_type == "application/json"
        message = ExportTraceServiceRequest()
        await self._keep(Parse(body, message) if is_json else ExportTraceServiceRequest.FromString(body))
        return web.Response(body=b"{}" if is_json else b"", content_type=request.content_type)

    async def over_grpc(self, request: bytes, _: Any) -> bytes:
        await self._keep(ExportTraceServiceRequest.FromString(request))
        return b""

    async def _keep(self, request: ExportTraceServiceRequest) -> None:
        await asyncio.sleep(random.uniform(0, WAITS_S))  # noqa: S311 - any moment will do
        os.write(self._file, "".join(f"{number}\n" for number in _numbers(request)).encode())
        await asyncio.sleep(random.uniform(0, WAITS_S))  # noqa: S311 - any moment will do


def _numbers(request: ExportTraceServiceRequest) -> list[int]:
    spans = [
        {attribute.key: attribute.value for attribute in span.attributes}
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    return [span[NUMBER].int_value * (1 if "messaging.status.description" in span else -1) for span in spans]


async def _serve(http: str, for_grpc: str, file: str) -> None:
    hop, stopped = Hop(file), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    app = web.Application()
    app.router.add_post("/v1/traces", hop.over_http)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    host, _, port = http.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    server = grpc.aio.server()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(hop.over_grpc)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(TRACES_SERVICE, {"Export": method}),))
    server.add_insecure_port(for_grpc)
    await server.start()
    print("receiving", flush=True)  # noqa: T201 - whoever has started it waits for this
    await stopped.wait()
    await asyncio.gather(server.stop(1), runner.cleanup())


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
