# SPDX-License-Identifier: Apache-2.0
"""Input that makes careless code work without end: almost-matches that repeat, documents as large as the host admits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from messaging_status.documents import MAX_BODY_LENGTH, MAX_NESTING
from messaging_status.testing.hostile import leaves, replaced

__all__ = ["large_documents", "long_texts", "strained"]

_GROWING: Final = (*range(14, 33), 64, 256, 1_024, 4_096, 16_384, MAX_BODY_LENGTH - 64)
"""Lengths, one after the other: exponential work shows at thirty characters, while one can still wait for its end."""
_ALWAYS: Final = ("a", "0", " ", "a0 ", "\n")
_MAX_PIECES: Final = 9
_MAX_LEAVES: Final = 16
_MAX_VALUES: Final = 19_000
"""Somewhat less than half of what the host looks at: it copies a document twice."""
_PIECE: Final = re.compile(r"\S{1,24}\s?|\w[\W_]")


def long_texts(sample: str) -> Iterator[str]:
    """Texts that begin as a sample does, go on with a piece over and over, and end with what fits nothing."""
    pieces = list(dict.fromkeys((*_ALWAYS, *_PIECE.findall(sample[:400]))))[:_MAX_PIECES]
    for piece in pieces:
        for start in ("", sample[:200]):
            for length in _GROWING:
                yield f"{start}{piece * (length // len(piece))}!"[:MAX_BODY_LENGTH]


def strained(body: Any) -> Iterator[Any]:
    """A document with a long text in one of its places at a time."""
    places = [(place, value) for place, value in leaves(body) if isinstance(value, str)][:_MAX_LEAVES]
    for place, value in places:
        for text in long_texts(value):
            yield replaced(body, place, text)


def large_documents(keys: Sequence[str], bodies: Sequence[Any]) -> Iterator[Any]:
    """Documents with nearly as many values, and as many levels, as the host looks at.

    Args:
        keys: The reader's keys.
        bodies: Documents that it reads: what is a list in them is made long.
    """
    deep: Any = "x"
    for _ in range(MAX_NESTING - 3):
        deep = {"x": deep, "y": [deep]} if isinstance(deep, str) else {"x": deep}
    for key in keys[:3]:
        yield {key: deep}
        yield {key: ["x"] * _MAX_VALUES}
        yield {key: [{}] * _MAX_VALUES}
        yield {key: {f"x{number}": number for number in range(_MAX_VALUES)}}
    for body in bodies:
        for place, value in leaves(body, containers=True):
            if isinstance(value, (list, tuple)) and value:
                size = sum(1 for _ in leaves(value, containers=True)) + 1
                yield replaced(body, place, list(value) * (_MAX_VALUES // size))
            elif isinstance(value, Mapping):
                yield replaced(
                    body, place, {**{f"x{number}": number for number in range(_MAX_VALUES - 1_000)}, **value}
                )
