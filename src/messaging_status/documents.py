# SPDX-License-Identifier: Apache-2.0
"""Provider documents inside log bodies: JSON text into plain values, and plain values to their reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import islice
from typing import Any, Final

import msgspec

from messaging_status.guard import Guard
from messaging_status.model import Document, LogText, Origin, RawStatus

__all__ = [
    "MAX_BODY_LENGTH",
    "MAX_NESTING",
    "Budget",
    "Readers",
    "TextReaders",
    "inner_documents",
    "json_value",
    "plain_copy",
    "read_document",
    "read_envelope",
    "read_text",
]

MAX_BODY_LENGTH: Final = 64 * 1024
"""Characters of a text, bytes of a byte string; what is longer is not searched."""
MAX_NESTING: Final = 32
_MAX_VALUES: Final = 40_000
_MAX_STATUSES: Final = 1_000
_MAX_FIELDS: Final = 64

Readers = Mapping[str, tuple[Guard[tuple[RawStatus, ...]], ...]]
"""Document readers by the top-level key that brings a document to them."""

TextReaders = Sequence[tuple[tuple[str, ...], Guard[tuple[RawStatus, ...]]]]
"""Readers of log text, each with the marks that bring a text to it."""


def json_value(text: str | bytes) -> Any:
    """The mapping or list that a JSON text holds, also one that was encoded twice.

    None for any other text, and for one nested more than 32 deep.
    """
    opening = text.lstrip()[:1]
    if opening not in ("{", "[", '"', b"{", b"[", b'"'):
        return None
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, str) and value[:1] in ("{", "["):
            value = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    return value if isinstance(value, (dict, list)) and _nests_within(value, MAX_NESTING) else None


class Budget:
    """How many values of one record's documents may still be looked at."""

    def __init__(self) -> None:
        """Begin with 40,000 values: a batch of 1,000 receipts, copied twice."""
        self._left = _MAX_VALUES

    def spend(self) -> None:
        """Look at one more value.

        Raises:
            ValueError: If there were too many.
        """
        self._left -= 1
        if self._left < 0:
            msg = "too large a document"
            raise ValueError(msg)


def plain_copy(value: Any, budget: Budget) -> Any:
    """A copy made of dictionaries, lists, texts and numbers only.

    Raises:
        ValueError: If it is nested more than 32 deep, or holds more values than the budget has left.
    """

    def copy(value: Any, depth: int) -> Any:
        budget.spend()
        if depth > MAX_NESTING:
            msg = "too deep a document"
            raise ValueError(msg)
        if isinstance(value, Mapping):
            return {key: copy(item, depth + 1) for key, item in value.items() if isinstance(key, str)}
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
            return [copy(item, depth + 1) for item in value]
        return value if isinstance(value, (str, int, float, bool)) else None

    return copy(value, 1)


def read_document(
    readers: Readers, content: Mapping[Any, Any], system: str | None, channel: str | None, budget: Budget
) -> tuple[RawStatus, ...]:
    """The raw statuses that the first reader for one of the document's keys finds in it.

    Args:
        readers: Document readers by top-level key.
        content: The document.
        system: The system that the record around it names.
        channel: The channel that the record around it names.
        budget: How much of it may be copied, so that no reader changes what another one gets.
    """
    keys = readers.keys() & content.keys()
    return _read(readers, keys, Document(content=content, system=system, channel=channel), budget) if keys else ()


def read_envelope(readers: Readers, content: Mapping[Any, Any], budget: Budget) -> tuple[RawStatus, ...]:
    """The raw statuses of a mapping that nobody said is a document: it has to show by itself that it is one.

    One of a reader's keys has to hold more than a plain value, and what is found has to be a receipt's or to have a
    message's id: an answer of anybody's HTTP service has a ``response`` with a ``code``, too.
    """
    keys = {key for key in readers.keys() & content.keys() if isinstance(content[key], (Mapping, list, tuple))}
    found = _read(readers, keys, Document(content=content), budget) if keys else ()
    return tuple(raw for raw in found if raw.message_id or raw.origin is Origin.RECEIPT)


def read_text(readers: TextReaders, text: str, system: str | None, channel: str | None) -> tuple[RawStatus, ...]:
    """The raw statuses that the first reader for one of the text's marks finds in it.

    Args:
        readers: Readers of log text.
        text: The text.
        system: The system that the record around it names.
        channel: The channel that the record around it names.
    """
    line = LogText(text=text, system=system, channel=channel)
    for marks, guard in readers:
        if any(mark in text for mark in marks):
            found = guard((copy(line),), (line,))
            if found:
                return found
    return ()


def _read(readers: Readers, keys: Iterable[str], document: Document, budget: Budget) -> tuple[RawStatus, ...]:
    try:
        original = msgspec.structs.replace(document, content=plain_copy(document.content, budget))
        for guard in dict.fromkeys(guard for key in sorted(keys) for guard in readers[key]):
            given = msgspec.structs.replace(original, content=plain_copy(original.content, budget))
            found = guard((given,), (original,))
            if found:
                return found
    except (ValueError, RecursionError):
        return ()
    return ()


def inner_documents(content: Mapping[Any, Any]) -> Iterator[Mapping[Any, Any]]:
    """The mappings under the keys of a content, as they are or as JSON text, alone or in lists."""
    room = MAX_BODY_LENGTH
    for value in islice(content.values(), _MAX_FIELDS):
        inner = value
        if isinstance(value, (str, bytes)):
            if value[:1] not in ("{", "[", '"', b"{", b"[", b'"') and not value[:1].isspace():
                continue
            room -= len(value)
            if room < 0:
                return
            inner = json_value(value)
        if isinstance(inner, Mapping):
            yield inner
        elif isinstance(inner, (list, tuple)):
            yield from (item for item in inner[:_MAX_FIELDS] if isinstance(item, Mapping))


def raw_statuses(answer: Iterable[Any]) -> tuple[RawStatus, ...]:
    """What a reader answered, as raw statuses.

    Raises:
        TypeError: If it answered anything else.
    """
    found = tuple(islice(answer, _MAX_STATUSES))
    for raw in found:
        if not isinstance(raw, RawStatus):
            msg = f"answered a {type(raw).__name__}; expected RawStatus"
            raise TypeError(msg)
    return found


def _nests_within(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return True
    return False
