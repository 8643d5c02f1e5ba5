# SPDX-License-Identifier: Apache-2.0
"""What an answer says, put on the span of its request while that still takes attributes: when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import ref

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, Status, StatusCode

from messaging_status.capture.late import Attributes, LateStatuses
from messaging_status.capture.log import log_status
from messaging_status.host import Host
from messaging_status.model import FAILURES
from messaging_status.otel.attributes import fitting
from messaging_status.spelling import as_code

__all__ = ["fitting_on", "holds_another", "put_on_span", "tell_at_end"]


def tell_at_end(span: Span, late: LateStatuses, host: Host) -> None:
    """Have a span say what has arrived when it ends. Only this span is touched, not its class.

    Args:
        span: A span that is recording.
        late: What arrives.
        host: Whose settings hold.
    """
    fields = getattr(span, "__dict__", None)
    if fields is None or getattr(fields.get("end"), "late", None) is late:
        return
    before = fields.get("end")
    fields["end"] = _Ending(span, late, host, before)


class _Ending:
    """What is called in the place of a span's ``end``. It holds the span weakly, so that neither outlives the other."""

    def __init__(self, span: Span, late: LateStatuses, host: Host, before: Any) -> None:
        self.late = late
        self._host = host
        self._span = ref(span)
        self._before = before

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        span = self._span()
        if span is None:
            return
        if self._before is None:
            vars(span).pop("end", None)
        else:
            vars(span)["end"] = self._before
        self._say(span)
        span.end(*args, **kwargs)

    def _say(self, span: Span) -> None:
        said = None
        try:
            said = self.late.ended(span.get_span_context().span_id)
            if said:
                put_on_span(span, said, self._host)
        except Exception as error:  # noqa: BLE001 - the span has to end
            self._host.stumbled(error)
            if said:
                log_status(self._host, said, trace.set_span_in_context(span))


def put_on_span(span: Span, said: Attributes, host: Host) -> None:
    """Put attributes on a span that is recording. What it says wins; of another status it gets nothing."""
    present, limits = _held_by(span)
    if holds_another(present, said, host):
        log_status(host, said, trace.set_span_in_context(span))
        return
    span.set_attributes(fitting(said, present, *limits))
    is_failure = said.get(f"{host.settings.prefix}.outcome") in FAILURES
    if is_failure and host.settings.span_error_status and isinstance(span, ReadableSpan) and span.status.is_unset:
        span.set_status(Status(StatusCode.ERROR))


def fitting_on(span: Span, said: Attributes) -> Attributes:
    """Those of the attributes that a span does not have and has room for."""
    present, limits = _held_by(span)
    return fitting(said, present, *limits)


def _held_by(span: Span) -> tuple[Mapping[str, Any], tuple[int | None, int | None]]:
    """What a span holds, and how many attributes and how long texts it may hold."""
    # Only here are the span's limits: past them, the SDK makes room by dropping the application's attributes.
    bounded = getattr(span, "_attributes", None)
    if isinstance(bounded, BoundedAttributes):
        return bounded.copy(), (bounded.maxlen, bounded.max_value_len)
    return dict(span.attributes or {}) if isinstance(span, ReadableSpan) else {}, (None, None)


def holds_another(present: Any, said: Attributes, host: Host) -> bool:
    """Whether a record names another status: half of two would be neither."""
    key = f"{host.settings.prefix}.code"
    return key in present and as_code(present[key]) != said.get(key)
