# SPDX-License-Identifier: Apache-2.0
"""What the rest of a raw status changes about the meaning of its code: delivery status, nested code, free text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from messaging_status.model import Outcome, RawStatus, Status
from messaging_status.spelling import fold
from messaging_status.table import MAX_TEXT

__all__ = ["OUTCOMES", "WAY", "by_delivery_status", "by_upstream", "parameter_in"]

OUTCOMES: Final[Mapping[str, Outcome]] = {
    "queued": Outcome.ACCEPTED,
    "submitted": Outcome.SUBMITTED,
    "submited": Outcome.SUBMITTED,
    "sent": Outcome.SUBMITTED,
    "offered": Outcome.SUBMITTED,
    "accepted": Outcome.SUBMITTED,
    "delivered": Outcome.DELIVERED,
    "answered": Outcome.DELIVERED,
    "read": Outcome.READ,
    "clicked": Outcome.CLICKED,
    "complaint": Outcome.COMPLAINED,
    "complained": Outcome.COMPLAINED,
    "failed": Outcome.FAILED,
    "notverified": Outcome.FAILED,
    "undelivered": Outcome.UNDELIVERED,
    "bounce": Outcome.UNDELIVERED,
    "expired": Outcome.UNDELIVERED,
}
"""The published delivery statuses, folded; "Submited" is the platform's own spelling on one channel."""

WAY: Final = (Outcome.ACCEPTED, Outcome.SUBMITTED, Outcome.DELIVERED, Outcome.READ, Outcome.CLICKED)
"""How far a message comes, step by step."""

_PARAMETER: Final = re.compile(r"(?!.*[0-9]{5})[A-Za-z_][\w.\[\]-]{0,63}|[0-9]{1,6}")
"""Names and small numbers: what is longer or has other characters may be somebody's address."""


def by_delivery_status(status: Status, delivery_status: str) -> Status:
    """The status beside the published class.

    An unknown code takes its outcome from the class. Of two steps on the way the further one holds. In
    everything else the code decides, and ``conflict`` says where the two contradict each other.
    """
    reported = OUTCOMES.get(fold(delivery_status))
    if reported is None or reported is status.outcome:
        return status
    if status.outcome is Outcome.UNKNOWN:
        return msgspec.structs.replace(status, outcome=reported)
    both = (status.outcome, reported)
    if all(outcome in WAY for outcome in both):
        return msgspec.structs.replace(status, outcome=max(both, key=WAY.index), conflict=True)
    return status if not any(outcome in WAY for outcome in both) else msgspec.structs.replace(status, conflict=True)


def by_upstream(status: Status, upstream: RawStatus, cause: Status) -> Status:
    """The status with the cause behind it: what the system behind the provider says decides what to do.

    But for a code that is not retryable: whatever was behind it, the provider will not have it again.

    Args:
        status: What the provider's code means.
        upstream: The nested code, as it was found.
        cause: What the nested code means; unknown where no plugin has it.
    """
    shown = msgspec.structs.replace(status, upstream_code=upstream.code, upstream_system=upstream.system)
    if not cause.is_known:
        return shown
    return msgspec.structs.replace(
        shown,
        category=cause.category,
        severity=cause.severity,
        retryable=False if status.retryable is False else cause.retryable,
        retry_after=None if status.retryable is False else cause.retry_after,
        fault=cause.fault,
        advice=cause.advice or status.advice,
    )


def parameter_in(text: str, pattern: re.Pattern[str]) -> str | None:
    """The parameter that a dynamic text names, None where it names none that is safe to show."""
    found = pattern.search(text[:MAX_TEXT])
    name = found[1] if found else None
    return name if name and _PARAMETER.fullmatch(name) else None
