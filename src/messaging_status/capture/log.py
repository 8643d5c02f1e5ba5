# SPDX-License-Identifier: Apache-2.0
"""A status that no span can carry, as a log record of ours."""

from __future__ import annotations

import time
from typing import Final

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.trace import NonRecordingSpan, SpanContext

from messaging_status.capture.late import Attributes
from messaging_status.host import Host

__all__ = ["EVENT_NAME", "log_status"]

EVENT_NAME: Final = "messaging.status"

_NUMBERS: Final = {
    "INFO": SeverityNumber.INFO,
    "WARN": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
    "FATAL": SeverityNumber.FATAL,
}


def log_status(host: Host, said: Attributes, context: SpanContext | None = None) -> None:
    """Emit what there is to say about a status as a log record; nothing where there is nothing to say.

    Args:
        host: Whose prefix the attributes have.
        said: The attributes.
        context: The span that the status belongs to; None for the current one.
    """
    if not said:
        return
    severity = str(said.get(f"{host.settings.prefix}.severity", ""))
    get_logger("messaging_status").emit(
        LogRecord(
            timestamp=time.time_ns(),
            context=trace.set_span_in_context(NonRecordingSpan(context)) if context is not None else None,
            severity_number=_NUMBERS.get(severity),
            severity_text=severity or None,
            event_name=EVENT_NAME,
            attributes=dict(said),
        )
    )
