# SPDX-License-Identifier: Apache-2.0
"""The documents of Webex Connect: answers to requests, and delivery receipts.

Shapes as published in the platform's documentation (release 6.20): one receipt envelope for all channels, whose
``Description`` has a capital D; v1 answers with a list on success and a bare object on failure; v2 errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from messaging_status import ApiHosts, Document, DocumentReader, Origin, RawStatus, hookimpl

__all__ = ["messaging_status_documents", "messaging_status_hosts"]

SYSTEM: Final = "webex_connect"
META: Final = "meta"
SMTP: Final = "smtp"
_CODE: Final = re.compile(r"\s*[0-9]{4}\s*")
_LOWEST, _HIGHEST = 1000, 9999
_META_CODE: Final = re.compile(r"\(#(\d{1,9})\)")
_META_CHANNELS: Final = {"whatsapp": "whatsapp", "wa": "whatsapp", "fb": "messenger", "messenger": "messenger"}
_BOUNCE: Final = "7520"
_CAUSE_OPEN: Final = frozenset({"", "permanentgeneral", "transientgeneral", "undetermined", "undeterminedundetermined"})
"""Kinds of bounce, folded, that leave the cause open: there the mail server's own code says more."""
_MAIL_STATUS: Final = re.compile(r"(?:^|[ \t-])([45]\.[0-9]\.[0-9]{1,3})\s*\Z")
_EMAIL_CHANNELS: Final = frozenset({"email", "mail", "electronicmail"})
_MAX_ANSWERS: Final = 1_000
_MAX_SUBCODE: Final = 10**12


@hookimpl
def messaging_status_documents() -> list[DocumentReader]:
    """A reader for each kind of document."""
    return [
        DocumentReader(keys=("deliveryInfoNotification",), read=read_receipt),
        DocumentReader(keys=("response",), read=read_answer),
        DocumentReader(keys=("transid",), read=read_element),
        DocumentReader(keys=("message",), read=read_error),
    ]


@hookimpl
def messaging_status_hosts() -> list[ApiHosts]:
    """The API's hosts, of every tenant and every region, under its present name and its former one."""
    return [ApiHosts(system=SYSTEM, hosts=("*.webexconnect.io", "api.imiconnect.*"))]


def read_receipt(document: Document) -> list[RawStatus]:
    """A delivery receipt, with or without the data stream's wrapper around it."""
    envelope = _mapping(document.content.get("deliveryInfoNotification"))
    info = _mapping(envelope.get("deliveryInfo"))
    if "code" not in info:
        return []
    description, more = _text(info.get("Description")), _text(info.get("additionalInfo"))
    channel = _text(info.get("deliveryChannel")) or document.channel
    return [
        RawStatus(
            code=info["code"],
            system=SYSTEM,
            channel=channel,
            reason=description,
            delivery_status=_text(info.get("deliveryStatus")),
            origin=Origin.RECEIPT,
            message_id=_text(envelope.get("transid")),
            text="\n".join(filter(None, (description, more))) or None,
            upstream=_bounced(info, channel, description, more)
            or _behind(channel, more, _mapping(info.get("additional_info"))),
        )
    ]


def read_answer(document: Document) -> list[RawStatus]:
    """A v1 answer: a list of elements on success, a bare element on failure."""
    response = document.content.get("response")
    elements = response[:_MAX_ANSWERS] if isinstance(response, list) else [response]
    return [raw for element in elements for raw in _answered(_mapping(element), document)]


def read_element(document: Document) -> list[RawStatus]:
    """An element of a v1 answer by itself, as flow variables hold it."""
    return list(_answered(document.content, document))


def read_error(document: Document) -> list[RawStatus]:
    """A v2 error. Everybody's errors have a code and a message, so only where the record says that it is ours."""
    if document.system is None and document.channel is None:
        return []
    return list(_answered(document.content, document, text_key="message"))


def _answered(element: Mapping[str, Any], document: Document, text_key: str = "description") -> Iterator[RawStatus]:
    if "code" in element and (document.system or document.channel or _is_code(element["code"])):
        yield RawStatus(
            code=element["code"],
            system=document.system or SYSTEM,
            channel=document.channel,
            origin=Origin.ANSWER,
            message_id=_text(element.get("transid")),
            text=_text(element.get(text_key)),
        )


def _is_code(value: object) -> bool:
    """Whether a code can be the platform's, in an answer that nothing else says to be: they have four digits."""
    if isinstance(value, str):
        return _CODE.fullmatch(value) is not None
    return isinstance(value, (int, float)) and _LOWEST <= value <= _HIGHEST


def _bounced(info: Mapping[str, Any], channel: str | None, kind: str | None, more: str | None) -> RawStatus | None:
    """The mail server's code behind a bounce whose kind leaves the cause open: ``5.1.1|failed|smtp; 550-5.1.1 ...``."""
    code = info["code"].strip() if isinstance(info["code"], str) else info["code"]
    is_bounce = code in (_BOUNCE, int(_BOUNCE)) and _folded(channel) in _EMAIL_CHANNELS
    if not is_bounce or more is None or _folded(kind) not in _CAUSE_OPEN:
        return None
    # A time may stand before the code.
    found = _MAIL_STATUS.search(more[:200].split("|")[0])
    # A class alone says no more than the bounce.
    return RawStatus(code=found[1], system=SMTP, channel="email") if found and not found[1].endswith(".0.0") else None


def _folded(name: str | None) -> str:
    return "".join(filter(str.isalnum, name.casefold())) if name else ""


def _behind(channel: str | None, more: str | None, nested: Mapping[str, Any]) -> RawStatus | None:
    """Meta's own code behind the receipt: ``(#131049)  | details``, or a Graph error as an object."""
    on = _META_CHANNELS.get((channel or "").strip().lower())
    if on is None:
        return None
    error = _mapping(nested.get("error"))
    if "code" in error:
        return RawStatus(code=error["code"], system=META, channel=on, reason=_number(error.get("error_subcode")))
    found = _META_CODE.search(more[:200]) if more else None
    return RawStatus(code=found[1], system=META, channel=on) if found else None


def _number(value: object) -> str | None:
    """A subcode as text; what is too long to be one is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value < _MAX_SUBCODE else None
    return _text(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
