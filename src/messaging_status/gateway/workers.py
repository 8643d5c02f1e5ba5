# SPDX-License-Identifier: Apache-2.0
"""The gateway from start to stop: one process, or several that share the ports, each restarted when it dies."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from time import monotonic, sleep
from typing import Final

import msgspec

from messaging_status.errors import MessagingStatusError, SettingsError
from messaging_status.gateway.checks import checked
from messaging_status.gateway.metrics import SHARED_FOLDER, forget_process
from messaging_status.gateway.worker import Addresses, event_loop, serve
from messaging_status.guard import log_warning
from messaging_status.host import Host
from messaging_status.settings import Settings

__all__ = ["run"]

_Started = Callable[[Addresses], None]

_RESTART_S: Final = 1.0
"""A worker that dies again and again is started no more often than that."""
_MARGIN_S: Final = 10.0
"""What a worker has beyond the time of the next hop, to finish what is in flight."""


def run(settings: Settings, started: _Started) -> None:
    """Run the gateway until a signal stops it.

    Args:
        settings: All settings.
        started: Is told the addresses when every worker takes requests.

    Raises:
        MessagingStatusError: If the settings cannot be followed, or what is installed is broken.
    """
    checked(settings.gateway)
    if settings.gateway.workers == 1:
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(serve(Host.load(settings, strict=True), started, asyncio.Event(), shares_ports=False))
        return
    if not hasattr(socket, "SO_REUSEPORT"):
        msg = "gateway.workers: this system cannot share a port; expected 1"
        raise SettingsError([msg])
    with ExitStack() as stack:
        gateway = settings.gateway
        addresses = {name: stack.enter_context(_reserved(name, getattr(gateway, name))) for name in ("grpc", "http")}
        os.environ[SHARED_FOLDER] = stack.enter_context(tempfile.TemporaryDirectory())
        shared = msgspec.structs.replace(settings, gateway=msgspec.structs.replace(gateway, **addresses))
        stopping, told = multiprocessing.Pipe(duplex=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.send_bytes(b"!"))
        _supervise([_Worker(shared) for _ in range(gateway.workers)], stopping, started, gateway.timeout + _MARGIN_S)


def _supervise(workers: Sequence[_Worker], stopping: Connection, started: _Started, leaving: float) -> None:
    """Keep the workers running until there is something to read at ``stopping``; then they have some seconds to leave."""
    try:
        addresses = [worker.addresses() for worker in workers]
        started(addresses[0])
        while stopping not in (ready := wait([stopping, *(worker.process.sentinel for worker in workers)])):
            for worker in workers:
                if worker.process.sentinel in ready:
                    worker.restart()
    finally:
        for worker in workers:
            worker.stop()
        deadline = monotonic() + leaving
        for worker in workers:
            worker.wait(deadline - monotonic())


class _Worker:
    """One process, and the pipe by which both sides notice when the other is gone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._start()

    def _start(self) -> None:
        self._began = monotonic()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(self._settings, theirs))
        self.process.start()
        theirs.close()

    def addresses(self) -> Addresses:
        """Where it listens, once it does.

        Raises:
            SettingsError: If it cannot.
        """
        try:
            said: Addresses | list[str] = self._pipe.recv()
        except EOFError:
            self.process.join(_MARGIN_S)
            said = [f"gateway: a worker ended at its start, with exit code {self.process.exitcode}"]
        if isinstance(said, list):
            raise SettingsError(said)
        return said

    def restart(self) -> None:
        """Start another process in the place of one that has ended."""
        self.process.join()
        problems = self._said() or [f"exit code {self.process.exitcode}"]
        log_warning("a worker ended and is started again: %s", "; ".join(problems))
        if self.process.pid is not None:
            forget_process(self.process.pid)
        sleep(max(0.0, _RESTART_S - (monotonic() - self._began)))
        self._pipe.close()
        self._start()

    def _said(self) -> list[str]:
        """What it said is wrong before it ended."""
        problems: list[str] = []
        with suppress(EOFError):
            while self._pipe.poll():
                said: Addresses | list[str] = self._pipe.recv()
                problems = said if isinstance(said, list) else problems
        return problems

    def stop(self) -> None:
        """Tell it to finish what is in flight and leave."""
        self.process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until it has left; one that has not by then is ended."""
        self.process.join(max(0.0, seconds))
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


def _work(settings: Settings, pipe: Connection) -> None:
    """What a worker does: serve, until it is told to stop or the process that started it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the servers are there, the process that started us decides
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")

    async def work() -> None:
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), stopped.set)
        await serve(Host.load(settings, strict=True), pipe.send, stopped, shares_ports=True)

    try:
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(work())
    except MessagingStatusError as error:
        pipe.send(list(error.problems))
        sys.exit(1)


@contextmanager
def _reserved(name: str, address: str) -> Iterator[str]:
    """An address with a port that is ours while the block runs; workers bind to it as well.

    Raises:
        SettingsError: If somebody else has it.
    """
    host, _, port = address.rpartition(":")
    place = (host.strip("[]"), int(port))
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as held:
        try:
            with socket.socket(family) as probe:
                # Without sharing: another gateway on this port would take half of the requests.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
                place = (place[0], probe.getsockname()[1])
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind(place)
        except OSError as error:
            msg = f"gateway.{name}: cannot listen on {address}: {error.strerror or error}"
            raise SettingsError([msg]) from error
        yield f"{host}:{place[1]}"
