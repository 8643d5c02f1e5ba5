# SPDX-License-Identifier: Apache-2.0
"""Statuses that are read after their span has ended: they wait for its export."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from opentelemetry.trace import SpanContext

from messaging_status.fork import renewed_after_fork
from messaging_status.model import AttributeValue

__all__ = ["Attributes", "LateStatuses", "Said"]

Attributes = Mapping[str, AttributeValue]

_MAX_AWAITED: Final = 1_000
_MAX_AGE_S: Final = 60.0


Said = Callable[[], Attributes]
"""Works out what an answer says; it must not raise."""


class _Awaited(msgspec.Struct):
    since: float
    context: SpanContext
    said: Said | None = None


class LateStatuses:
    """Joins what an answer says to the span of its request, when that span is exported.

    Most clients end their span before the answer is read, and the exporter's thread has more time than the
    application's. A span is exported once: what arrives before is taken by the export. What arrives later, and what no
    export takes within a minute, is handed to ``leftover``, so that nothing is lost and nothing is told twice.
    """

    def __init__(self, leftover: Callable[[SpanContext, Said], None]) -> None:
        """Wait for nothing yet.

        Args:
            leftover: Is told what no span can carry any more.
        """
        self._leftover = leftover
        self._awaited: dict[int, _Awaited] = {}
        self._lock = threading.RLock()
        renewed_after_fork(self)

    def __bool__(self) -> bool:
        """Whether anything is waited for."""
        return bool(self._awaited)

    def expect(self, context: SpanContext) -> None:
        """Wait for what a span's answer says."""
        now = time.monotonic()
        with self._lock:
            self._awaited[context.span_id] = _Awaited(now, context)
            old = [] if self._is_young(now) else self._too_old(now)
        for awaited in old:
            if awaited.said is not None:
                self._leftover(awaited.context, awaited.said)

    def arrived(self, context: SpanContext, said: Said) -> None:
        """Keep what a span's answer says for its export."""
        with self._lock:
            awaited = self._awaited.get(context.span_id)
            if awaited is not None:
                awaited.said = said
                return
        self._leftover(context, said)

    def take(self, span_id: int) -> Attributes | None:
        """What a span that is exported now is to carry in addition; None for nothing. It is not waited for any more."""
        if span_id not in self._awaited:
            return None
        with self._lock:
            awaited = self._awaited.pop(span_id, None)
        return awaited.said() if awaited is not None and awaited.said is not None else None

    def renew(self) -> None:
        """Begin anew in a forked process: its parent exports its own spans."""
        self._lock = threading.RLock()
        self._awaited = {}

    def _is_young(self, now: float) -> bool:
        oldest = next(iter(self._awaited.values()))
        return now - oldest.since < _MAX_AGE_S and len(self._awaited) <= _MAX_AWAITED

    def _too_old(self, now: float) -> list[_Awaited]:
        old = []
        while self._awaited and not self._is_young(now):
            old.append(self._awaited.pop(next(iter(self._awaited))))
        return old
