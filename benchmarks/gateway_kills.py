# SPDX-License-Identifier: Apache-2.0
"""Kill the gateway and its next hop in the middle of a stream of numbered spans, many times, and count the spans.

``python benchmarks/gateway_kills.py --rounds 200``: what the tests do a few times, with clients that are told more of
what may be told. It ends with 1 if a span is lost.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, Python knows this folder only

from tests.gateway_kills import SDK_S, VICTIMS, Tally, streaming

_OF_WORKERS: Final = ("worker", "worker, then gateway")
_PATIENT_S: Final = 5.0
"""A timeout with which the SDK sends again by itself."""


def main() -> None:
    """Run rounds, each of which kills once, over all ways to set the gateway up, and print what became of the spans."""
    parser = argparse.ArgumentParser(description="Kill the gateway and its next hop, and count the spans.")
    parser.add_argument("--rounds", type=int, default=200, help="how often to kill [default: 200]")
    parser.add_argument("--in-a-row", type=int, default=10, help="kills of one stream of spans [default: 10]")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="what the choices are drawn from")
    chosen = parser.parse_args()
    for name in list(os.environ):
        if name.startswith(("MESSAGING_STATUS_", "OTEL_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    logging.disable()  # the SDK says of every refusal that there was one
    random.seed(chosen.seed)
    print(f"seed {chosen.seed}")
    start = time.monotonic()
    kills: Counter[str] = Counter()
    starts = 0
    tallies: list[Tally] = []
    for (protocol, workers, sdk_s), count in _streams(chosen.rounds, chosen.in_a_row):
        with TemporaryDirectory(prefix="gateway-kills-") as folder:
            with streaming(Path(folder), protocol, workers, sdk_s=sdk_s) as stream:
                for victim in _drawn(count, workers):
                    stream.strike(victim)
                tallies.append(stream.tally())
            kills += stream.kills
            starts += stream.gateway.starts
        print(f"next hop over {protocol}, {workers} worker(s), {count} kills: {_said(tallies[-1:])}", flush=True)
    print("\n" + "\n".join(f"{number:5} {victim}" for victim, number in kills.most_common()))
    print(f"\n{kills.total()} kills in {time.monotonic() - start:.0f} s, {starts} starts of the gateway")
    print(_said(tallies))
    sys.exit(any(tally.lost or tally.plain for tally in tallies))


def _streams(rounds: int, in_a_row: int) -> Iterator[tuple[tuple[str, int, float], int]]:
    ways = cycle(product(("http", "grpc"), (1, 2), (SDK_S, _PATIENT_S)))
    for left in range(rounds, 0, -in_a_row):
        yield next(ways), min(left, in_a_row)


def _drawn(count: int, workers: int) -> list[str]:
    """What is killed: everything that there is once, in some order, then once more, until there are enough."""
    there = [victim for victim in VICTIMS if workers > 1 or victim not in _OF_WORKERS]
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += random.sample(there, len(there))
    return drawn[:count]


def _said(tallies: Sequence[Tally]) -> str:
    accepted, found, lost, plain, duplicates, refused = (
        sum(tally.accepted for tally in tallies),
        sum(tally.found for tally in tallies),
        [number for tally in tallies for number in tally.lost],
        sum(tally.plain for tally in tallies),
        sum(tally.duplicates for tally in tallies),
        sum((tally.refused for tally in tallies), Counter[str]()),
    )
    which = f" {lost[:20]}" if lost else ""
    return (
        f"spans accepted {accepted:,}, found {found:,}, lost {len(lost)}{which}, not enriched {plain}, "
        f"duplicates {duplicates:,}; requests refused {refused.total():,}: {dict(refused)}"
    )


if __name__ == "__main__":
    main()
