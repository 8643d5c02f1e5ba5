# SPDX-License-Identifier: Apache-2.0
"""From plugins to the table: claims settled, inheritance resolved, every meaning written out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from messaging_status.catalogue import MEANING, Catalogue, Channel, Row, Series, Upstream, Variant, ancestry
from messaging_status.errors import did_you_mean
from messaging_status.guard import Guard
from messaging_status.model import Status
from messaging_status.plugins import Failure, Plugin
from messaging_status.spelling import fold
from messaging_status.table import Alternative, ChannelTable, Entry, Meaning, SystemTable, Table, spellings

__all__ = ["ANSWERS", "COMMON", "compile_table"]

COMMON: Final = "common"
"""The channel of a system whose rows hold where a record names no channel."""

ANSWERS: Final = "api_answer"
"""The channel of a system whose rows come first for a code in the platform's answer to a request."""

_Claim = tuple[Plugin, Channel]


def compile_table(
    plugins: Sequence[Plugin],
    refines: Mapping[str, Guard[Status]],
    *,
    prefix: str,
    default_system: str | None,
    left_out: Collection[str],
) -> tuple[Table, list[Failure]]:
    """Compile the channels of all plugins.

    Args:
        plugins: What was loaded.
        refines: Refine functions of channels, by ``<system>.<channel>``.
        prefix: What the names of attributes start with.
        default_system: The system of records that name none.
        left_out: Names of plugins (``<system>.<channel>``) that are installed but not in use: extending
            such a channel is no mistake.

    Returns:
        The table, and what is wrong with the channels that are not in it.
    """
    claims = [(plugin, channel) for plugin in plugins for channel in plugin.channels]
    failures = _contested(claims)
    absent = {*left_out, *(name for failure in failures for name in failure.channels)}
    claims = [claim for claim in claims if claim[1].catalogue.full_name not in absent]
    systems = []
    for name in sorted({channel.catalogue.system for _, channel in claims}):
        of_system = {c.catalogue.channel: (p, c) for p, c in claims if c.catalogue.system == name}
        broken = [failure for claim in of_system.values() for failure in _broken_extends(claim, of_system, absent)]
        failures += broken
        out = {channel for failure in broken for channel in failure.channels}
        usable = {key: claim for key, claim in of_system.items() if f"{name}.{key}" not in out}
        systems.append(_compile_system(name, usable, refines, prefix))
    return Table(systems, default_system), failures


def _contested(claims: Sequence[_Claim]) -> list[Failure]:
    """A channel name or alias that two channels claim belongs to neither: whichever won, half of the codes would lie."""
    holders: dict[tuple[str, str], _Claim] = {}
    failures = []
    for plugin, channel in claims:
        catalogue = channel.catalogue
        for name in (catalogue.channel, *catalogue.aliases):
            other, held = holders.setdefault((fold(catalogue.system), fold(name)), (plugin, channel))
            if held is not channel:
                what = f"{name!r} of {catalogue.system} is claimed by {other.label} in {held.catalogue.where}, too"
                failures.append(
                    _failure(
                        plugin,
                        (catalogue.full_name, held.catalogue.full_name),
                        f"{catalogue.where}: {what}; neither is used: block one of them in the settings",
                    )
                )
    return failures


def _broken_extends(claim: _Claim, of_system: Mapping[str, _Claim], absent: Collection[str]) -> list[Failure]:
    plugin, channel = claim
    catalogue = channel.catalogue
    failures = []
    for name in catalogue.extends:
        if name not in of_system and f"{catalogue.system}.{name}" not in absent:
            known = [other for other in of_system if other != catalogue.channel]
            what = f"{name!r} is not a channel of {catalogue.system}; {did_you_mean(name, known)}"
            failures.append(_failure(plugin, (catalogue.full_name,), f"{catalogue.where}: extends: {what}"))
    if catalogue.channel in ancestry(catalogue.channel, _catalogues(of_system)):
        what = f"{catalogue.channel!r} extends itself, by way of {', '.join(catalogue.extends)}"
        failures.append(_failure(plugin, (catalogue.full_name,), f"{catalogue.where}: extends: {what}"))
    return failures


def _compile_system(
    name: str, claims: Mapping[str, _Claim], refines: Mapping[str, Guard[Status]], prefix: str
) -> SystemTable:
    channels = {key: _compile_channel(key, claims, refines.get(f"{name}.{key}"), prefix) for key in claims}
    spelled = {
        spelling: channels[key]
        for key, (_, channel) in claims.items()
        for written in (key, *channel.catalogue.aliases)
        for spelling in spellings(written)
    }
    unnamed = Status(code="", system=name)
    common = _entries(_own_rows(COMMON, claims), unnamed, None, prefix)
    answers = _entries(_own_rows(ANSWERS, claims), unnamed, None, prefix)
    series = [one for _, channel in claims.values() for one in channel.catalogue.series]
    catalogues = _catalogues(claims)
    own = [
        (key, code)
        for key, catalogue in catalogues.items()
        for row_code, row in catalogue.rows.items()
        # A row that says more about one that is inherited is no row of another kind.
        if not any(row_code in catalogues[parent].rows for parent in ancestry(key, catalogues) if parent in catalogues)
        for code in (row_code, *row.aliases)
    ]
    having = Counter(code for _, code in own)
    alone = {
        code: channels[key].entries[code]
        for key, code in own
        if having[code] == 1 and not any(code in one for one in series)
    }
    return SystemTable(name, spelled, common, {**alone, **common}, answers)


def _compile_channel(
    name: str, claims: Mapping[str, _Claim], refine: Guard[Status] | None, prefix: str
) -> ChannelTable:
    catalogue = claims[name][1].catalogue
    inherited = [claims[parent][1].catalogue.rows for parent in ancestry(name, _catalogues(claims)) if parent in claims]
    rows: dict[str, Row] = {}
    for layer in (*reversed(inherited), catalogue.rows):
        rows.update(layer)
    blank = Status(code="", system=catalogue.system, channel=name)
    return ChannelTable(
        name=name,
        entries=_entries(rows, blank, refine, prefix),
        series=tuple((series, _meaning(series.label, series, blank, prefix)) for series in catalogue.series),
        refine=refine,
        answers=_entries(_own_rows(ANSWERS, claims), blank, refine, prefix),
    )


def _catalogues(claims: Mapping[str, _Claim]) -> dict[str, Catalogue]:
    return {name: channel.catalogue for name, (_, channel) in claims.items()}


def _own_rows(name: str, claims: Mapping[str, _Claim]) -> Mapping[str, Row]:
    return claims[name][1].catalogue.rows if name in claims else {}


def _entries(rows: Mapping[str, Row], blank: Status, refine: Guard[Status] | None, prefix: str) -> dict[str, Entry]:
    entries = {code: _entry(code, row, blank, refine, prefix) for code, row in rows.items()}
    aliases = {alias: entries[code] for code, row in rows.items() for alias in row.aliases}
    return {**aliases, **entries}


def _entry(code: str, row: Row, blank: Status, refine: Guard[Status] | None, prefix: str) -> Entry:
    meaning = _meaning(code, row, blank, prefix)
    alternatives = tuple(_alternative(variant, meaning.status, prefix) for variant in row.variant)
    return Entry(meaning, alternatives, refine, re.compile(row.parameter) if row.parameter else None)


def _meaning(code: str, row: Row | Series, blank: Status, prefix: str) -> Meaning:
    facts = {name: getattr(row, name) for name in MEANING}
    upstream = row.upstream if isinstance(row, Row) else None
    status = msgspec.structs.replace(blank, code=code, **facts, **_shown(upstream))
    return Meaning(status, status.attributes(prefix))


def _shown(upstream: Upstream | None) -> dict[str, str]:
    return {"upstream_code": upstream.code, "upstream_system": upstream.system} if upstream else {}


def _alternative(variant: Variant, status: Status, prefix: str) -> Alternative:
    changes = {name: value for name in MEANING if (value := getattr(variant, name)) is not None}
    changes |= _shown(variant.upstream)
    if variant.retryable == "unknown":
        changes["retryable"] = None
    if variant.reasons:
        changes["reason"] = variant.reasons[0]
    changed = msgspec.structs.replace(status, **changes)
    if changed.retryable is False:
        changed = msgspec.structs.replace(changed, retry_after=None)
    return Alternative(
        reasons=frozenset(map(fold, variant.reasons)) or None,
        delivery_status=fold(variant.delivery_status) if variant.delivery_status else None,
        origin=variant.origin,
        text=re.compile(variant.text) if variant.text else None,
        meaning=Meaning(changed, changed.attributes(prefix)),
    )


def _failure(plugin: Plugin, channels: tuple[str, ...], problem: str) -> Failure:
    return Failure(
        plugin=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        channels=channels,
        problems=(problem,),
    )
