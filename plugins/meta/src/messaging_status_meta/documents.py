# SPDX-License-Identifier: Apache-2.0
"""The documents of Meta: errors of the Graph API, WhatsApp webhooks, and errors of the On-Premises API.

Shapes as published in Meta's documentation. Everybody's documents have an ``error``, an ``entry`` or ``errors``, so each
reader first looks for something that only Meta writes, or for what the record around the document says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from messaging_status import ApiHosts, Document, DocumentReader, Origin, RawStatus, hookimpl

__all__ = ["messaging_status_documents", "messaging_status_hosts"]

SYSTEM: Final = "meta"
WHATSAPP: Final = "whatsapp"
_WHATSAPP_NAMES: Final = frozenset({"whatsapp", "wa", "whatsappbusiness"})
_WEBHOOK: Final = "whatsapp_business_account"
_ERROR_TYPES: Final = frozenset({"OAuthException", "GraphMethodException", "FacebookApiException", "IGApiException"})
"""Of Meta alone: any service that is written in Java has a type that ends with "Exception"."""
_CLOUD_API: Final = re.compile(r"\s*13[0-9]{4}\s*")
_MAX_REASON: Final = 10**12


@hookimpl
def messaging_status_documents() -> list[DocumentReader]:
    """A reader for each kind of document."""
    return [
        DocumentReader(keys=("error",), read=read_error),
        DocumentReader(keys=("entry",), read=read_webhook),
        DocumentReader(keys=("errors", "statuses"), read=read_on_premises),
    ]


@hookimpl
def messaging_status_hosts() -> list[ApiHosts]:
    """The Graph API's host, for WhatsApp and Messenger alike."""
    return [ApiHosts(system=SYSTEM, hosts=("graph.facebook.com",))]


def read_error(document: Document) -> list[RawStatus]:
    """The Graph API's answer to a request that failed.

    The channel is the one that the error names, else the record's, else the one that the code is a number of. Where
    nothing says it, only codes that mean the same on every channel are understood.
    """
    error = _mapping(document.content.get("error"))
    data = _mapping(error.get("error_data"))
    if "code" not in error or not _is_graph(error, data, document.system):
        return []
    product = _text(data.get("messaging_product"))
    of_code = WHATSAPP if _is_cloud_api(error["code"]) else None
    return [
        RawStatus(
            code=error["code"],
            system=SYSTEM,
            channel=product or document.channel or of_code,
            reason=_subcode(error.get("error_subcode")),
            origin=Origin.ANSWER,
            text=_text(data.get("details")) or _text(error.get("message")),
        )
    ]


def read_webhook(document: Document) -> Iterator[RawStatus]:
    """A WhatsApp webhook: what became of messages that were sent, and errors of the app or the account."""
    is_ours = document.content.get("object") == _WEBHOOK
    for entry in _mappings(document.content.get("entry")):
        for change in _mappings(entry.get("changes")):
            value = _mapping(change.get("value"))
            if is_ours or value.get("messaging_product") == WHATSAPP:
                yield from _reported(value)


def read_on_premises(document: Document) -> list[RawStatus]:
    """An answer or a webhook of the On-Premises API, which has nothing around its errors and statuses.

    Only where the record says that it is Meta's, or says WhatsApp and the errors look like Meta's.
    """
    if document.channel is not None and _folded(document.channel) not in _WHATSAPP_NAMES:
        return []
    if document.system is not None:
        return list(_reported(document.content)) if _folded(document.system) == SYSTEM else []
    if document.channel is None:
        return []
    return list(_reported(document.content, only_titled=True))


def _reported(value: Mapping[str, Any], *, only_titled: bool = False) -> Iterator[RawStatus]:
    """The errors of each message's status, then those that are about no message.

    Errors of inbound messages are no status of a message that somebody sent: they are passed over.
    """
    for status in _mappings(value.get("statuses")):
        for error in _errors(status, only_titled=only_titled):
            yield RawStatus(
                code=error["code"],
                system=SYSTEM,
                channel=WHATSAPP,
                delivery_status=_text(status.get("status")),
                origin=Origin.RECEIPT,
                message_id=_message_id(status.get("id")),
                text=_details(error),
            )
    for error in _errors(value, only_titled=only_titled):
        yield RawStatus(code=error["code"], system=SYSTEM, channel=WHATSAPP, text=_details(error))


def _message_id(value: object) -> str | None:
    """A message's id, but not WhatsApp's own: behind ``wamid.`` it holds the recipient's number, merely encoded."""
    written = _text(value)
    return None if written is None or written.startswith("wamid.") else written


def _errors(holder: Mapping[str, Any], *, only_titled: bool) -> Iterator[Mapping[str, Any]]:
    for error in _mappings(holder.get("errors")):
        is_titled = _text(error.get("title")) and (_text(error.get("details")) or _text(error.get("href")))
        if "code" in error and (is_titled or not only_titled):
            yield error


def _is_graph(error: Mapping[str, Any], data: Mapping[str, Any], system: str | None) -> bool:
    """Whether an error is the Graph API's: FCM, google.rpc and others have a code and a message under the same key."""
    return (
        _text(error.get("fbtrace_id")) is not None
        or _text(error.get("type")) in _ERROR_TYPES
        or _text(data.get("messaging_product")) is not None
        or (system is not None and _folded(system) == SYSTEM)
    )


def _is_cloud_api(code: object) -> bool:
    """Whether a code is one of the numbers that WhatsApp's Cloud API has for itself."""
    if isinstance(code, str):
        return _CLOUD_API.fullmatch(code) is not None
    return isinstance(code, (int, float)) and 130_000 <= code < 140_000  # noqa: PLR2004 - as in the pattern


def _details(error: Mapping[str, Any]) -> str | None:
    data = _mapping(error.get("error_data"))
    return _text(data.get("details")) or _text(error.get("details")) or _text(error.get("title"))


def _subcode(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value < _MAX_REASON else None
    return _text(value)


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list, none where it is something else."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
