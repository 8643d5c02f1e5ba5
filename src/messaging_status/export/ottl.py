# SPDX-License-Identifier: Apache-2.0
"""OTTL, the language of the Collector's transform processor: statements, and the YAML that holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from messaging_status.catalogue import Series
from messaging_status.model import AttributeValue

__all__ = ["Group", "any_of", "fields", "first_name", "folded", "literal", "one_of", "within", "yaml_of"]

_NOT_FOLDED: Final = r"[^\p{L}\p{N}]"
"""What ``spelling.fold`` takes out of a name."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Statements that are run for each span or log record for which the condition holds.

    Attributes:
        about: What they do, for whoever reads the configuration.
        condition: OTTL.
        statements: OTTL, in order.
    """

    about: str
    condition: str
    statements: Sequence[str]


def literal(value: AttributeValue | Mapping[str, AttributeValue]) -> str:
    """A value as OTTL writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def one_of(texts: Iterable[str]) -> str:
    """A literal regular expression that matches exactly these texts."""
    return literal(f"^({'|'.join(re.escape(text) for text in texts)})$")


def any_of(conditions: Iterable[str]) -> str:
    """A condition that holds where one of these does."""
    return " or ".join(conditions)


def within(code: str, series: Series) -> str:
    """A condition that holds where a code is a number of the series."""
    digits = literal(f"^[0-9]{{{len(series.first)}}}$")
    return f"(IsMatch({code}, {digits}) and {code} >= {literal(series.first)} and {code} <= {literal(series.last)})"


def fields(context: str) -> tuple[str, str]:
    """Format strings for the paths of an attribute and of a value that is kept for one record."""
    return f"{context}.attributes[%s]", f"{context}.cache[%s]"


def first_name(target: str, places: Iterable[str]) -> list[str]:
    """Statements that set a target to the first text in one of the places, where it has none yet."""
    return [f'set({target}, {place}) where {target} == nil and IsString({place}) and {place} != ""' for place in places]


def folded(target: str) -> list[str]:
    """Statements that bring a name to the form in which names are compared."""
    return [
        f"set({target}, ToLowerCase({target})) where {target} != nil",
        f'replace_pattern({target}, {literal(_NOT_FOLDED)}, "") where {target} != nil',
    ]


def yaml_of(groups: Iterable[Group], context: str, indent: str) -> Iterable[str]:
    """The lines of a list of statement groups."""
    for group in groups:
        yield f"{indent}# {' '.join(group.about.split())}"
        yield f"{indent}- context: {context}"
        yield f"{indent}  conditions:"
        yield f"{indent}    - {_scalar(group.condition)}"
        yield f"{indent}  statements:"
        yield from (f"{indent}    - {_scalar(statement)}" for statement in group.statements)


def _scalar(text: str) -> str:
    return "'" + text.replace("'", "''").replace("$", "$$") + "'"
