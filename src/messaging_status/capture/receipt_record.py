# SPDX-License-Identifier: Apache-2.0
"""A decoded receipt, and the record that it gets on: the server span, or a log record where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, SpanKind, get_current_span

from messaging_status.capture.at_end import fitting_on, holds_another
from messaging_status.capture.log import log_status
from messaging_status.documents import MAX_BODY_LENGTH, json_value
from messaging_status.host import Host
from messaging_status.model import ERROR_TYPE, AttributeValue

__all__ = ["MAX_SIGNED_BODY_LENGTH", "METHODS", "Receipt", "Refusal", "decoded", "is_plain", "length_of"]

_MAX_LENGTH_DIGITS: Final = 18
METHODS: Final = frozenset({"POST", "PUT"})
MAX_SIGNED_BODY_LENGTH: Final = 1024 * 1024
"""Bytes of a body whose signature is verified: all of it has to be known before the application sees any."""


class Refusal(Enum):
    """An answer in the application's place."""

    UNSIGNED = "401 Unauthorized", b"The signature in x-hub-signature is missing or wrong.\n"
    TOO_LARGE = "413 Content Too Large", b"The body is too large for its signature to be verified.\n"

    def __init__(self, status: str, text: bytes) -> None:
        """Give an answer its status line and its text."""
        self.status = status
        self.text = text
        self.code = int(status[:3])
        self.headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(text)))]


def length_of(header: str | None) -> int | None:
    """What a ``Content-Length`` says; None where there is none that can be believed."""
    text = header or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_LENGTH_DIGITS else None


def is_plain(encoding: str) -> bool:
    """Whether a ``Content-Encoding`` says that the body is as it was written."""
    return encoding.strip().lower() in ("", "identity")


def decoded(host: Host, body: bytes) -> Mapping[str, AttributeValue]:
    """What a body says of a message, empty where it is no receipt. Never raises."""
    try:
        if len(body) > MAX_BODY_LENGTH or body.lstrip()[:1] not in (b"{", b"["):
            return {}
        value = json_value(body)
        return {} if value is None else host.enrich({}, value)
    except Exception as error:  # noqa: BLE001 - whatever was sent, the application has to get it
        host.stumbled(error)
        return {}


class Receipt:
    """What a receipt says, on its way to the one record that it gets on.

    Some instrumentations start the server span long after a middleware was called: Flask's where the application
    dispatches the request, Django's in its own middlewares. So it is tried again where the application reads the
    body, and where it starts to answer.
    """

    def __init__(self, host: Host, attributes: Mapping[str, AttributeValue]) -> None:
        """Make a receipt that is on no record yet.

        Args:
            host: What decoded it.
            attributes: What it says.
        """
        self.is_told = False
        self._host = host
        self._attributes = attributes
        self._context: Context | None = None

    def put_on_span(self) -> None:
        """Put it on the current span if that is a server's. Never raises."""
        if self.is_told:
            return
        try:
            span = get_current_span()
            if not self._belongs_on(span):
                # The log record that it may become belongs to this trace at least.
                self._context = get_current() if span.get_span_context().is_valid else self._context
                return
            # The request itself did not fail, whatever became of the message: no error.type, no error status.
            said = {key: value for key, value in self._attributes.items() if key != ERROR_TYPE}
            span.set_attributes(fitting_on(span, said))
            self.is_told = True
        except Exception as error:  # noqa: BLE001 - whatever the span is, the request has to be answered
            self._host.stumbled(error)

    def log(self) -> None:
        """Make a log record of it if it is on no span. Never raises."""
        if self.is_told:
            return
        self.is_told = True
        try:
            log_status(self._host, self._attributes, self._context)
        except Exception as error:  # noqa: BLE001 - as for spans
            self._host.stumbled(error)

    def _belongs_on(self, span: Span) -> bool:
        """Whether it is a server's span that says nothing else: half of two statuses would be neither."""
        if not isinstance(span, ReadableSpan) or not span.is_recording() or span.kind is not SpanKind.SERVER:
            return False
        return not holds_another(span.attributes or {}, self._attributes, self._host)
