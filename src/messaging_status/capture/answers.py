# SPDX-License-Identifier: Apache-2.0
"""Answers of providers' APIs: watched while the application reads them, and told on the span of their request."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from fnmatch import translate
from functools import lru_cache
from time import time
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, get_value
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind

from messaging_status.capture.at_end import tell_at_end
from messaging_status.capture.late import Attributes, LateStatuses, Said
from messaging_status.capture.log import log_status
from messaging_status.documents import MAX_BODY_LENGTH, json_value
from messaging_status.host import Host
from messaging_status.model import MESSAGING_SYSTEM
from messaging_status.spelling import as_seconds

__all__ = ["Answers", "Call"]

_REMEMBERED: Final = 1_024
_CHANNEL_KEYS: Final = ("deliverychannel", "deliveryChannel", "channel")
_MAX_KEPT: Final = 4 * 1024
"""Bytes of a body that is always kept until the span ends or is exported; longer ones are while few wait."""
_MAX_LARGE: Final = 256


class Answers:
    """Knows whose answers to look at, and where to tell what they say.

    Attributes:
        late: What is told on a span when that is exported.
    """

    def __init__(self, host: Host) -> None:
        """Prepare the look-ups.

        Args:
            host: What decodes, and names the hosts.
        """
        self._host = host
        self.late = LateStatuses(lambda span, said: log_status(host, said(), _context_of(span)))
        patterns = [(name.casefold(), hosts.system) for hosts in host.api_hosts for name in hosts.hosts]
        self._patterns = [(re.compile(translate(pattern)), system) for pattern, system in patterns]
        self._system_of = lru_cache(_REMEMBERED)(self._system)

    def call(self, location: str | None, request_body: object = None) -> Call | None:
        """A call that was made just now, in whose context this is called; None for a host that is nobody's API.

        Args:
            location: The host that was called, as it stands in the URL: a port and credentials do not matter.
            request_body: What was sent, to see which channel it names.
        """
        try:
            system = self._system_of(location) if location else None
            # An exporter's own request, and whatever else asks not to be watched.
            if system is None or get_value(_SUPPRESS_INSTRUMENTATION_KEY):
                return None
            return Call(self._host, self.late, system, request_body)
        except Exception as error:  # noqa: BLE001 - this runs inside the application's call
            self._host.stumbled(error)
            return None

    def _system(self, location: str) -> str | None:
        name = urlsplit(f"//{location}").hostname or ""
        return next((system for pattern, system in self._patterns if pattern.fullmatch(name)), None)


class Call:
    """One call to a provider's API, whose answer the application is about to read."""

    def __init__(self, host: Host, late: LateStatuses, system: str, request_body: object) -> None:
        """Remember the span of the call.

        Args:
            host: What decodes.
            late: What is told on a span when that is exported.
            system: Whose API it is.
            request_body: What was sent.
        """
        self._host = host
        self._late = late
        self._system = system
        self._wait_s: int | None = None
        self._request_body: str | bytes | None = None
        if isinstance(request_body, (str, bytes)) and len(request_body) <= MAX_BODY_LENGTH:
            self._request_body = request_body
        span = trace.get_current_span()
        self._context = span.get_span_context()
        self._has_span = _is_told_on(span)
        self._body = bytearray()
        self._is_over = False
        if self._has_span:
            late.expect(self._context)
            if not late.is_served:
                tell_at_end(span, late, host)

    def asked_to_wait(self, retry_after: object) -> None:
        """Remember what the answer's ``Retry-After`` header says.

        Args:
            retry_after: Its value, None where there is none.
        """
        if retry_after is not None:
            self._wait_s = _seconds_until(retry_after)

    def watched(self, chunks: Iterator[Any]) -> Iterator[Any]:
        """The same chunks, looked at as the application takes them."""
        try:
            for chunk in chunks:
                self._see(chunk)
                yield chunk
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        self._end()

    async def watched_async(self, chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The same chunks, looked at as the application takes them."""
        try:
            async for chunk in chunks:
                self._see(chunk)
                yield chunk
        finally:
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
        self._end()

    def read(self, body: object) -> None:
        """Look at an answer that was read as a whole."""
        self._see(body)
        self._end()

    def _see(self, chunk: object) -> None:
        room = MAX_BODY_LENGTH + 1 - len(self._body)
        if not self._is_over and room > 0 and isinstance(chunk, (bytes, str)):
            part = chunk[:room]
            self._body += part.encode(errors="replace") if isinstance(part, str) else part

    def _end(self) -> None:
        """Tell what the answer says, once."""
        if self._is_over:
            return
        self._is_over = True
        try:
            if self._has_span:
                # What is large is decoded now where many wait already: it takes memory.
                is_kept = len(self._body) <= _MAX_KEPT or self._late.untaken < _MAX_LARGE
                self._late.arrived(self._context, self._said if is_kept else _constant(self._said()))
            elif not self._context.is_valid or self._context.trace_flags.sampled:
                log_status(self._host, self._said(), _context_of(self._context))
        except Exception as error:  # noqa: BLE001 - this runs while the application reads its answer
            self._host.stumbled(error)

    def _said(self) -> Attributes:
        if len(self._body) > MAX_BODY_LENGTH:
            return {}
        body, self._body = bytes(self._body), bytearray()
        if body.lstrip()[:1] not in (b"{", b"["):
            return {}
        around = {MESSAGING_SYSTEM: self._system}
        channel = _channel_in(self._request_body)
        if channel is not None:
            around[f"{self._host.settings.prefix}.channel"] = channel
        waits = {} if self._wait_s is None else {self._host.settings.keys.retry_after[0]: self._wait_s}
        return self._host.enrich(waits, body, resource=around)


def _seconds_until(retry_after: object) -> int | None:
    """The seconds that a ``Retry-After`` header says: as their number, or as a date, counted from now."""
    text = retry_after.decode("ascii", "replace") if isinstance(retry_after, bytes) else retry_after
    if not isinstance(text, str) or text.strip().isdigit():
        return as_seconds(text)
    try:
        return as_seconds(max(0.0, parsedate_to_datetime(text).timestamp() - time()))
    except (ValueError, OverflowError, OSError):
        return None


def _is_told_on(span: Span) -> bool:
    """Whether what an answer says belongs on a span: a client's, that will be exported."""
    is_client = isinstance(span, ReadableSpan) and span.kind is SpanKind.CLIENT
    return is_client and span.is_recording() and bool(span.get_span_context().trace_flags.sampled)


def _context_of(span: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(span))


def _constant(said: Attributes) -> Said:
    return lambda: said


def _channel_in(body: str | bytes | None) -> str | None:
    """The channel that a request names."""
    document = None if body is None else json_value(body)
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    return next((document[key] for key in _CHANNEL_KEYS if isinstance(document.get(key), str)), None)
