# SPDX-License-Identifier: Apache-2.0
"""A client that sends requests which are ready, at full speed or at a steady rate, and counts what was accepted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from typing import Any, Final

import aiohttp
import grpc.aio
from benchmarks.gateway.bodies import SPANS, bodies
from benchmarks.gateway.child import Answer
from benchmarks.gateway.sink import SERVICE

_CONNECTIONS: Final = 8
_HEADERS: Final = {"Content-Type": "application/x-protobuf"}
_TIMEOUT_S: Final = 30

Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent and accepted.

    Attributes:
        spans: How many.
        start: When the first request was sent, in seconds of the monotonic clock.
        latencies: The seconds of each request: from when it was due until it was answered.
    """

    spans: int
    start: float
    latencies: list[float] = field(default_factory=list)


_ALL_ACCEPTED: Final = (b"", b"\n\0")
"""Answers that reject nothing: without a partial success, and with an empty one, as the Collector writes it."""


async def sender() -> tuple[None, Answer]:
    """Make a client; it answers what was sent when asked with the arguments of :func:`_sent`."""
    return None, _sent


async def _sent(protocol: str, address: str, share: int, seconds: float, rate: float = 0.0) -> Sent:
    """Send for some seconds.

    Args:
        protocol: ``http`` or ``grpc``.
        address: Host and port.
        share: Of the spans that carry a status, in per cent.
        seconds: How long.
        rate: Requests a second; 0 for as many as go.
    """
    ready = _bodies(share)
    async with AsyncExitStack() as stack:
        connect = _http if protocol == "http" else _grpc
        connections = [await stack.enter_async_context(connect(address)) for _ in range(_CONNECTIONS)]
        return await (_steadily(connections, ready, seconds, rate) if rate else _at_once(connections, ready, seconds))


_bodies = cache(bodies)


async def _at_once(connections: Sequence[Send], ready: Sequence[bytes], seconds: float) -> Sent:
    """Each connection has a request under way all the time."""
    turn, count = cycle(ready), 0
    start = time.monotonic()

    async def work(send: Send) -> None:
        nonlocal count
        while time.monotonic() - start < seconds:
            await send(next(turn))
            count += 1

    await asyncio.gather(*map(work, connections))
    return Sent(count * SPANS, start)


async def _steadily(connections: Sequence[Send], ready: Sequence[bytes], seconds: float, rate: float) -> Sent:
    """Requests become due at even distances, whether or not the ones before have been answered.

    A request that has to wait for a connection waits in its latency; a timer that fires late does not count.
    """
    turn, latencies = cycle(ready), list[float]()
    due: asyncio.Queue[float | None] = asyncio.Queue()
    start = time.monotonic()

    async def work(send: Send) -> None:
        while since := await due.get():
            await send(next(turn))
            latencies.append(time.monotonic() - since)

    workers = [asyncio.create_task(work(send)) for send in connections]
    for number in range(int(seconds * rate)):
        await asyncio.sleep(start + number / rate - time.monotonic())
        due.put_nowait(time.monotonic())
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    return Sent(len(latencies) * SPANS, start, latencies)


@asynccontextmanager
async def _http(address: str) -> AsyncIterator[Send]:
    connector = aiohttp.TCPConnector(limit=1)
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    async with aiohttp.ClientSession(f"http://{address}", connector=connector, timeout=timeout) as session:

        async def send(body: bytes) -> None:
            async with session.post("/v1/traces", data=body, headers=_HEADERS) as response:
                content = await response.read()
                if response.status != 200 or content not in _ALL_ACCEPTED:
                    msg = f"{address} answered {response.status} {content[:200]!r}"
                    raise RuntimeError(msg)

        yield send


@asynccontextmanager
async def _grpc(address: str) -> AsyncIterator[Send]:
    # A connection of its own for each: the system gives each worker some of them.
    async with grpc.aio.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1),)) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/Export")

        async def send(body: bytes) -> None:
            answer: Any = await export(body, timeout=_TIMEOUT_S)
            if answer:
                msg = f"{address} answered {answer[:200]!r}"
                raise RuntimeError(msg)

        yield send
