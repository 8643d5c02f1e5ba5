# SPDX-License-Identifier: Apache-2.0
"""What the load run sends: spans, log records and metrics, protobuf and JSON, packed and not."""

from __future__ import annotations

import gzip
import json
import os
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, product
from typing import Any, Final

from benchmarks.sender import WITHOUT_STATUS, Attributes, with_status
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

SIGNALS: Final = ("traces", "logs", "metrics")
BATCH: Final = 20
_EACH_TENTH: Final = 10
_CODES: Final = ("7206", "7202", "5000", "7220")


@dataclass(frozen=True, slots=True)
class Body:
    """A request that is ready to be sent.

    Attributes:
        signal: What it carries.
        content: Its bytes.
        headers: What they are.
        with_status: How many of its records carry a status.
    """

    signal: str
    content: bytes
    headers: Mapping[str, str]
    with_status: int


def of_each_kind(*, is_json: Sequence[bool]) -> list[Body]:
    """One of each kind. Over gRPC it is gRPC that packs: there, those to be packed only say so."""
    over_grpc = True not in is_json
    found = []
    for as_json, is_packed, signal in product(is_json, (False, True), SIGNALS):
        request = _REQUESTS[signal]()
        plain = _as_json(request) if as_json else request.SerializeToString()
        headers = {"Content-Type": "application/json" if as_json else "application/x-protobuf"}
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        content = gzip.compress(plain, 6) if is_packed and not over_grpc else plain
        carrying = 0 if signal == "metrics" else BATCH // _EACH_TENTH
        found.append(Body(signal, content, headers, carrying))
    return found


def _attributes() -> list[Attributes]:
    """Those of a batch: each tenth carries a status."""
    codes = cycle(_CODES)
    return [
        WITHOUT_STATUS if index % _EACH_TENTH else with_status("webex_connect", "sms", next(codes))
        for index in range(BATCH)
    ]


def _traces() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(_key_values({"service.name": "sender"}))
    scope = resource.scope_spans.add()
    for attributes in _attributes():
        span = scope.spans.add(name="send", trace_id=os.urandom(16), span_id=os.urandom(8), kind=3)
        span.start_time_unix_nano, span.end_time_unix_nano = time.time_ns(), time.time_ns()
        span.attributes.extend(_key_values(attributes))
    return request


def _logs() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for attributes in _attributes():
        record = scope.log_records.add(time_unix_nano=time.time_ns(), severity_number=9)
        record.body.string_value = "a message was handed over"
        record.attributes.extend(_key_values(attributes))
    return request


def _metrics() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for index in range(BATCH):
        point = scope.metrics.add(name=f"sent.{index}").sum.data_points.add(as_int=index)
        point.attributes.extend(_key_values({"app.tenant": "tenant-0042"}))
    return request


_REQUESTS: Final[Mapping[str, Callable[[], Any]]] = {"traces": _traces, "logs": _logs, "metrics": _metrics}
MESSAGES: Final[Mapping[str, Any]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def _key_values(attributes: Attributes) -> list[KeyValue]:
    return [
        KeyValue(
            key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=str(value))
        )
        for key, value in attributes.items()
    ]


def _as_json(request: Any) -> bytes:
    """As OTLP writes JSON: identifiers are hexadecimal."""
    content = MessageToDict(request)
    for resource in content.get("resourceSpans", ()):
        for span in resource["scopeSpans"][0]["spans"]:
            span |= {key: b64decode(span[key]).hex() for key in ("traceId", "spanId")}
    return json.dumps(content).encode()
