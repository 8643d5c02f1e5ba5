# SPDX-License-Identifier: Apache-2.0
"""Hostile input: documents, texts and raw statuses that nobody expects, and personal data where it does not belong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from messaging_status.catalogue import Catalogue
from messaging_status.documents import MAX_BODY_LENGTH, MAX_NESTING, json_value
from messaging_status.model import Origin, RawStatus

__all__ = [
    "CANARIES",
    "around",
    "documents",
    "leaked",
    "leaves",
    "mutated",
    "mutated_texts",
    "planted",
    "raw_statuses",
    "replaced",
    "texts",
]

CANARIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "an email address": ("quentin.zyxt@mail.example", ("quentin", "zyxt")),
    "a phone number": ("+44 7700 900461", ("900461", "7700 900", "7700900")),
    "a person's name": ("Zebulon Quaxley", ("zebulon", "quaxley")),
    "a link": ("https://acct.example/u/zq81?k=wv77", ("acct.example", "zq81", "wv77")),
}
"""Personal data by what it is: as it is planted, and the pieces by which it is recognised."""

_ALL: Final = ", ".join(text for text, _ in CANARIES.values())
_WORDS: Final = ("code", "status", "id", "message", "error", "errors", "reason", "channel", "description", "result")
_HUGE: Final = 10**400

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
"""Also halves of characters, and characters that nobody sees."""

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10_000)
    | st.sampled_from(
        [_HUGE, -_HUGE, float("nan"), float("inf"), -0.0, 1e308, "", " ", "\ud800", "0", "null", "x" * 4096, "9" * 5000]
    )
    | st.sampled_from([text for text, _ in CANARIES.values()])
    | any_text
)


def leaked(texts: Iterable[object]) -> str | None:
    """What of the planted personal data is in some texts, None where nothing is."""
    everything = "\n".join(map(str, texts)).casefold()
    for what, (_, pieces) in CANARIES.items():
        for piece in pieces:
            if piece in everything:
                return f"{what} ({piece!r})"
    return None


def documents(keys: Sequence[str], words: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with at least one of a reader's keys.

    Args:
        keys: The reader's keys.
        words: Names that stand in the documents that it reads.
    """
    names = st.sampled_from(sorted({*words, *keys, *_WORDS})) | any_text
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=15
    )
    some = st.dictionaries(names, values, max_size=5)
    return st.tuples(some, st.sampled_from(sorted(keys)), values).map(lambda made: {**made[0], made[1]: made[2]})


def mutated(bodies: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Bodies of golden vectors with one to three of their places deleted, replaced, wrapped or repeated."""

    @st.composite
    def change(draw: st.DrawFn) -> Any:
        body = draw(st.sampled_from(bodies))
        for _ in range(draw(st.integers(1, 3))):
            places = [place for place, _ in leaves(body, containers=True)]
            if places:
                body = _changed(draw, body, draw(st.sampled_from(places)))
        return body

    return change()


def _changed(draw: st.DrawFn, body: Any, place: Sequence[Any]) -> Any:
    kind = draw(st.sampled_from(["delete", "replace", "list", "table", "deep", "many", "text"]))
    value = value_at(body, place)
    if kind == "delete":
        return replaced(body, place, _GONE)
    if kind == "replace":
        return replaced(body, place, draw(scalars))
    if kind == "deep":
        for _ in range(draw(st.integers(1, MAX_NESTING))):
            value = draw(st.sampled_from([{"x": value}, [value]]))
    elif kind == "text":
        value = str(value)
    else:
        value = {"list": [value], "table": {"value": value}, "many": [value] * 7}[kind]
    return replaced(body, place, value)


def texts(marks: Sequence[str]) -> st.SearchStrategy[str]:
    """Log texts with at least one of a reader's marks."""
    around_it = st.text(st.characters(exclude_categories=()), max_size=40)
    return st.tuples(around_it, st.sampled_from(sorted(marks)), around_it).map("".join)


def mutated_texts(bodies: Sequence[str]) -> st.SearchStrategy[str]:
    """Log texts of golden vectors with a piece cut out, put in or repeated."""

    @st.composite
    def change(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(bodies))
        for _ in range(draw(st.integers(1, 3))):
            start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
            put = draw(st.sampled_from(["", text[start:end] * 3, _ALL, "\n", "\0"]) | any_text)
            text = f"{text[:start]}{put}{text[end:]}"[:MAX_BODY_LENGTH]
        return text

    return change()


def around(catalogues: Sequence[Catalogue]) -> st.SearchStrategy[dict[str, str]]:
    """The attributes of the record around a document: none, or a system and perhaps one of its channels."""
    systems = [{"messaging.system": system} for system in sorted({catalogue.system for catalogue in catalogues})]
    names = ("messaging.system", "messaging.channel")
    both = [dict(zip(names, (catalogue.system, catalogue.channel), strict=True)) for catalogue in catalogues]
    return st.sampled_from([{}, *systems, *both])


def raw_statuses(catalogues: Sequence[Catalogue]) -> st.SearchStrategy[RawStatus]:
    """Raw statuses of some channels: known and unknown codes, with anything beside them."""

    @st.composite
    def make(draw: st.DrawFn) -> RawStatus:
        catalogue = draw(st.sampled_from(catalogues))
        rows = catalogue.rows
        codes = [*(code for own, row in rows.items() for code in (own, *row.aliases))]
        codes += [bound for series in catalogue.series for bound in (series.first, series.last)]
        reasons = sorted({r for row in rows.values() for variant in row.variant for r in variant.reasons})
        some_text = (
            st.none()
            | st.sampled_from([_ALL, "9" * 5000, " " * MAX_BODY_LENGTH])
            | any_text
            | st.sampled_from([*codes, *reasons] or ["0"])
        )
        code = st.sampled_from(codes or ["0"]) | st.sampled_from(["0", "-1", "9" * 64, "x", "5.9.9", "0x0000FFFF"])
        nested = st.none() | st.builds(RawStatus, code=code, system=st.just(catalogue.system) | st.none())
        return draw(
            st.builds(
                RawStatus,
                code=code | any_text,
                system=st.just(catalogue.system),
                channel=st.just(catalogue.channel),
                reason=some_text,
                delivery_status=st.none()
                | st.sampled_from(["Failed", "Un-Delivered", "Delivered", "Read"])
                | some_text,
                origin=st.sampled_from([None, *Origin]),
                message_id=some_text,
                text=some_text,
                upstream=nested,
            )
        )

    return make()


def planted(body: Any) -> Iterator[Any]:
    """A body with personal data in one of its texts at a time, once in the text's place and once behind it."""
    for place, value in leaves(body):
        if isinstance(value, str):
            yield replaced(body, place, f"{value} {_ALL}")
            for canary, _ in CANARIES.values():
                yield replaced(body, place, canary)


def leaves(
    value: Any, place: tuple[Any, ...] = (), *, containers: bool = False
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each plain value in a body with its place, also inside of JSON that is a text; on request containers, too."""
    inner, is_text = value, isinstance(value, str)
    if is_text and (found := json_value(value)) is not None:
        inner, place = found, (*place, _JSON)
    if isinstance(inner, Mapping):
        items: Iterable[tuple[Any, Any]] = inner.items()
    elif isinstance(inner, (list, tuple)):
        items = enumerate(inner)
    else:
        yield place, value
        return
    if containers and place:
        yield place, inner
    for key, item in items:
        yield from leaves(item, (*place, key), containers=containers)


class _Mark:
    """A step into a JSON text, or a value that is taken away."""


_JSON: Final = _Mark()
_GONE: Final = _Mark()


def value_at(body: Any, place: Sequence[Any]) -> Any:
    """What stands in a place of a body."""
    for key in place:
        body = json_value(body) if key is _JSON else body[key]
    return body


def replaced(body: Any, place: Sequence[Any], value: Any) -> Any:
    """A body with another value in one place; the body itself stays as it is."""
    if not place:
        return value if value is not _GONE else None
    key, rest = place[0], place[1:]
    if key is _JSON:
        inner = replaced(json_value(body), rest, value)
        return _as_json(inner)
    copy = dict(body) if isinstance(body, Mapping) else list(body)
    if not rest and value is _GONE:
        del copy[key]
    else:
        copy[key] = replaced(copy[key], rest, value)
    return copy


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        return msgspec.json.encode(str(value)).decode()
