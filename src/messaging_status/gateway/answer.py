# SPDX-License-Identifier: Apache-2.0
"""What the next hop answered, said in the sender's protocol: the mapping of OTLP's specification, both ways.

What a sender may send again stays so in the other protocol, and what it may not, too: OTLP over HTTP repeats 429, 502,
503 and 504; over gRPC it repeats CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS, and
RESOURCE_EXHAUSTED only with a ``RetryInfo``.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Final

import msgspec
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc import StatusCode
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

__all__ = ["STATUS_DETAILS", "Answer", "failure", "from_grpc", "from_http", "grpc_body", "grpc_metadata", "http_answer"]

STATUS_DETAILS: Final = "grpc-status-details-bin"
_PYTHON_RETRY_INFO: Final = "google.rpc.retryinfo-bin"
"""Where the exporters of the Python SDK look for a ``RetryInfo``."""

_TO_HTTP: Final = {
    StatusCode.OK: 200,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.UNIMPLEMENTED: 404,
    StatusCode.CANCELLED: 503,
    StatusCode.DEADLINE_EXCEEDED: 503,
    StatusCode.ABORTED: 503,
    StatusCode.OUT_OF_RANGE: 503,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 503,
}
_TO_GRPC: Final = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.UNIMPLEMENTED,
    405: StatusCode.UNIMPLEMENTED,
    413: StatusCode.RESOURCE_EXHAUSTED,
    415: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.UNAVAILABLE,
}
_REPEATED: Final = frozenset({429, 502, 503, 504})
"""HTTP's statuses after which a sender sends again."""
_MAX_MESSAGE: Final = 1_000
"""Characters: gRPC sends a message as a header, and clients refuse large ones."""
_MAX_DETAILS: Final = 4_000
_SOON_S: Final = 1.0
"""What a sender over gRPC is told to wait where the next hop said "later" over HTTP, but not when."""


class _Said(msgspec.Struct):
    """The one field of a ``Status`` in JSON that we read."""

    message: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to one request.

    Attributes:
        code: gRPC's status code.
        http_status: HTTP's status.
        message: What is wrong, in words; empty where nothing is.
        body: The answer's message: protobuf, or what ``content_type`` says.
        content_type: What an answer over HTTP said of its body; None: it is protobuf.
        retry_after: When to try again, as HTTP says it, in seconds or as a date.
        details: gRPC's ``grpc-status-details-bin``.
        is_ours: Whether it is we who say so, not the next hop.
    """

    code: StatusCode
    http_status: int
    message: str = ""
    body: bytes = b""
    content_type: str | None = None
    retry_after: str | None = None
    details: bytes | None = None
    is_ours: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether the next hop has taken the request, in whole or in part."""
        return self.code is StatusCode.OK


def failure(code: StatusCode, http_status: int, message: str, *, retry_after: int | None = None) -> Answer:
    """An answer of our own.

    Args:
        code: gRPC's status code.
        http_status: HTTP's status.
        message: What is wrong, for a person who reads the sender's log.
        retry_after: Seconds after which to try again.
    """
    return Answer(
        code=code,
        http_status=http_status,
        message=message,
        retry_after=None if retry_after is None else str(retry_after),
        is_ours=True,
    )


def from_grpc(code: StatusCode, message: str, details: bytes | None) -> Answer:
    """The answer of a next hop that failed over gRPC."""
    delay = _retry_delay(details)
    http_status = _TO_HTTP.get(code, 500)
    if code is StatusCode.RESOURCE_EXHAUSTED:
        http_status = 413 if delay is None else 429
    return Answer(
        code=code,
        http_status=http_status,
        message=message[:_MAX_MESSAGE],
        retry_after=None if delay is None else str(ceil(delay)),
        details=details if details is None or len(details) <= _MAX_DETAILS else None,
    )


def from_http(status: int, content_type: str, body: bytes, retry_after: str | None) -> Answer:
    """The answer of a next hop over HTTP."""
    status_class = status // 100
    if status_class == 3:  # noqa: PLR2004 - HTTP's class of redirections
        msg = f"the next hop answered HTTP {status}, which goes elsewhere; the gateway does not follow"
        return failure(StatusCode.UNKNOWN, 500, msg)
    is_ok = status_class == 2  # noqa: PLR2004 - HTTP's class of success
    return Answer(
        code=StatusCode.OK if is_ok else _TO_GRPC.get(status, StatusCode.UNKNOWN),
        http_status=status,
        message="" if is_ok else _message_in(status, content_type.lower(), body)[:_MAX_MESSAGE],
        body=body,
        content_type=content_type,
        retry_after=retry_after,
    )


def http_answer(answer: Answer, *, is_json: bool) -> tuple[bytes, str]:
    """Body and content type of an answer to a sender over HTTP.

    Args:
        answer: One whose body is in the sender's form already, if it is ok.
        is_json: Whether the sender speaks JSON.
    """
    kind = "application/json" if is_json else "application/x-protobuf"
    if answer.content_type is not None or answer.is_ok:
        return answer.body, answer.content_type or kind
    status = _status(answer)
    return (_as_json(status) if is_json else status.SerializeToString()), kind


def grpc_body(answer: Answer) -> bytes:
    """The message for a sender over gRPC whose request was taken; an empty one where what came is no protobuf."""
    if answer.content_type is None or answer.content_type.lower().startswith("application/x-protobuf"):
        return answer.body
    if answer.content_type:
        return b""
    try:
        ExportTraceServiceResponse.FromString(answer.body)  # those of the other signals look alike
    except DecodeError:
        return b""
    return answer.body


def grpc_metadata(answer: Answer) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata of a failure to a sender over gRPC: the details, and when to try again."""
    details, delay = answer.details, None
    if details is not None:
        delay = _retry_delay(details)
    elif answer.http_status in _REPEATED and (
        answer.retry_after is not None or answer.http_status == HTTPStatus.TOO_MANY_REQUESTS
    ):
        delay = _seconds(answer.retry_after)
        status = _status(answer)
        status.details.add().Pack(_retry_info(delay))
        details = status.SerializeToString()
    if details is None:
        return ()
    metadata: tuple[tuple[str, bytes], ...] = ((STATUS_DETAILS, details),)
    if delay is not None:
        metadata += ((_PYTHON_RETRY_INFO, _retry_info(delay).SerializeToString()),)
    return metadata


def _as_json(status: Status) -> bytes:
    try:
        return MessageToJson(status, indent=None).encode()
    except (TypeError, ValueError):
        # JSON has no way to write a detail of a type that is not known here.
        return MessageToJson(Status(code=status.code, message=status.message), indent=None).encode()


def _status(answer: Answer) -> Status:
    if answer.details is not None:
        try:
            return Status.FromString(answer.details)
        except DecodeError:
            return Status(code=answer.code.value[0], message=answer.message)
    return Status(code=answer.code.value[0], message=answer.message)


def _retry_delay(details: bytes | None) -> float | None:
    """The seconds that a ``RetryInfo`` says, None where there is none."""
    if not details:
        return None
    info = RetryInfo()
    try:
        found = any(detail.Unpack(info) for detail in Status.FromString(details).details)
    except DecodeError:
        return None
    return max(0.0, info.retry_delay.seconds + info.retry_delay.nanos / 1e9) if found else None


def _retry_info(seconds: float) -> RetryInfo:
    info = RetryInfo()
    info.retry_delay.FromNanoseconds(round(seconds * 1e9))
    return info


def _seconds(retry_after: str | None) -> float:
    """A ``Retry-After`` in seconds; one second where there is none that can be read."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:  # noqa: PLR2004 - 30 years
        return float(text)
    for parse in (parsedate_to_datetime, _asctime):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            return max(0.0, (parse(text) - datetime.now(UTC)).total_seconds())
    return _SOON_S


def _asctime(text: str) -> datetime:
    """The oldest of the three forms in which HTTP writes a date."""
    return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)


def _message_in(status: int, content_type: str, body: bytes) -> str:
    """What the next hop says is wrong, where it says so as OTLP wants it."""
    try:
        if content_type.startswith("application/x-protobuf"):
            message = Status.FromString(body).message
        elif content_type.startswith("application/json"):
            message = msgspec.json.decode(body, type=_Said).message or ""
        else:
            message = ""
    except (DecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = ""
    return message or f"the next hop answered HTTP {status}"
