# SPDX-License-Identifier: Apache-2.0
"""Whether what a table declares is ever answered: for each meaning, a raw status that the host decodes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

import msgspec
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, NoSuchExample

from messaging_status._toml_lines import named
from messaging_status.catalogue import Catalogue, Row, Series, Variant, ancestry
from messaging_status.host import Host
from messaging_status.lint import Subject
from messaging_status.lint_rows import meanings
from messaging_status.model import Origin, RawStatus, Status
from messaging_status.testing.golden import FILE, Vector, stands_for

__all__ = ["text_for", "unreached"]

_EVERYTHING: Final = ("description", "outcome", "category", "severity", "retryable", "fault", "advice")
_GROUPED_BY: Final = ("outcome", "category")
_SEARCH: Final = settings(
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
_PLAIN: Final = "".join(map(chr, range(32, 127))) + "\n"
"""Characters that most patterns are about; all of Unicode takes Hypothesis half a second to lay out."""
_MAX_NUMBERS: Final = 1_000
_ORIGINS: Final = (None, Origin.ANSWER, Origin.RECEIPT)


def unreached(host: Host, subject: Subject, vectors: Sequence[Vector], *, is_refined: bool) -> list[str]:
    """The meanings of a row or range that nothing is decoded to, a line each.

    Args:
        host: What decodes.
        subject: The row or range.
        vectors: A golden vector that expects a row's code, category and outcome stands for what is not found here.
        is_refined: Whether a function of the plugin has the last word: then only category and outcome must be the
            table's, what a table can be grouped by.
    """
    catalogue, row = subject.file.catalogue, subject.row
    if row is None:
        return []
    facts = _GROUPED_BY if is_refined else _EVERYTHING
    found = []
    for path, meaning in meanings(row, subject.path):
        variant = row.variant[int(path[-1])] if isinstance(row, Row) and path != subject.path else None
        codes = _codes(host, catalogue, row, subject.label) if variant is None else ((subject.label, subject.label),)
        for code, canonical in codes:
            if any(stands_for(vector, catalogue, canonical, meaning) for vector in vectors):
                continue
            agrees = _agrees(meaning, canonical, facts)
            statuses = map(host.decode, _raws(host, catalogue, code, variant, agrees))
            first = next(statuses)
            if not (agrees(first) or any(map(agrees, statuses))):
                what = _unlike(first, meaning, canonical, facts)
                written = code if code == canonical else f"{code} (an alias of {canonical})"
                place = named(subject.file.where, path, subject.file.lines)
                found.append(f"{place}: {written} is never decoded to this meaning: {what}")
    return [f"{line}; a golden vector ({FILE}) that expects it stands for it" for line in found]


def text_for(pattern: str, accepts: Callable[[str], bool]) -> str | None:
    """A text that has the pattern and is accepted, None where none is found."""
    for alphabet in (_PLAIN, None):
        texts = st.from_regex(pattern, fullmatch=True, alphabet=alphabet) | st.from_regex(pattern, alphabet=alphabet)
        try:
            return find(texts, accepts, settings=_SEARCH, random=Random(0))  # noqa: S311 - the same texts every time
        except NoSuchExample:
            return None
        except HypothesisException:
            continue  # no plain text has the pattern
    return None


_Accepts = Callable[[Status], bool]


def _agrees(meaning: Row | Series, code: str, facts: Sequence[str]) -> _Accepts:
    def agrees(status: Status) -> bool:
        return status.code == code and all(getattr(status, name) == getattr(meaning, name) for name in facts)

    return agrees


def _unlike(status: Status, meaning: Row | Series, code: str, facts: Sequence[str]) -> str:
    if status.code != code:
        return f"the code answered is {status.code!r}"
    unlike = [name for name in facts if getattr(status, name) != getattr(meaning, name)]
    return ", ".join(f"{name} is {_word(status, name)}, not {_word(meaning, name)}" for name in unlike)


def _word(of: Status | Row | Series, name: str) -> str:
    value = getattr(of, name)
    return repr(getattr(value, "value", value))


def _codes(host: Host, catalogue: Catalogue, row: Row | Series, label: str) -> Iterator[tuple[str, str]]:
    """Each way to write the row's code, and the code that is to be answered; of a range the first and the last number."""
    if isinstance(row, Row):
        yield from ((code, label) for code in (label, *row.aliases))
        return
    tables = {c.catalogue.channel: c.catalogue for c in host.channels if c.catalogue.system == catalogue.system}
    above = [tables[name] for name in ancestry(catalogue.channel, tables) if name in tables]
    taken = {code for table in (catalogue, *above) for own, row in table.rows.items() for code in (own, *row.aliases)}
    first, last = int(row.first), int(row.last)
    for numbers in (range(first, last + 1)[:_MAX_NUMBERS], range(last, first - 1, -1)[:_MAX_NUMBERS]):
        free = (written for number in numbers if (written := str(number).zfill(len(row.first))) not in taken)
        code = next(free, row.first)
        yield code, code


def _raws(
    host: Host, catalogue: Catalogue, code: str, variant: Variant | None, agrees: _Accepts
) -> Iterator[RawStatus]:
    """Raw statuses that ought to have the meaning: the code alone, or with what the variant matches."""
    if variant is None:
        for origin in _ORIGINS:
            yield RawStatus(code=code, system=catalogue.system, channel=catalogue.channel, origin=origin)
        return
    for reason in variant.reasons or (None,):
        for origin in _ORIGINS if variant.origin is None and variant.text is None else (variant.origin,):
            raw = RawStatus(
                code=code,
                system=catalogue.system,
                channel=catalogue.channel,
                reason=reason,
                delivery_status=variant.delivery_status,
                origin=origin,
            )
            yield raw if variant.text is None else _with_text(host, raw, variant.text, agrees)


def _with_text(host: Host, raw: RawStatus, pattern: str, agrees: _Accepts) -> RawStatus:
    def quoting(text: str) -> RawStatus:
        return msgspec.structs.replace(raw, text=text)

    found = text_for(pattern, lambda text: agrees(host.decode(quoting(text))))
    return quoting(found if found is not None else text_for(pattern, bool) or "")
