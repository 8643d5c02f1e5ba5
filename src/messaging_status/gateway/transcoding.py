# SPDX-License-Identifier: Apache-2.0
"""From OTLP's JSON form to protobuf and back, for senders that speak JSON before a next hop that does not."""

from __future__ import annotations

import base64
import binascii
import json
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

from messaging_status.gateway.json_form import says_twice
from messaging_status.gateway.signals import Signal

__all__ = ["BadJson", "as_json_answer", "as_protobuf"]

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
_NO_OTLP: Final = "the body is not OTLP in JSON"
_NO_ID: Final = 0
"""What protobuf's parser takes for no bytes, where it reads the field at all."""


class BadJson(ValueError):  # noqa: N818 - it is what it is called
    """What was sent is not OTLP in JSON; the text says why, and holds nothing of what was sent."""


def as_protobuf(body: bytes, signal: Signal) -> bytes:
    """A request in JSON as protobuf. Fields that this version of OTLP does not have are lost.

    Raises:
        BadJson: If it is not OTLP in JSON.
    """
    try:
        if says_twice(body):
            raise BadJson(_NO_OTLP)
        request: Message = _REQUESTS[signal]()
        json_format.ParseDict(_with_base64(_object(body)), request, ignore_unknown_fields=True)
        return request.SerializeToString()
    except (
        json_format.ParseError,
        msgspec.DecodeError,
        ValueError,
        AttributeError,
        TypeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise BadJson(_NO_OTLP) from error


def _object(body: bytes) -> dict[str, Any]:
    """The object that is written there; half a character, which protobuf cannot hold, becomes a question mark."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        whole = json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
        return msgspec.json.decode(whole, type=dict[str, Any])


def _with_base64(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _id(item) if key in _IDS and isinstance(item, str) else _with_base64(item)
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


def _id(text: str) -> str | int:
    """An id in base64. Of what is no id, only its parser can say whether it matters: it may be an unknown field's."""
    try:
        return base64.b64encode(binascii.unhexlify(text)).decode()
    except ValueError:
        return _NO_ID
