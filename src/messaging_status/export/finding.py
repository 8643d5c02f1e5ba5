# SPDX-License-Identifier: Apache-2.0
"""How the Collector finds the code, the system and the channel of a record: as ``locate.Locator`` does in attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from messaging_status.catalogue import Catalogue
from messaging_status.export.meanings import ChannelMeanings, spellings_of
from messaging_status.export.ottl import Group, any_of, fields, first_name, folded, literal, one_of, within
from messaging_status.host import Host
from messaging_status.model import MESSAGING_SYSTEM, RawStatus, Status
from messaging_status.spelling import MAX_CODE_LENGTH, fold

__all__ = ["Places", "carried", "known_first", "places_of", "presumed"]

_TOKEN: Final = f"^[A-Za-z0-9._:-]{{1,{MAX_CODE_LENGTH}}}$"
_SPACES: Final = " \t\n\r\f\v"
_HTTP_KEYS: Final = ("status_code", "statusCode")
_HTTP_STATUSES: Final = tuple(str(status.value) for status in HTTPStatus)
_LARGEST: Final = 2**53
"""Whole numbers up to this one are the same as a floating-point number."""


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where the Collector reads and writes.

    Attributes:
        context: OTTL's word for a record: ``span`` or ``log``.
        prefix: What the names of our attributes start with.
        codes: Keys of codes in which a code counts by itself.
        plain_codes: Keys of codes without a dot: they count where the record is of a system or a channel of ours.
        systems: Keys of systems.
        channels: Keys of channels.
        reasons: Keys of subtypes.
        delivery_statuses: Keys of classes.
        waits: Keys of the time to wait.
        catalogues: The channels that are installed.
        default: The system of records that name none, None where there is no such system.
    """

    context: str
    prefix: str
    codes: Sequence[str]
    plain_codes: Sequence[str]
    systems: Sequence[str]
    channels: Sequence[str]
    reasons: Sequence[str]
    delivery_statuses: Sequence[str]
    waits: Sequence[str]
    catalogues: Sequence[Catalogue]
    default: str | None

    def attribute(self, key: str) -> str:
        """The path of an attribute of the record."""
        return fields(self.context)[0] % literal(key)

    def cached(self, key: str) -> str:
        """The path of a value that is kept while a group looks at the record."""
        return fields(self.context)[1] % literal(key)

    @property
    def key(self) -> str:
        """The path of a record's key, ``system/channel/code``, while it is looked at."""
        return self.attribute(self.temporary[0])

    @property
    def said(self) -> str:
        """The path of what is said about a record so far."""
        return self.attribute(self.temporary[1])

    @property
    def others(self) -> list[str]:
        """The paths of the keys that a record has if one of its further codes is the right one."""
        return [self.attribute(name) for name in self.temporary[2:]]

    @property
    def temporary(self) -> list[str]:
        """The attributes that a record has only while it is looked at."""
        names = [f"{self.prefix}._key", f"{self.prefix}._said"]
        return [*names, *(f"{self.prefix}._key{index}" for index in range(1, len(self.plain_codes)))]

    @property
    def system_names(self) -> list[str]:
        """The systems of the channels."""
        return sorted({catalogue.system for catalogue in self.catalogues})


def places_of(host: Host, prefix: str, context: str) -> Places:
    """Where a host with these settings would look, with another prefix perhaps."""
    keys, settings = host.settings.keys, host.settings
    codes = list(dict.fromkeys((f"{prefix}.code", *keys.code)))
    catalogues = [channel.catalogue for channel in host.channels]
    systems = sorted({catalogue.system for catalogue in catalogues})
    default = settings.default_system or (systems[0] if len(systems) == 1 else None)
    return Places(
        context=context,
        prefix=prefix,
        codes=[key for key in codes if "." in key],
        plain_codes=[key for key in codes if "." not in key],
        systems=keys.system,
        channels=list(dict.fromkeys((f"{prefix}.channel", *keys.channel))),
        reasons=list(dict.fromkeys((f"{prefix}.reason", *keys.reason))),
        delivery_statuses=keys.delivery_status,
        waits=keys.retry_after,
        catalogues=catalogues,
        default=next((name for name in systems if default and fold(name) == fold(default)), None),
    )


def carried(places: Places) -> Group:
    """The group that gives a record with a code of ours its key."""
    own = [f"{name}.status.code" for name in places.system_names]
    every = (*places.codes, *places.plain_codes, *own)
    is_told = " and ".join(
        f"{places.attribute(f'{places.prefix}.{name}')} != nil" for name in ("code", "category", "outcome")
    )
    named = any_of(f"{places.attribute(key)} != nil" for key in every)
    statements = [
        *_system(places),
        *_channel(places),
        *_codes(places),
        *_keys(places),
    ]
    return Group(
        about="what each record carries: its system, its channel, its code",
        condition=f"({named}) and not ({is_told})",
        statements=statements,
    )


def _system(places: Places) -> Iterator[str]:
    """Keeps the system that a record names (``named``), folded, and the one that an own key names (``own``)."""
    named, own = places.cached("named"), places.cached("own")
    yield from first_name(named, map(places.attribute, places.systems))
    yield from folded(named)
    for suffix in ("status.code", "channel"):
        for name in places.system_names:
            fits = f"({named} == nil or {named} == {literal(fold(name))})"
            yield f"set({own}, {literal(name)}) where {own} == nil and {places.attribute(f'{name}.{suffix}')} != nil and {fits}"
    yield from (f"set({named}, {literal(fold(name))}) where {own} == {literal(name)}" for name in places.system_names)
    resource = places.cached("resource_system")
    yield from first_name(resource, (f"resource.attributes[{literal(key)}]" for key in places.systems))
    yield from folded(resource)
    yield f"set({named}, {resource}) where {named} == nil"


def _channel(places: Places) -> Iterator[str]:
    """Keeps the channel that a record names, folded."""
    channel, own = places.cached("channel"), places.cached("own")
    yield from first_name(channel, map(places.attribute, places.channels))
    absent = " and ".join(f"{places.attribute(key)} == nil" for key in places.channels)
    for name in places.system_names:
        value = places.attribute(f"{name}.channel")
        yield f'set({channel}, {value}) where {own} == {literal(name)} and IsString({value}) and {value} != "" and {absent}'
    yield from first_name(channel, (f"resource.attributes[{literal(key)}]" for key in places.channels))
    yield from folded(channel)


def _codes(places: Places) -> Iterator[str]:
    """Keeps the code that counts by itself (``code``), and those under keys without a dot (``code0`` …)."""
    code, own = places.cached("code"), places.cached("own")
    for key in places.codes:
        yield from _code(code, places.attribute(key))
    for name in places.system_names:
        absent = " and ".join(f"{places.attribute(key)} == nil" for key in places.codes)
        yield from _code(code, places.attribute(f"{name}.status.code"), f"{own} == {literal(name)} and {absent}")
    for index, key in enumerate(places.plain_codes):
        kept = places.cached(f"code{index}")
        yield from _code(kept, places.attribute(key), f"{code} == nil")
        if key in _HTTP_KEYS:
            is_http = f"{kept} != nil and IsMatch({kept}, {one_of(_HTTP_STATUSES)})"
            yield f"delete_key({places.context}.cache, {literal(f'code{index}')}) where {is_http}"


def _code(target: str, value: str, condition: str | None = None) -> Iterator[str]:
    """Statements that keep a value as a code, as ``spelling.as_code`` does: a text, an integer, a whole number."""
    where = f"{target} == nil" + (f" and {condition}" if condition else "")
    trimmed = f"Trim({value}, {literal(_SPACES)})"
    yield f"set({target}, {trimmed}) where {where} and IsString({value}) and IsMatch({trimmed}, {literal(_TOKEN)})"
    yield f"set({target}, String({value})) where {where} and IsInt({value})"
    is_whole = f"{value} <= {_LARGEST}.0 and {value} >= -{_LARGEST}.0 and Double(Int({value})) == {value}"
    yield f"set({target}, String(Int({value}))) where {where} and IsDouble({value}) and {is_whole}"


def _keys(places: Places) -> Iterator[str]:
    """Gives the record its key, and what is known of it: its code, and its system where the record says that."""
    named, channel, code = (places.cached(name) for name in ("named", "channel", "code"))
    system, on = places.cached("system"), places.cached("on")
    for name in places.system_names:
        yield f"set({system}, {literal(name)}) where {named} == {literal(fold(name))}"
    is_ours = f'({named} == nil or {system} != "")'
    if places.default is not None:
        yield f"set({system}, {literal(places.default)}) where {named} == nil"
    for catalogue in places.catalogues:
        spelled = one_of(spellings_of(catalogue))
        is_one = f"{channel} != nil and IsMatch({channel}, {spelled})"
        yield f"set({on}, {literal(catalogue.channel)}) where {on} == nil and {system} == {literal(catalogue.system)} and {is_one}"
    known = one_of(dict.fromkeys(name for catalogue in places.catalogues for name in spellings_of(catalogue)))
    is_recognised = f"({named} != nil or ({channel} != nil and IsMatch({channel}, {known})))"
    yield f'set({on}, "") where {on} == nil and {channel} == nil'
    yield f'set({on}, Concat(["?", {channel}], "")) where {on} == nil'
    yield f'set({system}, "") where {system} == nil'
    codes = [
        (code, is_ours),
        *(
            (places.cached(f"code{index}"), f"{is_ours} and {is_recognised}")
            for index in range(len(places.plain_codes))
        ),
    ]
    targets = [places.key, *places.others]
    for kept, condition in codes:
        key = f'Concat([{system}, {on}, {kept}], "/")'
        for position, target in enumerate(targets):
            free = [f"{target} == nil", *(f"{earlier} != nil and {earlier} != {key}" for earlier in targets[:position])]
            yield f"set({target}, {key}) where {kept} != nil and {condition} and {' and '.join(free)}"
    yield f"set({places.said}, {{}}) where {places.key} != nil"
    yield f"set({places.said}[{literal(MESSAGING_SYSTEM)}], {system}) where {places.key} != nil and {named} != nil"


def presumed(host: Host, places: Places, found: Sequence[ChannelMeanings]) -> Iterator[Group]:
    """The groups for records that do not name both their system and their channel: where just one has the code."""
    if places.default is None:
        yield _without_system(host, places, found)
    for system in places.system_names:
        yield _without_channel(host, places, system, [one for one in found if one.catalogue.system == system])


def _without_system(host: Host, places: Places, found: Sequence[ChannelMeanings]) -> Group:
    code, near, known = (places.cached(name) for name in ("code", "near", "known"))
    on = places.cached("on")
    statements = [
        f'set({code}, Split({places.key}, "/")[2])',
        f'set({on}, Split({places.key}, "/")[1])',
        f'set({near}, "")',
        f'set({known}, "")',
    ]
    for one in found:
        is_named = f"IsMatch({on}, {one_of(f'?{name}' for name in spellings_of(one.catalogue))})"
        start = literal(f"{one.catalogue.system}/{one.catalogue.channel}/ ")
        statements.append(f'set({near}, Concat([{near}, {start}], "")) where {is_named}')
        statements.append(f'set({known}, Concat([{known}, {start}], "")) where {is_named} and {_is_known(code, one)}')
    for system in places.system_names:
        codes = [code for one in found if one.catalogue.system == system for code in one.own_codes]
        somewhere = [code for code in dict.fromkeys(codes) if _without(host, system, code).is_known]
        start = literal(f"{system}// ")
        statements.append(
            f'set({known}, Concat([{known}, {start}], "")) where {on} == "" and IsMatch({code}, {one_of(somewhere)})'
        )
    statements += [
        f'set({places.key}, Concat([Trim({names}, " "), {code}], "")) where IsMatch({names}, "^[^ ]+ $")'
        for names in (near, known)
    ]
    return Group(
        about="no system is named: the one that alone has the channel, or the code",
        condition=f'{places.key} != nil and HasPrefix({places.key}, "/")',
        statements=statements,
    )


def known_first(places: Places, start: str, codes: Iterable[str]) -> Iterator[str]:
    """Statements by which, of several codes under keys without a dot, one that is known comes before one that is not.

    Args:
        places: Where the Collector reads and writes.
        start: A regular expression for what stands in a key before the code.
        codes: The codes that are known.
    """
    known = literal(f"^{start}({'|'.join(map(re.escape, codes))})$")
    for other in places.others:
        has_other = f"{other} != nil and IsMatch({other}, {known}) and not IsMatch({places.key}, {known})"
        yield f"set({places.key}, {other}) where {has_other}"


def _is_known(code: str, one: ChannelMeanings) -> str:
    conditions = [f"IsMatch({code}, {one_of(one.own_codes)})", *(within(code, ranged.series) for ranged in one.series)]
    return f"({any_of(conditions)})"


def _without_channel(host: Host, places: Places, system: str, found: Sequence[ChannelMeanings]) -> Group:
    code = places.cached("code")
    start = f"{system}//"
    alone: dict[str, list[str]] = {}
    somewhere: dict[str, None] = {}
    for one in found:
        for written in one.codes:
            status = _without(host, system, written)
            if status.is_known:
                somewhere[written] = None
            if status.channel == one.catalogue.channel:
                alone.setdefault(status.channel, []).append(written)
    statements = [
        *known_first(places, start, somewhere),
        f"set({code}, TrimPrefix({places.key}, {literal(start)}))",
    ]
    for channel, codes in alone.items():
        key = f'Concat([{literal(f"{system}/{channel}/")}, {code}], "")'
        statements.append(f"set({places.key}, {key}) where IsMatch({code}, {one_of(codes)})")
    return Group(
        about=f"{system}, no channel is named: the one that alone has the code",
        condition=f"{places.key} != nil and HasPrefix({places.key}, {literal(start)})",
        statements=statements,
    )


def _without(host: Host, system: str, code: str) -> Status:
    return host.decode(RawStatus(code=code, system=system))
