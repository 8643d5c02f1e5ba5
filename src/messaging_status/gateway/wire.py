# SPDX-License-Identifier: Apache-2.0
"""OTLP messages seen from afar: spans and log records as bytes, so that only those with a status are ever parsed.

These are the messages of opentelemetry-proto (field numbers of its ``trace.proto``, ``logs.proto``, ``metrics.proto``,
``resource.proto``) with most of their fields left out, and some declared as the bytes that they are on the wire.
protobuf keeps fields that it does not know, so nothing is lost.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from opentelemetry.proto.common.v1 import common_pb2

__all__ = ["KeyValue", "Log", "Request", "Span"]

_PACKAGE: Final = "messaging_status.gateway"
_BYTES, _INT = FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.TYPE_INT32
_ONE, _MANY = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED

_Field = tuple[str, int, Any, Any]
"""Name, number, type, and whether there may be many; a type that is text is the name of a message."""

_MESSAGES: Final[dict[str, tuple[_Field, ...]]] = {
    "Request": (("groups", 1, "Group", _MANY),),
    "Group": (("resource", 1, "Resource", _ONE), ("scopes", 2, "Scope", _MANY)),
    "Resource": (("attributes", 1, _BYTES, _MANY),),
    "Scope": (("records", 2, _BYTES, _MANY),),
    "Span": (
        ("attributes", 9, _BYTES, _MANY),
        ("events", 11, "Event", _MANY),
        ("status", 15, "SpanStatus", _ONE),
    ),
    "Event": (("attributes", 3, _BYTES, _MANY),),
    "SpanStatus": (("code", 3, _INT, _ONE),),
    "Log": (
        ("severity_number", 2, _INT, _ONE),
        ("body", 5, ".opentelemetry.proto.common.v1.AnyValue", _ONE),
        ("attributes", 6, _BYTES, _MANY),
    ),
}


def _classes() -> dict[str, Any]:
    file = FileDescriptorProto(name="messaging_status/gateway.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.append(common_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label in fields:
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type = FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = kind if kind.startswith(".") else f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    common = FileDescriptorProto()
    common_pb2.DESCRIPTOR.CopyToProto(common)
    pool.Add(common)
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


_CLASSES: Final = _classes()

Request: Final = _CLASSES["Request"]
"""``ExportTraceServiceRequest``, ``ExportLogsServiceRequest`` and ``ExportMetricsServiceRequest``: groups by resource, in
them scopes, in those records as bytes."""

Span: Final = _CLASSES["Span"]
"""A span: attributes as bytes, events, status."""

Log: Final = _CLASSES["Log"]
"""A log record: severity number, body, attributes as bytes."""

KeyValue: Final = common_pb2.KeyValue
"""One attribute."""
