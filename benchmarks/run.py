# SPDX-License-Identifier: Apache-2.0
"""Measure what messaging-status costs a sender, and print it as one Markdown table.

Run it all with ``make bench``, or one subject with ``python benchmarks/run.py spans``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, Python knows this folder only

from benchmarks import calls, capture, collector, load, many_plugins, spans
from benchmarks.gateway import comparison
from benchmarks.measure import Figure

SUBJECTS: Final[Mapping[str, Callable[[], Iterator[Figure]]]] = {
    "spans": spans.figures,
    "plugins": many_plugins.figures,
    "load": load.figures,
    "calls": calls.usual,
    "worst": calls.worst,
    "capture": capture.figures,
}
ON_REQUEST: Final[Mapping[str, Callable[[], Iterator[Figure]]]] = {
    "gateway": comparison.figures,
    "gateway-quick": comparison.quick,
    "collector": collector.figures,
    "collector-quick": collector.quick,
}
"""What takes minutes, and the look whether it works: left out unless named."""

_COLUMNS: Final = ("Figure", "Median", "Quartiles", "Min … max", "Target", "Met", "Beside")


def main() -> None:
    """Measure the subjects that were asked for; without an argument, those that do not have to be asked for."""
    parser = argparse.ArgumentParser(description="Measure what messaging-status costs a sender.")
    usual, more = ", ".join(SUBJECTS), ", ".join(ON_REQUEST)
    parser.add_argument("subject", nargs="*", help=f"what to measure; by default {usual}; only if named: {more}")
    chosen = parser.parse_args().subject or list(SUBJECTS)
    subjects = {**SUBJECTS, **ON_REQUEST}
    unknown = [name for name in chosen if name not in subjects]
    if unknown:
        parser.error(f"{unknown[0]!r} is not a subject; expected one of {', '.join(subjects)}")
    start = time.monotonic()
    print(f"{_surroundings()}\n")
    print(_row(_COLUMNS))
    print(_row(["---"] * len(_COLUMNS)))
    for name in chosen:
        for figure in subjects[name]():
            print(_row(figure.cells()), flush=True)
    print(f"\nMeasured in {time.monotonic() - start:.0f} s.")


def _surroundings() -> str:
    machine = f"{_processor()}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    sdk = f"opentelemetry-sdk {version('opentelemetry-sdk')}"
    ours = f"otel-messaging-status {version('otel-messaging-status')}"
    return f"{machine}; {python}; {sdk}; {ours}; {dt.datetime.now(dt.UTC).date()}"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _row(cells: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
