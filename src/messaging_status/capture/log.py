# SPDX-License-Identifier: Apache-2.0
"""A status that no span can carry, as a log record of ours."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.context import Context

from messaging_status.host import Host
from messaging_status.model import AttributeValue

__all__ = ["EVENT_NAME", "log_status"]

EVENT_NAME: Final = "messaging.status"


def log_status(host: Host, said: Mapping[str, AttributeValue], context: Context | None = None) -> None:
    """Emit what there is to say about a status as a log record; nothing where there is nothing to say.

    Args:
        host: Whose prefix the attributes have.
        said: The attributes.
        context: Where the span is that the status belongs to; None for the current context.
    """
    if not said:
        return
    severity = str(said.get(f"{host.settings.prefix}.severity", ""))
    get_logger("messaging_status").emit(
        LogRecord(
            timestamp=time.time_ns(),
            context=context,
            severity_number=SeverityNumber[severity] if severity else None,
            severity_text=severity or None,
            event_name=EVENT_NAME,
            attributes=dict(said),
        )
    )
