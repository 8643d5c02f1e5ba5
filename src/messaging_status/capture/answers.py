# SPDX-License-Identifier: Apache-2.0
"""Answers of providers' APIs: watched while the application reads them, and told on the span of their request."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind

from messaging_status.capture.late import Attributes, LateStatuses, Said
from messaging_status.capture.log import log_status
from messaging_status.documents import MAX_BODY_LENGTH, json_value
from messaging_status.host import Host
from messaging_status.model import MESSAGING_SYSTEM

__all__ = ["Answers", "Call"]

_REMEMBERED: Final = 1_024
_CHANNEL_KEYS: Final = ("deliverychannel", "deliveryChannel", "channel")
_MAX_KEPT: Final = 4 * 1024
"""Bytes of a body that is kept until the span is exported; what is longer is looked at right away."""


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
            return None if system is None else Call(self._host, self.late, system, request_body)
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
        is_small = isinstance(request_body, (str, bytes)) and len(request_body) <= _MAX_KEPT
        self._request_body = request_body if is_small else None
        self._channel = None if is_small else _channel_in(request_body)
        span = trace.get_current_span()
        self._context = span.get_span_context()
        self._has_span = isinstance(span, ReadableSpan) and span.kind is SpanKind.CLIENT and span.is_recording()
        self._body = bytearray()
        self._is_over = False
        if self._has_span:
            late.expect(self._context)

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
        if not self._is_over and isinstance(chunk, bytes) and len(self._body) <= MAX_BODY_LENGTH:
            self._body += chunk

    def _end(self) -> None:
        """Tell what the answer says, once."""
        if self._is_over:
            return
        self._is_over = True
        try:
            # What is small is decoded by whoever exports the span, so that the application does not wait for it.
            said = self._said if len(self._body) <= _MAX_KEPT else _constant(self._said())
            if self._has_span:
                self._late.arrived(self._context, said)
            elif not self._context.is_valid or self._context.trace_flags.sampled:
                log_status(self._host, said(), _context_of(self._context))
        except Exception as error:  # noqa: BLE001 - this runs while the application reads its answer
            self._host.stumbled(error)

    def _said(self) -> Attributes:
        body, self._body = bytes(self._body), bytearray()
        if len(body) > MAX_BODY_LENGTH or body.lstrip()[:1] not in (b"{", b"["):
            return {}
        around = {MESSAGING_SYSTEM: self._system}
        channel = self._channel or _channel_in(self._request_body)
        if channel is not None:
            around[f"{self._host.settings.prefix}.channel"] = channel
        return self._host.enrich({}, body, resource=around)


def _context_of(span: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(span))


def _constant(said: Attributes) -> Said:
    return lambda: said


def _channel_in(body: object) -> str | None:
    """The channel that a request names."""
    document = json_value(body) if isinstance(body, (str, bytes)) and len(body) <= MAX_BODY_LENGTH else None
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    return next((document[key] for key in _CHANNEL_KEYS if isinstance(document.get(key), str)), None)
