# SPDX-License-Identifier: Apache-2.0
"""Golden vectors: records, and exactly what is put on them, from a file beside the tests."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from messaging_status._toml_lines import Path as Key
from messaging_status._toml_lines import lines_of, named, placed, shown
from messaging_status.catalogue import Catalogue, Row, Series
from messaging_status.errors import did_you_mean
from messaging_status.installed import shown_path
from messaging_status.lint_rows import meanings
from messaging_status.model import (
    ATTRIBUTE_NAMES,
    DEFAULT_PREFIX,
    ERROR_TYPE,
    MESSAGE_ID,
    MESSAGING_SYSTEM,
    AttributeValue,
)
from messaging_status.testing.kit import SetUpError

__all__ = ["FILE", "Vector", "answers", "as_toml", "differences", "read_vectors", "stands_for"]

FILE: Final = "golden.toml"
_NAMES: Final = (*(f"{DEFAULT_PREFIX}.{name}" for name in ATTRIBUTE_NAMES), MESSAGING_SYSTEM, MESSAGE_ID, ERROR_TYPE)


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """A record, and what is to be put on it.

    Attributes:
        name: What its test is called.
        attributes: The record's attributes.
        body: A log's body: a table, JSON text or log text; None for a span.
        resource: The attributes of the resource.
        expected: The attributes that are put on the record; none where it carries no status.
        place: File and line.
    """

    name: str
    attributes: Mapping[str, Any]
    body: Any
    resource: Mapping[str, Any]
    expected: Mapping[str, AttributeValue]
    place: str

    def says(self, name: str) -> AttributeValue | None:
        """The value that is expected of one of our attributes, by its name without the prefix."""
        return self.expected.get(f"{DEFAULT_PREFIX}.{name}")


@lru_cache
def read_vectors(folder: Path) -> tuple[Vector, ...]:
    """The vectors of ``golden.toml`` in a folder; none where there is no such file.

    Raises:
        SetUpError: With all that is wrong with the file.
    """
    file = folder / FILE
    if not file.exists():
        return ()
    where = shown_path(file)
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{where}: cannot be read as TOML: {getattr(error, 'strerror', None) or error}"
        raise SetUpError([msg]) from error
    lines = lines_of(text)
    if problems := [f"{named(where, key, lines)}: {what}" for key, what in _problems(document)]:
        raise SetUpError(problems)
    return tuple(
        Vector(
            name=vector["name"],
            attributes=vector.get("attributes", {}),
            body=vector.get("body"),
            resource=vector.get("resource", {}),
            expected=vector["expected"],
            place=placed(where, ("vector", index), lines),
        )
        for index, vector in enumerate(document.get("vector", []))
    )


def differences(vector: Vector, answered: Mapping[str, AttributeValue]) -> list[str]:
    """How an answer differs from what a vector expects, an attribute a line."""
    found = []
    for name in dict.fromkeys((*vector.expected, *answered)):
        expected, answer = vector.expected.get(name), answered.get(name)
        if type(expected) is type(answer) and expected == answer:
            continue
        if expected is None:
            found.append(f"{name}: answered {answer!r}, which the vector does not expect")
        elif answer is None:
            found.append(f"{name}: expected {expected!r}, which is not answered")
        else:
            found.append(f"{name}: expected {expected!r}, answered {answer!r}")
    return found


def answers(vector: Vector, catalogue: Catalogue) -> bool:
    """Whether a vector expects an answer from a channel: it names it, or words of one of its rows."""
    if vector.expected.get(MESSAGING_SYSTEM, catalogue.system) != catalogue.system:
        return False
    if vector.says("channel") == catalogue.channel:
        return True
    code, words = vector.says("code"), vector.says("description")
    found: list[Row | Series] = [row for row_code, row in catalogue.rows.items() if row_code == code]
    found += [series for series in catalogue.series if isinstance(code, str) and code in series]
    return any(one.description == words for row in found for _, one in meanings(row, ()))


def stands_for(vector: Vector, catalogue: Catalogue, code: str, meaning: Row | Series) -> bool:
    """Whether a vector shows that a row's category and outcome are answered for its code."""
    return (
        vector.says("code") == code
        and vector.says("category") == meaning.category.value
        and vector.says("outcome") == meaning.outcome.value
        and vector.says("channel") in (None, catalogue.channel)
    )


def as_toml(name: str, attributes: Mapping[str, Any], expected: Mapping[str, AttributeValue]) -> str:
    """A vector as it is written, for a message that asks for one."""
    lines = ["[[vector]]", f"name = {json.dumps(name)}", f"attributes = {{ {', '.join(_pairs(attributes))} }}"]
    return "\n".join(f"  {line}" for line in (*lines, "[vector.expected]", *_pairs(expected)))


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{json.dumps(name)} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


_KEYS: Final[Mapping[str, type]] = {
    "name": str,
    "attributes": dict,
    "body": object,
    "resource": dict,
    "expected": dict,
}


def _problems(document: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    for key in document:
        if key != "vector":
            yield (key,), f"{shown(key)} is not a key here; write each vector under [[vector]]"
    vectors = document.get("vector", [])
    if not isinstance(vectors, list) or not all(isinstance(vector, dict) for vector in vectors):
        yield ("vector",), f"{shown(vectors)} is not a list of tables; write [[vector]]"
        return
    first: dict[object, int] = {}
    for index, vector in enumerate(vectors):
        yield from _wrong_vector(vector, ("vector", index))
        name = vector.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield ("vector", index, "name"), f"{shown(name)} is the name of vector[{first[name]}], too"


def _wrong_vector(vector: Mapping[str, Any], path: Key) -> Iterator[tuple[Key, str]]:
    for key, value in vector.items():
        if key not in _KEYS:
            yield (*path, key), f"{shown(key)} is not a key here; {did_you_mean(key, list(_KEYS))}"
        elif not isinstance(value, _KEYS[key]):
            yield (*path, key), f"{shown(value)} is not a {'text' if key == 'name' else 'table'}"
    for key in ("name", "expected"):
        if key not in vector:
            hint = " (an empty table: nothing is put on the record)" if key == "expected" else ""
            yield (*path, key), f"is missing{hint}"
    if "attributes" not in vector and "body" not in vector:
        yield path, "has neither attributes nor a body, so there is nothing to find"
    expected = vector.get("expected")
    for name, value in expected.items() if isinstance(expected, dict) else ():
        if name not in _NAMES:
            yield (*path, "expected", name), f"{shown(name)} is never put on a record; {did_you_mean(name, _NAMES)}"
        elif not isinstance(value, (str, bool, int)):
            yield (*path, "expected", name), f"{shown(value)} is not a text, true, false or a whole number"
