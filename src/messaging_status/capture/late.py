# SPDX-License-Identifier: Apache-2.0
"""What answers say, on its way to the spans of their requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import msgspec
from opentelemetry.trace import SpanContext

from messaging_status.fork import renewed_after_fork
from messaging_status.model import AttributeValue

__all__ = ["Attributes", "LateStatuses", "Said"]

Attributes = Mapping[str, AttributeValue]

Said = Callable[[], Attributes]
"""Works out what an answer says; it must not raise."""

_MAX_AWAITED: Final = 8_192
_MAX_AGE_S: Final = 120.0
_MAX_TOLD_AT_ONCE: Final = 8


class _Awaited(msgspec.Struct):
    since: float
    context: SpanContext
    said: Said | None = None
    attributes: Attributes | None = None
    is_taken: bool = False


class LateStatuses:
    """Joins what an answer says to the span of its request: when that ends, or else when it is exported.

    Most clients end their span before the answer is read. What arrives before the export is taken by every exporter
    of the span. What arrives later, what a later answer in the same span replaces, and what no export takes within
    two minutes is handed to ``leftover``.

    Attributes:
        is_served: Whether spans have been exported by somebody who asks here. Until then, what has arrived is put on
            a span when it ends; from then on that is left to the export, whose thread has more time.
    """

    def __init__(self, leftover: Callable[[SpanContext, Said], None]) -> None:
        """Wait for nothing yet.

        Args:
            leftover: Is told what no span can carry any more.
        """
        self.is_served = False
        self._leftover = leftover
        self._awaited: dict[int, _Awaited] = {}
        self._taken = 0
        self._lock = threading.RLock()
        renewed_after_fork(self)

    def __len__(self) -> int:
        """How many spans are remembered, exported ones among them."""
        return len(self._awaited)

    @property
    def untaken(self) -> int:
        """How many answers wait to be worked out."""
        return len(self._awaited) - self._taken

    def expect(self, context: SpanContext) -> None:
        """Wait for what the answer to a request in this span says."""
        now = time.monotonic()
        with self._lock:
            replaced = self._remove(context.span_id)
            self._awaited[context.span_id] = _Awaited(now, context)
            old = [] if self._is_young(now) else self._too_old(now)
        self._tell(old if replaced is None else [replaced, *old])

    def arrived(self, context: SpanContext, said: Said) -> None:
        """Keep what a span's answer says."""
        rest: Said | None = said
        with self._lock:
            awaited = self._awaited.get(context.span_id)
            if awaited is not None and not awaited.is_taken:
                rest, awaited.said = awaited.said, said
        if rest is not None:
            self._leftover(context, rest)

    def ended(self, span_id: int) -> Attributes | None:
        """What a span that ends now is to carry; None where nothing has arrived yet, which is then waited for."""
        with self._lock:
            awaited = self._awaited.get(span_id)
            if awaited is None or awaited.said is None:
                return None
            self._remove(span_id)
        return awaited.said()

    def exported(self, span_id: int) -> tuple[Attributes, bool] | None:
        """What a span that is exported now is to carry in addition, and whether this is its first export.

        Each of its exporters gets the same; None for nothing.
        """
        if span_id not in self._awaited:
            return None
        with self._lock:
            awaited = self._awaited.get(span_id)
            if awaited is None:
                return None
            is_first, awaited.is_taken = not awaited.is_taken, True
            self._taken += is_first
            if awaited.said is None:
                return None
            # Under the lock: another exporter's thread is to find what it says, not that it is being worked out.
            if awaited.attributes is None:
                awaited.attributes = awaited.said()
            return awaited.attributes, is_first

    def give_up(self) -> None:
        """Wait for nothing any more."""
        with self._lock:
            old, self._awaited, self._taken = list(self._awaited.values()), {}, 0
        self._tell(old)

    def renew(self) -> None:
        """Begin anew in a forked process: its parent exports its own spans."""
        self._lock = threading.RLock()
        self._awaited, self._taken = {}, 0

    def _remove(self, span_id: int) -> _Awaited | None:
        awaited = self._awaited.pop(span_id, None)
        if awaited is not None:
            self._taken -= awaited.is_taken
        return awaited

    def _is_young(self, now: float) -> bool:
        oldest = next(iter(self._awaited.values()), None)
        return oldest is None or (now - oldest.since < _MAX_AGE_S and len(self._awaited) <= _MAX_AWAITED)

    def _too_old(self, now: float) -> list[_Awaited]:
        """Those that have waited too long, only a few of them: whoever makes a call is not to wait for all."""
        old = []
        for span_id, awaited in list(islice(self._awaited.items(), _MAX_TOLD_AT_ONCE)):
            if self._is_young(now):
                break
            old.append(awaited)
            self._remove(span_id)
        return old

    def _tell(self, old: list[_Awaited]) -> None:
        for awaited in old:
            if awaited.said is not None and not awaited.is_taken:
                self._leftover(awaited.context, awaited.said)
