# SPDX-License-Identifier: Apache-2.0
"""Codes out of text: a mail server's reply, or the fields of a delivery status notification (RFC 3464).

A number counts only where a reply has its code: at the beginning of the text or of a line, behind the ``smtp;`` of a
``Diagnostic-Code``, behind the words in which mail servers and libraries quote a reply. An enhanced code counts only right
behind that, or in a field of its own. All other numbers are addresses, ports, versions and sizes. Nothing but codes
leaves this module: the text itself can hold people's addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib.resources import files
from itertools import islice
from typing import Final, NamedTuple

from messaging_status import Origin, RawStatus, read_catalogue

__all__ = [
    "ACTIONS",
    "CATALOGUE",
    "CHANNEL",
    "SYSTEM",
    "Reply",
    "is_open",
    "is_typed",
    "line_status",
    "recipient_status",
    "reply_in",
    "reply_status",
    "statuses_in",
]

SYSTEM: Final = "smtp"
CHANNEL: Final = "email"
CATALOGUE: Final = read_catalogue(files(__package__) / "email.toml")
MAX_TEXT: Final = 4_096
"""Characters of a reply that are looked at."""

MAX_REPORT: Final = 64 * 1024
"""Characters of a report that are looked at."""

_MAX_RECIPIENTS: Final = 100
ACTIONS: Final = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
"""What the ``Action`` field of a report can say."""

# The registry's subjects are 0 to 7: one digit, so that most dates and versions (2.11.26, 4.97.1) are none.
_ENHANCED: Final = r"[245]\.\d\.(?:0|[1-9]\d{0,2})(?!\w|\.\w)"
_AFTER: Final = rf"(?:(?:[ \t]{{1,3}}|-|,[ ]?b)['\"(\[#]{{0,2}}(?P<enhanced>{_ENHANCED}))?"
_REPLY: Final = re.compile(
    # Where a reply's code stands ...
    r"(?:(?P<typed>\bsmtp[ \t]{0,3};[ \t]{0,3})"
    r"|(?P<quoted>\bhost(?:[ ][^\s]{1,300})?[ ]said:[ ]|\bmail[ ]server(?:[ ]after[ ][^:\n]{1,80}(?::<?[^\s<>]{1,128}>?)?)?:[ ]|\brejected:[ ]|\bmessage[ ]failed:[ ]|\()"
    r"|(?P<line>^[ \t]{0,8}))"
    # ... and what it looks like there, an enhanced one behind it, or that one alone.
    rf"(?:(?P<basic>[2-5][0-57]\d)(?![\w.:/@%]){_AFTER}|(?P<alone>{_ENHANCED}))",
    re.IGNORECASE | re.MULTILINE | re.ASCII,
)
_TYPE: Final = re.compile(r"[ \t]{0,8}smtp[ \t]{0,3};", re.IGNORECASE)
_BEFORE_WORDS: Final = re.compile(r"\A(?:, ?b['\"]|[ -])")
_PYTHON: Final = re.compile(r", ?b['\"]")
_SIZE: Final = re.compile(
    r"[ \t]*(?:[kmg]i?b\b|b\b|bytes?\b|octets?\b|m?s\b|sec|min|hour|day|mails?\b|messages?\b|recipients?\b|%|x\b|/)",
    re.IGNORECASE | re.ASCII,
)
_TAGGED: Final = re.compile(rf"\(#({_ENHANCED})\)", re.ASCII)
_STATUS: Final = re.compile(rf"\s{{0,8}}({_ENHANCED})(?:\s[^\n]{{0,998}})?", re.ASCII)
_LOGGED: Final = re.compile(rf"\bdsn=(?P<dsn>{_ENHANCED}),[ ]stat(?:us)?=(?P<said>[A-Za-z]{{4,8}})\b", re.ASCII)
_FIELD: Final = re.compile(r"^(Action|Status|Diagnostic-Code)[ \t]{0,8}:(.{0,998})$", re.IGNORECASE | re.MULTILINE)
_EMPTY_LINE: Final = re.compile(r"\r?\n[ \t]{0,8}\r?\n")
_FOLDED: Final = re.compile(r"\r?\n[ \t]{1,80}(?=[^\s])")
_PHRASES: Final = {str(status.value): status.phrase.casefold() for status in HTTPStatus}
_LISTED: Final = frozenset(code for code in CATALOGUE.rows if len(code) == 3 and code.isdigit())  # noqa: PLR2004 - as 550
"""Reply codes that count by themselves: those of a web server that are not SMTP's do not."""


class Reply(NamedTuple):
    """What a reply says: its code, its enhanced code, or both."""

    basic: str | None
    enhanced: str | None


def reply_in(text: str) -> Reply | None:
    """The reply that a text holds, None where it holds none.

    Of several, the first of the worst class counts: of two attempts the permanent refusal, of a dialogue the refusal.
    The lines of one reply may name the enhanced code on the first alone.
    """
    text = text[:MAX_TEXT]
    found = [reply for match in _REPLY.finditer(text) if (reply := _reply(match, text)) is not None]
    if not found:
        return None
    worst = max(_class(reply) for reply in found)
    of_worst = [reply for reply in found if _class(reply) == worst]
    basic = next((reply.basic for reply in of_worst if reply.basic), None)
    same = (reply.enhanced for reply in of_worst if reply.basic == basic or not reply.basic)
    enhanced = next(filter(None, same), None) or (_tagged(text, basic) if basic else None)
    return Reply(basic, enhanced)


def reply_status(text: str) -> RawStatus | None:
    """The status that a server's reply is, None where the text is no reply."""
    reply = reply_in(text)
    return None if reply is None else _raw(reply, origin=Origin.ANSWER)


def recipient_status(*, action: str | None, status: str | None, diagnostic: str | None) -> RawStatus | None:
    """The status that a report's fields about one recipient say.

    The ``Status`` is what the reporting server makes of it all; where it leaves the cause open (5.0.0), or is not there,
    the reply in the diagnostic code decides.

    Args:
        action: The ``Action`` field.
        status: The ``Status`` field.
        diagnostic: The ``Diagnostic-Code`` field.
    """
    reply = (reply_in(diagnostic) if diagnostic else None) or Reply(None, None)
    own = _STATUS.fullmatch(status[:MAX_TEXT]) if status else None
    enhanced = own[1] if own and (not is_open(own[1]) or reply.enhanced is None) else reply.enhanced
    if enhanced is None and reply.basic is None:
        return None
    said = action.strip().lower() if action else None
    return _raw(Reply(reply.basic, enhanced), origin=Origin.RECEIPT, action=said if said in ACTIONS else None)


def line_status(text: str) -> RawStatus | None:
    """The status that a mail server's line in its log says: what Postfix and Sendmail write as ``dsn=5.1.1, status=bounced (...)``.

    What the server says of the delivery is beside the code, as the ``Action`` of a report would be.
    """
    found = _LOGGED.search(text[:MAX_TEXT])
    if found is None:
        return None
    reply = reply_in(text[found.end() : MAX_TEXT]) or Reply(None, None)
    return _raw(Reply(reply.basic, found["dsn"]), origin=Origin.RECEIPT, action=found["said"].lower())


def statuses_in(text: str) -> list[RawStatus]:
    """The statuses that a text holds: of each recipient of a delivery status notification, else of the reply that it is.

    For what the host does not look into, such as the text of an exception: ``host.decode(raw)`` says what each means.
    """
    reported = list(_reported(text))
    if reported:
        return reported
    replied = reply_status(text)
    return [replied] if replied else []


def is_typed(diagnostic: str) -> bool:
    """Whether a diagnostic code says itself that it is a mail server's reply."""
    return _TYPE.match(diagnostic) is not None


def is_open(enhanced: str) -> bool:
    """Whether an enhanced code says nothing but its class."""
    return enhanced.endswith(".0.0")


def _reported(text: str) -> Iterator[RawStatus]:
    unfolded = _FOLDED.sub(" ", text[:MAX_REPORT])
    for fields in islice(_groups(unfolded), _MAX_RECIPIENTS):
        # A mailbox file has a Status of its own.
        if _STATUS.fullmatch(fields.get("status", "")):
            raw = recipient_status(
                action=fields.get("action"), status=fields["status"], diagnostic=fields.get("diagnostic-code")
            )
            if raw is not None:
                yield raw


def _groups(unfolded: str) -> Iterator[dict[str, str]]:
    """The fields of each recipient: an empty line, or a field that comes again, begins the next one."""
    for block in _EMPTY_LINE.split(unfolded):
        fields: dict[str, str] = {}
        for match in _FIELD.finditer(block):
            name = match[1].lower()
            if name in fields:
                yield fields
                fields = {}
            fields[name] = match[2].strip()
        if fields:
            yield fields


def _reply(match: re.Match[str], text: str) -> Reply | None:
    basic, enhanced, alone = match["basic"], match["enhanced"], match["alone"]
    typed = match["typed"] is not None
    if alone is not None:
        return Reply(None, alone) if typed else None
    rest = text[match.end("basic") : match.end("basic") + 64]
    if match["quoted"] == "(":
        # As Python's smtplib writes it, in bytes: (550, b'5.1.1 ...
        if _PYTHON.match(rest) is None:
            return None
    elif rest.startswith(","):
        return None
    if enhanced is not None and (enhanced[0] == basic[0] or {enhanced[0], basic[0]} == {"4", "5"}):
        return Reply(basic, enhanced)
    if typed:
        return Reply(basic, None)
    # A number alone: at the beginning of the text or where a reply is quoted, but no web server's and no size.
    is_first = match["line"] is None or not text[: match.start("basic")].strip()
    is_http = _BEFORE_WORDS.sub("", rest).casefold().startswith(_PHRASES.get(basic, "\n"))
    is_reply = is_first and basic in _LISTED and not is_http and not _SIZE.match(rest)
    return Reply(basic, None) if is_reply else None


def _tagged(text: str, basic: str) -> str | None:
    """The enhanced code at the end of a reply, as qmail writes it: ``550 sorry, no mailbox here (#5.1.1)``."""
    found = _TAGGED.search(text)
    return found[1] if found and found[1][0] == basic[0] else None


def _class(reply: Reply) -> str:
    return (reply.basic or reply.enhanced or "0")[0]


def _raw(reply: Reply, *, origin: Origin, action: str | None = None) -> RawStatus:
    """The more precise code as the code, the other one as its reason."""
    basic, enhanced = reply
    code, other = (basic, enhanced) if enhanced is None or (basic and is_open(enhanced)) else (enhanced, basic)
    return RawStatus(
        code=code or "", system=SYSTEM, channel=CHANNEL, reason=other, delivery_status=action, origin=origin
    )
