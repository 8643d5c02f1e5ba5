# SPDX-License-Identifier: Apache-2.0
"""What is different between two versions of tables, and whether it changes what senders do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from messaging_status.catalogue import MEANING, Catalogue, Row, Series, Variant, matched

__all__ = ["Difference", "FieldChange", "Kind", "differences"]

_WORDS: Final = frozenset({"description", "advice"})
_FIELDS: Final = (*MEANING, "aliases", "upstream", "parameter")

_Key = tuple[str, object]
"""A code, and what a variant of it matches; None for the row or the range itself."""


class Kind(StrEnum):
    """What a difference is to those who use the tables, what matters most first."""

    RETRYABLE = "retryable"
    """Other messages are sent again."""
    REMOVED = "removed"
    ADDED = "added"
    MEANING = "meaning"
    """It is grouped, alerted on or shown in another way."""
    REWORDED = "reworded"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is different; None where it is not there."""

    field: str
    before: Any
    after: Any


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is different about a channel, a code or a variant of one.

    Attributes:
        kind: What it is to those who use the tables.
        system: Whose channel it is.
        channel: The channel.
        code: The code, or the range as ``900-999``; None for the channel as a whole.
        variant: What the variant matches, for people; None for the code itself.
        description: What it says now, or said last.
        retryable: Whether sending again helps, as it is now or was last.
        changes: The fields that are different.
    """

    kind: Kind
    system: str
    channel: str
    code: str | None = None
    variant: str | None = None
    description: str | None = None
    retryable: bool | None = None
    changes: tuple[FieldChange, ...] = ()


def differences(old: Iterable[Catalogue], new: Iterable[Catalogue]) -> list[Difference]:
    """Compare the own rows of each channel; what it inherits is compared where it stands.

    Args:
        old: The tables before.
        new: The tables after.

    Returns:
        By system and channel, and there in the order of the tables.
    """
    before = {catalogue.full_name: catalogue for catalogue in old}
    after = {catalogue.full_name: catalogue for catalogue in new}
    return [
        difference
        for name in sorted(before.keys() | after.keys())
        for difference in _of_channel(before.get(name), after.get(name))
    ]


def _of_channel(old: Catalogue | None, new: Catalogue | None) -> Iterator[Difference]:
    present = new or old
    if present is None:
        return
    if old is None or new is None:
        kind = Kind.ADDED if old is None else Kind.REMOVED
        yield Difference(kind=kind, system=present.system, channel=present.channel)
        return
    before, after = dict(_meanings(old)), dict(_meanings(new))
    for key in (*after, *(key for key in before if key not in after)):
        found = _difference(before.get(key), after.get(key), _of_row(key, before, after))
        if found is not None:
            yield msgspec.structs.replace(found, system=new.system, channel=new.channel)


class _Meaning(msgspec.Struct, frozen=True):
    """A row, a range or a variant: where it is, and all that it says."""

    code: str
    variant: str | None
    says: Mapping[str, Any]


def _meanings(catalogue: Catalogue) -> Iterator[tuple[_Key, _Meaning]]:
    for code, row in catalogue.rows.items():
        says = _says(row)
        yield (code, None), _Meaning(code, None, says)
        for variant in row.variant:
            given = {name: value for name, value in _says(variant).items() if value is not None}
            if variant.retryable == "unknown":
                given["retryable"] = None
            yield (code, matched(variant)), _Meaning(code, _label(variant), {**says, **given})
    for series in catalogue.series:
        yield (series.label, None), _Meaning(series.label, None, _says(series))


def _says(meaning: Row | Series | Variant) -> dict[str, Any]:
    values = {name: msgspec.to_builtins(getattr(meaning, name, None)) for name in _FIELDS}
    return {name: None if value in ((), []) else value for name, value in values.items()}


def _label(variant: Variant) -> str:
    matches = ("/".join(variant.reasons), variant.delivery_status, variant.origin, variant.text)
    return " and ".join(str(match) for match in matches if match)


def _of_row(key: _Key, before: Mapping[_Key, _Meaning], after: Mapping[_Key, _Meaning]) -> list[FieldChange]:
    """What changed in the row of a variant, and so in the variant: said once, it is enough."""
    row = (key[0], None)
    if key[1] is None or row not in before or row not in after:
        return []
    return _changes(before[row], after[row])


def _changes(before: _Meaning, after: _Meaning) -> list[FieldChange]:
    return [
        FieldChange(field=name, before=before.says[name], after=after.says[name])
        for name in _FIELDS
        if before.says[name] != after.says[name]
    ]


def _difference(before: _Meaning | None, after: _Meaning | None, of_row: list[FieldChange]) -> Difference | None:
    """What is different about one code or variant, None where nothing is."""
    changes: list[FieldChange] = []
    if before is not None and after is not None:
        changes = [change for change in _changes(before, after) if change not in of_row]
        if not changes:
            return None
    present = after or before
    if present is None:
        return None
    return Difference(
        kind=_kind(before, after, {change.field for change in changes}),
        system="",
        channel="",
        code=present.code,
        variant=present.variant,
        description=present.says["description"],
        retryable=present.says["retryable"],
        changes=tuple(changes),
    )


def _kind(before: _Meaning | None, after: _Meaning | None, changed: set[str]) -> Kind:
    if before is None:
        return Kind.ADDED
    if after is None:
        return Kind.REMOVED
    if "retryable" in changed:
        return Kind.RETRYABLE
    return Kind.REWORDED if changed <= _WORDS else Kind.MEANING
