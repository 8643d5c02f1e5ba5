# SPDX-License-Identifier: Apache-2.0
"""One immutable table of all channels, that answers by system, channel and code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeVar, final

import msgspec

from messaging_status.catalogue import Series
from messaging_status.guard import Guard
from messaging_status.model import AttributeValue, Origin, RawStatus, Status
from messaging_status.spelling import fold

__all__ = ["MAX_TEXT", "Alternative", "ChannelTable", "Entry", "Found", "Meaning", "SystemTable", "Table", "spellings"]

_T = TypeVar("_T")

MAX_TEXT: Final = 4_096
"""Characters of the provider's text that are looked at."""
_REMEMBERED: Final = 1024


class Meaning(msgspec.Struct, frozen=True):
    """A status, and the attributes that say it under the prefix of the settings."""

    status: Status
    attributes: Mapping[str, AttributeValue]


class Alternative(msgspec.Struct, frozen=True):
    """A meaning for where the raw status carries more than its code. What is None here is not looked at."""

    reasons: frozenset[str] | None
    delivery_status: str | None
    origin: Origin | None
    text: re.Pattern[str] | None
    meaning: Meaning

    def fits(self, raw: RawStatus, reason: str | None, delivery_status: str | None) -> bool:
        """Whether a raw status, its subtype and its delivery status are what this one is for."""
        return (
            (self.reasons is None or reason in self.reasons)
            and self.delivery_status in (None, delivery_status)
            and self.origin in (None, raw.origin)
            and (self.text is None or (raw.text is not None and self.text.search(raw.text[:MAX_TEXT]) is not None))
        )


class Entry(msgspec.Struct, frozen=True):
    """What a code means on a channel."""

    meaning: Meaning
    alternatives: tuple[Alternative, ...] = ()
    refine: Guard[Status] | None = None
    parameter: re.Pattern[str] | None = None

    def is_of(self, code: str) -> bool:
        """Whether a code is written as the catalogue has it, and not in another form."""
        return self.meaning.status.code == code

    def choose(self, raw: RawStatus) -> Meaning:
        """The first alternative that fits the raw status, else the meaning of the code alone.

        Of several subtypes joined by slashes the first one that is known counts, where all that are known agree on
        whether sending again helps; where they do not, nothing is known but the code.
        """
        delivery_status = fold(raw.delivery_status) if raw.delivery_status else None
        meaning = self._fitting(raw, fold(raw.reason) if raw.reason else None, delivery_status)
        if meaning is not None:
            return meaning
        parts = raw.reason.split("/") if raw.reason and "/" in raw.reason else ()
        found = [self._fitting(raw, fold(part), delivery_status) for part in parts]
        known = [meaning for meaning in found if meaning is not None]
        return known[0] if len({meaning.status.retryable for meaning in known}) == 1 else self.meaning

    def _fitting(self, raw: RawStatus, reason: str | None, delivery_status: str | None) -> Meaning | None:
        for alternative in self.alternatives:
            if alternative.fits(raw, reason, delivery_status):
                return alternative.meaning
        return None


class ChannelTable(msgspec.Struct, frozen=True):
    """One channel's entries, with those it extends merged in."""

    name: str
    entries: Mapping[str, Entry]
    series: tuple[tuple[Series, Meaning], ...]
    refine: Guard[Status] | None
    answers: Mapping[str, Entry]

    def find(self, code: str, *, in_answer: bool = False) -> Entry | None:
        """The entry of a code, in an answer the answers' own first, or of the series that it belongs to."""
        entry = self.answers.get(code) if in_answer else None
        if entry is None:
            entry = self.entries.get(code)
        if entry is None and self.series:
            for series, meaning in self.series:
                if code in series:
                    status = msgspec.structs.replace(meaning.status, code=code)
                    first = {
                        name: code if value == series.label else value for name, value in meaning.attributes.items()
                    }
                    return Entry(Meaning(status, first), refine=self.refine)
        return entry


class SystemTable(msgspec.Struct, frozen=True):
    """One system's channels by every spelling, and what is known where a record names no channel."""

    name: str
    channels: Mapping[str, ChannelTable]
    common: Mapping[str, Entry]
    anywhere: Mapping[str, Entry]
    answers: Mapping[str, Entry]


class Found(msgspec.Struct, frozen=True):
    """Where a look-up ended: the entry if there is one, and what is known of system and channel."""

    entry: Entry | None
    system: str | None
    channel: ChannelTable | None


_NOWHERE: Final = Found(None, None, None)


@final
class Table:
    """All systems. Nothing in it changes after it is compiled."""

    def __init__(self, systems: Iterable[SystemTable], default_system: str | None) -> None:
        """Index the systems.

        Args:
            systems: The compiled systems.
            default_system: The one to use for records that name none.
        """
        self.systems = tuple(systems)
        self._by_name = {spelling: system for system in self.systems for spelling in spellings(system.name)}
        self._default = _spelled(self._by_name, default_system) if default_system else None
        if len(self.systems) == 1 and default_system is None:
            self._default = self.systems[0]
        # A sender meets few systems, channels and codes, and these many times over.
        self.recognises = lru_cache(_REMEMBERED)(self._recognises)
        self.find = lru_cache(_REMEMBERED)(self._find)

    def system(self, name: str) -> SystemTable | None:
        """The system of that name, however it is written."""
        return _spelled(self._by_name, name)

    def _recognises(self, system: str | None, channel: str | None) -> bool | None:
        """Whether a system and a channel are ours; None where neither says anything."""
        if system is not None:
            return self.system(system) is not None
        if channel is not None and any(_spelled(table.channels, channel) for table in self.systems):
            return True
        return None

    def exactly(self, code: str, system: str, channel: str) -> Entry | None:
        """The entry of a code on its channel, where both names are in one of their :func:`spellings`."""
        table = self._by_name.get(system)
        on = table.channels.get(channel) if table is not None else None
        return on.entries.get(code) if on is not None else None

    def knows(self, code: str, system: str | None, channel: str | None) -> bool:
        """Whether a catalogue has the code."""
        return self.find(code, system, channel).entry is not None

    def _find(self, code: str, system: str | None, channel: str | None, in_answer: bool = False) -> Found:  # noqa: FBT001, FBT002 - a memory of calls sees positions
        """Look a code up: on its channel, else in the system's common rows, else where just one channel has it."""
        if system is not None:
            table = self._by_name.get(system) or self.system(system)
            return _found(table, code, channel, in_answer) if table is not None else _NOWHERE
        found = [_found(table, code, channel, in_answer) for table in self._presumed(channel)]
        # Other ways to write a code, numbers mostly, say too little where nobody says whose it is.
        known = found if len(found) == 1 else [one for one in found if one.entry is not None and one.entry.is_of(code)]
        return known[0] if len(known) == 1 else _NOWHERE

    def _presumed(self, channel: str | None) -> Sequence[SystemTable]:
        """The systems that a record may be from that names none."""
        if self._default is not None:
            return (self._default,)
        return [table for table in self.systems if channel is None or _spelled(table.channels, channel) is not None]


def _found(table: SystemTable, code: str, channel: str | None, in_answer: bool) -> Found:  # noqa: FBT001 - passed on
    answer = table.answers.get(code) if in_answer else None
    if channel is None:
        rows = table.common if in_answer else table.anywhere
        return Found(answer or rows.get(code), table.name, None)
    on = table.channels.get(channel) or _spelled(table.channels, channel)
    if on is None:
        return Found(answer or table.common.get(code), table.name, None)
    return Found(on.find(code, in_answer=in_answer), table.name, on)


def spellings(name: str) -> tuple[str, ...]:
    """The spellings that are found at once; any other one is found by folding it."""
    return (name, name.upper(), name.capitalize(), fold(name))


def _spelled(index: Mapping[str, _T], name: str) -> _T | None:
    found = index.get(name)
    return found if found is not None else index.get(fold(name))
