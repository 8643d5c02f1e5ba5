# SPDX-License-Identifier: Apache-2.0
"""What a hundred plugins cost a span with a status, beside one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import invalidate_caches
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.generated import CODES, PLUGINS, channel_of, entry_name, install, own_system_of
from benchmarks.measure import Figure, interleaved, ratios
from benchmarks.sender import Attributes, Nothing, Sender, with_status

from messaging_status import Host
from messaging_status.otel import StatusSpanExporter

_BATCH: Final = 512
_ROUNDS: Final = 120


def figures() -> Iterator[Figure]:
    """A hundred plugins in systems of their own, and a hundred in one system."""
    with TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        try:
            yield from _against_one(Path(folder), "own")
            yield from _against_one(Path(folder), "shared")
        finally:
            sys.path.remove(folder)


def _against_one(site: Path, kind: str) -> Iterator[Figure]:
    install(site, kind)
    invalidate_caches()
    one = _host([entry_name(kind, 0)])
    hundred = _host([entry_name(kind, index) for index in range(PLUGINS)])
    systems = [own_system_of(index) if kind == "own" else "shared" for index in range(PLUGINS)]
    of_one = [with_status(systems[0], channel_of(0), code) for code in CODES]
    of_many = [with_status(systems[index], channel_of(index), code) for index, code in enumerate(CODES)]
    sender = Sender()
    times = interleaved(
        {
            "one": sender.exports(_batch(of_one), StatusSpanExporter(Nothing(), one)),
            "hundred": sender.exports(_batch(of_one), StatusSpanExporter(Nothing(), hundred)),
            "spread": sender.exports(_batch(of_many), StatusSpanExporter(Nothing(), hundred)),
        },
        _ROUNDS,
    )
    where = "each in its own system" if kind == "own" else "all in one system"
    yield Figure(f"100 plugins ÷ 1, {where}: the same spans", ratios(times["hundred"], times["one"]), "x", 1.1)
    yield Figure(f"100 plugins ÷ 1, {where}: spans of 30 of them", ratios(times["spread"], times["one"]), "x", 1.1)


def _batch(attributes: Sequence[Attributes]) -> list[Attributes]:
    return list(islice(cycle(attributes), _BATCH))


def _host(plugins: list[str]) -> Host:
    return Host.load({"plugins": {"allowed": plugins}}, strict=True)
