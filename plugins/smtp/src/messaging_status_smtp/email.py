# SPDX-License-Identifier: Apache-2.0
"""Email over SMTP: reply codes (550) and enhanced status codes (5.1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from messaging_status import Channel, Outcome, RawStatus, Severity, Status, hookimpl
from messaging_status_smtp.reply import CATALOGUE, is_open, reply_in

__all__ = ["messaging_status_channels", "refine"]

_BASIC: Final = re.compile(r"[2-5][0-9]{2}", re.ASCII)
_ENHANCED: Final = re.compile(r"([245])\.([0-9]{1,3})\.[0-9]{1,3}", re.ASCII)
_FACTS: Final[Mapping[str, Mapping[str, Any]]] = {
    code: {
        "description": row.description,
        "outcome": row.outcome,
        "category": row.category,
        "severity": row.severity,
        "retryable": row.retryable,
        "fault": row.fault,
        "advice": row.advice,
    }
    for code, row in CATALOGUE.rows.items()
}
_GOES_ON: Final = frozenset({"delayed", "deferred"})
"""The ``Action`` of a report, and Postfix's word in its place."""
_ARRIVES: Final = {
    "delivered": Outcome.DELIVERED,
    "expanded": Outcome.DELIVERED,
    "relayed": Outcome.SUBMITTED,
    "sent": Outcome.SUBMITTED,
}
"""The ``Action`` of a report, and Postfix's words in its place."""
_WAIT: Final = "The mail server goes on trying: wait for its final report, a resend now would arrive twice."


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, and what it cannot say."""
    return [Channel(catalogue=CATALOGUE, refine=refine)]


def refine(raw: RawStatus, status: Status) -> Status:
    """The status with what depends on more than one code.

    A code without a row means what its class means. A reply code is as precise as the enhanced code that stands beside it,
    as the reason or in the text. Where the two contradict each other, nothing is known of resending. And the
    ``Action`` of a report says how far the message came.
    """
    if not status.is_known:
        facts = _of_class(status.code)
        if facts is None:
            return status
        status = msgspec.structs.replace(status, **facts)
    enhanced = _beside(raw, status.code)
    if enhanced is not None and enhanced[0] == status.code[0] and not is_open(enhanced):
        facts = _FACTS.get(enhanced) or _of_class(enhanced) or {}
        status = msgspec.structs.replace(status, reason=enhanced, **facts)
    other = enhanced if enhanced is not None else raw.reason
    if other and _contradicts(status.code, other):
        status = msgspec.structs.replace(status, retryable=None)
    return _after(raw.delivery_status, status)


def _of_class(code: str) -> Mapping[str, Any] | None:
    """What is known of a code by its class: ``5.1.99`` by 5.1.x, ``5.9.1`` by 5.x.x, ``571`` by 5xx."""
    if _BASIC.fullmatch(code):
        return _FACTS[f"{code[0]}xx"]
    found = _ENHANCED.fullmatch(code)
    return None if found is None else _FACTS.get(f"{found[1]}.{found[2]}.x") or _FACTS[f"{found[1]}.x.x"]


def _beside(raw: RawStatus, code: str) -> str | None:
    """The enhanced code beside a reply code."""
    if not _BASIC.fullmatch(code):
        return None
    if raw.reason and _ENHANCED.fullmatch(raw.reason):
        return raw.reason
    for text in (raw.reason, raw.text):
        reply = reply_in(text) if text else None
        if reply is not None and reply.basic == code:
            return reply.enhanced
    return None


def _contradicts(code: str, other: str) -> bool:
    """Whether a reply code and an enhanced code are of different classes: 550 4.1.1.

    A server that has given up says so with a 550 about a message that expired: that is no contradiction.
    """
    if not (_BASIC.fullmatch(other) or _ENHANCED.fullmatch(other)):
        return False
    return other[0] != code[0] and "4.4.7" not in (code, other)


def _after(action: str | None, status: Status) -> Status:
    said = action.strip().lower() if action else ""
    is_success = status.code[0] == "2"
    if said in _GOES_ON and not is_success:
        severity = Severity.WARN if status.severity is not Severity.FATAL else status.severity
        return msgspec.structs.replace(
            status, outcome=Outcome.SUBMITTED, retryable=False, severity=severity, advice=_WAIT, conflict=False
        )
    if said in _ARRIVES and is_success:
        return msgspec.structs.replace(status, outcome=_ARRIVES[said], conflict=False)
    return status
