# SPDX-License-Identifier: Apache-2.0
"""The requests that are sent: spans of a messaging sender's HTTP client, some of them with a status."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Final
from uuid import UUID

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from messaging_status import Host

SPANS: Final = 512
"""Of one request."""
MARK: Final = b"messaging.message.id"
"""Stands once in each span, and nowhere else: spans are counted by it, without parsing."""
STATUS_KEYS: Final = ("messaging.system", "messaging.channel", "messaging.status.code")
ATTRIBUTES: Final = 9
"""Of each span, with a status or without."""

_BODIES: Final = 32
_CODES_OF_A_CHANNEL: Final = 5
_CHANNELS: Final = ("sms", "email", "whatsapp", "rcs", "push", "mms", "voice", "in_app", "messenger", "instagram")
_RESOURCE: Final = {
    "service.name": "sender",
    "service.version": "4.2.0",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.1",
    "host.name": "sender-7d9f8b6c5-x2k4q",
}

Attributes = Mapping[str, str | int]


def bodies(share: int) -> list[bytes]:
    """Different requests, in which that share of the spans, in per cent, carries a status.

    Those that carry one stand at even distances. The codes are many, so that an answer that somebody keeps is of no
    more use than it would be in front of a real sender.
    """
    drawn = random.Random(share)  # noqa: S311 - the same in each run
    statuses = cycle(_statuses())
    return [_body(drawn, statuses, share) for _ in range(_BODIES)]


def carrying(share: int) -> int:
    """How many of a request's spans carry a status."""
    return round(SPANS * share / 100)


def _statuses() -> list[Attributes]:
    rows = {channel.catalogue.channel: channel.catalogue.rows for channel in Host.load({}, strict=True).channels}
    found: list[Attributes] = [
        dict(zip(STATUS_KEYS, ("webex_connect", channel, code), strict=True))
        for channel in _CHANNELS
        for code in islice(rows[channel], _CODES_OF_A_CHANNEL)
    ]
    random.Random(0).shuffle(found)  # noqa: S311 - the same in each run
    return found


def _body(drawn: random.Random, statuses: Iterator[Attributes], share: int) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(_key_values(_RESOURCE))
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "opentelemetry.instrumentation.requests", "0.66b1"
    each = carrying(share)
    for index in range(SPANS):
        has_status = index * each // SPANS != (index + 1) * each // SPANS
        start = 1_790_000_000_000_000_000 + drawn.randrange(10**12)
        span = scope.spans.add(
            trace_id=drawn.randbytes(16),
            span_id=drawn.randbytes(8),
            parent_span_id=drawn.randbytes(8),
            name="POST",
            kind=3,
            flags=0x101,
            start_time_unix_nano=start,
            end_time_unix_nano=start + drawn.randrange(10**8),
        )
        span.attributes.extend(_key_values(_of_call(drawn)))
        span.attributes.extend(_key_values(next(statuses) if has_status else _of_other(drawn)))
    return request.SerializeToString()


def _of_call(drawn: random.Random) -> Attributes:
    """What every span has."""
    return {
        "http.request.method": "POST",
        "url.full": "https://api.example.com/v1/messages",
        "server.address": "api.example.com",
        "server.port": 443,
        "http.response.status_code": 202,
        MARK.decode(): str(UUID(bytes=drawn.randbytes(16), version=4)),
    }


def _of_other(drawn: random.Random) -> Attributes:
    """What stands where others have their status; about as long."""
    return {
        "network.protocol.version": "1.1",
        "user_agent.original": "python-requests/2.32.5",
        "app.tenant": f"tenant-{drawn.randrange(10**4):04}",
    }


def _key_values(attributes: Attributes) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))
        for key, value in attributes.items()
    ]
