# SPDX-License-Identifier: Apache-2.0
"""What a host says about each code of each channel, written out: for engines that can only compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from messaging_status.catalogue import Catalogue, Row, Series, ancestry
from messaging_status.compile import COMMON
from messaging_status.host import Host
from messaging_status.model import ERROR_TYPE, AttributeValue, RawStatus, Status
from messaging_status.spelling import fold

__all__ = ["ChannelMeanings", "Meaning", "SeriesMeaning", "channel_meanings", "spellings_of", "unnamed_meanings"]


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about one or more codes.

    Attributes:
        codes: The codes, also in their other forms.
        reason: Only beside this subtype, in the form in which names are compared. None: whatever stands beside it.
        delivery_status: Only beside this class, in that form.
        attributes: What is said, by name; ``error.type`` follows from it.
    """

    codes: tuple[str, ...]
    reason: str | None = None
    delivery_status: str | None = None
    attributes: Mapping[str, AttributeValue]


class SeriesMeaning(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about the numbers of a range that have no row.

    Attributes:
        series: The range.
        attributes: What is said, by name, but for the code.
    """

    series: Series
    attributes: Mapping[str, AttributeValue]


class ChannelMeanings(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said about one channel's codes, inherited ones among them.

    Attributes:
        catalogue: The channel's table.
        plain: What each code means by itself.
        series: What the numbers mean that have no row.
        beside: What codes mean beside a subtype or a class; of two that fit, the first counts.
        left_out: What cannot be written out, a line each.
    """

    catalogue: Catalogue
    plain: Sequence[Meaning]
    series: Sequence[SeriesMeaning]
    beside: Sequence[Meaning]
    left_out: Sequence[str]

    @property
    def codes(self) -> list[str]:
        """All codes, in all of their forms."""
        return [code for meaning in self.plain for code in meaning.codes]

    @property
    def own_codes(self) -> list[str]:
        """All codes, as the tables have them."""
        return [code for meaning in self.plain for code in meaning.codes if code in meaning.attributes.values()]


def spellings_of(catalogue: Catalogue) -> list[str]:
    """The names of a channel in the form in which names are compared."""
    return list(dict.fromkeys(fold(name) for name in (catalogue.channel, *catalogue.aliases)))


def channel_meanings(host: Host, catalogue: Catalogue, prefix: str) -> ChannelMeanings:
    """Ask the host about each code of a channel.

    Args:
        host: What decodes.
        catalogue: The channel's table.
        prefix: What the names of attributes start with.
    """
    rows = _rows(host, catalogue)
    series = [
        SeriesMeaning(series=one, attributes=_of_series(host, catalogue, one, prefix)) for one in catalogue.series
    ]
    return ChannelMeanings(
        catalogue=catalogue,
        plain=_plain(host, rows, prefix, catalogue.system, catalogue.channel),
        series=series,
        beside=list(_beside(host, rows, prefix, catalogue.system, catalogue.channel)),
        left_out=list(_left_out(host, catalogue)),
    )


def unnamed_meanings(host: Host, system: str, prefix: str) -> ChannelMeanings | None:
    """What is said about a system's common codes where a record names no channel, or none that there is.

    Args:
        host: What decodes.
        system: The system.
        prefix: What the names of attributes start with.

    Returns:
        None for a system that has no common codes.
    """
    for channel in host.channels:
        catalogue = channel.catalogue
        if catalogue.system == system and catalogue.channel == COMMON:
            plain = _plain(host, catalogue.rows, prefix, system, None)
            beside = list(_beside(host, catalogue.rows, prefix, system, None))
            return ChannelMeanings(catalogue=catalogue, plain=plain, series=(), beside=beside, left_out=())
    return None


def _plain(host: Host, rows: Mapping[str, Row], prefix: str, system: str, channel: str | None) -> list[Meaning]:
    by_code = {
        code: _said(host.decode(RawStatus(code=code, system=system, channel=channel)), prefix)
        for row_code, row in rows.items()
        for code in (row_code, *row.aliases)
    }
    grouped: dict[str, list[str]] = {}
    for code, said in by_code.items():
        grouped.setdefault(repr(said), []).append(code)
    return [Meaning(codes=tuple(codes), attributes=by_code[codes[0]]) for codes in grouped.values()]


def _rows(host: Host, catalogue: Catalogue) -> dict[str, Row]:
    of_system = {c.catalogue.channel: c.catalogue for c in host.channels if c.catalogue.system == catalogue.system}
    lineage = (name for name in ancestry(catalogue.channel, of_system) if name in of_system)
    rows = dict(catalogue.rows)
    for name in lineage:
        rows = {**of_system[name].rows, **rows}
    return rows


def _said(status: Status, prefix: str) -> dict[str, AttributeValue]:
    said = status.attributes(prefix)
    said.pop(ERROR_TYPE, None)
    return said


def _of_series(host: Host, catalogue: Catalogue, series: Series, prefix: str) -> dict[str, AttributeValue]:
    raw = RawStatus(code=series.first, system=catalogue.system, channel=catalogue.channel)
    said = _said(host.decode(raw), prefix)
    del said[f"{prefix}.code"]
    return said


def _beside(host: Host, rows: Mapping[str, Row], prefix: str, system: str, channel: str | None) -> Iterator[Meaning]:
    for code, row in rows.items():
        for variant in row.variant:
            if variant.text is not None or variant.origin is not None:
                continue
            for reason in variant.reasons or (None,):
                raw = RawStatus(
                    code=code, system=system, channel=channel, reason=reason, delivery_status=variant.delivery_status
                )
                yield Meaning(
                    codes=(code, *row.aliases),
                    reason=fold(reason) if reason else None,
                    delivery_status=fold(variant.delivery_status) if variant.delivery_status else None,
                    attributes=_said(host.decode(raw), prefix),
                )


def _left_out(host: Host, catalogue: Catalogue) -> Iterator[str]:
    refined = [c for c in host.channels if c.catalogue.full_name == catalogue.full_name and c.refine is not None]
    if refined:
        name = f"{catalogue.system} {catalogue.channel}"
        yield f"{name}: its plugin's function looks at more than the code; what it says of each code alone is here"
