# SPDX-License-Identifier: Apache-2.0
"""Senders of numbered spans that send again until they are told that a batch is accepted, and note what was."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import grpc
import requests
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext

from .numbered_hop import NUMBER, TRACES_SERVICE

__all__ = ["KINDS", "Client", "Sends"]

BATCH: Final = 5
AGAIN_S: Final = 0.02
_TIMEOUT_S: Final = 10
_AGAIN: Final = (429, 502, 503, 504, *map(grpc.StatusCode.__getitem__, ("CANCELLED", "ABORTED", "UNAVAILABLE")))
"""What may be told to a sender that is to send again, of what can come up here. With anything else a client ends."""
_RECONNECT: Final = tuple((f"grpc.{name}_reconnect_backoff_ms", 100) for name in ("initial", "min", "max"))
_STATUS: Final = {"messaging.system": "webex_connect", "messaging.channel": "sms", "messaging.status.code": "7206"}


class Sends(Protocol):
    """Sends spans once, or as often as it thinks right."""

    def __call__(self, numbers: Sequence[int]) -> str | None:
        """Answer what the sender is told of the spans with these numbers: None if they are accepted."""
        ...

    def close(self) -> None:
        """Give the connection up."""
        ...


class Client(threading.Thread):
    """Sends one batch after another, each until it is accepted or the client is stopped.

    Attributes:
        accepted: The numbers of all spans that it was told are accepted.
        refused: How often it was told that a batch is not, or was not answered, by what it was told.
    """

    def __init__(self, sends: Sends, first: int) -> None:
        super().__init__(daemon=True, name=type(sends).__name__)
        self.accepted: list[int] = []
        self.refused: Counter[str] = Counter()
        self._sends, self._first = sends, first
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                next_one = self._first + len(self.accepted)
                batch = range(next_one, next_one + BATCH)
                refusal = self._sends(batch)
                if refusal is None:
                    self.accepted += batch
                else:
                    self.refused[refusal] += 1
                    self._stopped.wait(AGAIN_S)
        finally:
            self._sends.close()

    def stop(self) -> None:
        self._stopped.set()


class OverHttp:
    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)

    def __call__(self, numbers: Sequence[int]) -> str | None:
        body, headers = self._packed(_request(numbers))
        try:
            self._connection.request("POST", "/v1/traces", body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return type(error).__name__
        if answer.status in _AGAIN:
            return f"HTTP {answer.status}"
        assert answer.status == http.client.OK, content
        return f"{rejected} rejected" if (rejected := self._rejected(content)) else None

    def close(self) -> None:
        self._connection.close()

    def _packed(self, request: ExportTraceServiceRequest) -> tuple[bytes, Mapping[str, str]]:
        return request.SerializeToString(), {"Content-Type": "application/x-protobuf"}

    def _rejected(self, content: bytes) -> int:
        return ExportTraceServiceResponse.FromString(content).partial_success.rejected_spans


class OverHttpInJson(OverHttp):
    """JSON, packed with gzip."""

    def _packed(self, request: ExportTraceServiceRequest) -> tuple[bytes, Mapping[str, str]]:
        content = MessageToDict(request)
        for span in content["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            span |= {key: b64decode(span[key]).hex() for key in ("traceId", "spanId")}
        body = gzip.compress(json.dumps(content).encode(), 1)
        return body, {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    def _rejected(self, content: bytes) -> int:
        return int(json.loads(content).get("partialSuccess", {}).get("rejectedSpans", 0))


class OverGrpc:
    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, _RECONNECT)
        self._export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            f"/{TRACES_SERVICE}/Export"
        )

    def __call__(self, numbers: Sequence[int]) -> str | None:
        try:
            content = self._export(_request(numbers).SerializeToString(), timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() not in _AGAIN:
                raise
            return f"gRPC {error.code().name}"
        rejected = ExportTraceServiceResponse.FromString(content).partial_success.rejected_spans
        return f"{rejected} rejected" if rejected else None

    def close(self) -> None:
        self._channel.close()


class WithSdk:
    """An exporter of the SDK, which sends again by itself as long as its timeout lets it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def __call__(self, numbers: Sequence[int]) -> str | None:
        try:
            result = self._exporter.export([_span(number) for number in numbers])
        except requests.RequestException as error:
            # Older ones let it out, after a second try.
            return type(error).__name__
        return None if result is SpanExportResult.SUCCESS else "by the SDK"

    def close(self) -> None:
        self._exporter.shutdown()


KINDS: Final[Sequence[Callable[[str, str, float], Sends]]] = (
    lambda _, http, __: OverHttp(http),
    lambda _, http, __: OverHttpInJson(http),
    lambda for_grpc, _, __: OverGrpc(for_grpc),
    lambda _, http, timeout: WithSdk(
        HttpSpanExporter(f"http://{http}/v1/traces", timeout=timeout, compression=Compression.Gzip)
    ),
    lambda for_grpc, _, timeout: WithSdk(GrpcSpanExporter(f"http://{for_grpc}", insecure=True, timeout=timeout)),
)
"""All kinds of senders, by the addresses of OTLP/gRPC and OTLP/HTTP and the seconds that the SDK may take."""


def _request(numbers: Sequence[int]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in numbers:
        span = scope.spans.add(name="send", trace_id=number.to_bytes(16), span_id=number.to_bytes(8))
        span.attributes.append(KeyValue(key=NUMBER, value=AnyValue(int_value=number)))
        span.attributes.extend(KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in _STATUS.items())
    return request


def _span(number: int) -> ReadableSpan:
    context = SpanContext(random.getrandbits(128) | 1, number, is_remote=False)
    attributes: dict[str, str | int] = {NUMBER: number, **_STATUS}
    return ReadableSpan("send", context, resource=Resource.get_empty(), attributes=attributes, start_time=1, end_time=2)
