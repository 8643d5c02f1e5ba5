# SPDX-License-Identifier: Apache-2.0
"""PDUs of SMPP and delivery receipts, as libraries write them into structured logs.

Shapes: the fields by the standard's names, in snake case or camel case, flat or under ``pdu``, optional parameters among them or under
``tlvs`` or ``optional_parameters``. A receipt is the text of a deliver_sm, or its fields.

A receipt's text quotes the message, so nothing of it is passed on, and nothing behind ``text:`` is looked at. Of addresses nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from messaging_status import Document, DocumentReader, LogText, Origin, RawStatus, TextReader, hookimpl
from messaging_status_smpp.codes import STATES, as_command_status, as_number, as_state, by_state_number, fold

__all__ = ["messaging_status_documents", "read_line", "read_pdu"]

SYSTEM: Final = "smpp"
CHANNEL: Final = "sms"
_CHANNELS: Final = frozenset({"sms", "text", "textmessage", "shortmessage", "shortmessageservice"})
_PDU: Final = ("pdu",)
_TLVS: Final = ("tlvs", "tlv", "optional_parameters")
_TEXTS: Final = ("short_message", "message_payload", "delivery_receipt", "receipt", "dlr")
_FIELDS: Final = ("command_status", "message_state", "receipted_message_id", "stat", "unsuccess_sme")
_SMPP_ONLY: Final = frozenset(
    {
        "commandstatus",
        "destaddrton",
        "dlvrd",
        "esmclass",
        "networkerrorcode",
        "receiptedmessageid",
        "registereddelivery",
        "sourceaddrton",
        "unsuccesssme",
    }
)
"""Names that nobody but SMPP has, so that a document with one of them needs nobody to say what it is."""

# source: SMPP 3.4 section 5.1.2.1 and SMPP 5.0, command_id, as in linxGnu/gosmpp, read 2026-11-25
_RESPONSE: Final = 0x8000_0000
_SUBMISSIONS: Final = {
    "submitsmresp": 0x8000_0004,
    "submitmultiresp": 0x8000_0021,
    "submitsmmultiresp": 0x8000_0021,
    "datasmresp": 0x8000_0103,
    "broadcastsmresp": 0x8000_0111,
}
_OF_OURS: Final = frozenset({"deliversmresp", "alertnotificationresp"})
_DELIVER_RESPONSE: Final = 0x8000_0005
_INTERMEDIATE: Final = 0b0010_0000
_REPORTS: Final = 0b0000_0100 | _INTERMEDIATE
"""The bits of esm_class that mark what the message centre reports. The acknowledgements beside them (0x08, 0x10) have a text that the
recipient or its device wrote."""
_NACK: Final = "genericnack"
_SUCCESS: Final = "0x00000000"

# source: SMPP 3.4 and 5.0, network_error_code, as in Wireshark's SMPP dissector, read 2026-11-25
_NETWORKS: Final[Mapping[int, str]] = {
    1: "ansi136",
    2: "is95",
    3: "gsm",
    4: "ansi136-cause",
    5: "is95-cause",
    6: "ansi41",
    8: "mc",
}
_SMPP_ERROR: Final = 7
_OCTETS: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{2})[\s:]?([0-9A-Fa-f]{2})[\s:]?([0-9A-Fa-f]{2})")
_MAX_ERROR: Final = 0xFFFF
_MAX_OCTET: Final = 0xFF

_REPORTED_FINALLY: Final = frozenset({"UNDELIV", "REJECTD", "EXPIRED"})
"""States that a cause explains. While a message is still tried, a cause that passes must not drive a resend."""

# source: SMPP 3.4 appendix B, as in help.nexmo.com's and cardboardfish.com's pages on receipts, read 2026-11-25
_MAX_RECEIPT: Final = 1_024
_MAX_ITEMS: Final = 1_000
_IDS: Final = range(2**64)
_BEGIN: Final = re.compile(r"\s*id:", re.IGNORECASE)
_IN_A_LINE: Final = re.compile(
    r"(?<![\w.:-])id: ?[A-Za-z0-9._-]{1,65} (?:sub|dlvrd|submit date|done date):[^\n]{0,200}?(?<!\S)stat:",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"text\s{0,8}[:=]", re.IGNORECASE)
_ID: Final = re.compile(r"\A\s*id: ?([A-Za-z0-9._-]{1,65})(?!\S)", re.IGNORECASE)
_STAT: Final = re.compile(r"(?<!\S)stat: ?([A-Za-z]{2,16})(?!\S)", re.IGNORECASE)
_ERR: Final = re.compile(r"(?<!\S)err: ?([A-Za-z0-9]{1,8})(?!\S)", re.IGNORECASE)
_ERROR: Final = re.compile(r"[A-Za-z0-9]{1,8}")
_WORD: Final = re.compile(r"[A-Za-z]{2,16}")
_NO_ERROR: Final = re.compile(r"0*")


@hookimpl
def messaging_status_documents() -> list[DocumentReader | TextReader]:
    """A reader for PDUs and receipts alike, and one for a receipt's text in a line of a log."""
    named = (*_FIELDS, *_TEXTS)
    keys = dict.fromkeys((*_PDU, *named, *map(_camel, named)))
    return [
        DocumentReader(keys=tuple(keys), read=read_pdu),
        TextReader(marks=("stat:", "Stat:", "STAT:"), read=read_line),
    ]


def read_pdu(document: Document) -> Iterator[RawStatus]:
    """What a PDU or a receipt says about a message: the state in a receipt, else the status of an answer.

    A request has a command_status, too: it is 0 and says nothing.
    """
    content = document.content
    fields = _named(content["pdu"] if isinstance(content.get("pdu"), Mapping) else content)
    if not _is_ours(document, fields):
        return
    receipts = list(_receipts(fields))
    yield from receipts or _answers(fields)


def read_line(line: LogText) -> Iterator[RawStatus]:
    """The receipt in a line of a log, behind whatever the logger puts before it.

    Anybody may write ``stat:``. So it counts behind an ``id:`` only, with one of a receipt's other fields between them.
    """
    if line.system is not None and fold(line.system) != SYSTEM:
        return
    if line.system is None and line.channel is not None and fold(line.channel) not in _CHANNELS:
        return
    begins = _IN_A_LINE.search(line.text)
    if begins is not None:
        found = _receipts({"shortmessage": line.text[begins.start() :]})
        # A word of a vendor's own may as well be anybody's.
        yield from (raw for raw in found if raw.code in STATES)


def _is_ours(document: Document, fields: Mapping[str, Any]) -> bool:
    """Whether the record says SMPP, or SMS and no system, or nothing at all and the document shows what it is."""
    if document.system is not None:
        return fold(document.system) == SYSTEM
    if document.channel is not None and fold(document.channel) not in _CHANNELS:
        return False
    return not _SMPP_ONLY.isdisjoint(fields) or any(_is_receipt(text) for text in _texts(fields))


def _receipts(fields: Mapping[str, Any]) -> Iterator[RawStatus]:
    """The state that a receipt names, in its text, its fields or its optional parameters."""
    kind, status = as_number(fields.get("esmclass")), as_command_status(fields.get("commandstatus"))
    if (kind is not None and not kind & _REPORTS) or status not in (None, _SUCCESS):
        return
    text = next(filter(_is_receipt, _texts(fields)), None)
    head = _head(text) if text else ""
    word = _found(_STAT, head) or _plain(fields.get("stat"), _WORD)
    state = (as_state(word) if word else None) or by_state_number(fields.get("messagestate"))
    code = state or (word.upper() if word else None)
    if code is None:
        return
    number = _found(_ERR, head) or _plain(fields.get("err"), _ERROR)
    is_final = code in _REPORTED_FINALLY and not (kind is not None and kind & _INTERMEDIATE)
    yield RawStatus(
        code=code,
        system=SYSTEM,
        channel=CHANNEL,
        origin=Origin.RECEIPT,
        message_id=_id(fields.get("receiptedmessageid")) or _found(_ID, head) or _own_id(fields),
        upstream=_cause(fields.get("networkerrorcode"), number) if is_final else None,
    )


def _answers(fields: Mapping[str, Any]) -> Iterator[RawStatus]:
    """The status of a response, and those of the destinations that a submission to many failed for."""
    code = as_command_status(fields.get("commandstatus"))
    unsuccessful = fields.get("unsuccesssme")
    for item in unsuccessful[:_MAX_ITEMS] if isinstance(unsuccessful, list) else ():
        of_one = _named(item).get("errorstatuscode")
        if failed := as_command_status(of_one):
            yield RawStatus(code=failed, system=SYSTEM, channel=CHANNEL, origin=Origin.ANSWER)
    if code is not None and _answers_for_message(fields, is_success=code == _SUCCESS):
        yield RawStatus(
            code=code, system=SYSTEM, channel=CHANNEL, origin=Origin.ANSWER, message_id=_id(fields.get("messageid"))
        )


def _answers_for_message(fields: Mapping[str, Any], *, is_success: bool) -> bool:
    """Whether a PDU is an answer that says something of our messages.

    Success of anything but a submission says nothing of a message; a failure of anything does, as then none is sent. What we answer
    to the message centre is about a message of somebody else.
    """
    written = fields.get("commandid", fields.get("command"))
    number = as_number(written)
    if number is not None:
        if not number & _RESPONSE or number == _DELIVER_RESPONSE:
            return False
        return not is_success or number in _SUBMISSIONS.values()
    if isinstance(written, str):
        name = fold(written)
        if name in _OF_OURS or not (name.endswith("resp") or name == _NACK):
            return False
        return not is_success or name in _SUBMISSIONS
    # Nobody says which PDU it is: a success counts where the message centre has given the message an ID.
    return not is_success or _id(fields.get("messageid")) is not None


def _cause(written: object, number: str | None) -> RawStatus | None:
    """The error behind a state: the network's, else the vendor's own, which is shown and never guessed at."""
    code = _network_error(written)
    if code is None and number is not None and not _NO_ERROR.fullmatch(number):
        code = f"err:{number}"
    return RawStatus(code=code, system=SYSTEM, channel=CHANNEL) if code else None


def _network_error(written: object) -> str | None:
    """The code of a network_error_code: ``gsm:27`` from the octets 03 00 1B, in any of the forms that libraries log."""
    pair = _network_pair(written)
    if pair is None or pair[1] == 0:
        return None
    kind, error = pair
    if kind == _SMPP_ERROR:
        return as_command_status(error)
    return f"{_NETWORKS[kind]}:{error}" if kind in _NETWORKS else None


def _network_pair(written: object) -> tuple[int, int] | None:
    """Network type and error code."""
    if isinstance(written, str):
        found = _OCTETS.fullmatch(written.strip())
        return (int(found[1], 16), int(found[2] + found[3], 16)) if found else None
    if isinstance(written, Mapping):
        named = _named(written)
        kind = as_number(named.get("networktype", named.get("type")))
        error = as_number(named.get("errorcode", named.get("code")))
        return (kind, error) if kind is not None and error is not None and error <= _MAX_ERROR else None
    if isinstance(written, list):
        octets = [number for number in map(as_number, written[:4]) if number is not None and number <= _MAX_OCTET]
        return (octets[0], octets[1] << 8 | octets[2]) if len(octets) == len(written) == 3 else None  # noqa: PLR2004 - octets
    number = as_number(written)
    return (number >> 16, number & _MAX_ERROR) if number is not None and number > _MAX_ERROR else None


def _texts(fields: Mapping[str, Any]) -> Iterator[str]:
    """The texts that may be a receipt's."""
    for name in map(fold, _TEXTS):
        value = fields.get(name)
        if isinstance(value, Mapping):
            value = value.get("message")
        if isinstance(value, str):
            yield value


def _is_receipt(text: str) -> bool:
    """Whether a text is a receipt, and not a message that somebody wrote."""
    return _BEGIN.match(text) is not None and _STAT.search(_head(text)) is not None


def _head(text: str) -> str:
    """A receipt without what it quotes of the message."""
    return _QUOTED.split(text[:_MAX_RECEIPT], maxsplit=1)[0]


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return str(found[1]) if found else None


def _plain(value: object, pattern: re.Pattern[str]) -> str | None:
    """A field of a receipt that a library took apart."""
    written = _digits(value)
    return written if isinstance(written, str) and pattern.fullmatch(written) else None


def _digits(value: object) -> object:
    """A number as text, anything else as it is. What is longer than any ID is nobody's."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number and value in _IDS else value


def _own_id(fields: Mapping[str, Any]) -> str | None:
    """The message's ID among the fields of a receipt that a library took apart, or of the answer to a query."""
    return _id(fields.get("id" if "stat" in fields else "messageid"))


def _id(value: object) -> str | None:
    written = _digits(value)
    return written.strip("\0 ") or None if isinstance(written, str) else None


def _named(value: object) -> dict[str, Any]:
    """A PDU's fields by folded name, with its optional parameters and the header among them."""
    if not isinstance(value, Mapping):
        return {}
    found = {fold(key): item for key, item in value.items()}
    for name in (*_TLVS, "header"):
        inner = found.get(fold(name))
        if isinstance(inner, Mapping):
            found = {**{fold(key): item for key, item in inner.items()}, **found}
    return found


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))
