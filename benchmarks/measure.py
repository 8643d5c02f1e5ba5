# SPDX-License-Identifier: Apache-2.0
"""Contenders timed side by side, and figures that show how much they can be trusted."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

Contender = Callable[[], float]
"""Does its work once and answers the nanoseconds of that part of it that counts."""

Work = Callable[[], object]


@dataclass(frozen=True)
class Figure:
    """One row of the table: all the values of one figure, and how to show them.

    Attributes:
        name: What is measured.
        values: One for each round.
        unit: ``%``, ``x`` (a ratio), ``ns``, ``ms`` or ``MiB``.
        target: The most it may be; None where nothing is promised.
        beside: What the median is in terms of something that was measured beside it.
    """

    name: str
    values: Sequence[float]
    unit: str
    target: float | None = None
    beside: str = ""

    def cells(self) -> tuple[str, ...]:
        """The figure as a row of the table."""
        low, median, high = statistics.quantiles(self.values, n=4)
        quartiles = f"{_number(low)} … {_number(high)}"
        extremes = f"{_number(min(self.values))} … {_number(max(self.values))}"
        target = "" if self.target is None else f"≤ {self.target:g} {self.unit}"
        is_met = "" if self.target is None else "yes" if median <= self.target else "**no**"
        return (self.name, f"{_number(median)} {self.unit}", quartiles, extremes, target, is_met, self.beside)


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """The nanoseconds of every contender in every round: A B C, B C A, C A B …, without garbage collection."""
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for contender in contenders.values():
        contender()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number in range(rounds):
            turn = number % len(names)
            for name in (*names[turn:], *names[:turn]):
                times[name].append(contenders[name]())
            gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    return times


def ratios(these: Sequence[float], to_those: Sequence[float], scale: float = 1.0) -> list[float]:
    """Each round's ratio; noise that slows a whole round down cancels out."""
    return [scale * this / that for this, that in zip(these, to_those, strict=True)]


def repeated(work: Work, times: int) -> Contender:
    """A contender that does the work some times and answers the mean time of one."""

    def run() -> float:
        start = time.perf_counter_ns()
        for _ in repeat(None, times):
            work()
        return (time.perf_counter_ns() - start) / times

    return run


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
