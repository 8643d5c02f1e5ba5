# SPDX-License-Identifier: Apache-2.0
"""How people write SMPP's codes, and the one form of each that the tables have.

One status is ``0x00000058``, ``0x58``, ``00000058``, ``88``, ``ESME_RTHROTTLED`` or ``STATUS_THROTTLED``, depending on the library. The
tables have the first, and the others as aliases. Of a message's state they have the word in a receipt (``UNDELIV``), of an error of
MAP ``gsm:27``. What is here is for the forms that no list can have: other capitals, other zeros, spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from messaging_status import Catalogue, Outcome, RawStatus, Row, Status, read_catalogue

__all__ = [
    "STATES",
    "as_command_status",
    "as_map_error",
    "as_number",
    "as_sms_code",
    "as_state",
    "by_state_number",
    "fold",
    "refined_by",
    "table",
]

# source: SMPP 3.4 section 5.2.28, as sms.toml, read 2026-11-25
STATES: Final = (
    "SCHEDULED",
    "ENROUTE",
    "DELIVRD",
    "EXPIRED",
    "DELETED",
    "UNDELIV",
    "ACCEPTD",
    "UNKNOWN",
    "REJECTD",
    "SKIPPED",
)
"""By the number of message_state, the table's word for it."""

_MAX_STATUS: Final = 0xFFFF_FFFF
_HEXADECIMAL: Final = re.compile(r"0[xX]([0-9A-Fa-f]{1,8})|([0-9A-Fa-f]{8})")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,9}")


def fold(name: str) -> str:
    """The form in which names are compared: lower case, letters and digits only."""
    return "".join(filter(str.isalnum, name.casefold()))


def _hexadecimal(number: int) -> str:
    return f"0x{number:08X}"


@cache
def table(name: str) -> Catalogue:
    """One of the tables beside this module: ``sms`` or ``gsm``."""
    return read_catalogue(files(__package__) / f"{name}.toml")


@cache
def _spelled(name: str) -> Mapping[str, str]:
    """The codes of a table by the folded form of each way to write them."""
    return {fold(written): code for code, row in table(name).rows.items() for written in (code, *row.aliases)}


def as_number(value: object) -> int | None:
    """The number of 32 bits that a value is: a number, or digits in one of the forms that SMPP's numbers are written in.

    Eight digits are the four octets of a PDU, so hexadecimal; fewer digits are decimal, and hexadecimal only behind ``0x``.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= _MAX_STATUS else None
    if not isinstance(value, str):
        return None
    written = value.strip()
    if found := _HEXADECIMAL.fullmatch(written):
        return int(found[1] or found[2], 16)
    number = int(written) if _DECIMAL.fullmatch(written) else _MAX_STATUS + 1
    return number if number <= _MAX_STATUS else None


def as_command_status(value: object) -> str | None:
    """The table's form of a command_status, also of one that it has no row for; None for what is none."""
    number = as_number(value)
    if number is not None:
        return _hexadecimal(number)
    found = _spelled("sms").get(fold(value)) if isinstance(value, str) else None
    return found if found not in STATES else None


def as_state(word: str) -> str | None:
    """The table's word for a state that a receipt or a library names; None for other words."""
    found = _spelled("sms").get(fold(word))
    return found if found in STATES else None


def by_state_number(value: object) -> str | None:
    """The table's word for the value of a message_state, be it a number or a word."""
    number = as_number(value)
    if number is not None:
        return STATES[number] if number < len(STATES) else None
    return as_state(value) if isinstance(value, str) else None


def as_sms_code(code: str) -> str | None:
    """The form that the table ``sms`` has of a code that may be a state's word or a command_status. Never a state's number."""
    return as_state(code) or as_command_status(code)


def as_map_error(code: str) -> str | None:
    """The form that the table ``gsm`` has of MAP's number or name."""
    return f"gsm:{int(code)}" if _DECIMAL.fullmatch(code) else _spelled("gsm").get(fold(code))


def refined_by(
    rows: Mapping[str, Row], canonical: Callable[[str], str | None]
) -> Callable[[RawStatus, Status], Status]:
    """A channel's refine function: codes in other forms than the table's mean the same, and what has expired is left open.

    Args:
        rows: The channel's own rows.
        canonical: The table's form of a code, None for what is none.
    """

    def refine(raw: RawStatus, status: Status) -> Status:
        if not status.is_known:
            code = canonical(raw.code)
            row = rows.get(code) if code else None
            if not code or row is None:
                return status
            status = _meant(status, code, row)
        if status.code == "EXPIRED" and status.upstream_code and status.retryable:
            # The cause that kept a message may pass, but the message was not to come later than this.
            expired = rows.get(status.code)
            return msgspec.structs.replace(status, retryable=None, advice=expired.advice if expired else None)
        return status

    return refine


def _meant(status: Status, code: str, row: Row) -> Status:
    """The unknown status with what the row says; a cause behind it has decided already."""
    facts: dict[str, Any] = {"code": code, "description": row.description, "advice": status.advice or row.advice}
    if row.outcome is not Outcome.UNKNOWN:
        facts["outcome"] = row.outcome
    if status.severity is None:
        facts |= {name: getattr(row, name) for name in ("category", "severity", "retryable", "fault")}
    return msgspec.structs.replace(status, **facts)
