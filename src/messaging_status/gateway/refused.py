# SPDX-License-Identifier: Apache-2.0
"""Requests that we answer ourselves, because we cannot read them or may not take them."""

from __future__ import annotations

from enum import Enum

from grpc import StatusCode

from messaging_status.gateway.answer import Answer, failure

__all__ = ["Cause", "Refused"]


class Cause(Enum):
    """Why a request is refused: the word that it is counted under, and the status in both protocols."""

    UNAUTHENTICATED = ("unauthenticated", StatusCode.UNAUTHENTICATED, 401)
    BAD_REQUEST = ("bad_request", StatusCode.INVALID_ARGUMENT, 400)
    UNSUPPORTED = ("unsupported", StatusCode.INVALID_ARGUMENT, 415)
    TOO_LARGE = ("too_large", StatusCode.RESOURCE_EXHAUSTED, 413)
    TOO_MANY = ("too_many_in_flight", StatusCode.RESOURCE_EXHAUSTED, 429)
    GONE = ("sender_gone", StatusCode.CANCELLED, 400)
    SLOW_SENDER = ("slow_sender", StatusCode.DEADLINE_EXCEEDED, 408)


_RETRY_AFTER_S = {Cause.TOO_MANY: 1}


class Refused(Exception):  # noqa: N818 - it is what it is called
    """A request that is answered by us.

    Attributes:
        cause: What it is counted under.
        answer: What the sender is told.
    """

    def __init__(self, cause: Cause, message: str) -> None:
        """Refuse.

        Args:
            cause: Why.
            message: Why, for a person who reads the sender's log.
        """
        super().__init__(message)
        self.cause, code, http_status = cause.value
        self.answer: Answer = failure(code, http_status, message, retry_after=_RETRY_AFTER_S.get(cause))
