# SPDX-License-Identifier: Apache-2.0
"""Requests in OTLP's JSON form: attributes are added to records, all else stays as it was written."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from messaging_status.gateway.needles import needles
from messaging_status.gateway.records import Addition, Decoded, Enriched, Records
from messaging_status.gateway.signals import Signal
from messaging_status.host import Host
from messaging_status.model import AttributeValue
from messaging_status.otlp_values import attributes_in_json, mapping, mappings, value_in_json

__all__ = ["BadJson", "as_json_answer", "as_protobuf", "json_enricher", "nests_within"]

_Fields = dict[str, msgspec.Raw]
_NAMES: Final = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
}
_REQUESTS: Final = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
_ANSWERS: Final = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}
_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})
"""Written in hexadecimal, where protobuf's own JSON form has base64."""
_ERROR: Final = 2
"""``STATUS_CODE_ERROR`` of a span."""

_fields = msgspec.json.Decoder(_Fields)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_NO_FIELDS: Final = b"{}"
_EMPTY_LIST: Final = b"[]"


class BadJson(ValueError):  # noqa: N818 - it is what it is called
    """What was sent is not OTLP in JSON; the text says why, and holds nothing of what was sent."""


def json_enricher(host: Host, signal: Signal) -> Callable[[bytes], Enriched]:
    """A function that answers requests of a signal, enriched. It never raises.

    What is no request at all, and a record that cannot be enriched, are answered as they are.
    """
    held = needles(host, signal, is_json=True)
    addition_of = _ADDITIONS[signal]
    records = Records(host)

    def enriched(body: bytes) -> Enriched:
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

        try:
            whole = _in_records(body, _NAMES[signal], {}, enriched_record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Enriched(body, 0, Counter())
        return Enriched(whole if decoded else body, number, decoded)

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
    if "resource" in fields:
        resource = attributes_in_json(mapping(msgspec.json.decode(fields["resource"])))
    if name in fields and bytes(fields[name]) != b"null":
        items = _list.decode(fields[name])
        changed = [
            msgspec.Raw(_in_records(item, inner, resource, change)) if inner else change(item, resource)
            for item in items
        ]
        fields[name] = msgspec.Raw(msgspec.json.encode(changed))
    return msgspec.json.encode(fields)


def _of_span(records: Records, span: Mapping[str, Any], resource: Mapping[str, Any]) -> Addition | None:
    events = [attributes_in_json(event) for event in mappings(span.get("events"))]
    code = mapping(span.get("status")).get("code", 0)
    return records.span(attributes_in_json(span), events, resource, is_status_unset=code in (0, "STATUS_CODE_UNSET"))


def _of_log(records: Records, log: Mapping[str, Any], resource: Mapping[str, Any]) -> Addition | None:
    number = log.get("severityNumber", 0)
    return records.log(
        attributes_in_json(log),
        value_in_json(log.get("body")),
        resource,
        number if isinstance(number, int) else 0,
    )


_ADDITIONS: Final[dict[Signal, Callable[[Records, Mapping[str, Any], Mapping[str, Any]], Addition | None] | None]] = {
    Signal.TRACES: _of_span,
    Signal.LOGS: _of_log,
    Signal.METRICS: None,
}


def _with(record: msgspec.Raw, addition: Addition) -> msgspec.Raw:
    fields = _fields.decode(record)
    written = fields.get("attributes")
    pairs = _list.decode(written if written is not None and bytes(written) != b"null" else _EMPTY_LIST)
    added = [{"key": key, "value": _any_value(value)} for key, value in addition.attributes.items()]
    fields["attributes"] = msgspec.Raw(msgspec.json.encode([*pairs, *added]))
    if addition.is_failure:
        status = _fields.decode(fields.get("status", _NO_FIELDS))
        fields["status"] = msgspec.Raw(msgspec.json.encode({**status, "code": _ERROR}))
    if addition.severity_number is not None:
        fields["severityNumber"] = msgspec.Raw(msgspec.json.encode(addition.severity_number))
    return msgspec.Raw(msgspec.json.encode(fields))


def _any_value(value: AttributeValue) -> dict[str, AttributeValue]:
    return {"boolValue": value} if isinstance(value, bool) else {"stringValue": value}


def nests_within(body: bytes, limit: int) -> bool:
    """Whether brackets and braces nest at most so deep; those inside texts do not count."""
    outside = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    depths = accumulate(_STEPS[byte] for byte in outside.translate(None, _NO_BRACKETS))
    return all(depth <= limit for depth in depths)


_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _STEPS)


def as_protobuf(body: bytes, signal: Signal) -> bytes:
    """A request in JSON as protobuf. Fields that this version of OTLP does not have are lost.

    Raises:
        BadJson: If it is not OTLP in JSON.
    """
    try:
        request: Message = _REQUESTS[signal]()
        # Anything that is empty would be taken for an empty object.
        document = msgspec.json.decode(body, type=dict[str, Any])
        json_format.ParseDict(_with_base64(document), request, ignore_unknown_fields=True)
        return request.SerializeToString()
    except (
        json_format.ParseError,
        msgspec.DecodeError,
        ValueError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        msg = "the body is not OTLP in JSON"
        raise BadJson(msg) from error


def _with_base64(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64encode(binascii.unhexlify(item)).decode()
            if key in _IDS and isinstance(item, str)
            else _with_base64(item)
            for key, item in value.items()
        }
    return [_with_base64(item) for item in value] if isinstance(value, list) else value


def as_json_answer(answer: bytes, signal: Signal) -> bytes:
    """The next hop's answer to a request, from protobuf to JSON; an empty one for what is no answer."""
    message: Message = _ANSWERS[signal]()
    try:
        message.ParseFromString(answer)
    except DecodeError:
        message.Clear()
    return json_format.MessageToJson(message, indent=None).encode()
