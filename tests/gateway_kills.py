# SPDX-License-Identifier: Apache-2.0
"""A gateway and its next hop, killed in the middle of a stream of numbered spans, and what became of the spans.

A sender that was told that its spans are accepted has let go of them: each has to be found at the next hop.
"""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from .gateways import wait_for
from .numbered_senders import KINDS, Client

__all__ = ["VICTIMS", "Stream", "Tally", "streaming"]

SECONDS: Final = 30
"""How long anything may take: to start, to end, to go on."""
TIMEOUT_S: Final = 0.5
"""What the next hop has for an answer."""
SDK_S: Final = 0.7
"""The SDK waits for 0.8 s at least before it sends again: with less than that it answers at once, and the client
sends again."""
_OF_ONE_CLIENT: Final = 10**9


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the spans of a stream.

    Attributes:
        accepted: How many spans the senders were told are accepted.
        found: How many spans the next hop has written down.
        lost: The numbers of those that were accepted and not found.
        plain: How many were found without what the gateway puts on them.
        duplicates: How often a span was found once more.
        refused: How many requests were not accepted, by what the sender was told.
    """

    accepted: int
    found: int
    lost: Sequence[int]
    plain: int
    duplicates: int
    refused: Counter[str]


@dataclass(slots=True)
class Service:
    """A command that can be killed and started again on the same ports.

    Attributes:
        process: Its process.
        starts: How often it was started; more often than it was killed where a port was still in use.
    """

    command: Sequence[str]
    printed: Path
    says: bytes
    process: subprocess.Popen[bytes] = field(init=False)
    starts: int = 0

    def start(self) -> None:
        """Start it, again and again as long as its ports are in use, and wait until it takes requests."""
        deadline = time.monotonic() + SECONDS
        while not self._comes_up(deadline):
            self.process.wait()
            assert time.monotonic() < deadline, self.printed.read_text()

    def _comes_up(self, deadline: float) -> bool:
        with self.printed.open("wb") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out)
        self.starts += 1
        wait_for(lambda: self._is_up() or self.process.poll() is not None, deadline - time.monotonic())
        return self._is_up()

    def _is_up(self) -> bool:
        return self.says in self.printed.read_bytes()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> list[psutil.Process]:
        """Kill it; answer the processes that it had started, none of which is killed."""
        self.signal(signal.SIGSTOP)  # so that it starts no others
        started = self.children()
        self.process.kill()
        self.process.wait()
        return started

    def children(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def end(self) -> None:
        """Leave nothing of it behind, whatever state it is in."""
        if not self.starts or self.process.poll() is not None:
            return
        left = self.kill()
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_for(lambda: not any(map(_lives, left)), SECONDS)


@dataclass(slots=True)
class Stream:
    """Clients that send through a gateway to a next hop, all the time.

    Attributes:
        gateway: The gateway.
        hop: The next hop.
        clients: The clients.
        kills: How often something was done to something.
    """

    gateway: Service
    hop: Service
    clients: Sequence[Client]
    workers: int
    file: Path
    kills: Counter[str] = field(default_factory=Counter)
    orphans: list[psutil.Process] = field(default_factory=list)

    def strike(self, victim: str) -> None:
        """Do something to something while spans are on their way, put it right, and see that all clients go on."""
        self.flows()
        time.sleep(random.uniform(0, 0.05))  # noqa: S311 - at a moment that nobody knows
        VICTIMS[victim](self)
        self.kills[victim] += 1
        self.flows()

    def flows(self) -> None:
        """Wait until every client was told that something is accepted."""
        before = [len(client.accepted) for client in self.clients]

        def have_gone_on() -> bool:
            assert all(client.is_alive() for client in self.clients), "a client was told what it may not be told"
            return all(len(client.accepted) > count for client, count in zip(self.clients, before, strict=True))

        wait_for(have_gone_on, SECONDS)

    def kill_gateway(self) -> None:
        """Kill the gateway, of several processes the one that looks after the others: they have to notice, and go."""
        self.orphans = self.gateway.kill()
        self.gateway.start()
        wait_for(lambda: not any(map(_lives, self.orphans)), SECONDS)

    def kill_worker(self) -> None:
        """Kill the worker with most connections, since one may have none: another is started in its place."""
        before = self._workers()
        max(before, key=lambda worker: len(worker.net_connections("tcp"))).kill()
        wait_for(lambda: len(set(self._workers()) - set(before)) == 1, SECONDS)

    def kill_worker_and_gateway(self) -> None:
        """Kill the gateway while it starts a worker in the place of a dead one."""
        if self.workers > 1:
            random.choice(self._workers()).kill()  # noqa: S311 - any of them
            time.sleep(random.uniform(0, 1.5))  # noqa: S311 - at a moment that nobody knows
        self.kill_gateway()

    def kill_hop(self) -> None:
        """Kill the next hop."""
        self.hop.kill()
        self.hop.start()

    def end_hop(self) -> None:
        """Tell the next hop to end: it finishes what it has in hand."""
        self.hop.signal(signal.SIGTERM)
        self.hop.process.wait(SECONDS)
        self.hop.start()

    def stop_hop(self) -> None:
        """Stop the next hop for longer than it has for an answer, then let it go on with what it has in hand."""
        self.hop.signal(signal.SIGSTOP)
        self._is_refused()
        self.hop.signal(signal.SIGCONT)

    def stop_and_kill_hop(self) -> None:
        """Stop the next hop, and kill it without ever letting it go on."""
        self.hop.signal(signal.SIGSTOP)
        self._is_refused()
        self.kill_hop()

    def kill_both(self) -> None:
        """Kill the next hop and the gateway."""
        self.hop.kill()
        self.kill_gateway()
        self.hop.start()

    def tally(self) -> Tally:
        """Stop the clients and count."""
        for client in self.clients:
            client.stop()
        for client in self.clients:
            client.join(SECONDS)
            assert not client.is_alive(), client.name
        accepted = {number for client in self.clients for number in client.accepted}
        written = [int(number) for number in self.file.read_bytes().split()]
        found = {abs(number) for number in written}
        return Tally(
            accepted=len(accepted),
            found=len(found),
            lost=sorted(accepted - found),
            plain=sum(number < 0 for number in written),
            duplicates=len(written) - len(found),
            refused=self._refused(),
        )

    def end(self) -> None:
        """Leave no client and no process behind."""
        for client in self.clients:
            client.stop()
        for process in self.orphans:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for service in (self.gateway, self.hop):
            service.end()
        for client in self.clients:
            client.join(SECONDS)

    def _workers(self) -> list[psutil.Process]:
        """The workers: the processes that listen, without the one that multiprocessing has for itself."""
        return [process for process in self.gateway.children() if _is_worker(process)]

    def _is_refused(self) -> None:
        before = self._refused().total()
        wait_for(lambda: self._refused().total() > before, SECONDS)

    def _refused(self) -> Counter[str]:
        return sum((client.refused.copy() for client in self.clients), Counter[str]())


VICTIMS: Final[Mapping[str, Callable[[Stream], None]]] = {
    "gateway": Stream.kill_gateway,
    "worker": Stream.kill_worker,
    "worker, then gateway": Stream.kill_worker_and_gateway,
    "next hop": Stream.kill_hop,
    "next hop, ended": Stream.end_hop,
    "next hop, stopped": Stream.stop_hop,
    "next hop, stopped and killed": Stream.stop_and_kill_hop,
    "gateway and next hop": Stream.kill_both,
}
"""What can be killed, or ended, or stopped for a while. Only a gateway of several workers has a worker to kill."""


@contextmanager
def streaming(
    folder: Path, protocol: str, workers: int, *, of_each_kind: int = 2, sdk_s: float = SDK_S
) -> Iterator[Stream]:
    """Run a gateway, a next hop and clients while the block runs.

    Args:
        folder: Where the next hop writes, and what is printed goes.
        protocol: How the gateway sends to the next hop: `http` or `grpc`.
        workers: Processes of the gateway.
        of_each_kind: How many clients of each kind.
        sdk_s: The timeout of the SDK's exporters.
    """
    grpc, http, hop_grpc, hop_http = (f"127.0.0.1:{port}" for port in _free_ports(4))
    file = folder / "numbers"
    hop = Service(
        [sys.executable, str(Path(__file__).with_name("numbered_hop.py")), hop_http, hop_grpc, str(file)],
        folder / "hop.txt",
        b"receiving",
    )
    to = ["--next-hop", f"http://{hop_grpc if protocol == 'grpc' else hop_http}", "--protocol", protocol]
    at = ["--grpc", grpc, "--http", http, "--workers", str(workers), "--timeout", str(TIMEOUT_S)]
    gateway = Service(
        [sys.executable, "-m", "messaging_status.cli", "gateway", *to, *at],
        folder / "gateway.txt",
        b"messaging-status gateway:",
    )
    made = [kind(grpc, http, sdk_s) for kind in KINDS for _ in range(of_each_kind)]
    clients = [Client(sends, 1 + index * _OF_ONE_CLIENT) for index, sends in enumerate(made)]
    with ExitStack() as stack:
        for service in (hop, gateway):
            stack.callback(service.end)
            service.start()
        stream = Stream(gateway, hop, clients, workers, file)
        stack.callback(stream.end)
        for client in clients:
            client.start()
        yield stream


def _free_ports(count: int) -> list[int]:
    """Ports that no connection is given by the system: it would take them while nobody listens there."""
    ports: set[int] = set()
    while len(ports) < count:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - any of them
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.add(port)
    return list(ports)


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return any("spawn_main" in word for word in process.cmdline())
    return False


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
