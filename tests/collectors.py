# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry Collector that `make collector` builds, as a user starts it, between a test and its server."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from messaging_status.cli.receiver import Received

from .conftest import ROOT
from .gateways import end, wait_for
from .otlp_requests import groups_of, key_value, mapping, records_in

__all__ = ["BINARY", "Collector", "collector", "request_of"]

BINARY = ROOT / "build/collector/otelcol-messaging-status"
_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_ROOMS = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}


@dataclass(frozen=True, slots=True)
class Collector:
    """A running Collector.

    Attributes:
        http: Where it receives OTLP/HTTP.
        received: What came out of it.
        printed: What it has printed so far.
    """

    http: str
    received: Received
    printed: Path

    def passed(
        self, signal: str, records: Sequence[Mapping[str, Any]], resource: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The attributes of records after they went through it."""
        kept = self.received.trace_requests if signal == "traces" else self.received.log_requests
        before = len(kept)
        body = request_of(signal, records, resource).SerializeToString()
        requests.post(f"{self.http}/v1/{signal}", body, headers=_PROTOBUF, timeout=20).raise_for_status()
        wait_for(lambda: len(kept) > before)
        (request,) = kept[before:]
        return [mapping(record.attributes) for group in groups_of(request) for record in records_in(group)]


def request_of(signal: str, records: Sequence[Mapping[str, Any]], resource: Mapping[str, Any]) -> Any:
    """An OTLP request of records with these attributes."""
    request: Any = _ROOMS[signal]()
    group = groups_of(request).add()
    group.resource.attributes.extend(key_value(*pair) for pair in resource.items())
    scope = group.scope_spans.add() if signal == "traces" else group.scope_logs.add()
    for attributes in records:
        record = scope.spans.add(name="send") if signal == "traces" else scope.log_records.add()
        record.attributes.extend(key_value(*pair) for pair in attributes.items())
    return request


@contextmanager
def collector(received: Received, config: Path, folder: Path) -> Iterator[Collector]:
    """Run a Collector with config/collector/pipelines.yaml and a configuration beside it, while the block runs.

    Args:
        received: What receives from it, over HTTP.
        config: What `messaging-status export collector` wrote.
        folder: Where it prints to.
    """
    if not BINARY.exists():
        pytest.skip(f"{BINARY.relative_to(ROOT)} is not there: build it with 'make collector', which needs Go")
    ports = _free_ports(2)
    addresses = {"OTLP_HTTP": f"127.0.0.1:{ports[0]}", "OTLP_GRPC": f"127.0.0.1:{ports[1]}"}
    files = ["--config", str(ROOT / "config/collector/pipelines.yaml"), "--config", str(config)]
    # Its own metrics would want a port of their own.
    command = [str(BINARY), *files, "--set", "service.telemetry.metrics.level=none"]
    printed = folder / "collector.log"
    with printed.open("wb") as output:
        environment = {**os.environ, **addresses, "NEXT_HOP": received.endpoint.rstrip("/")}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            wait_for(lambda: b"Everything is ready" in printed.read_bytes() or process.poll() is not None)
            assert process.poll() is None, printed.read_text()
            yield Collector(f"http://{addresses['OTLP_HTTP']}", received, printed)
        finally:
            end(process)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
