# SPDX-License-Identifier: Apache-2.0
"""Codes that no catalogue has, counted, so that somebody can give them a row."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from messaging_status.fork import renewed_after_fork

__all__ = ["MAX_DISTINCT", "Tally", "UnknownCode", "UnknownCodes"]

MAX_DISTINCT: Final = 1_000
"""So many different codes are counted each for itself."""


class UnknownCode(msgspec.Struct, frozen=True):
    """A code that no catalogue has.

    Attributes:
        system: The system's own name, None where none could be told.
        channel: The channel's own name, None where none could be told.
        code: The code, normalised.
    """

    system: str | None
    channel: str | None
    code: str


class UnknownCodes(msgspec.Struct, frozen=True):
    """How often codes that no catalogue has were met.

    Attributes:
        counts: By code, in the order in which they were first met; at most 1,000 of them.
        other: How often further ones were met.
    """

    counts: Mapping[UnknownCode, int]
    other: int


class Tally:
    """Counts unknown codes, from any thread, in bounded memory.

    A signal handler may interrupt a count and count, too: hence the re-entrant lock.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: Counter[UnknownCode] = Counter()
        self._other = 0
        self._lock = threading.RLock()
        renewed_after_fork(self)

    def add(self, code: UnknownCode) -> None:
        """Count a code once more."""
        with self._lock:
            if code in self._counts or len(self._counts) < MAX_DISTINCT:
                self._counts[code] += 1
            else:
                self._other += 1

    def counted(self) -> UnknownCodes:
        """What was counted so far."""
        with self._lock:
            return UnknownCodes(dict(self._counts), self._other)

    def renew(self) -> None:
        """Begin anew in a forked process, whoever held the lock: its parent counts for itself."""
        self._counts, self._other = Counter(), 0
        self._lock = threading.RLock()
