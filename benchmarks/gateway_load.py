# SPDX-License-Identifier: Apache-2.0
"""Load a gateway at full speed over HTTP and gRPC at once, and count at both ends.

``python benchmarks/gateway_load.py --minutes 4``: spans, log records and metrics, protobuf and JSON, packed and not, a
tenth of the spans and log records with a status. It ends with 1 if a request fails or a record is missing at the next
hop. What grows in the gateway is seen in the memory of its processes, which is read every second.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle, islice, product
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import aiohttp
import grpc.aio
import msgspec
import psutil
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, Python knows this folder only

from benchmarks.gateway_load_bodies import BATCH, MESSAGES, SIGNALS, Body, of_each_kind
from tests.gateways import Gateway, gateway

from messaging_status.gateway.signals import Signal

_AT_ONCE: Final = 12
"""Requests that each of the two senders has under way: less than a worker takes, so that none is told to wait."""

Counts = Counter[tuple[str, str]]
"""Numbers by signal, and what is counted: requests, records, enriched, errors."""


def main() -> None:
    """Load the gateway for some minutes and print what both ends have counted."""
    parser = argparse.ArgumentParser(description="Load a gateway at full speed, and count at both ends.")
    parser.add_argument("--minutes", type=float, default=4.0, help="how long [default: 4]")
    parser.add_argument("--protocol", choices=("http", "grpc"), default="http", help="how it sends on [default: http]")
    parser.add_argument("--workers", type=int, default=2, help="processes of the gateway [default: 2]")
    chosen = parser.parse_args()
    for name in list(os.environ):
        if name.startswith(("MESSAGING_STATUS_", "OTEL_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    seconds = chosen.minutes * 60
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gateway-load-")))
        hop = stack.enter_context(_Child(_receive))
        for_grpc, for_http = hop.said()
        url = f"http://{for_grpc if chosen.protocol == 'grpc' else for_http}"
        options = ["--protocol", chosen.protocol, "--workers", str(chosen.workers)]
        running = stack.enter_context(gateway(folder, url, *options))
        senders = [
            stack.enter_context(_Child(_send, which, address, seconds))
            for which, address in (("http", running.http), ("grpc", running.grpc))
        ]
        memory = _memory(running, seconds)
        sent = [sender.said() for sender in senders]
        metrics = running.metrics()
        hop.tell()
        received: Counts = hop.said()
        printed = running.output()
    _print_counts(sent, received, seconds)
    _print_memory(memory)
    _print_metrics(metrics)
    print(f"\nthe gateway printed {len(printed.splitlines())} line(s)\n{printed}")
    total = sum(sent, Counts())
    is_whole = all(total[signal, what] == received[signal, what] for signal in SIGNALS for what in _BOTH)
    sys.exit(0 if is_whole and not any(what.startswith("error") for _, what in total) else 1)


_BOTH: Final = ("requests", "records", "enriched")


class _Child:
    """A process of our own that runs a coroutine, and what it says."""

    def __init__(self, work: Callable[..., Coroutine[Any, Any, None]], *given: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(work, theirs, *given), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def said(self) -> Any:
        """What it says next."""
        while not self._pipe.poll(1):
            if not self._process.is_alive():
                msg = f"a process of the benchmark ended with {self._process.exitcode}"
                raise RuntimeError(msg)
        return self._pipe.recv()

    def tell(self) -> None:
        """Tell it to come to an end."""
        self._pipe.send(None)


def _run(work: Callable[..., Coroutine[Any, Any, None]], pipe: Connection, *given: Any) -> None:
    asyncio.run(work(pipe, *given))


# The next hop


async def _receive(pipe: Connection) -> None:
    """Count what arrives, over both protocols, until told to say it."""
    counts: Counts = Counter()

    async def over_http(request: web.Request) -> web.Response:
        is_json = request.content_type == "application/json"
        _count(counts, request.path.rpartition("/")[2], await request.read(), is_json=is_json)
        return web.Response(body=b"{}" if is_json else b"", content_type=request.content_type)

    def over_grpc(signal: str) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def export(request: bytes, _: Any) -> bytes:
            _count(counts, signal, request, is_json=False)
            return b""

        return grpc.unary_unary_rpc_method_handler(export)

    app = web.Application(client_max_size=2**26)
    server = grpc.aio.server()
    for signal in SIGNALS:
        app.router.add_post(f"/v1/{signal}", over_http)
        handler = grpc.method_handlers_generic_handler(Signal(signal).service, {"Export": over_grpc(signal)})
        server.add_generic_rpc_handlers((handler,))
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    pipe.send((f"127.0.0.1:{port}", f"127.0.0.1:{runner.addresses[0][1]}"))
    await asyncio.to_thread(pipe.recv)
    await asyncio.gather(server.stop(1), runner.cleanup())
    pipe.send(counts)


def _count(counts: Counts, signal: str, body: bytes, *, is_json: bool) -> None:
    counts[signal, "requests"] += 1
    counts[signal, "records"] += (_records_in_json if is_json else _records)(signal, body)
    counts[signal, "enriched"] += body.count(b"messaging.status.description")


def _records(signal: str, body: bytes) -> int:
    request = MESSAGES[signal].FromString(body)
    if signal == "traces":
        return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
    if signal == "logs":
        return sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs)
    return sum(len(scope.metrics) for resource in request.resource_metrics for scope in resource.scope_metrics)


def _records_in_json(signal: str, body: bytes) -> int:
    group, records = {"traces": ("Spans", "spans"), "logs": ("Logs", "logRecords")}.get(signal, ("Metrics", "metrics"))
    resources = msgspec.json.decode(body)[f"resource{group}"]
    return sum(len(scope[records]) for resource in resources for scope in resource[f"scope{group}"])


# The senders


async def _send(pipe: Connection, protocol: str, address: str, seconds: float) -> None:
    """Send all kinds of requests, one after another on each of several tasks, and say what was accepted."""
    counts: Counts = Counter()
    deadline = time.monotonic() + seconds
    if protocol == "http":
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            bodies = of_each_kind(is_json=(False, True))
            await _all(lambda: _over_http(session, address, _turned(bodies), counts, deadline))
    else:
        # Of several connections, the system gives each worker some.
        channels = [
            grpc.aio.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1),)) for _ in range(_AT_ONCE)
        ]
        turn = cycle(channels)
        bodies = of_each_kind(is_json=(False,))
        await _all(lambda: _over_grpc(next(turn), _turned(bodies), counts, deadline))
        for channel in channels:
            await channel.close()
    pipe.send(counts)


async def _all(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*(start() for _ in range(_AT_ONCE)))


_turns = cycle(range(_AT_ONCE))


def _turned(bodies: Sequence[Body]) -> Sequence[Body]:
    """The same from another one on, so that the tasks do not all send the same at a time."""
    at = next(_turns) * len(bodies) // _AT_ONCE
    return [*bodies[at:], *bodies[:at]]


async def _over_http(
    session: aiohttp.ClientSession, url: str, bodies: Sequence[Body], counts: Counts, deadline: float
) -> None:
    for body in cycle(bodies):
        if time.monotonic() > deadline:
            return
        try:
            target = f"{url}/v1/{body.signal}"
            async with session.post(target, data=body.content, headers=body.headers) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            counts[body.signal, f"error {type(error).__name__}"] += 1
            continue
        # What is empty, or an empty object, says that nothing was rejected.
        is_ok = response.status == 200 and content in (b"", b"{}")
        _note(counts, body, None if is_ok else f"{response.status} {content[:80]!r}")


async def _over_grpc(channel: grpc.aio.Channel, bodies: Sequence[Body], counts: Counts, deadline: float) -> None:
    exports: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {
        signal: channel.unary_unary(f"/{Signal(signal).service}/Export") for signal in SIGNALS
    }
    for body in cycle(bodies):
        if time.monotonic() > deadline:
            return
        packing = grpc.Compression.Gzip if body.headers.get("Content-Encoding") else grpc.Compression.NoCompression
        try:
            answer = await exports[body.signal](body.content, timeout=30, compression=packing)
        except grpc.aio.AioRpcError as error:
            _note(counts, body, f"{error.code().name} {error.details()}")
        else:
            _note(counts, body, repr(answer[:80]) if answer else None)


def _note(counts: Counts, body: Body, error: str | None) -> None:
    if error:
        counts[body.signal, f"error {error}"] += 1
        return
    counts[body.signal, "requests"] += 1
    counts[body.signal, "records"] += BATCH
    counts[body.signal, "enriched"] += body.with_status


# What is measured


def _memory(running: Gateway, seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Seconds and MiB of each process of the gateway, read every second."""
    parent = psutil.Process(running.process.pid)
    workers = [child for child in parent.children() if any("spawn_main" in word for word in child.cmdline())]
    processes = {"parent": parent, **{f"worker {number}": child for number, child in enumerate(workers, 1)}}
    if not workers:
        processes = {"worker 1": parent}
    read: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    start, ended = time.monotonic(), threading.Event()
    while (now := time.monotonic() - start) < seconds:
        for name, process in processes.items():
            read[name].append((now, process.memory_info().rss / 2**20))
        ended.wait(1)
    for name, process in processes.items():
        times = process.cpu_times()
        print(f"{name}: {times.user + times.system:.0f} s of CPU")
    return read


def _print_counts(sent: Sequence[Counts], received: Counts, seconds: float) -> None:
    total = sum(sent, Counts())
    print(
        f"\n| in {seconds:.0f} s | over HTTP | over gRPC | sent | at the next hop | equal |\n|---|---|---|---|---|---|"
    )
    for signal, what in product(SIGNALS, _BOTH):
        cells = (*(counts[signal, what] for counts in sent), total[signal, what], received[signal, what])
        is_equal = "yes" if cells[-1] == cells[-2] else "**no**"
        print(f"| {signal}: {what} | " + " | ".join(f"{cell:,}" for cell in cells) + f" | {is_equal} |")
    requests, records = (sum(total[signal, what] for signal in SIGNALS) for what in ("requests", "records"))
    errors = {key: number for key, number in total.items() if key[1].startswith("error")}
    print(f"\nrequests {requests:,} ({requests / seconds:,.0f}/s), records {records:,} ({records / seconds:,.0f}/s)")
    print(f"errors {sum(errors.values())}" + "".join(f"\n  {number} {key}" for key, number in errors.items()))


def _print_memory(memory: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    print(
        "\n| resident, MiB | first minute | last minute | difference | each tenth of the time |\n|---|---|---|---|---|"
    )
    for name, values in memory.items():
        last = values[-1][0]
        minute = min(60.0, last / 2)
        # What is filled once is filled in the first seconds.
        first, final = (
            statistics.median(mib for at, mib in values if begin <= at <= end)
            for begin, end in ((min(5.0, minute / 2), minute), (last - minute, last))
        )
        steps = islice(values, 0, None, max(1, len(values) // 10))
        along = " ".join(f"{mib:.1f}" for _, mib in steps)
        print(f"| {name} | {first:.1f} | {final:.1f} | {final - first:+.1f} | {along} |")


def _print_metrics(metrics: Mapping[str, float]) -> None:
    print()
    for name, value in sorted(metrics.items()):
        if value and name.startswith("messaging_status_gateway_") and "_bucket" not in name:
            print(f"{name} {value:,.6g}")


if __name__ == "__main__":
    main()
