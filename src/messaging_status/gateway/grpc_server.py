# SPDX-License-Identifier: Apache-2.0
"""OTLP over gRPC. Messages are taken and answered as bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from messaging_status.gateway.answer import Answer, grpc_body, grpc_metadata
from messaging_status.gateway.next_hop import Headers
from messaging_status.gateway.refused import Cause, Refused
from messaging_status.gateway.relay import Relay, Sent
from messaging_status.gateway.signals import Signal

__all__ = ["grpc_server"]

_Export = Callable[[bytes, Any], Awaitable[bytes]]


def grpc_server(relay: Relay, *, shares_port: bool) -> grpc.aio.Server:
    """A server of OTLP/gRPC that is not bound to a port yet.

    Args:
        relay: What passes requests on.
        shares_port: Whether other processes listen on the same port.
    """
    settings = relay.settings
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", settings.max_unpacked),
            ("grpc.max_metadata_size", settings.max_headers),
            ("grpc.absolute_max_metadata_size", settings.max_headers),
            ("grpc.max_concurrent_streams", settings.max_in_flight),
            ("grpc.so_reuseport", int(shares_port)),
        )
    )
    for signal in Signal:
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_exporting(relay, signal))
        handler = grpc.method_handlers_generic_handler(signal.service, {"Export": method})
        server.add_generic_rpc_handlers((handler,))
    return server


def _exporting(relay: Relay, signal: Signal) -> _Export:
    async def export(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        metadata = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
        answer = await relay.answered(signal, "grpc", _passed(relay, signal, request, metadata))
        if not answer.is_ok:
            await context.abort(answer.code, answer.message, grpc_metadata(answer))
        return grpc_body(answer)

    return export


async def _passed(relay: Relay, signal: Signal, request: bytes, metadata: Headers) -> Answer:
    if not relay.admits(dict(metadata).get("authorization")):
        raise Refused(Cause.UNAUTHENTICATED, "a bearer token is needed")
    with relay.place():
        headers = relay.passed_on(metadata)
        sent = Sent(signal=signal, body=request, is_json=False, is_packed=False, headers=headers)
        return await relay.passed(sent)
