# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a catalogue document, in words for its author: every problem, with line and key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeGuard

import msgspec

from messaging_status._toml_lines import line_of
from messaging_status.catalogue import (
    FILE_KEYS,
    MATCHERS,
    MAX_ADVICE_LENGTH,
    MAX_DESCRIPTION_LENGTH,
    Row,
    Series,
    Variant,
)
from messaging_status.errors import did_you_mean
from messaging_status.model import Category, Fault, Origin, Outcome, Severity
from messaging_status.spelling import MAX_CODE_LENGTH

_ENUMERATIONS: Mapping[str, type[StrEnum]] = {
    "outcome": Outcome,
    "category": Category,
    "severity": Severity,
    "fault": Fault,
    "origin": Origin,
}
_REQUIRED_HEAD = ("system", "channel", "source", "read")
_TEXTS = {"description": MAX_DESCRIPTION_LENGTH, "advice": MAX_ADVICE_LENGTH, "delivery_status": MAX_DESCRIPTION_LENGTH}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,18}")

_Problem = tuple[str, str]
"""A key such as ``status.7520.variant[1].reason``, and what is wrong there."""


def problems_of(document: Mapping[str, Any], *, where: str, text: str = "") -> list[str]:
    """Every problem of a catalogue document, each a line: file, line, key, what was found, what was expected.

    Args:
        document: The content of a catalogue file, as ``tomllib`` gives it.
        where: What to call it.
        text: The source it was parsed from, if there is one: then problems name lines.
    """
    lines = text.splitlines()
    problems = []
    for key, what in _problems(document):
        line = _line_of(key, lines)
        problems.append(f"{where}:{line}: {key}: {what}" if line else f"{where}: {key}: {what}")
    return problems


def _problems(document: Mapping[str, Any]) -> Iterator[_Problem]:
    yield from _unknown_keys(document, FILE_KEYS, "")
    yield from _head(document)
    rows = document.get("status", {})
    if isinstance(rows, Mapping):
        for code, fields in rows.items():
            yield from _coded_row(code, fields)
    else:
        yield "status", f"{rows!r} is not a table; write [status.<code>] for each code"
    tables = document.get("range", [])
    if isinstance(tables, list):
        for index, fields in enumerate(tables):
            yield from _series(fields, f"range[{index}]")
    else:
        yield "range", f"{tables!r} is not a list; write [[range]]"


def _head(document: Mapping[str, Any]) -> Iterator[_Problem]:
    for name in _REQUIRED_HEAD:
        if name not in document:
            yield name, "is missing"
    for name in ("system", "channel"):
        value = document.get(name)
        if name in document and not (isinstance(value, str) and _NAME.fullmatch(value)):
            yield name, f"{value!r} is not a name: lower-case letters, digits and underscores"
    if "read" in document and type(document["read"]).__name__ != "date":
        yield "read", f"{document['read']!r} is not a date; write it as 2026-09-08, without quotes"
    if "source" in document and not _is_text(document["source"]):
        yield "source", f"{document['source']!r} is not a text that says where the facts were read"
    for name in ("aliases", "extends"):
        value = document.get(name, [])
        if not (isinstance(value, list) and all(_is_text(item) for item in value)):
            yield name, f"{value!r} is not a list of names"
        elif name == "extends":
            yield from ((name, f"{item!r} is not the name of a channel") for item in value if not _NAME.fullmatch(item))


def _coded_row(code: Any, fields: Any) -> Iterator[_Problem]:
    key = f"status.{code}"
    if not isinstance(code, str):
        yield key, f"the code {code!r} is not text; codes are text, always: write {str(code)!r}"
    elif not re.fullmatch(rf"\S{{1,{MAX_CODE_LENGTH}}}", code):
        yield key, f"{code!r} is not a code: 1 to {MAX_CODE_LENGTH} characters without spaces"
    if isinstance(fields, list):
        yield key, f"the code is listed twice; write what differs as [[{key}.variant]]"
    else:
        yield from _meaning(fields, Row, key)


def _meaning(fields: Any, kind: type[Row | Series | Variant], key: str) -> Iterator[_Problem]:
    """Problems of a row, a variant or a series."""
    if not isinstance(fields, Mapping):
        yield key, f"{fields!r} is not a table of {', '.join(kind.__struct_fields__)}"
        return
    yield from _unknown_keys(fields, kind.__struct_fields__, key)
    yield from _missing(fields, kind, key)
    for name, value in fields.items():
        yield from _field(name, value, f"{key}.{name}")
    variants = fields.get("variant", [])
    if isinstance(variants, list):
        for index, variant in enumerate(variants):
            yield from _meaning(variant, Variant, f"{key}.variant[{index}]")
        yield from _unreachable(variants, key)
    else:
        yield f"{key}.variant", f"{variants!r} is not a list; write [[{key}.variant]]"


def _missing(fields: Mapping[str, Any], kind: type[msgspec.Struct], key: str) -> Iterator[_Problem]:
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in fields:
            yield f"{key}.{field.name}", "is missing"


def _field(name: str, value: Any, key: str) -> Iterator[_Problem]:
    if name in _ENUMERATIONS:
        known = [member.value for member in _ENUMERATIONS[name]]
        if value not in known:
            article = "an" if name[0] in "aeiou" else "a"
            yield key, f"{value!r} is not {article} {name}; {did_you_mean(str(value), known)}"
    elif name in _TEXTS:
        if not _is_text(value):
            yield key, f"{value!r} is not a text"
        elif len(value) > _TEXTS[name]:
            yield key, f"{len(value)} characters long; expected at most {_TEXTS[name]}"
    elif name == "retryable" and not isinstance(value, bool):
        yield key, f"{value!r} is not true or false; leave it out where one code cannot tell"
    elif name == "reason":
        written = value if isinstance(value, list) else [value]
        if not all(map(_is_text, written)):
            yield key, f"{value!r} is not a text or a list of texts"


def _unreachable(variants: Sequence[Any], key: str) -> Iterator[_Problem]:
    seen: dict[str, int] = {}
    for index, variant in enumerate(variants):
        if not isinstance(variant, Mapping):
            continue
        match = [variant.get(name) for name in MATCHERS]
        if isinstance(match[0], str):
            match[0] = [match[0]]
        if not any(match):
            yield f"{key}.variant[{index}]", f"matches nothing; give it one of {', '.join(MATCHERS)}"
        elif repr(match) in seen:
            yield f"{key}.variant[{index}]", f"matches the same as variant[{seen[repr(match)]}], so it is never reached"
        seen.setdefault(repr(match), index)


def _series(fields: Any, key: str) -> Iterator[_Problem]:
    yield from _meaning(fields, Series, key)
    if not isinstance(fields, Mapping):
        return
    first, last = fields.get("first"), fields.get("last")
    if not (_is_number(first) and _is_number(last)) or len(first) != len(last) or first > last:
        yield key, f"from {first!r} to {last!r} is not a range: two numbers as text, with as many digits"


def _unknown_keys(fields: Mapping[str, Any], known: Sequence[str], key: str) -> Iterator[_Problem]:
    for name in fields:
        if name not in known:
            yield f"{key}.{name}".lstrip("."), f"{name!r} is not a key here; {did_you_mean(str(name), known)}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _line_of(key: str, lines: Sequence[str]) -> int | None:
    """The line of a key such as ``status.7520.variant[1].reason``."""
    found = re.fullmatch(r"(status\.[^.\[]+(?:\.variant)?|range)(?:\[(\d+)\])?(?:\.(.+))?", key)
    if found is None:
        return line_of(lines, "", 0, key.partition(".")[0])
    return line_of(lines, found[1], int(found[2] or 0), (found[3] or "").partition(".")[0])
