# SPDX-License-Identifier: Apache-2.0
"""Relays beside each other: what a span costs on its way through, and how long its sender waits.

All subjects run at the same time, and one of them is sent to: 512 spans a request, between the same sender and the
same next hop. Rounds, in each of which every subject has its turn, are repeated, so that what slows the machine down
for a while slows all of them down.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.gateway.child import Child
from benchmarks.gateway.run import Latency, Runner, Spent
from benchmarks.gateway.sender import sender
from benchmarks.gateway.sink import sink
from benchmarks.gateway.subjects import Running, Subject, ours, rotel, running, why_no_rotel
from benchmarks.measure import Figure, ratios

OURS: Final = "gateway"
_ROTEL: Final = "Rotel"
_PROCESSOR: Final = "Rotel with a Python processor"
_SHARES: Final = (1, 50, 100)
_LATENCY_SHARE: Final = 50
_TARGETS: Final[Mapping[tuple[str, int], float]] = {(_ROTEL, 1): 1, (_PROCESSOR, 50): 1 / 6}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and what is said about it.

    Attributes:
        subjects: In the order of their turns: those of a ratio one after the other, as the machine's speed drifts.
        ratios: Whose CPU is divided by whose, by name.
        waiting: Of whom it is measured how long senders wait, with a remark.
    """

    subjects: Sequence[Subject]
    ratios: Sequence[tuple[str, str]]
    waiting: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    rounds: int
    seconds: float
    warm_up: float
    latency_s: float


FULL: Final = Plan(rounds=9, seconds=1.5, warm_up=0.3, latency_s=1.5)
QUICK: Final = Plan(rounds=2, seconds=0.1, warm_up=0.02, latency_s=0.25)

_Cell = tuple[str, int]
"""A subject by name, and the share of spans with a status in per cent."""


def figures() -> Iterator[Figure]:
    """CPU of a span, at each share of spans with a status, and the latency at half load: about six minutes."""
    return compared(_with_rotel(), FULL)


def quick() -> Iterator[Figure]:
    """The same for a look whether it works: too short to be a measurement."""
    return compared(_with_rotel(), QUICK)


def compared(comparison: Comparison, plan: Plan) -> Iterator[Figure]:
    """CPU of a span, at each share of spans with a status, and the latency at half of the gateway's full load."""
    spent: dict[_Cell, list[Spent]] = {}
    waited: dict[str, list[Latency]] = {}
    with ExitStack() as stack:
        next_hop, client = stack.enter_context(Child(sink)), stack.enter_context(Child(sender))
        by_protocol = dict(zip(("http", "grpc"), next_hop.said, strict=True))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gateway-")))
        started: dict[str, Running] = {}
        for subject in comparison.subjects:
            own = folder / str(len(started))
            own.mkdir()
            started[subject.name] = stack.enter_context(running(subject, by_protocol[subject.protocol], own))
        runner = Runner(client, next_hop)
        cells = list(product(_SHARES, started))
        for number in range(plan.rounds):
            turn = number * len(cells) // plan.rounds
            for share, name in (*cells[turn:], *cells[:turn]):
                run = runner.at_full_speed(started[name], share, plan.seconds, plan.warm_up)
                spent.setdefault((name, share), []).append(run)
            rate = min(spent[name, _LATENCY_SHARE][-1].rate for name in comparison.waiting) / 2
            for name in comparison.waiting:
                waited.setdefault(name, []).append(runner.at(rate, started[name], _LATENCY_SHARE, plan.latency_s))
    yield from _of_cpu(spent, comparison.ratios)
    yield from _of_latency(waited, comparison.waiting)


def _with_rotel() -> Comparison:
    subjects = list(_subjects())
    names = {subject.name for subject in subjects}
    waiting = {OURS: "answers after the next hop", _ROTEL: "the same rate; answers before it forwards"}
    return Comparison(
        subjects,
        [(OURS, name) for name in (_ROTEL, _PROCESSOR) if name in names],
        {name: remark for name, remark in waiting.items() if name in names},
    )


def _subjects() -> Iterator[Subject]:
    why = why_no_rotel()
    if why:
        print(f"Rotel is left out, and the gateway measured alone: {why}", file=sys.stderr)
    else:
        yield rotel(_ROTEL)
    yield ours(OURS)
    if not why:
        yield rotel(_PROCESSOR, processor=True)
    yield ours(f"{OURS}, gRPC", protocol="grpc")
    yield ours(f"{OURS}, 2 workers", workers=2)


def _of_cpu(spent: Mapping[_Cell, Sequence[Spent]], of: Sequence[tuple[str, str]]) -> Iterator[Figure]:
    for share in _SHARES:
        at_share = {name: runs for (name, other), runs in spent.items() if other == share}
        for name, runs in at_share.items():
            rate = sorted(run.rate for run in runs)[len(runs) // 2]
            yield Figure(
                f"{share} % with a status: {name}", _cpu(runs), "µs", beside=f"CPU a span; {rate:,.0f} spans a second"
            )
        for name, other in of:
            ratio = ratios(_cpu(at_share[name]), _cpu(at_share[other]))
            yield Figure(f"{share} % with a status: {name} ÷ {other}", ratio, "x", _TARGETS.get((other, share)))
    others = [run.others_us for runs in spent.values() for run in runs]
    yield Figure("sender and next hop, beside all of them", others, "µs", beside="CPU a span")


def _cpu(runs: Sequence[Spent]) -> list[float]:
    return [run.cpu_us for run in runs]


def _of_latency(waited: Mapping[str, Sequence[Latency]], remarks: Mapping[str, str]) -> Iterator[Figure]:
    for name, latencies in waited.items():
        beside = remarks[name]
        when = f"at half load, {_LATENCY_SHARE} % with a status"
        yield Figure(
            f"{name}: half of the answers within, {when}", [each.p50_ms for each in latencies], "ms", beside=beside
        )
        yield Figure(
            f"{name}: 99 % of the answers within, {when}", [each.p99_ms for each in latencies], "ms", beside=beside
        )
