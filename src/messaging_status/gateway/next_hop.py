# SPDX-License-Identifier: Apache-2.0
"""The next hop: requests go to it once, over gRPC or HTTP, and what it answers is what the sender gets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import grpc
import grpc.aio
from grpc import StatusCode

from messaging_status.gateway.answer import STATUS_DETAILS, Answer, failure, from_grpc, from_http
from messaging_status.gateway.checks import GRPC_PORT
from messaging_status.gateway.signals import Signal
from messaging_status.gateway.tls import client_credentials, client_tls
from messaging_status.settings import Gateway

__all__ = ["Headers", "NextHop", "next_hop"]

Headers = Sequence[tuple[str, str]]
"""Headers or metadata that are passed on."""

_MAX_ANSWER: Final = 1024 * 1024
_RECONNECT_MS: Final = 2_000
_AGENT: Final = f"messaging-status-gateway/{version('otel-messaging-status')}"
_UNREACHABLE: Final = "the next hop cannot be reached, or is not available"


class NextHop(Protocol):
    """Where requests are sent on."""

    takes_json: bool
    """Whether it takes requests in JSON."""
    packs: bool
    """Whether it takes requests that are packed already; else it packs them itself."""

    async def send(self, signal: Signal, body: bytes, *, is_json: bool, is_packed: bool, headers: Headers) -> Answer:
        """Send a request once, and answer what came back. It never raises but when it is cancelled.

        Args:
            signal: What the request carries.
            body: The request.
            is_json: Whether it is JSON.
            is_packed: Over HTTP whether it is packed with gzip; over gRPC whether it is to be.
            headers: Headers that are passed on.
        """
        ...

    async def close(self) -> None:
        """Give the connections up."""
        ...


def next_hop(settings: Gateway, url: str) -> NextHop:
    """A next hop, by the settings. Nothing is connected yet.

    Args:
        settings: Protocol, certificates, timeout.
        url: Where it is.

    Raises:
        SettingsError: If a certificate cannot be read.
    """
    return _OverGrpc(settings, url) if settings.protocol == "grpc" else _OverHttp(settings, url)


class _OverHttp:
    takes_json = packs = True

    def __init__(self, settings: Gateway, url: str) -> None:
        self._url = url.rstrip("/")
        self._tls = client_tls(settings) if url.startswith("https:") else True
        self._timeout = settings.timeout
        self._connections = settings.max_in_flight
        self._session: aiohttp.ClientSession | None = None

    async def send(self, signal: Signal, body: bytes, *, is_json: bool, is_packed: bool, headers: Headers) -> Answer:
        sent = [
            *headers,
            ("Content-Type", "application/json" if is_json else "application/x-protobuf"),
            ("User-Agent", _AGENT),
        ]
        if is_packed:
            sent.append(("Content-Encoding", "gzip"))
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._connected().post(
                    self._url + signal.path, data=body, headers=sent, ssl=self._tls, allow_redirects=False
                ) as response,
            ):
                return from_http(
                    response.status,
                    response.headers.get("Content-Type", ""),
                    await _bounded(response),
                    response.headers.get("Retry-After"),
                )
        except TimeoutError:
            return _slow(self._timeout)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return failure(StatusCode.UNAVAILABLE, 503, f"{_UNREACHABLE}: {type(error).__name__}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session


class _OverGrpc:
    takes_json = packs = False

    def __init__(self, settings: Gateway, url: str) -> None:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        self._target = f"{host}:{parts.port or GRPC_PORT}"
        self._credentials = client_credentials(settings) if parts.scheme == "https" else None
        self._timeout = settings.timeout
        self._channel: grpc.aio.Channel | None = None

    async def send(self, signal: Signal, body: bytes, *, is_json: bool, is_packed: bool, headers: Headers) -> Answer:  # noqa: ARG002 - never JSON
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._connected().unary_unary(
            f"/{signal.service}/Export"
        )
        try:
            answered: bytes = await call(
                body,
                timeout=self._timeout,
                metadata=tuple((name.lower(), value) for name, value in headers),
                compression=grpc.Compression.Gzip if is_packed else grpc.Compression.NoCompression,
            )
        except grpc.aio.AioRpcError as error:
            return self._failed(error)
        return Answer(code=StatusCode.OK, http_status=200, body=answered)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    def _connected(self) -> grpc.aio.Channel:
        if self._channel is None:
            options = (
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", _MAX_ANSWER),
                ("grpc.enable_retries", 0),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
                ("grpc.primary_user_agent", _AGENT),
            )
            self._channel = (
                grpc.aio.insecure_channel(self._target, options)
                if self._credentials is None
                else grpc.aio.secure_channel(self._target, self._credentials, options)
            )
        return self._channel

    def _failed(self, error: grpc.aio.AioRpcError) -> Answer:
        trailing = dict(error.trailing_metadata() or ())
        details = trailing.get(STATUS_DETAILS)
        if not trailing and error.code() is StatusCode.DEADLINE_EXCEEDED:
            return _slow(self._timeout)
        if not trailing and error.code() is StatusCode.UNAVAILABLE:
            # What gRPC says itself names addresses, and cannot be told from what the next hop says.
            return failure(StatusCode.UNAVAILABLE, 503, _UNREACHABLE)
        return from_grpc(error.code(), error.details() or "", details if isinstance(details, bytes) else None)


def _slow(timeout: float) -> Answer:
    return failure(StatusCode.UNAVAILABLE, 503, f"the next hop did not answer within {timeout:g} s")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer; one that is larger than any answer of OTLP is not kept."""
    found = bytearray()
    async for chunk in response.content.iter_any():
        if len(found) <= _MAX_ANSWER:
            found += chunk
    return bytes(found) if len(found) <= _MAX_ANSWER else b""
