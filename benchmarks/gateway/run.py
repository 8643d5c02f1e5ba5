# SPDX-License-Identifier: Apache-2.0
"""One run: a subject is sent to for some seconds, and everything has arrived when it ends."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Final

from benchmarks.gateway.bodies import SPANS
from benchmarks.gateway.child import Child
from benchmarks.gateway.sample import Inspector
from benchmarks.gateway.sender import Sent
from benchmarks.gateway.subjects import Running

_ARRIVAL_S: Final = 30


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run at full speed took.

    Attributes:
        cpu_us: Microseconds of CPU of the subject for each span: seconds for a million.
        others_us: The same of the sender and the next hop together.
        rate: Spans a second, until the last has arrived.
    """

    cpu_us: float
    others_us: float
    rate: float


@dataclass(frozen=True, slots=True)
class Latency:
    """How long senders wait for their answers, in milliseconds."""

    p50_ms: float
    p99_ms: float


class Runner:
    """Sends to subjects, between a sender and a next hop that are the same for all."""

    def __init__(self, sender: Child, sink: Child) -> None:
        """Keep both, which have to run."""
        self._sender, self._sink = sender, sink
        self._inspector = Inspector()

    def at_full_speed(self, running: Running, share: int, seconds: float, warm_up: float) -> Spent:
        """As many spans as go, after a warm-up, for which nothing is counted.

        Raises:
            RuntimeError: If a span did not arrive, or not as it should.
        """
        self._send(running, share, warm_up)
        others = self._sender.cpu + self._sink.cpu
        own = running.cpu
        sent = self._send(running, share, seconds)
        own = running.cpu - own
        others = self._sender.cpu + self._sink.cpu - others
        elapsed = self._sink.ask("last") - sent.start
        wrong = self._inspector.complaint(self._sink.ask("sample"), share, enriched=running.subject.enriches)
        if wrong:
            msg = f"{running.subject.name}, {share} % with a status: {wrong}"
            raise RuntimeError(msg)
        return Spent(own / sent.spans * 1e6, others / sent.spans * 1e6, sent.spans / elapsed)

    def at(self, rate: float, running: Running, share: int, seconds: float) -> Latency:
        """What requests wait for their answers while spans come at a steady rate, in a second."""
        latencies = self._send(running, share, seconds, rate / SPANS).latencies
        percentiles = statistics.quantiles(latencies, n=100, method="inclusive")
        return Latency(percentiles[49] * 1e3, percentiles[98] * 1e3)

    def _send(self, running: Running, share: int, seconds: float, rate: float = 0.0) -> Sent:
        self._sink.ask("begin")
        sent: Sent = self._sender.ask(running.subject.protocol, running.address, share, seconds, rate)
        deadline = time.monotonic() + _ARRIVAL_S
        while (arrived := self._sink.ask("spans")) < sent.spans and time.monotonic() < deadline:
            time.sleep(0.02)
        if arrived != sent.spans:
            msg = f"{running.subject.name}: {sent.spans} spans were accepted, and {arrived} arrived"
            raise RuntimeError(msg)
        return sent
