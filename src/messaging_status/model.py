# SPDX-License-Identifier: Apache-2.0
"""The words of this project as values: what a record carries, and what it means.

This module is the one place where the enumerations and the attributes on a record are defined.
Catalogues, plugins and exporters only use them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

__all__ = [
    "ATTRIBUTE_NAMES",
    "DEFAULT_PREFIX",
    "ERROR_TYPE",
    "FAILURES",
    "MESSAGE_ID",
    "MESSAGING_SYSTEM",
    "SEVERITY_NUMBERS",
    "ApiHosts",
    "AttributeValue",
    "Category",
    "Document",
    "DocumentReader",
    "Fault",
    "LogText",
    "Origin",
    "Outcome",
    "RawStatus",
    "Severity",
    "Status",
    "TextReader",
]

AttributeValue = str | bool | int
"""What we put on a record: texts, booleans and whole numbers only."""

DEFAULT_PREFIX: Final = "messaging.status"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGE_ID: Final = "messaging.message.id"
ERROR_TYPE: Final = "error.type"

ATTRIBUTE_NAMES: Final = (
    "code",
    "description",
    "severity",
    "retryable",
    "category",
    "outcome",
    "channel",
    "retry_after",
    "fault",
    "reason",
    "parameter",
    "upstream.code",
    "upstream.system",
    "conflict",
)
"""Names below the prefix, the most useful first: a record with little room left gets the first ones."""


class Severity(StrEnum):
    """How much a person should care, in OpenTelemetry's severity names."""

    INFO = "INFO"
    """Success and progress."""
    WARN = "WARN"
    """Transient, or about the recipient, or policy working as meant."""
    ERROR = "ERROR"
    """A person must fix something (request, account, configuration), or the provider failed."""
    FATAL = "FATAL"
    """Nothing can be sent any more (account locked)."""


SEVERITY_NUMBERS: Final[Mapping[str, int]] = {
    Severity.INFO.value: 9,
    Severity.WARN.value: 13,
    Severity.ERROR.value: 17,
    Severity.FATAL.value: 21,
}
"""OpenTelemetry's severity number of each severity."""


class Outcome(StrEnum):
    """How far the message came."""

    ACCEPTED = "accepted"
    """By the platform."""
    SUBMITTED = "submitted"
    """To the network."""
    DELIVERED = "delivered"
    READ = "read"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    PARTIAL = "partial"
    UNDELIVERED = "undelivered"
    """Refused or lost after hand-off."""
    FAILED = "failed"
    """Refused or lost before hand-off."""
    UNKNOWN = "unknown"


FAILURES: Final = frozenset({Outcome.FAILED, Outcome.UNDELIVERED})
"""Outcomes that say the message did not reach its recipient."""


class Category(StrEnum):
    """Why, in few enough words to group by. Also the value of ``error.type``."""

    SUCCESS = "success"
    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    CONFIGURATION = "configuration"
    INVALID_RECIPIENT = "invalid_recipient"
    RECIPIENT_UNREACHABLE = "recipient_unreachable"
    BLOCKED = "blocked"
    """Opt-out, consent, block list, window closed."""
    EXPIRED = "expired"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    CONTENT_REJECTED = "content_rejected"
    MEDIA = "media"
    TEMPLATE = "template"
    DUPLICATE = "duplicate"
    PROVIDER_ERROR = "provider_error"
    INTERNAL_ERROR = "internal_error"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    """Who must act."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    OPERATOR = "operator"
    PROVIDER = "provider"
    PLATFORM = "platform"


class Origin(StrEnum):
    """What kind of document a raw status came from, where that is known."""

    ANSWER = "answer"
    """The platform's answer to the request that sent the message."""
    RECEIPT = "receipt"
    """A later report about the message."""


class RawStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a record carries: strings nobody has interpreted yet.

    Attributes:
        code: The status code as text, up to 64 characters.
        system: Who reports it (``webex_connect``), as written. None where the record does not say.
        channel: What the message travels over, as written (``SMS``, ``rt``).
        reason: The provider's subtype of the code (``Transient_MailboxFull``), as written.
        delivery_status: The published class beside the code (``Un-Delivered``), as written.
        origin: Whether an answer or a receipt carried it.
        message_id: The provider's id of the message.
        text: The provider's free text, for refine functions only. It can hold addresses and links,
            so it is never put on a record and never logged.
        retry_after: Whole seconds that the provider asks to wait, up to a week.
        upstream: The nested status of the system behind the provider.
    """

    code: str
    system: str | None = None
    channel: str | None = None
    reason: str | None = None
    delivery_status: str | None = None
    origin: Origin | None = None
    message_id: str | None = None
    text: str | None = None
    retry_after: int | None = None
    upstream: RawStatus | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a raw status means.

    Attributes:
        code: The normalised code (``7206``, also from `` 7206 `` or 7206.0).
        system: The system's own name, None where none could be told.
        channel: The channel's own name, None where none could be told.
        description: Our words for it, None for a code that no catalogue has.
        outcome: How far the message came.
        category: Why, in few enough words to group by.
        severity: None for a code that no catalogue has.
        retryable: Whether the same message, sent again later, unchanged, with nobody changing an
            account, a setting or the message, may succeed. None: not known from this code alone.
        retry_after: Whole seconds to wait before that, where the provider says so.
        fault: Who must act, where that is known.
        advice: What a person can do, in one sentence.
        reason: The provider's subtype that chose this meaning, as the catalogue spells it.
        parameter: The parameter or slide that a dynamic text names.
        upstream_code: The code of the system behind the provider, that came nested or that this code stands for.
        upstream_system: That system's name.
        conflict: Whether code and published delivery status contradict each other.
    """

    code: str
    system: str | None = None
    channel: str | None = None
    description: str | None = None
    outcome: Outcome = Outcome.UNKNOWN
    category: Category = Category.UNKNOWN
    severity: Severity | None = None
    retryable: bool | None = None
    retry_after: int | None = None
    fault: Fault | None = None
    advice: str | None = None
    reason: str | None = None
    parameter: str | None = None
    upstream_code: str | None = None
    upstream_system: str | None = None
    conflict: bool = False

    @property
    def is_known(self) -> bool:
        """Whether a catalogue has this code."""
        return self.description is not None

    @property
    def is_failure(self) -> bool:
        """Whether the message is known not to have reached its recipient."""
        return self.outcome in FAILURES

    def attributes(self, prefix: str = DEFAULT_PREFIX) -> dict[str, AttributeValue]:
        """The attributes that say this on a record, the most useful first.

        Args:
            prefix: What the names start with, without the final dot.
        """
        values: tuple[AttributeValue | None, ...] = (
            self.code,
            self.description,
            self.severity and self.severity.value,
            self.retryable,
            self.category.value,
            self.outcome.value,
            self.channel,
            None if self.retryable is False else self.retry_after,
            self.fault and self.fault.value,
            self.reason,
            self.parameter,
            self.upstream_code,
            self.upstream_system,
            self.conflict or None,
        )
        named = zip(ATTRIBUTE_NAMES, values, strict=True)
        found: dict[str, AttributeValue] = {f"{prefix}.{name}": value for name, value in named if value is not None}
        if self.is_failure:
            found[ERROR_TYPE] = self.category.value
        return found


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's document (an API answer, a delivery receipt), as a reader gets it.

    Attributes:
        content: The document: plain dictionaries, lists, texts and numbers, at most 32 levels deep. A copy.
        system: The system that the record around it names, as written. None where it names none.
        channel: The channel that the record around it names, as written. None where it names none.
    """

    content: Mapping[str, Any]
    system: str | None = None
    channel: str | None = None


class DocumentReader(msgspec.Struct, frozen=True, kw_only=True):
    """What gets raw statuses out of one kind of document.

    A document that stands deeper, under a key of a structured log, has to show by itself what it is: one of the keys
    must hold more than a plain value, and of what is read there, only receipts and statuses with a message's id count.

    Attributes:
        keys: Top-level keys of the document, any one of which brings it here.
        read: Answers the raw statuses that the document holds, none where it is not of this kind after all.
            It must take any content: whoever wrote the document may have made mistakes.
    """

    keys: tuple[str, ...]
    read: Callable[[Document], Iterable[RawStatus]]


class LogText(msgspec.Struct, frozen=True, kw_only=True):
    """A line of log text, as a reader gets it.

    Attributes:
        text: The text, at most 65,536 characters. It can hold addresses: of it, only codes and ids go into a raw status.
        system: The system that the record around it names, as written. None where it names none.
        channel: The channel that the record around it names, as written. None where it names none.
    """

    text: str
    system: str | None = None
    channel: str | None = None


class TextReader(msgspec.Struct, frozen=True, kw_only=True):
    """What gets raw statuses out of log text that is no document.

    It is not asked where the settings turn log text off, nor where the text names its code as ``key=value``.

    Attributes:
        marks: Pieces of text, any one of which brings a text here. The rarer they are in other people's logs, the less
            is read in vain.
        read: Answers the raw statuses that the text holds, none where it is not of this kind after all. It must take
            any text, in time that grows no faster than the text.
    """

    marks: tuple[str, ...]
    read: Callable[[LogText], Iterable[RawStatus]]


class ApiHosts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider's API is, so that the statuses in its answers are looked for, and in nobody else's.

    Attributes:
        system: Whose API it is.
        hosts: Names of hosts, without a port: ``api.acme.example``, or ``*.acme.example`` for all below a domain. A
            star stands for one or more labels.
    """

    system: str
    hosts: tuple[str, ...]
