# SPDX-License-Identifier: Apache-2.0
"""Requests in OTLP's JSON form: attributes are added to records, all else stays as it was written."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber

from messaging_status.gateway.needles import needles
from messaging_status.gateway.records import SPAN_ERROR, Addition, Decoded, Enriched, Records
from messaging_status.gateway.signals import Signal
from messaging_status.host import Host
from messaging_status.model import AttributeValue
from messaging_status.otlp_values import attributes_in_json, mapping, mappings, value_in_json

__all__ = ["json_enricher", "nests_within", "says_twice"]

_Fields = dict[str, msgspec.Raw]
_NAMES: Final = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
}

_fields = msgspec.json.Decoder(_Fields)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_NO_FIELDS: Final = b"{}"
_EMPTY_LIST: Final = b"[]"
_NULL: Final = b"null"
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError)
_SEVERITIES: Final = dict(SeverityNumber.items())
_HIGHEST: Final = max(_SEVERITIES.values())
_PRIVATE: Final = range(0xE000, 0xF900)
"""Unicode's characters for private use."""
_ESCAPED: Final = re.compile(rb"\\(?:u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def json_enricher(host: Host, signal: Signal) -> Callable[[bytes], Enriched]:
    """A function that answers requests of a signal, enriched. It never raises.

    What is no request at all, and a record that cannot be enriched, are answered as they are.
    """
    held = needles(host, signal, is_json=True)
    addition_of = _ADDITIONS[signal]
    records = Records(host)

    def looked_through(body: bytes) -> Enriched:
        decoded: Counter[Decoded] = Counter()
        is_sought = addition_of is not None and bool(held(body))
        number = 0

        def enriched_record(record: msgspec.Raw, resource: Mapping[str, Any]) -> msgspec.Raw:
            nonlocal number
            number += 1
            if not is_sought or addition_of is None:
                return record
            try:
                addition = addition_of(records, mapping(msgspec.json.decode(record)), resource)
                if addition is None:
                    return record
                added = _with(record, addition)
            except Exception as error:  # noqa: BLE001 - whatever a record is made of, it goes on as it is
                host.stumbled(error)
                return record
            decoded[addition.decoded] += 1
            return added

        whole = _in_records(body, _NAMES[signal], {}, enriched_record)
        if decoded and says_twice(body):
            return Enriched(body, number, Counter())
        return Enriched(whole if decoded else body, number, decoded)

    def enriched(body: bytes) -> Enriched:
        try:
            return looked_through(body)
        except _UNREADABLE:
            pass
        try:
            marked, mark = _with_marks(body)
            found = looked_through(marked)
        except _UNREADABLE:
            return Enriched(body, 0, Counter())
        return found._replace(body=found.body.replace(mark, b"\\u") if found.decoded else body)

    return enriched


def _in_records(
    content: bytes | msgspec.Raw,
    names: Sequence[str],
    resource: Mapping[str, Any],
    change: Callable[[msgspec.Raw, Mapping[str, Any]], msgspec.Raw],
) -> bytes:
    """The same JSON with every record changed."""
    fields = _fields.decode(content)
    name, *inner = names
    if len(inner) == 1 and "resource" in fields:
        resource = attributes_in_json(mapping(msgspec.json.decode(fields["resource"])))
    if name in fields and bytes(fields[name]) != _NULL:
        items = _list.decode(fields[name])
        changed = [
            msgspec.Raw(_in_records(item, inner, resource, change)) if inner else change(item, resource)
            for item in items
        ]
        fields[name] = msgspec.Raw(msgspec.json.encode(changed))
    return msgspec.json.encode(fields)


def says_twice(body: bytes) -> bool:
    """Whether some field stands twice in an object: one of them would be lost."""

    def once(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            raise _Twice

    try:
        json.loads(body, object_pairs_hook=once)
    except (_Twice, ValueError, RecursionError):
        return True
    return False


class _Twice(Exception):  # noqa: N818 - it is what it is called
    """A field that stands twice."""


def _with_marks(body: bytes) -> tuple[bytes, bytes]:
    """The same JSON with a mark in the place of each backslash and ``u`` before half a character, and that mark.

    JavaScript writes texts that were cut in the middle of a character so; a strict parser takes no such text.

    Raises:
        ValueError: If there is no character that could be the mark.
    """
    marks = (chr(number).encode() for number in _PRIVATE)
    mark = next((mark for mark in marks if mark not in body), None)
    if mark is None:
        msg = "every private character is in use"
        raise ValueError(msg)
    return _ESCAPED.sub(lambda found: mark + found[1] if found[1] else found[0], body), mark


def _of_span(records: Records, span: Mapping[str, Any], resource: Mapping[str, Any]) -> Addition | None:
    events = [attributes_in_json(event) for event in mappings(span.get("events"))]
    code = mapping(span.get("status")).get("code")
    is_unset = code is None or code in (0, "STATUS_CODE_UNSET")
    return records.span(attributes_in_json(span), events, resource, is_status_unset=is_unset)


def _of_log(records: Records, log: Mapping[str, Any], resource: Mapping[str, Any]) -> Addition | None:
    severity = log.get("severityNumber") or 0
    number = severity if isinstance(severity, (int, float)) else _SEVERITIES.get(str(severity), _HIGHEST)
    return records.log(attributes_in_json(log), value_in_json(log.get("body")), resource, int(number))


_ADDITIONS: Final[dict[Signal, Callable[[Records, Mapping[str, Any], Mapping[str, Any]], Addition | None] | None]] = {
    Signal.TRACES: _of_span,
    Signal.LOGS: _of_log,
    Signal.METRICS: None,
}


def _with(record: msgspec.Raw, addition: Addition) -> msgspec.Raw:
    fields = _fields.decode(record)
    pairs = _list.decode(_there(fields, "attributes", _EMPTY_LIST))
    added = [{"key": key, "value": _any_value(value)} for key, value in addition.attributes.items()]
    fields["attributes"] = msgspec.Raw(msgspec.json.encode([*pairs, *added]))
    if addition.is_failure:
        status = _fields.decode(_there(fields, "status", _NO_FIELDS))
        fields["status"] = msgspec.Raw(msgspec.json.encode({**status, "code": SPAN_ERROR}))
    if addition.severity_number is not None:
        fields["severityNumber"] = msgspec.Raw(msgspec.json.encode(addition.severity_number))
    return msgspec.Raw(msgspec.json.encode(fields))


def _there(fields: _Fields, name: str, otherwise: bytes) -> msgspec.Raw | bytes:
    """What a field holds, and something else where it is not there or null."""
    written = fields.get(name)
    return otherwise if written is None or bytes(written) == _NULL else written


def _any_value(value: AttributeValue) -> dict[str, AttributeValue]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def nests_within(body: bytes, limit: int) -> bool:
    """Whether brackets and braces nest at most so deep; those inside texts do not count."""
    outside = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    depths = accumulate(_STEPS[byte] for byte in outside.translate(None, _NO_BRACKETS))
    return all(depth <= limit for depth in depths)


_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _STEPS)
