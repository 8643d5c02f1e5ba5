# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a catalogue document, in words for its author: every problem, with line and key."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeGuard

import msgspec

from messaging_status._toml_lines import Path, lines_of, named, shown
from messaging_status.catalogue import (
    MATCHERS,
    MAX_ADVICE_LENGTH,
    MAX_DESCRIPTION_LENGTH,
    Row,
    Series,
    Upstream,
    Variant,
    is_pattern,
)
from messaging_status.errors import did_you_mean
from messaging_status.model import Category, Fault, Origin, Outcome, Severity
from messaging_status.spelling import MAX_CODE_LENGTH, MAX_WAIT_S, fold

_ENUMERATIONS: Mapping[str, type[StrEnum]] = {
    "outcome": Outcome,
    "category": Category,
    "severity": Severity,
    "fault": Fault,
    "origin": Origin,
}
_TEXTS = {"description": MAX_DESCRIPTION_LENGTH, "advice": MAX_ADVICE_LENGTH, "delivery_status": MAX_DESCRIPTION_LENGTH}
_PATTERNS = {"text": 0, "parameter": 1}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,18}")
_CODE = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_CODE_LENGTH}}}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_Problem = tuple[Path, str]
"""A key, and what is wrong there."""


_Fields = type[msgspec.Struct]


def problems_of(document: Mapping[str, Any], shape: _Fields, row: _Fields, *, where: str, text: str = "") -> list[str]:
    """Every problem of a document of rows, each a line: file, line, key, what was found, what was expected.

    Args:
        document: The content of a file, as ``tomllib`` gives it.
        shape: The shape of the whole file.
        row: The shape of what stands under ``status``, by code.
        where: What to call it.
        text: The source it was parsed from, if there is one: then problems name lines.
    """
    lines = lines_of(text)
    return [f"{named(where, path, lines)}: {what}" for path, what in _problems(document, shape, row)]


def _problems(document: Mapping[str, Any], shape: _Fields, row: _Fields) -> Iterator[_Problem]:
    yield from _unknown_keys(document, shape.__struct_fields__, ())
    required = [field.name for field in msgspec.structs.fields(shape) if field.required]
    yield from (((name,), "is missing") for name in required if name not in document)
    yield from _head({name: value for name, value in document.items() if name in shape.__struct_fields__})
    rows = document.get("status", {})
    if isinstance(rows, Mapping):
        for code, fields in rows.items():
            yield from _coded_row(code, fields, row)
        if "aliases" in row.__struct_fields__:
            yield from _aliases(rows)
    else:
        yield ("status",), f"{shown(rows)} is not a table; write [status.<code>] for each code"
    tables = document.get("range", []) if "range" in shape.__struct_fields__ else []
    if isinstance(tables, list):
        for index, fields in enumerate(tables):
            yield from _series(fields, ("range", index))
    else:
        yield ("range",), f"{shown(tables)} is not a list; write [[range]]"


def _head(document: Mapping[str, Any]) -> Iterator[_Problem]:
    for name in ("system", "channel"):
        value = document.get(name)
        if name in document and not (isinstance(value, str) and _NAME.fullmatch(value)):
            yield (name,), f"{shown(value)} is not a name: lower-case letters, digits and underscores"
    if "read" in document and type(document["read"]) is not dt.date:
        yield ("read",), f"{shown(document['read'])} is not a date; write it as 2026-09-08, without quotes"
    if "source" in document and not _is_text(document["source"]):
        yield ("source",), f"{shown(document['source'])} is not a text that says where the facts were read"
    for name in ("aliases", "extends"):
        value = document.get(name, [])
        if not (isinstance(value, list) and all(map(_is_text, value))):
            yield (name,), f"{shown(value)} is not a list of names"
        elif name == "extends":
            wrong = [item for item in value if not _NAME.fullmatch(item)]
            yield from (((name,), f"{shown(item)} is not the name of a channel") for item in wrong)


def _coded_row(code: Any, fields: Any, row: _Fields) -> Iterator[_Problem]:
    path = ("status", code if isinstance(code, str) else shown(code))
    if not isinstance(code, str):
        yield path, f"the code {shown(code)} is not text; codes are text, always: write {shown(str(path[1]))}"
    elif not _CODE.fullmatch(code) or not _is_text(code):
        yield path, f"{shown(code)} is not a code: 1 to {MAX_CODE_LENGTH} letters, digits and ._:-"
    if isinstance(fields, list):
        yield path, f"the code is listed twice; write what differs as [[status.{path[1]}.variant]]"
    else:
        yield from _meaning(fields, row, path)


def _meaning(fields: Any, kind: _Fields, path: Path) -> Iterator[_Problem]:
    """Problems of a row, a variant or a series."""
    if not isinstance(fields, Mapping):
        yield path, f"{shown(fields)} is not a table of {', '.join(kind.__struct_fields__)}"
        return
    yield from _unknown_keys(fields, kind.__struct_fields__, path)
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in fields:
            yield (*path, field.name), "is missing"
    for name, value in fields.items():
        what = _wrong_wait(fields) if name == "retry_after" else _wrong(name, value, kind)
        if what is not None:
            yield (*path, name), what
    if "variant" in kind.__struct_fields__:
        yield from _variants(fields.get("variant", []), path)


def _variants(variants: Any, path: Path) -> Iterator[_Problem]:
    if not isinstance(variants, list):
        key = ".".join(map(str, path))
        yield (*path, "variant"), f"{shown(variants)} is not a list; write [[{key}.variant]]"
        return
    seen: dict[object, int] = {}
    for index, variant in enumerate(variants):
        here = (*path, "variant", index)
        yield from _meaning(variant, Variant, here)
        if not isinstance(variant, Mapping):
            continue
        if all(variant.get(name) in (None, []) for name in MATCHERS):
            yield here, f"matches nothing; give it one of {', '.join(MATCHERS)}"
            continue
        match = _matched(variant)
        if match in seen:
            yield here, f"matches the same as variant[{seen[match]}], so it is never reached"
        seen.setdefault(match, index)


def _matched(variant: Mapping[str, Any]) -> object:
    """What a variant matches, in the form in which it is compared."""
    reason, delivery_status, origin, text = (variant.get(name) for name in MATCHERS)
    reasons = reason if isinstance(reason, list) else [reason] if reason else []
    return (
        frozenset(fold(item) for item in reasons if isinstance(item, str)),
        fold(delivery_status) if isinstance(delivery_status, str) else None,
        shown(origin),
        shown(text),
    )


def _aliases(rows: Mapping[Any, Any]) -> Iterator[_Problem]:
    """Other ways to write a code that are taken."""
    holders: dict[str, object] = {code: code for code in rows if isinstance(code, str)}
    for code, fields in rows.items():
        aliases = fields.get("aliases", []) if isinstance(fields, Mapping) else []
        for alias in aliases if isinstance(aliases, list) else ():
            if isinstance(alias, str):
                holder = holders.setdefault(alias, code)
                if holder != code or alias == code:
                    yield ("status", str(code), "aliases"), f"{shown(alias)} is a code of status.{holder}, too"


def _wrong(name: str, value: Any, kind: _Fields) -> str | None:
    """What is wrong with the value of a key, None where nothing is, or where somebody else says so."""
    if name in _ENUMERATIONS:
        return _wrong_word(name, value)
    if name in _TEXTS:
        return _wrong_text(value, _TEXTS[name])
    if name in _PATTERNS and not (_is_text(value) and is_pattern(value, groups=_PATTERNS[name])):
        return f"{shown(value)} is not a regular expression{' with a group' if _PATTERNS[name] else ''}"
    if name == "retryable":
        return _wrong_retryable(value, kind)
    return _OTHERS[name](value) if name in _OTHERS else None


def _wrong_text(value: Any, longest: int) -> str | None:
    if not _is_text(value):
        return f"{shown(value)} is not a text"
    return f"{len(value)} characters long; expected at most {longest}" if len(value) > longest else None


def _wrong_reason(value: Any) -> str | None:
    is_right = all(map(_is_text, value if isinstance(value, list) else [value]))
    return None if is_right else f"{shown(value)} is not a text or a list of texts"


def _wrong_aliases(value: Any) -> str | None:
    is_right = isinstance(value, list) and all(isinstance(item, str) and _CODE.fullmatch(item) for item in value)
    return None if is_right else f"{shown(value)} is not a list of codes"


def _wrong_retryable(value: Any, kind: _Fields) -> str | None:
    """What is wrong with a retryable that is no boolean: what changes a row may say that nothing is known."""
    if isinstance(value, bool):
        return None
    if kind in (Row, Series):
        return f"{shown(value)} is not true or false; leave it out where one code cannot tell"
    return None if value == "unknown" else f"{shown(value)} is not true, false or 'unknown'"


def _wrong_wait(fields: Mapping[str, Any]) -> str | None:
    wait_s = fields["retry_after"]
    if not isinstance(wait_s, int) or isinstance(wait_s, bool) or not 0 <= wait_s <= MAX_WAIT_S:
        return f"{shown(wait_s)} is not a number of seconds, 0 to {MAX_WAIT_S}"
    return "says how long to wait, but retryable is false" if fields.get("retryable") is False else None


def _wrong_upstream(value: Any) -> str | None:
    if not isinstance(value, Mapping) or value.keys() != set(Upstream.__struct_fields__):
        return f"{shown(value)} is not a system and its code; write {{ system = 'apns', code = 'BadTopic' }}"
    system, code = value["system"], value["code"]
    if not (isinstance(system, str) and _NAME.fullmatch(system)):
        return f"{shown(system)} is not a name: lower-case letters, digits and underscores"
    is_code = isinstance(code, str) and _CODE.fullmatch(code)
    return None if is_code else f"{shown(code)} is not a code: 1 to {MAX_CODE_LENGTH} letters, digits and ._:-"


_OTHERS: Mapping[str, Callable[[Any], str | None]] = {
    "aliases": _wrong_aliases,
    "reason": _wrong_reason,
    "upstream": _wrong_upstream,
}


def _wrong_word(name: str, value: Any) -> str | None:
    known = [member.value for member in _ENUMERATIONS[name]]
    if isinstance(value, str) and value in known:
        return None
    article = "an" if name[0] in "aeiou" else "a"
    return f"{shown(value)} is not {article} {name}; {did_you_mean(shown(value).strip(chr(39)), known)}"


def _series(fields: Any, path: Path) -> Iterator[_Problem]:
    yield from _meaning(fields, Series, path)
    if not isinstance(fields, Mapping):
        return
    first, last = fields.get("first"), fields.get("last")
    if not (_is_number(first) and _is_number(last)) or len(first) != len(last) or first > last:
        yield path, f"from {shown(first)} to {shown(last)} is not a range: two numbers as text, with as many digits"


def _unknown_keys(fields: Mapping[str, Any], known: Sequence[str], path: Path) -> Iterator[_Problem]:
    for name in fields:
        if name not in known:
            yield (*path, str(name)), f"{shown(name)} is not a key here; {did_you_mean(str(name), known)}"


def _is_text(value: object) -> bool:
    """Whether a value is a text that can be written out: not blank, no half of a character."""
    return isinstance(value, str) and bool(value.strip()) and not _SURROGATE.search(value)


def _is_number(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None
