# SPDX-License-Identifier: Apache-2.0
"""Records out of log files: OTLP-JSON as a Collector writes it, JSON lines, and lines of text."""

from __future__ import annotations

from base64 import b64decode
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from contextlib import suppress
from gzip import GzipFile
from io import BufferedReader
from itertools import chain
from json import JSONDecoder
from typing import IO, Any, Final

import msgspec

__all__ = ["LogRecord", "records_of"]

_GZIP: Final = b"\x1f\x8b"
_MESSAGES: Final = ("message", "msg", "body", "event", "log")
"""Where loggers that write JSON lines put the text of a record."""


class LogRecord(msgspec.Struct, frozen=True):
    """One record, as :meth:`messaging_status.Host.find` takes it, with several bodies to look at in turn."""

    attributes: Mapping[str, Any]
    bodies: tuple[Any, ...] = (None,)
    events: tuple[Mapping[str, Any], ...] = ()
    resource: Mapping[str, Any] | None = None


def records_of(file: IO[bytes]) -> Iterator[LogRecord]:
    """The records of a file, line by line; of one that is JSON over many lines, all at once. What is no JSON is text.

    Args:
        file: The file, compressed with gzip or not. By lines it need not fit into memory.
    """
    start = file.peek(2)[:2] if isinstance(file, BufferedReader) else b""
    lines: Iterator[bytes] = iter(GzipFile(fileobj=file) if start == _GZIP else file)
    first = next(lines, b"").removeprefix(BOM_UTF8)
    if first.strip()[:1] in (b"{", b"[") and _decoded(first) is None:
        yield from _in_one(first + b"".join(lines))
        return
    for line in chain([first], lines):
        text = line.strip()
        value = _decoded(text)
        if value is not None:
            yield from _records(value)
        elif text:
            yield LogRecord({}, (text,))


def _in_one(content: bytes) -> Iterator[LogRecord]:
    """The records of JSON values that stand one behind the other, each over as many lines as it likes."""
    text, position, decoder = content.decode(errors="replace"), 0, JSONDecoder()
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            yield from (LogRecord({}, (line,)) for line in text[position:].splitlines() if line.strip())
            return
        yield from _records(value)
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1


def _decoded(text: bytes) -> Any:
    """What a line of JSON says, None where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def _records(value: Any) -> Iterator[LogRecord]:
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Mapping):
            continue
        if item.keys() & {"resourceLogs", "resourceSpans"}:
            yield from _otlp(item)
        else:
            texts = (item[name] for name in _MESSAGES if isinstance(item.get(name), str))
            resource = _mapping(_mapping(item.get("resource")).get("attributes"))
            yield LogRecord(_mapping(item.get("attributes")), (item, *texts), resource=resource)


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
        if kind == "bytesValue" and isinstance(value, str):
            with suppress(ValueError):
                return b64decode(value)
        return value
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())
