# SPDX-License-Identifier: Apache-2.0
"""The catalogues as a configuration of the OpenTelemetry Collector's transform processor.

A record that names a code gets two attributes for the way through the groups: its key, ``system/channel/code``, and what
is said about it so far. Each channel's group looks at the records of its own key only. The last group puts on the record
what is not there yet, and takes the two away. (What the processor itself keeps for a record does not outlive a group.)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from messaging_status.context import OUTCOMES, WAY
from messaging_status.export.finding import Places, carried, known_first, places_of, presumed
from messaging_status.export.meanings import ChannelMeanings, Meaning, channel_meanings, unnamed_meanings
from messaging_status.export.ottl import Group, any_of, first_name, folded, literal, one_of, within, yaml_of
from messaging_status.host import Host
from messaging_status.model import ERROR_TYPE, FAILURES, AttributeValue, Outcome
from messaging_status.spelling import MAX_WAIT_S

__all__ = ["SIGNALS", "Exported", "collector_config"]

SIGNALS: Final = {"traces": ("trace_statements", "span"), "logs": ("log_statements", "log")}
"""By signal, the key of its statements in the configuration, and OTTL's word for a record."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration, and what it cannot do.

    Attributes:
        text: The configuration, YAML.
        left_out: What a host says that the Collector will not, a line each.
        codes: How many codes it has, by ``<system>.<channel>``.
    """

    text: str
    left_out: Sequence[str]
    codes: dict[str, int]


def collector_config(
    host: Host, *, signals: Collection[str], channels: Collection[str] | None, prefix: str, head: Iterable[str] = ()
) -> Exported:
    """Write the configuration.

    Args:
        host: What decodes, with the user's settings and overlays.
        signals: Which of :data:`SIGNALS`.
        channels: Full names (``webex_connect.sms``) of the channels to write out, None for all.
        prefix: What the names of attributes start with.
        head: Lines that say how it came about.
    """
    every = [channel_meanings(host, channel.catalogue, prefix) for channel in host.channels]
    chosen = [one for one in every if channels is None or one.catalogue.full_name in channels]
    left_out = [*_ALWAYS_LEFT_OUT, *_hooks(host), *(line for one in chosen for line in one.left_out)]
    lines = [*(f"# {line}".rstrip() for line in head), "#", "# Not here, but said by the library and by the gateway:"]
    lines += [f"# - {line}" for line in left_out]
    lines += ["processors:", "  transform/messaging_status:", "    error_mode: ignore"]
    for signal in (name for name in SIGNALS if name in signals):
        statements, context = SIGNALS[signal]
        places = places_of(host, prefix, context)
        lines.append(f"    {statements}:")
        lines += yaml_of(_groups(host, places, every, chosen), context, "      ")
    codes = {one.catalogue.full_name: len(one.codes) for one in chosen}
    return Exported(text="\n".join(lines) + "\n", left_out=left_out, codes=codes)


_ALWAYS_LEFT_OUT: Final = (
    "statuses in log bodies, in documents (delivery receipts, API answers) and on span events: send those through the gateway",
    "what only documents carry: nested codes of a system behind, parameters of texts, whether it is an answer or a receipt",
    "several subtypes in one text, joined by slashes",
    "which of several codes under keys without a dot is known, where several systems are installed and none is named",
    "the settings span_error_status and log_severity",
)


def _hooks(host: Host) -> Iterator[str]:
    for plugin in host.plugins:
        if plugin.refines is not None:
            yield f"{plugin.name}: its hook messaging_status_refine, which has the last word on every status"


def _groups(
    host: Host, places: Places, every: Sequence[ChannelMeanings], chosen: Sequence[ChannelMeanings]
) -> Iterator[Group]:
    yield carried(places)
    yield from presumed(host, places, every)
    systems = {one.catalogue.system for one in chosen}
    others = [f"{one.catalogue.system}/{one.catalogue.channel}/" for one in every if one not in chosen]
    others += [f"{system}/" for system in places.system_names if system not in systems]
    if others:
        yield _others(places, others)
    for system in sorted(systems):
        unnamed = unnamed_meanings(host, system, places.prefix)
        if unnamed is not None:
            group = _group(places, unnamed, f"{system}, where no channel is known", (f"{system}//", f"{system}/?"))
            first = [*known_first(places, f"{system}/\\?[^/]*/", unnamed.codes)]
            yield msgspec.structs.replace(group, statements=[*first, *group.statements])
    for one in chosen:
        catalogue = one.catalogue
        about = f"{catalogue.system} {catalogue.channel}: {catalogue.source}, read {catalogue.read}"
        start = f"{catalogue.system}/{catalogue.channel}/"
        group = _group(places, one, about, (start,))
        named = f"set({places.said}[{literal(f'{places.prefix}.channel')}], {literal(catalogue.channel)})"
        first = [*known_first(places, re.escape(start), one.codes), named]
        yield msgspec.structs.replace(group, statements=[*first, *group.statements])
    yield _last_group(places)


def _others(places: Places, starts: Sequence[str]) -> Group:
    """Records of what was not asked for go on as they came."""
    starting = any_of(f"HasPrefix({places.key}, {literal(start)})" for start in starts)
    return Group(
        about="channels that are not here",
        condition=f"{places.key} != nil and ({starting})",
        statements=[_without_temporary(places)],
    )


def _without_temporary(places: Places) -> str:
    return f"delete_matching_keys({places.context}.attributes, {one_of(places.temporary)})"


def _group(places: Places, one: ChannelMeanings, about: str, starts: Sequence[str]) -> Group:
    """What each code of a channel means. What stands beside it comes after it, and so replaces it."""
    code, reason, delivery = (places.cached(name) for name in ("code", "reason", "delivery_status"))
    statements = [f'set({code}, Split({places.key}, "/")[2])']
    if any(meaning.reason for meaning in one.beside):
        statements += [*first_name(reason, map(places.attribute, places.reasons)), *folded(reason)]
    if any(meaning.delivery_status for meaning in one.beside):
        statements += [*first_name(delivery, map(places.attribute, places.delivery_statuses)), *folded(delivery)]
    said = [(within(code, ranged.series), ranged.attributes) for ranged in one.series]
    said += [(_fits(each, code, reason, delivery), each.attributes) for each in one.plain]
    statements += [_means(places, attributes, fits) for fits, attributes in said]
    # Of two that fit, the first has to be the last that is said.
    for each in reversed(one.beside):
        fits = _fits(each, code, reason, delivery)
        if taken_back := _taken_back(each, one):
            statements.append(f"delete_matching_keys({places.said}, {one_of(taken_back)}) where {fits}")
        statements.append(_means(places, each.attributes, fits))
    starting = any_of(f"HasPrefix({places.key}, {literal(start)})" for start in starts)
    return Group(about=about, condition=f"{places.key} != nil and ({starting})", statements=statements)


def _means(places: Places, attributes: Mapping[str, AttributeValue], fits: str) -> str:
    return f'merge_maps({places.said}, {literal(attributes)}, "upsert") where {fits}'


def _taken_back(beside: Meaning, one: ChannelMeanings) -> list[str]:
    """What a code may be said to mean, and does not mean beside this subtype or class."""
    alike = [each for each in (*one.plain, *one.beside) if set(each.codes) & set(beside.codes)]
    return sorted({name for each in alike for name in each.attributes} - beside.attributes.keys())


def _fits(meaning: Meaning, code: str, reason: str, delivery: str) -> str:
    conditions = [" or ".join(f"{code} == {literal(one)}" for one in meaning.codes)]
    if len(meaning.codes) > 1:
        conditions = [f"({conditions[0]})"]
    if meaning.reason is not None:
        conditions.append(f"{reason} == {literal(meaning.reason)}")
    if meaning.delivery_status is not None:
        conditions.append(f"{delivery} == {literal(meaning.delivery_status)}")
    return " and ".join(conditions)


def _last_group(places: Places) -> Group:
    """What else stands on the record changes what is said, and then it is put there."""
    delivery, reported = places.cached("delivery_status"), places.cached("reported")
    said = places.said
    category, outcome, retryable, wait = (
        f"{said}[{literal(f'{places.prefix}.{name}')}]" for name in ("category", "outcome", "retryable", "retry_after")
    )
    code = f"{said}[{literal(f'{places.prefix}.code')}]"
    statements = [
        f'set({code}, Split({places.key}, "/")[2]) where {code} == nil',
        f"set({category}, {literal('unknown')}) where {category} == nil",
        f"set({outcome}, {literal('unknown')}) where {outcome} == nil",
        *first_name(delivery, map(places.attribute, places.delivery_statuses)),
        *folded(delivery),
        *_by_delivery_status(f"{said}[{literal(f'{places.prefix}.conflict')}]", outcome, delivery, reported),
        *_header(places, wait, retryable),
        f"set({said}[{literal(ERROR_TYPE)}], {category}) where IsMatch({outcome}, {one_of(sorted(FAILURES))})",
        f'merge_maps({places.context}.attributes, {said}, "insert")',
        _without_temporary(places),
    ]
    return Group(
        about="puts on the record what is not there yet", condition=f"{places.key} != nil", statements=statements
    )


def _by_delivery_status(conflict: str, outcome: str, delivery: str, reported: str) -> Iterator[str]:
    """As ``context.by_delivery_status``: of two steps on the way the further one holds, and a code wins over a class."""
    for one in dict.fromkeys(OUTCOMES.values()):
        words = one_of(word for word, of_word in OUTCOMES.items() if of_word is one)
        yield f"set({reported}, {literal(one.value)}) where {delivery} != nil and IsMatch({delivery}, {words})"
    way = one_of(one.value for one in WAY)
    differs = f"{reported} != nil and {outcome} != {reported} and {outcome} != {literal(Outcome.UNKNOWN.value)}"
    is_on_way = f"IsMatch({outcome}, {way})"
    yield f"set({conflict}, true) where {differs} and ({is_on_way} or IsMatch({reported}, {way}))"
    for position, one in enumerate(WAY[1:], start=1):
        nearer = one_of((*(step.value for step in WAY[:position]),))
        yield f"set({outcome}, {literal(one.value)}) where {reported} == {literal(one.value)} and IsMatch({outcome}, {nearer})"
    yield f"set({outcome}, {reported}) where {reported} != nil and {outcome} == {literal(Outcome.UNKNOWN.value)}"


def _header(places: Places, wait: str, retryable: str) -> Iterator[str]:
    """The seconds of the answer's ``Retry-After``, where sending again may help."""
    header = places.cached("retry_after")
    for key in places.waits:
        attribute = places.attribute(key)
        first = f"{attribute}[0]"
        for value in (attribute, first):
            usable = f"{header} == nil and {value} != nil"
            if value is first:
                usable = f"{header} == nil and IsList({attribute}) and Len({attribute}) > 0"
            yield f"set({header}, {value}) where {usable} and IsInt({value})"
            digits = f'IsString({value}) and IsMatch({value}, "^\\\\s*[0-9]{{1,9}}\\\\s*$")'
            yield f'set({header}, Int(Trim({value}, " "))) where {usable} and {digits}'
            in_range = f"IsDouble({value}) and {value} >= 0.0 and {value} <= {MAX_WAIT_S}.0"
            # A part of a second counts as a whole one.
            yield f"set({header}, Int({value}) + 1) where {usable} and {in_range} and Double(Int({value})) != {value}"
            yield f"set({header}, Int({value})) where {usable} and {in_range}"
        is_usable = f"{header} >= 0 and {header} <= {MAX_WAIT_S}"
        yield f"delete_key({places.context}.cache, {literal('retry_after')}) where {header} != nil and not ({is_usable})"
    yield f"set({wait}, {header}) where {header} != nil and ({retryable} == nil or {retryable} == true)"
