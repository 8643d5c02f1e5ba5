# SPDX-License-Identifier: Apache-2.0
"""Overlays laid over the catalogues of the plugins: what changes, what contradicts what, what changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from messaging_status._toml_lines import Path, named, placed
from messaging_status.catalogue import MEANING, Catalogue, Row, Series, Variant, ancestry, matched
from messaging_status.errors import did_you_mean
from messaging_status.overlay import Change, Overlay
from messaging_status.plugins import Plugin

__all__ = ["Edit", "Overlaid", "lay_over"]

_FIELDS: Final = (*MEANING, "parameter")
_REQUIRED: Final = tuple(field.name for field in msgspec.structs.fields(Row) if field.required)


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One field that an overlay sets.

    Attributes:
        place: File and line.
        system: Whose channel it changes.
        channel: The channel.
        code: The code.
        variant: What the changed variant matches, None where it is the row itself.
        field: The field.
        before: Its value in the catalogue, None where it has none.
        after: Its value now.
    """

    place: str
    system: str
    channel: str
    code: str
    variant: str | None
    field: str
    before: str | bool | int | None
    after: str | bool | int

    def __str__(self) -> str:
        """File, line, channel, code, field, and both values."""
        return f"{self.subject}: {_written(self.before)} → {_written(self.after)}"

    @property
    def subject(self) -> str:
        """File, line, channel, code and field."""
        variant = f" with {self.variant}" if self.variant else ""
        return f"{self.place}: {self.channel} {self.code}{variant}: {self.field}"


class Overlaid(msgspec.Struct, frozen=True, kw_only=True):
    """What came of laying overlays over plugins.

    Attributes:
        plugins: The plugins, with their catalogues changed.
        edits: What is different now.
        remarks: What the overlays say in vain.
        problems: What is wrong with overlays that were left out for it.
        rejected: The files of those.
    """

    plugins: tuple[Plugin, ...]
    edits: tuple[Edit, ...]
    remarks: tuple[str, ...]
    problems: tuple[str, ...]
    rejected: frozenset[str]


class _Layer(msgspec.Struct, frozen=True):
    """What one overlay makes of a catalogue: its rows, who sets what, what it says in vain, what is wrong with it."""

    rows: Mapping[str, Row]
    claims: Mapping[_Claim, Edit]
    remarks: Sequence[str]
    problems: Sequence[str]


_Catalogues = Mapping[str, Catalogue]
"""All catalogues, by full name."""
_Claim = tuple[str, str, object, str]
"""Which field of which variant of which row: no two overlays may differ on it."""


def lay_over(plugins: Sequence[Plugin], overlays: Sequence[Overlay], absent: Collection[str]) -> Overlaid:
    """Lay overlays over the catalogues of plugins. One with a problem is left out as a whole.

    Args:
        plugins: What was loaded.
        overlays: What the user's files say, in the order of the settings.
        absent: Names (``<system>.<channel>``) that are installed but not in use: changing one is no mistake.
    """
    originals = {c.catalogue.full_name: c.catalogue for plugin in plugins for c in plugin.channels}
    catalogues = dict(originals)
    claims: dict[_Claim, Edit] = {}
    edits: list[Edit] = []
    remarks: list[str] = []
    problems: list[str] = []
    rejected: set[str] = set()
    # What a channel inherits has to be settled before the rows that it changes.
    for overlay in sorted(overlays, key=lambda overlay: len(_lineage(overlay.full_name, catalogues))):
        catalogue = catalogues.get(overlay.full_name)
        if catalogue is None:
            if overlay.full_name in absent:
                place = named(overlay.where, ("channel",), overlay.lines)
                remarks.append(f"{place}: {overlay.full_name} is installed but not in use, so nothing is changed")
                continue
            wrong = [_not_installed(overlay, catalogues)]
        else:
            layer = _layer(overlay, catalogues, absent)
            wrong = [*layer.problems, *_conflicts(layer.claims, claims)]
        if catalogue is None or wrong:
            problems += wrong
            rejected.add(overlay.where)
            continue
        claims |= {claim: edit for claim, edit in layer.claims.items() if claim not in claims}
        edits += [edit for edit in layer.claims.values() if edit.before != edit.after]
        remarks += layer.remarks
        rows = MappingProxyType({**catalogue.rows, **layer.rows})
        catalogues[overlay.full_name] = msgspec.structs.replace(catalogue, rows=rows)
    return Overlaid(
        plugins=tuple(_with(plugin, originals, catalogues) for plugin in plugins),
        edits=tuple(edits),
        remarks=tuple(remarks),
        problems=tuple(problems),
        rejected=frozenset(rejected),
    )


def _lineage(full_name: str, catalogues: _Catalogues) -> list[str]:
    """The full names of the channels whose rows a channel inherits, nearest first."""
    system, _, channel = full_name.partition(".")
    of_system = {catalogue.channel: catalogue for catalogue in catalogues.values() if catalogue.system == system}
    return [f"{system}.{name}" for name in ancestry(channel, of_system)]


def _not_installed(overlay: Overlay, catalogues: _Catalogues) -> str:
    place = named(overlay.where, ("channel",), overlay.lines)
    return f"{place}: {overlay.full_name!r} is not installed; {did_you_mean(overlay.full_name, list(catalogues))}"


def _layer(overlay: Overlay, catalogues: _Catalogues, absent: Collection[str]) -> _Layer:
    rows: dict[str, Row] = {}
    claims: dict[_Claim, Edit] = {}
    remarks: list[str] = []
    problems: list[str] = []
    lacking = [name for name in _lineage(overlay.full_name, catalogues) if name in absent]
    for written, change in overlay.rows.items():
        code, row = _row_of(written, overlay.full_name, catalogues)
        missing = [name for name in _REQUIRED if row is None and getattr(change, name) is None]
        place = named(overlay.where, ("status", written), overlay.lines)
        if code in rows:
            problems.append(f"{place}: is another way to write {code}, which stands here, too; keep one of the two")
        elif missing and lacking:
            remarks.append(f"{place}: is left out: it may be a row of {lacking[0]}, which is not in use")
        elif missing:
            what = f"{overlay.channel} has no such code yet; a new row also needs {', '.join(missing)}"
            problems.append(f"{place}: {what}")
        else:
            rows[code] = _changed(row, change)
            made = dict(_edits(overlay, written, code, row, change))
            claims |= made
            remarks += _dead(overlay, written, change, made.values())
    return _Layer(rows, claims, remarks, problems)


def _row_of(written: str, full_name: str, catalogues: _Catalogues) -> tuple[str, Row | Series | None]:
    """A code as its row has it, and what it means before it is changed: by an own row, an inherited one, or a series."""
    lineage = [catalogues[name] for name in (full_name, *_lineage(full_name, catalogues)) if name in catalogues]
    for catalogue in lineage:
        if written in catalogue.rows:
            return written, catalogue.rows[written]
    for catalogue in lineage:
        for code, row in catalogue.rows.items():
            if written in row.aliases:
                return code, row
    return written, next((series for series in catalogues[full_name].series if written in series), None)


def _changed(row: Row | Series | None, change: Change) -> Row:
    before = {name: getattr(row, name, None) for name in _FIELDS}
    after = {**before, **_given(change, _FIELDS)}
    if after["retryable"] == "unknown":
        after["retryable"] = None
    if after["retryable"] is False and change.retry_after is None:
        after["retry_after"] = None
    if not isinstance(row, Row):
        return Row(**after, variant=_changed_variants((), change.variant))
    return msgspec.structs.replace(row, **after, variant=_changed_variants(row.variant, change.variant))


def _changed_variants(before: Sequence[Variant], changes: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants, those changed that the changes are about; new ones where they are reached and hide no other one."""
    changed = list(before)
    new = []
    for change in changes:
        known = _changed_by(change, changed)
        if known is None:
            new.append(change)
        else:
            given = _given(change, MEANING)
            changed[changed.index(known)] = msgspec.structs.replace(known, **given)
    # What looks at a subtype or a text is meant for less than what does not.
    narrow = [variant for variant in new if variant.reasons or variant.text]
    return (*narrow, *changed, *(variant for variant in new if variant not in narrow))


def _changed_by(change: Variant, variants: Sequence[Variant]) -> Variant | None:
    """The variant that a change is about: all of its spellings of the subtype are that one's, and it looks at the same."""
    reasons, *others = matched(change)
    for variant in variants:
        its_reasons, *its_others = matched(variant)
        if others == its_others and (reasons == its_reasons or (reasons and reasons <= its_reasons)):  # type: ignore[operator]
            return variant
    return None


def _edits(
    overlay: Overlay, written: str, code: str, row: Row | Series | None, change: Change
) -> Iterator[tuple[_Claim, Edit]]:
    """Every field that an overlay sets for a code, also those that it sets to what they are."""

    def edit(path: Path, field: str, variant: Variant | None, before: Any, after: Any) -> tuple[_Claim, Edit]:
        place = placed(overlay.where, ("status", written, *path, field), overlay.lines)
        made = Edit(
            place=place,
            system=overlay.system,
            channel=overlay.channel,
            code=code,
            variant=_label(variant) if variant else None,
            field=field,
            before=_plain(before),
            after=_plain(after),
        )
        return (overlay.full_name, code, matched(variant) if variant else None, field), made

    for field, value in _given(change, _FIELDS).items():
        yield edit((), field, None, getattr(row, field, None), value)
    present = row.variant if isinstance(row, Row) else ()
    for index, variant in enumerate(change.variant):
        known = _changed_by(variant, present)
        for field, value in _given(variant, MEANING).items():
            before = getattr(known, field, None)
            inherited = getattr(change, field) if getattr(change, field) is not None else getattr(row, field, None)
            yield edit(("variant", index), field, known or variant, inherited if before is None else before, value)


def _conflicts(made: Mapping[_Claim, Edit], earlier: Mapping[_Claim, Edit]) -> Iterator[str]:
    for claim, edit in made.items():
        holder = earlier.get(claim)
        if holder is not None and holder.after != edit.after:
            also = f"but {holder.place} sets {_written(holder.after)}"
            yield f"{edit.subject}: sets {_written(edit.after)}, {also}; take one of them out"


def _dead(overlay: Overlay, written: str, change: Change, edits: Iterable[Edit]) -> Iterator[str]:
    for edit in edits:
        if edit.before == edit.after or (edit.before is None and edit.after == "unknown"):
            yield f"{edit.subject}: is {_written(edit.after)} already, so this changes nothing"
    if not _given(change, _FIELDS) and not change.variant:
        yield f"{named(overlay.where, ('status', written), overlay.lines)}: says nothing, so it changes nothing"
    for index, variant in enumerate(change.variant):
        if not _given(variant, MEANING):
            place = named(overlay.where, ("status", written, "variant", index), overlay.lines)
            yield f"{place}: says only what it matches, so it changes nothing"


def _given(change: Change | Variant, fields: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in fields if (value := getattr(change, name)) is not None}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def _written(value: str | bool | int | None) -> str:  # noqa: FBT001 - it is a value to be written out
    return "-" if value is None else repr(value) if isinstance(value, str) else str(value).lower()


def _label(variant: Variant) -> str:
    """What a variant matches, for people."""
    matches = {
        "reason": "/".join(variant.reasons),
        "delivery status": variant.delivery_status,
        "origin": variant.origin,
        "text": variant.text,
    }
    return " and ".join(f"{name} {match}" for name, match in matches.items() if match)


def _with(plugin: Plugin, originals: _Catalogues, catalogues: _Catalogues) -> Plugin:
    # By identity: of two plugins that claim one channel, each has to keep its own.
    changed = {id(original): catalogues[name] for name, original in originals.items()}
    channels = [
        msgspec.structs.replace(channel, catalogue=changed.get(id(channel.catalogue), channel.catalogue))
        for channel in plugin.channels
    ]
    return msgspec.structs.replace(plugin, channels=tuple(channels))
