# SPDX-License-Identifier: Apache-2.0
"""Provider documents inside log bodies: JSON text into plain values, and plain values to their reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from messaging_status.guard import Guard
from messaging_status.model import Document, RawStatus

__all__ = ["MAX_BODY_LENGTH", "MAX_NESTING", "Readers", "inner_documents", "json_value", "plain_copy"]

MAX_BODY_LENGTH: Final = 64 * 1024
"""Characters of a text, bytes of a byte string; what is longer is not searched."""
MAX_NESTING: Final = 32
_MAX_VALUES: Final = 20_000
_MAX_STATUSES: Final = 1_000
_MAX_FIELDS: Final = 64

Readers = Mapping[str, tuple[Guard[tuple[RawStatus, ...]], ...]]
"""Document readers by the top-level key that brings a document to them."""


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


def plain_copy(value: Any) -> Any:
    """A copy made of dictionaries, lists, texts and numbers only.

    Raises:
        ValueError: If it is nested more than 32 deep, or holds more than 20,000 values.
    """
    budget = _MAX_VALUES

    def copy(value: Any, depth: int) -> Any:
        nonlocal budget
        budget -= 1
        if budget < 0 or depth > MAX_NESTING:
            msg = "too large a document"
            raise ValueError(msg)
        if isinstance(value, Mapping):
            return {key: copy(item, depth + 1) for key, item in value.items() if isinstance(key, str)}
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
            return [copy(item, depth + 1) for item in value]
        return value if isinstance(value, (str, int, float, bool)) else None

    return copy(value, 1)


def read_document(
    readers: Readers, content: Mapping[Any, Any], system: str | None, channel: str | None
) -> tuple[RawStatus, ...]:
    """The raw statuses that the first reader for one of the document's keys finds in it."""
    keys = readers.keys() & content.keys()
    if not keys:
        return ()
    guards = [guard for key in sorted(keys) for guard in readers[key]]
    try:
        original = plain_copy(content)
    except (ValueError, RecursionError):
        return ()
    for guard in dict.fromkeys(guards):
        given = Document(content=plain_copy(original), system=system, channel=channel)
        found = guard((given,), (Document(content=original, system=system, channel=channel),))
        if found:
            return found
    return ()


def inner_documents(content: Mapping[Any, Any]) -> Iterator[Mapping[Any, Any]]:
    """The mappings under the keys of a content, as they are or as JSON text, alone or in lists."""
    room = MAX_BODY_LENGTH
    for value in islice(content.values(), _MAX_FIELDS):
        inner = value
        if isinstance(value, (str, bytes)):
            if value[:1] not in ("{", "[", b"{", b"["):
                continue
            room -= len(value)
            if room < 0:
                return
            inner = json_value(value)
        if isinstance(inner, Mapping):
            yield inner
        elif isinstance(inner, list):
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
