# SPDX-License-Identifier: Apache-2.0
"""What a sender was told is accepted is at the next hop, whoever is killed on the way."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from .gateway_kills import streaming


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot be stopped, nor ports be shared")
@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize(
    ("workers", "victims"),
    [
        (1, ["gateway", "next hop", "next hop, stopped", "gateway and next hop"]),
        (2, ["worker", "worker"]),
        (2, ["gateway", "gateway and next hop"]),
    ],
    ids=["one process", "a worker", "the parent of the workers"],
)
def test_what_was_accepted_is_at_the_next_hop(
    tmp_path: Path, protocol: str, workers: int, victims: Sequence[str]
) -> None:
    with streaming(tmp_path, protocol, workers, of_each_kind=1) as stream:
        for victim in victims:
            stream.strike(victim)
        tally = stream.tally()
    assert tally.lost == []
    assert tally.plain == 0
    assert tally.accepted >= len(stream.clients)
    assert tally.refused.total() > 0
