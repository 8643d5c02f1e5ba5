# SPDX-License-Identifier: Apache-2.0
"""Records out of log files: OTLP-JSON as a Collector writes it, JSON lines, and lines of text."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from gzip import GzipFile
from io import BufferedReader
from itertools import chain
from json import JSONDecoder
from typing import IO, Any, Final

import msgspec

from messaging_status.otlp_values import attributes_in_json, mapping, mappings, value_in_json

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
            resource = mapping(mapping(item.get("resource")).get("attributes"))
            yield LogRecord(mapping(item.get("attributes")), (item, *texts), resource=resource)


def _otlp(request: Mapping[str, Any]) -> Iterator[LogRecord]:
    for group in chain(mappings(request.get("resourceLogs")), mappings(request.get("resourceSpans"))):
        resource = attributes_in_json(mapping(group.get("resource")))
        for scope in chain(mappings(group.get("scopeLogs")), mappings(group.get("scopeSpans"))):
            for record in mappings(scope.get("logRecords")):
                yield LogRecord(attributes_in_json(record), (value_in_json(record.get("body")),), resource=resource)
            for span in mappings(scope.get("spans")):
                events = tuple(attributes_in_json(event) for event in mappings(span.get("events")))
                yield LogRecord(attributes_in_json(span), events=events, resource=resource)
