# SPDX-License-Identifier: Apache-2.0
"""Rules about a row or a range: its words, what they say together, and that each meaning can be reached.

What the words mean is defined with the enumerations in ``model.py``; what contradicts a definition is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import msgspec

from messaging_status._toml_lines import Path
from messaging_status.catalogue import MEANING, Catalogue, Row, Series, Variant, ancestry
from messaging_status.model import FAILURES, Category, Fault, Outcome, Severity
from messaging_status.spelling import fold

__all__ = ["RULES", "Checked", "Problem", "meanings"]

Problem = tuple[Path, str]
"""Where it is wrong, and what was found and expected there."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A row or a range, and what is around it.

    Attributes:
        catalogue: Its own table.
        known: All tables of the system that are known.
        path: Where it stands.
        row: What it says.
    """

    catalogue: Catalogue
    known: Sequence[Catalogue]
    path: Path
    row: Row | Series

    @property
    def code(self) -> str:
        """The row's code; that of a range is how it is labelled."""
        return self.row.label if isinstance(self.row, Series) else str(self.path[-1])


_CHANGEABLE: Final = (*MEANING, "upstream")
_SOMEBODY_MUST_CHANGE: Final = frozenset(
    {
        Category.INVALID_REQUEST,
        Category.AUTHENTICATION,
        Category.PERMISSION,
        Category.CONFIGURATION,
        Category.INVALID_RECIPIENT,
        Category.TEMPLATE,
        Category.DUPLICATE,
    }
)
"""Categories of what stays as it is until a person changes the message, the account or a setting."""

_A_PERSONS_WORK: Final = frozenset({Category.AUTHENTICATION, Category.CONFIGURATION, Category.TEMPLATE})
_ARRIVED: Final = frozenset({Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.READ, Outcome.CLICKED})
_BAD: Final = FAILURES | {Outcome.PARTIAL}
_MAY_REPEAT: Final = FAILURES | {Outcome.PARTIAL, Outcome.UNKNOWN}
_GRAVE: Final = frozenset({Severity.ERROR, Severity.FATAL})

_NOT_OURS: Final = {
    "a link": re.compile(
        r"\w+://|\bwww\.|\b[\w-]+\.(?:com|net|org|io|dev|info)\b(?!\.\w)|\bmailto:", re.IGNORECASE | re.ASCII
    ),
    "an email address": re.compile(r"[^\s@<]+@[^\s@>]+\.\w", re.ASCII),
    "a phone number": re.compile(r"\+\d|\d(?:[ ()/-]{0,2}\d){6,}", re.ASCII),
    "a placeholder": re.compile(
        r"\{[^}]*\}|<[^>]*>|\[[^\]]*\]|%\w\b|\$\w|\$\{|\b(?:TODO|TBD|FIXME|XXX)\b|\.\.\.|…", re.ASCII
    ),
}
"""What no text of ours holds, by what it is called."""


def meanings(row: Row | Series, path: Path) -> Iterator[tuple[Path, Row | Series]]:
    """A row's meaning, and that of each of its variants with what it leaves to the row, each with its place."""
    yield path, row
    for index, variant in enumerate(getattr(row, "variant", ())):
        given = {name: getattr(variant, name) for name in _CHANGEABLE}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if changes.get("retryable") == "unknown":
            changes["retryable"] = None
        yield (*path, "variant", index), msgspec.structs.replace(row, **changes)


def description(checked: Checked) -> Iterator[Problem]:
    """A description is a label of our own: no sentence, no address, link or number of somebody's, more than the code."""
    written = (checked.code, *getattr(checked.row, "aliases", ()))
    codes = {code.casefold() for code in written if any(map(str.isdigit, code))}
    for path, one in _own(checked, "description"):
        text: str = one.description
        here = (*path, "description")
        if text[-1] in ".:;,!?" or text != " ".join(text.split()):
            yield here, f"{text!r} is no label: leave out the {_blemish(text)}"
        if text.casefold() in codes or not any(map(str.isalpha, text)):
            yield here, f"{text!r} says no more than the code; say in a few words what happened"
        yield from _foreign(text, here, "a label of our own; the provider's text stays out of it")


def advice(checked: Checked) -> Iterator[Problem]:
    """An advice is a sentence that says what to do, with nothing in it that is somebody's."""
    for path, one in _own(checked, "advice"):
        here = (*path, "advice")
        if not one.advice.endswith((".", "!")) or not one.advice[0].isupper():
            yield here, f"{one.advice!r} is no sentence; begin with a capital letter, end with a full stop"
        yield from _foreign(one.advice, here, "a sentence of our own")


def retryable(checked: Checked) -> Iterator[Problem]:
    """A resend that nobody has to prepare may help only where it can: never after success, never for a wrong request."""
    for path, one in meanings(checked.row, checked.path):
        here = (*path, "retryable")
        if one.category is Category.SUCCESS and one.retryable is not False:
            found = "true" if one.retryable else "not said"
            yield here, f"{found} for a success; expected false: there is nothing to resend"
        elif one.retryable is True:
            if one.category in _SOMEBODY_MUST_CHANGE:
                yield here, f"true for {one.category.value!r}; the same message is refused again until a person acts"
            if one.severity is Severity.FATAL:
                yield here, "true with severity 'FATAL', which says that nothing can be sent any more"
            if one.outcome not in _MAY_REPEAT:
                yield here, f"true with outcome {one.outcome.value!r}; a resend would arrive twice"
        if one.retryable is False and one.retry_after is not None:
            yield here, "false, but a time to wait (retry_after) is given; leave out one of the two"


def severity(checked: Checked) -> Iterator[Problem]:
    """The severity is that of its definition: INFO is success and nothing else, ERROR is for what a person must fix."""
    for path, one in meanings(checked.row, checked.path):
        here, is_success = (*path, "severity"), one.category is Category.SUCCESS
        found = one.severity.value
        if is_success != (one.severity is Severity.INFO):
            expected = "INFO" if is_success else "WARN, ERROR or FATAL: INFO is for success and progress"
            yield here, f"{found!r} with category {one.category.value!r}; expected {expected}"
        elif one.category in _A_PERSONS_WORK and one.severity not in _GRAVE:
            yield here, f"{found!r} with category {one.category.value!r}; expected ERROR: a person must fix something"
        elif one.category is Category.RECIPIENT_UNREACHABLE and one.severity in _GRAVE:
            yield here, f"{found!r} with category {one.category.value!r}; expected WARN: it is about the recipient"


def outcome(checked: Checked) -> Iterator[Problem]:
    """Outcome and category agree: what arrived is a success, and a success did not fail."""
    for path, one in meanings(checked.row, checked.path):
        is_success = one.category is Category.SUCCESS
        what = f"{one.outcome.value!r} with category {one.category.value!r}"
        if is_success and one.outcome in _BAD:
            yield (*path, "outcome"), f"{what}; a success did not fail, and not in part"
        elif not is_success and one.outcome in _ARRIVED:
            yield (*path, "outcome"), f"{what}; expected category 'success', or the outcome that the category explains"


def act(checked: Checked) -> Iterator[Problem]:
    """Where a person must act, the row says who (fault) or what to do (advice); where nobody must, nobody is named."""
    for path, one in meanings(checked.row, checked.path):
        if one.severity in _GRAVE and one.fault is None and one.advice is None:
            yield path, f"severity {one.severity.value!r} says that a person must act; name a fault or an advice"
        if one.category is Category.SUCCESS and one.fault is not None:
            yield (*path, "fault"), f"{one.fault.value!r} for a success; nobody has to act: leave it out"
        elif one.fault is Fault.RECIPIENT and one.severity in _GRAVE:
            yield (*path, "fault"), f"'recipient' with severity {one.severity.value!r}; expected WARN, or another fault"


def codes(checked: Checked) -> Iterator[Problem]:
    """A code or alias means one row on the channel: none of what it extends means another one by it."""
    if isinstance(checked.row, Series):
        yield from _hidden_range(checked, checked.row)
        return
    own, tables = checked.catalogue, {one.channel: one for one in checked.known}
    parents = [tables[name] for name in ancestry(own.channel, tables) if name in tables]
    mine = [("aliases", alias) for alias in checked.row.aliases]
    for key, written in ((None, checked.code), *mine):
        for parent in parents:
            for code, other in parent.rows.items():
                is_clash = written == code if key else False
                if code == checked.code or code in own.rows or not (is_clash or written in other.aliases):
                    continue
                what = f"{written!r} is {'an alias of ' if written != code else ''}{code!r} ({other.description})"
                where = (*checked.path, key) if key else checked.path
                yield where, f"{what} in {parent.where}, too, which this channel extends; a code means one row"
    for parent in parents:
        replaced = parent.rows.get(checked.code)
        lost = [alias for alias in replaced.aliases if alias not in checked.row.aliases] if replaced else []
        if lost:
            what = f"replaces the row of {parent.where} and with it its aliases {', '.join(lost)}"
            yield (*checked.path, "aliases"), f"{what}; list them here, too"


def variants(checked: Checked) -> Iterator[Problem]:
    """Variants are told apart: none stands behind one that takes all that it is for, no two answer the same differently."""
    found: tuple[Variant, ...] = getattr(checked.row, "variant", ())
    said = [one for path, one in meanings(checked.row, checked.path) if path != checked.path]
    for index, variant in enumerate(found):
        empty = [reason for reason in variant.reasons if not fold(reason)]
        if empty:
            yield (*checked.path, "variant", index, "reason"), f"{empty[0]!r} has no letter and no digit to match"
    for (first, one), (second, other) in combinations(enumerate(found), 2):
        here, shared = (*checked.path, "variant", second), _folded(one) & _folded(other)
        if _takes(one, other):
            yield here, f"variant[{first}] takes all that it matches, so it is never reached; put it before that one"
        elif shared and _takes(msgspec.structs.replace(one, reason=None), msgspec.structs.replace(other, reason=None)):
            taken = next(reason for reason in other.reasons if fold(reason) in shared)
            yield (*here, "reason"), f"{taken!r} is taken by variant[{first}]; leave it out of one of the two"
        elif (both := _both(one, other)) and not _takes(other, one) and _differ(said[first], said[second]):
            what = f"it and variant[{first}] both match {both}, and say different things"
            yield here, f"{what}; write one more variant for that, before the two"


def _own(checked: Checked, name: str) -> Iterator[tuple[Path, Any]]:
    """The row and the variants that have a value of their own for a key."""
    for path, one in ((checked.path, checked.row), *_placed_variants(checked)):
        if getattr(one, name) is not None:
            yield path, one


def _placed_variants(checked: Checked) -> list[tuple[Path, Variant]]:
    found = enumerate(getattr(checked.row, "variant", ()))
    return [((*checked.path, "variant", index), variant) for index, variant in found]


def _foreign(text: str, here: Path, expected: str) -> Iterator[Problem]:
    for what, pattern in _NOT_OURS.items():
        if found := pattern.search(text):
            yield here, f"{text!r} holds {what}: {found[0]!r}; expected {expected}"


def _blemish(text: str) -> str:
    return f"{text[-1]!r} at its end" if text[-1] in ".:;,!?" else "spaces that nobody sees"


def _hidden_range(checked: Checked, series: Series) -> Iterator[Problem]:
    own = checked.catalogue
    numbers = range(int(series.first), int(series.last) + 1)
    written = {code for row_code, row in own.rows.items() for code in (row_code, *row.aliases) if code in series}
    if len(written) >= len(numbers):
        yield checked.path, f"each number of {series.label} has a row of its own, so the range is never reached"
    for earlier in own.series[: int(checked.path[-1])]:
        if len(earlier.first) == len(series.first) and earlier.first <= series.last and series.first <= earlier.last:
            yield checked.path, f"{series.label} overlaps {earlier.label}, which stands before it and is believed"


def _folded(variant: Variant) -> frozenset[str]:
    return frozenset(map(fold, variant.reasons))


def _takes(one: Variant, other: Variant) -> bool:
    """Whether one variant fits wherever the other one does."""
    return (
        (not one.reasons or (bool(other.reasons) and _folded(one) >= _folded(other)))
        and (one.delivery_status is None or _status(one) == _status(other))
        and one.origin in (None, other.origin)
        and one.text in (None, other.text)
    )


def _both(one: Variant, other: Variant) -> str | None:
    """What both variants match, None where there is nothing, or where only a text tells."""
    shared = _folded(one) & _folded(other)
    apart = (
        one.text != other.text,
        one.reasons and other.reasons and not shared,
        None not in (_status(one), _status(other)) and _status(one) != _status(other),
        None not in (one.origin, other.origin) and one.origin is not other.origin,
    )
    if any(apart):
        return None
    reasons = [reason for reason in (*one.reasons, *other.reasons) if not shared or fold(reason) in shared]
    parts = {
        "reason": reasons[0] if reasons else None,
        "delivery_status": one.delivery_status or other.delivery_status,
        "origin": one.origin or other.origin,
    }
    return " with ".join(f"{name} {value!s}" for name, value in parts.items() if value is not None)


def _status(variant: Variant) -> str | None:
    return fold(variant.delivery_status) if variant.delivery_status else None


def _differ(one: Row | Series, other: Row | Series) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in _CHANGEABLE)


RULES: Final[Mapping[str, Callable[[Checked], Iterator[Problem]]]] = {
    "description": description,
    "advice": advice,
    "retryable": retryable,
    "severity": severity,
    "outcome": outcome,
    "act": act,
    "codes": codes,
    "variants": variants,
}
"""By the rule's name, what is wrong with a row or a range."""
