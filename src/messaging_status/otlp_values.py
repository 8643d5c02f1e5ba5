# SPDX-License-Identifier: Apache-2.0
"""What OTLP holds, as plain values: out of protobuf messages, and out of its JSON form."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

__all__ = ["attributes_in_json", "mapping", "mapping_in_protobuf", "mappings", "value_in_json", "value_in_protobuf"]


def value_in_protobuf(holder: Any) -> Any:
    """What an ``AnyValue`` message holds, None where it holds nothing."""
    kind = holder.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(holder, kind)
    if kind == "kvlist_value":
        return mapping_in_protobuf(found.values)
    if kind == "array_value":
        return [value_in_protobuf(item) for item in found.values]
    return found


def mapping_in_protobuf(pairs: Iterable[Any]) -> dict[str, Any]:
    """What ``KeyValue`` messages hold; of two with the same key, the last one counts."""
    return {pair.key: value_in_protobuf(pair.value) for pair in pairs}


def value_in_json(holder: Any) -> Any:
    """What an ``AnyValue`` holds in JSON, where 64-bit integers are texts. None for anything else."""
    for kind, value in mapping(holder).items():
        if kind in _IN_JSON and value is not None:
            return _IN_JSON[kind](value)
    return None


def attributes_in_json(holder: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a span, event, log record or resource in JSON. What is no attribute is left out."""
    return _pairs_in_json(holder.get("attributes"))


def mapping(value: Any) -> Mapping[str, Any]:
    """A value that should be a mapping; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """The mappings in a value that should be a list of them."""
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())


def _pairs_in_json(pairs: Any) -> dict[str, Any]:
    return {
        pair["key"]: value_in_json(pair.get("value")) for pair in mappings(pairs) if isinstance(pair.get("key"), str)
    }


def _array(value: Any) -> list[Any]:
    return [value_in_json(item) for item in mappings(mapping(value).get("values"))]


def _number(kind: Callable[[str], int | float]) -> Callable[[Any], Any]:
    """A number, which JSON may write as a text; None for a text that is none."""

    def number(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return kind(value)
        except ValueError:
            return None

    return number


def _bytes(value: Any) -> Any:
    """Bytes, in either alphabet of base64, with or without its padding; what is none stays as it is."""
    if isinstance(value, str):
        with suppress(ValueError):
            return b64decode(
                value.replace("-", "+").replace("_", "/").rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
            )
    return value


_IN_JSON: Final[Mapping[str, Callable[[Any], Any]]] = {
    "stringValue": lambda value: value,
    "boolValue": lambda value: value,
    "intValue": _number(int),
    "doubleValue": _number(float),
    "arrayValue": _array,
    "kvlistValue": lambda value: _pairs_in_json(mapping(value).get("values")),
    "bytesValue": _bytes,
}
