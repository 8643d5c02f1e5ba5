# SPDX-License-Identifier: Apache-2.0
"""Records out of log files: OTLP-JSON as a Collector writes it, JSON lines, and lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

import msgspec

__all__ = ["LogRecord", "records_of"]

_MESSAGES: Final = ("message", "msg", "body", "event", "log")
"""Where loggers that write JSON lines put the text of a record."""


class LogRecord(msgspec.Struct, frozen=True):
    """One record, as :meth:`messaging_status.Host.find` takes it, with several bodies to look at in turn."""

    attributes: Mapping[str, Any]
    bodies: tuple[Any, ...] = (None,)
    events: tuple[Mapping[str, Any], ...] = ()
    resource: Mapping[str, Any] | None = None


def records_of(lines: Iterable[bytes]) -> Iterator[LogRecord]:
    """The records of a file, line by line. What is no JSON is a record's text.

    Args:
        lines: The file. It need not fit into memory; an OTLP request stands on one line, as exporters write it.
    """
    for line in lines:
        text = line.strip()
        if not text:
            continue
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, ValueError):
            yield LogRecord({}, (text,))
            continue
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, Mapping):
                continue
            if item.keys() & {"resourceLogs", "resourceSpans"}:
                yield from _otlp(item)
            else:
                texts = (item[name] for name in _MESSAGES if isinstance(item.get(name), str))
                yield LogRecord({}, (item, *texts))


def _otlp(request: Mapping[str, Any]) -> Iterator[LogRecord]:
    for group in chain(_mappings(request.get("resourceLogs")), _mappings(request.get("resourceSpans"))):
        resource = _attributes(_mapping(group.get("resource")))
        for scope in chain(_mappings(group.get("scopeLogs")), _mappings(group.get("scopeSpans"))):
            for record in _mappings(scope.get("logRecords")):
                yield LogRecord(_attributes(record), (_value(record.get("body")),), resource=resource)
            for span in _mappings(scope.get("spans")):
                events = tuple(_attributes(event) for event in _mappings(span.get("events")))
                yield LogRecord(_attributes(span), events=events, resource=resource)


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    pairs = _mappings(holder.get("attributes"))
    return {pair["key"]: _value(pair.get("value")) for pair in pairs if isinstance(pair.get("key"), str)}


def _value(holder: Any) -> Any:
    """What an OTLP ``AnyValue`` holds: 64-bit integers are texts in JSON."""
    for kind, value in _mapping(holder).items():
        if kind == "arrayValue":
            return [_value(item) for item in _mappings(_mapping(value).get("values"))]
        if kind == "kvlistValue":
            return {
                pair["key"]: _value(pair.get("value"))
                for pair in _mappings(_mapping(value).get("values"))
                if isinstance(pair.get("key"), str)
            }
        return value
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())
