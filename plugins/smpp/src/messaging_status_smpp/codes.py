# SPDX-License-Identifier: Apache-2.0
"""How people write SMPP's codes, and the one form of each that the tables have.

One status is ``0x00000058``, ``0x58``, ``00000058``, ``88``, ``ESME_RTHROTTLED`` or ``STATUS_THROTTLED``, depending on the library. The
tables have the first. Of a message's state they have the word in a receipt (``UNDELIV``), of an error of MAP ``gsm:27``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from messaging_status import Outcome, RawStatus, Row, Status

__all__ = [
    "COMMAND_STATUSES",
    "MAP_ERRORS",
    "STATES",
    "as_command_status",
    "as_map_error",
    "as_number",
    "as_sms_code",
    "as_state",
    "by_state_number",
    "fold",
    "refined_by",
]

# source: SMPP 3.4 section 5.1.3 and SMPP 5.0, as sms.toml, read 2026-11-25. Where both name a number, 5.0's name comes first.
COMMAND_STATUSES: Final[Mapping[int, tuple[str, ...]]] = {
    0x00: ("ESME_ROK",),
    0x01: ("ESME_RINVMSGLEN",),
    0x02: ("ESME_RINVCMDLEN",),
    0x03: ("ESME_RINVCMDID",),
    0x04: ("ESME_RINVBNDSTS",),
    0x05: ("ESME_RALYBND",),
    0x06: ("ESME_RINVPRTFLG",),
    0x07: ("ESME_RINVREGDLVFLG",),
    0x08: ("ESME_RSYSERR",),
    0x0A: ("ESME_RINVSRCADR",),
    0x0B: ("ESME_RINVDSTADR",),
    0x0C: ("ESME_RINVMSGID",),
    0x0D: ("ESME_RBINDFAIL",),
    0x0E: ("ESME_RINVPASWD",),
    0x0F: ("ESME_RINVSYSID",),
    0x11: ("ESME_RCANCELFAIL",),
    0x13: ("ESME_RREPLACEFAIL",),
    0x14: ("ESME_RMSGQFUL",),
    0x15: ("ESME_RINVSERTYP",),
    0x33: ("ESME_RINVNUMDESTS",),
    0x34: ("ESME_RINVDLNAME",),
    0x40: ("ESME_RINVDESTFLAG",),
    0x42: ("ESME_RINVSUBREP",),
    0x43: ("ESME_RINVESMCLASS",),
    0x44: ("ESME_RCNTSUBDL",),
    0x45: ("ESME_RSUBMITFAIL",),
    0x48: ("ESME_RINVSRCTON",),
    0x49: ("ESME_RINVSRCNPI",),
    0x50: ("ESME_RINVDSTTON",),
    0x51: ("ESME_RINVDSTNPI",),
    0x53: ("ESME_RINVSYSTYP",),
    0x54: ("ESME_RINVREPFLAG",),
    0x55: ("ESME_RINVNUMMSGS",),
    0x58: ("ESME_RTHROTTLED",),
    0x61: ("ESME_RINVSCHED",),
    0x62: ("ESME_RINVEXPIRY",),
    0x63: ("ESME_RINVDFTMSGID",),
    0x64: ("ESME_RX_T_APPN",),
    0x65: ("ESME_RX_P_APPN",),
    0x66: ("ESME_RX_R_APPN",),
    0x67: ("ESME_RQUERYFAIL",),
    0xC0: ("ESME_RINVTLVSTREAM", "ESME_RINVOPTPARSTREAM"),
    0xC1: ("ESME_RTLVNOTALLWD", "ESME_ROPTPARNOTALLWD"),
    0xC2: ("ESME_RINVTLVLEN", "ESME_RINVPARLEN"),
    0xC3: ("ESME_RMISSINGTLV", "ESME_RMISSINGOPTPARAM"),
    0xC4: ("ESME_RINVTLVVAL", "ESME_RINVOPTPARAMVAL"),
    0xFE: ("ESME_RDELIVERYFAILURE",),
    0xFF: ("ESME_RUNKNOWNERR",),
    0x100: ("ESME_RSERTYPUNAUTH",),
    0x101: ("ESME_RPROHIBITED",),
    0x102: ("ESME_RSERTYPUNAVAIL",),
    0x103: ("ESME_RSERTYPDENIED",),
    0x104: ("ESME_RINVDCS",),
    0x105: ("ESME_RINVSRCADDRSUBUNIT",),
    0x106: ("ESME_RINVDSTADDRSUBUNIT",),
    0x107: ("ESME_RINVBCASTFREQINT",),
    0x108: ("ESME_RINVBCASTALIAS_NAME",),
    0x109: ("ESME_RINVBCASTAREAFMT",),
    0x10A: ("ESME_RINVNUMBCAST_AREAS",),
    0x10B: ("ESME_RINVBCASTCNTTYPE",),
    0x10C: ("ESME_RINVBCASTMSGCLASS",),
    0x10D: ("ESME_RBCASTFAIL",),
    0x10E: ("ESME_RBCASTQUERYFAIL",),
    0x10F: ("ESME_RBCASTCANCELFAIL",),
    0x110: ("ESME_RINVBCAST_REP",),
    0x111: ("ESME_RINVBCASTSRVGRP",),
    0x112: ("ESME_RINVBCASTCHANIND",),
}
"""The standard's names of each command_status. Libraries in Java write ``STATUS_`` for ``ESME_R``."""

# source: SMPP 3.4 section 5.2.28 and appendix B, SMPP 5.0, as sms.toml, read 2026-11-25
STATES: Final[tuple[tuple[str, ...], ...]] = (
    ("SCHEDULED", "SCHEDLD"),
    ("ENROUTE",),
    ("DELIVRD", "DELIVERED"),
    ("EXPIRED",),
    ("DELETED",),
    ("UNDELIV", "UNDELIVERABLE"),
    ("ACCEPTD", "ACCEPTED"),
    ("UNKNOWN",),
    ("REJECTD", "REJECTED"),
    ("SKIPPED",),
)
"""By the number of message_state, how the state is written; the first is the table's."""

# source: 3GPP TS 29.002, as gsm.toml, read 2026-11-25
MAP_ERRORS: Final[Mapping[int, str]] = {
    1: "unknownSubscriber",
    5: "unidentifiedSubscriber",
    6: "absentSubscriberSM",
    9: "illegalSubscriber",
    11: "teleserviceNotProvisioned",
    12: "illegalEquipment",
    13: "callBarred",
    21: "facilityNotSupported",
    27: "absentSubscriber",
    31: "subscriberBusyForMT-SMS",
    32: "sm-DeliveryFailure",
    33: "messageWaitingListFull",
    34: "systemFailure",
    35: "dataMissing",
    36: "unexpectedDataValue",
}
"""MAP's own names of its errors about short messages."""

_MAX_STATUS: Final = 0xFFFF_FFFF
_HEXADECIMAL: Final = re.compile(r"0[xX]([0-9A-Fa-f]{1,8})|([0-9A-Fa-f]{8})")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,9}")


def fold(name: str) -> str:
    """The form in which names are compared: lower case, letters and digits only."""
    return "".join(filter(str.isalnum, name.casefold()))


def _hexadecimal(number: int) -> str:
    return f"0x{number:08X}"


_NUMBERS: Final = {
    fold(prefix + name.removeprefix("ESME_R")): number
    for number, names in COMMAND_STATUSES.items()
    for name in names
    for prefix in ("ESME_R", "STATUS_")
}
_STATES: Final = {fold(word): words[0] for words in STATES for word in words}
_MAP: Final = {fold(name): f"gsm:{number}" for number, name in MAP_ERRORS.items()}


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
    if number is None and isinstance(value, str):
        number = _NUMBERS.get(fold(value))
    return None if number is None else _hexadecimal(number)


def as_state(word: str) -> str | None:
    """The table's word for a state that a receipt or a library names; None for other words."""
    return _STATES.get(fold(word))


def by_state_number(value: object) -> str | None:
    """The table's word for the value of a message_state, be it a number or a word."""
    number = as_number(value)
    if number is not None:
        return STATES[number][0] if number < len(STATES) else None
    return as_state(value) if isinstance(value, str) else None


def as_sms_code(code: str) -> str | None:
    """The form that the table ``sms`` has of a code that may be a state's word or a command_status. Never a state's number."""
    return as_state(code) or as_command_status(code)


def as_map_error(code: str) -> str | None:
    """The form that the table ``gsm`` has of MAP's number or name."""
    return f"gsm:{int(code)}" if _DECIMAL.fullmatch(code) else _MAP.get(fold(code))


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
