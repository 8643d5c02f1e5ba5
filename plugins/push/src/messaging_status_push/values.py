# SPDX-License-Identifier: Apache-2.0
"""What every reader of this package asks of the values in a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from messaging_status import Document

__all__ = ["PUSH", "is_of", "is_push_of", "mapping", "mappings", "text"]

PUSH: Final = "push"
_PUSH_NAMES: Final = frozenset({"push", "pushnotification", "pushnotifications", "mobilepush"})
_MAX_ITEMS: Final = 1_000


def is_of(system: str, document: Document) -> bool:
    """Whether the record around a document names the system."""
    return document.system is not None and _folded(document.system) == system


def is_push_of(system: str, document: Document) -> bool:
    """Whether the record around a document names the system, or push and no system at all."""
    if document.system is not None:
        return is_of(system, document)
    return document.channel is not None and _folded(document.channel) in _PUSH_NAMES


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list, none where it is something else."""
    if isinstance(value, list):
        yield from (item for item in value[:_MAX_ITEMS] if isinstance(item, Mapping))


def text(value: object) -> str | None:
    """The value if it is a text that says anything, else None."""
    return value if isinstance(value, str) and value else None


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
