# SPDX-License-Identifier: Apache-2.0
"""An OTLP receiver on loopback, for the demo: keeps what arrives."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from messaging_status.otlp_values import mapping_in_protobuf, value_in_protobuf

__all__ = ["Received", "receiving"]


class Received:
    """What arrived: spans and log records as OTLP holds them, in order of arrival.

    Attributes:
        endpoint: Where to send, for a gRPC exporter.
    """

    def __init__(self) -> None:
        """Start with nothing received, at no endpoint."""
        self.endpoint = ""
        self.trace_requests: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.log_requests: list[logs_service_pb2.ExportLogsServiceRequest] = []

    def objects(self) -> list[dict[str, Any]]:
        """Spans, then logs, as plain objects: signal, name or body, attributes."""
        spans = [
            {"signal": "span", "name": span.name, "attributes": mapping_in_protobuf(span.attributes)}
            for request in self.trace_requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        logs = [
            {
                "signal": "log",
                "body": value_in_protobuf(record.body),
                "attributes": mapping_in_protobuf(record.attributes),
            }
            for request in self.log_requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        return [*spans, *logs]


@contextmanager
def receiving() -> Iterator[Received]:
    """Receive OTLP over gRPC on a free port of 127.0.0.1 while the block runs."""
    received = Received()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(received), server)  # type: ignore[no-untyped-call]
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Logs(received), server)  # type: ignore[no-untyped-call]
    received.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield received
    finally:
        server.stop(grace=1).wait()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the service's own signature
        self._received.trace_requests.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the service's own signature
        self._received.log_requests.append(request)
        return logs_service_pb2.ExportLogsServiceResponse()
