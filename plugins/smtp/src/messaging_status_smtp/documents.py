# SPDX-License-Identifier: Apache-2.0
"""The documents that carry email's codes: fields of delivery reports, replies of mail servers, events of Amazon SES.

Shapes as published: RFC 3464 for reports; the Amazon SES Developer Guide (a public copy, read 2026-11-25) for events, as they
come by themselves, by way of Amazon SNS, SQS, Lambda or EventBridge. The shape of nodemailer's errors is general knowledge.
Their texts, which hold addresses, stay here: only codes are handed on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from messaging_status import Document, DocumentReader, LogText, Origin, RawStatus, TextReader, hookimpl
from messaging_status_smtp.reply import (
    ACTIONS,
    CHANNEL,
    SYSTEM,
    is_open,
    is_typed,
    line_status,
    recipient_status,
    reply_status,
    statuses_in,
)
from messaging_status_smtp.ses import CATALOGUE as SES_CATALOGUE

__all__ = ["messaging_status_documents"]

SES: Final = "aws_ses"
_EVENTS: Final = {code: code for code in SES_CATALOGUE.rows} | {"Rendering Failure": "RenderingFailure"}
"""As SES spells them: an ``open`` or a ``delivery`` is somebody else's."""
_REASONS: Final = {
    code: frozenset(reason.casefold() for variant in row.variant for reason in variant.reasons)
    for code, row in SES_CATALOGUE.rows.items()
}
_LEFT_OPEN: Final = frozenset({"general", "undetermined", "permanent", "transient"})
"""Subtypes, and types alone, that say nothing of the cause: there the mail server's own code says more."""
_MAX_RECORDS: Final = 100
_MAX_JSON: Final = 256 * 1024
_MAX_DEPTH: Final = 4
_REPORT_KEYS: Final = (
    "Action",
    "Diagnostic-Code",
    "diagnosticCode",
    "diagnostic_code",
    "Final-Recipient",
    "finalRecipient",
)
_REPLY_KEYS: Final = ("smtpReply", "smtpResponse", "smtp_reply", "smtp_response")
_QUOTED_REPLIES: Final = (
    "SMTP error from remote mail server",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPDataError",
    "SMTPHeloError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
)
"""What Exim, and exceptions of Python's smtplib, write before a reply."""
_NAMES: Final = frozenset({"email", "mail", "esmtp"})
_TEXT_KEYS: Final = ("message/delivery-status", "deliveryStatusNotification", "delivery_status_notification")


@hookimpl
def messaging_status_documents() -> list[DocumentReader | TextReader]:
    """A reader for each kind of document, and those for mail servers' and mail clients' own lines of log."""
    return [
        DocumentReader(keys=("eventType", "mail", "notificationType"), read=read_event),
        DocumentReader(keys=("Message", "Records", "detail"), read=read_envelope),
        DocumentReader(keys=_REPORT_KEYS, read=read_report),
        DocumentReader(keys=_TEXT_KEYS, read=read_report_text),
        DocumentReader(keys=_REPLY_KEYS, read=read_reply),
        DocumentReader(keys=("responseCode",), read=read_error),
        TextReader(marks=(" dsn=", ",dsn="), read=read_delivery),
        TextReader(marks=_QUOTED_REPLIES, read=read_quoted),
    ]


def read_event(document: Document) -> list[RawStatus]:
    """An event of Amazon SES."""
    return list(_event(document.content))


def read_envelope(document: Document) -> list[RawStatus]:
    """An event of Amazon SES in what brings it: its JSON text inside an SNS notification, records of a queue."""
    return list(_unwrapped(document.content, _MAX_DEPTH))


def read_report(document: Document) -> list[RawStatus]:
    """The fields of a delivery status notification about one recipient, however their names are written."""
    content = document.content
    fields = {_folded(key): value for key, value in content.items() if isinstance(value, str)}
    action, status, diagnostic = fields.get("action"), fields.get("status"), fields.get("diagnosticcode")
    found = recipient_status(action=action, status=status, diagnostic=diagnostic)
    if found is None:
        return []
    # Everybody's documents have an action and a status, and machines and physicians have diagnostic codes, too (250 is
    # diabetes): where the action is no report's, the diagnostic code must say that it is a reply, or two codes must.
    is_report = action is not None and action.strip().lower() in ACTIONS
    is_reply = diagnostic is not None and (is_typed(diagnostic) or found.reason is not None)
    return [found] if is_report or is_reply else []


def read_report_text(document: Document) -> list[RawStatus]:
    """A delivery status notification as text, under the name of its media type."""
    texts = [value for key in _TEXT_KEYS if isinstance(value := document.content.get(key), str)]
    return [raw for text in texts for raw in statuses_in(text)]


def read_reply(document: Document) -> list[RawStatus]:
    """A mail server's reply, as it came."""
    texts = [value for key in _REPLY_KEYS if isinstance(value := document.content.get(key), str)]
    return [raw for text in texts if (raw := reply_status(text)) is not None]


def read_error(document: Document) -> list[RawStatus]:
    """An error of nodemailer: the reply, and its code as a number. Both must be there and say the same.

    Clients of HTTP have the same two names: a reply without an enhanced code needs the command that it answers beside it.
    """
    content = document.content
    code, response = content.get("responseCode"), content.get("response")
    if isinstance(code, bool) or not isinstance(code, (int, str)) or not isinstance(response, str):
        return []
    # Never str() of a huge number.
    number = code.strip() if isinstance(code, str) else str(code) if 0 <= code <= 999 else ""  # noqa: PLR2004 - three digits
    found = reply_status(response) if number and response.lstrip().startswith(number) else None
    is_reply = found is not None and (found.reason is not None or isinstance(content.get("command"), str))
    return [found] if found is not None and is_reply else []


def read_delivery(line: LogText) -> list[RawStatus]:
    """What became of a mail, as Postfix and Sendmail log it: ``to=<...>, ..., dsn=5.1.1, status=bounced (...)``."""
    found = line_status(line.text) if _is_email(line) else None
    return [found] if found else []


def read_quoted(line: LogText) -> list[RawStatus]:
    """A reply that Exim or an exception of Python's smtplib quotes."""
    found = reply_status(line.text) if _is_email(line) else None
    return [found] if found else []


def _is_email(line: LogText) -> bool:
    """Whether the record around a line names no other system, and no other channel."""
    if line.system is not None:
        return _folded(line.system) == SYSTEM
    return line.channel is None or _folded(line.channel) in _NAMES


def _unwrapped(content: Mapping[str, Any], depth: int) -> Iterator[RawStatus]:
    """The events inside an envelope: EventBridge's ``detail``, SNS's ``Message``, records of Lambda and SQS."""
    if depth == 0:
        return
    found = list(_event(content))
    if found:
        yield from found
        return
    inner = [content.get("detail"), content.get("Message")]
    records = content.get("Records")
    for record in islice(records, _MAX_RECORDS) if isinstance(records, list) else ():
        if isinstance(record, Mapping):
            inner += [record.get("Sns"), record.get("body")]
    for value in inner:
        document = _json(value) if isinstance(value, str) else value
        if isinstance(document, Mapping):
            yield from _unwrapped(document, depth - 1)


def _event(content: Mapping[str, Any]) -> Iterator[RawStatus]:
    kind = content.get("eventType", content.get("notificationType"))
    mail = content.get("mail")
    code = _EVENTS.get(kind) if isinstance(kind, str) else None
    if code is None or not isinstance(mail, Mapping) or not isinstance(mail.get("messageId"), str):
        return
    reason, recipients = _details(code, content)
    leaves_open = reason is None or reason.rpartition("_")[2].casefold() in _LEFT_OPEN
    is_final = reason is not None and reason.casefold().startswith("permanent")
    replies = [_behind(recipient, is_final=is_final) for recipient in recipients] if leaves_open else []
    for upstream in dict.fromkeys(replies) or [None]:
        yield RawStatus(
            code=code,
            system=SES,
            channel=CHANNEL,
            reason=reason,
            origin=Origin.RECEIPT,
            message_id=mail["messageId"],
            upstream=upstream,
        )


def _details(code: str, content: Mapping[str, Any]) -> tuple[str | None, list[Mapping[str, Any]]]:
    """The subtype of an event, and the recipients that it is about."""
    if code == "Bounce":
        bounce = _mapping(content.get("bounce"))
        kind, subtype = _text(bounce.get("bounceType")), _text(bounce.get("bounceSubType"))
        whole = "_".join(filter(None, (kind, subtype))) or None
        # Of a subtype that is new, its type still holds.
        return _listed(code, whole, kind) or whole, _mappings(bounce.get("bouncedRecipients"))
    if code == "Complaint":
        complaint = _mapping(content.get("complaint"))
        subtype, kind = _text(complaint.get("complaintSubType")), _text(complaint.get("complaintFeedbackType"))
        return _listed(code, subtype, kind) or subtype or kind, []
    if code == "DeliveryDelay":
        delay = _mapping(content.get("deliveryDelay"))
        return _text(delay.get("delayType")), _mappings(delay.get("delayedRecipients"))
    if code == "Subscription":
        preferences = _mapping(_mapping(content.get("subscription")).get("newTopicPreferences"))
        return ("UnsubscribeAll" if preferences.get("unsubscribeAll") is True else None), []
    return None, []


def _listed(code: str, *reasons: str | None) -> str | None:
    """The first of the reasons that the table has."""
    return next((reason for reason in reasons if reason and reason.casefold() in _REASONS[code]), None)


def _behind(recipient: Mapping[str, Any], *, is_final: bool) -> RawStatus | None:
    """What the mail server said of one recipient, where it says more than SES.

    A success is none of a bounce: it reports an automatic reply, say. A class alone says more where it is permanent and
    the bounce is not.
    """
    said = recipient_status(
        action=_text(recipient.get("action")),
        status=_text(recipient.get("status")),
        diagnostic=_text(recipient.get("diagnosticCode")),
    )
    if said is None or said.code[0] not in "45":
        return None
    return None if is_open(said.code) and (is_final or said.code[0] == "4") else said


def _json(text: str) -> object:
    if len(text) > _MAX_JSON or text.lstrip()[:1] != "{":
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _folded(name: object) -> str:
    return "".join(filter(str.isalnum, name.casefold())) if isinstance(name, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list, none where it is something else."""
    return [item for item in value[:_MAX_RECORDS] if isinstance(item, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
