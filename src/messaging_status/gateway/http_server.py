# SPDX-License-Identifier: Apache-2.0
"""OTLP over HTTP, and what operators ask for: is it alive, is it ready, what has it counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from messaging_status.gateway.answer import Answer, http_answer
from messaging_status.gateway.refused import Cause, Refused
from messaging_status.gateway.relay import Relay, Sent
from messaging_status.gateway.signals import Signal
from messaging_status.settings import Gateway

__all__ = ["http_runner"]

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_NO_PACKING: Final = frozenset({"", "identity", "none"})
_IDLE_S: Final = 75.0
_GRACE_S: Final = 5.0
_LINGERING_S: Final = 2.0
"""So long a sender may go on sending what has been refused, to read why."""
_QUIET: Final = logging.Logger("messaging_status.gateway.http", logging.CRITICAL + 1)  # noqa: LOG001 - nobody is to find it
"""Senders' mistakes are answered, and counted; a line in our log for each would be theirs to fill it with."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def http_runner(relay: Relay) -> web.AppRunner:
    """A server of OTLP/HTTP that is not bound to a port yet.

    Args:
        relay: What passes requests on.
    """
    settings = relay.settings
    app = web.Application()
    for signal in Signal:
        app.router.add_post(signal.path, _exporting(relay, signal))
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz(relay))
    app.router.add_get("/metrics", _metrics(relay))
    return web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        handle_signals=False,
        keepalive_timeout=_IDLE_S,
        lingering_time=_LINGERING_S,
        logger=_QUIET,
        max_line_size=settings.max_headers,
        max_field_size=settings.max_headers,
        shutdown_timeout=settings.timeout + _GRACE_S,
    )


def _exporting(relay: Relay, signal: Signal) -> _Handler:
    async def export(request: web.Request) -> web.Response:
        is_json = request.content_type == _JSON
        answer = await relay.answered(signal, "http", _passed(relay, signal, request, is_json=is_json))
        body, content_type = http_answer(answer, is_json=is_json)
        headers = {"Content-Type": content_type} if content_type else {}
        if answer.retry_after is not None:
            headers["Retry-After"] = answer.retry_after
        if answer.http_status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        response = web.Response(status=answer.http_status, body=body, headers=headers)
        if relay.is_leaving or not request.content.is_eof():
            response.force_close()
        return response

    return export


async def _passed(relay: Relay, signal: Signal, request: web.Request, *, is_json: bool) -> Answer:
    if not relay.admits(request.headers.get("Authorization")):
        raise Refused(Cause.UNAUTHENTICATED, "a bearer token is needed")
    if not is_json and request.content_type != _PROTOBUF:
        msg = f"the content type has to be {_PROTOBUF} or {_JSON}"
        raise Refused(Cause.UNSUPPORTED, msg)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _NO_PACKING and encoding != "gzip":
        raise Refused(Cause.UNSUPPORTED, "the content encoding has to be gzip, or none")
    headers = relay.passed_on(request.headers.items())
    with relay.reading():
        body = await _body(request, relay.settings)
    with relay.place():
        is_packed = encoding == "gzip"
        return await relay.passed(Sent(signal=signal, body=body, is_json=is_json, is_packed=is_packed, headers=headers))


async def _body(request: web.Request, settings: Gateway) -> bytes:
    limit = settings.max_body
    too_large = Refused(Cause.TOO_LARGE, f"the request has more than {limit} bytes")
    if (request.content_length or 0) > limit:
        raise too_large
    chunks = []
    length = 0
    try:
        async with asyncio.timeout(settings.read_timeout):
            async for chunk in request.content.iter_any():
                length += len(chunk)
                if length > limit:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError:
        msg = f"the request was not sent within {settings.read_timeout:g} s"
        raise Refused(Cause.SLOW_SENDER, msg) from None
    except ConnectionError:
        raise Refused(Cause.GONE, "the sender has gone") from None
    return b"".join(chunks)


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="alive\n")


def _readyz(relay: Relay) -> _Handler:
    async def readyz(_: web.Request) -> web.Response:
        if not await relay.is_reachable():
            return web.Response(status=503, text="the next hop cannot be reached\n")
        return web.Response(text="ready\n")

    return readyz


def _metrics(relay: Relay) -> _Handler:
    async def metrics(request: web.Request) -> web.Response:
        if not relay.admits(request.headers.get("Authorization")):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        return web.Response(body=relay.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics
