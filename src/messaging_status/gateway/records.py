# SPDX-License-Identifier: Apache-2.0
"""What comes to a span or a log record, whatever form it travels in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from messaging_status.host import Host
from messaging_status.model import FAILURES, MESSAGING_SYSTEM, SEVERITY_NUMBERS, AttributeValue, Outcome
from messaging_status.spelling import fold

__all__ = ["SPAN_ERROR", "Addition", "Decoded", "Enriched", "Records"]

SPAN_ERROR: Final = 2
"""``STATUS_CODE_ERROR`` of a span."""


class Decoded(NamedTuple):
    """What was found out about one record, for counting: few values, each of a closed set."""

    system: str
    channel: str
    outcome: str
    unknown_code: str | None = None


class Addition(NamedTuple):
    """What comes to a record.

    Attributes:
        attributes: Those that are not there yet.
        is_failure: Whether the status of a span becomes ERROR.
        severity_number: The severity number that a log record gets; None: it keeps its own.
        decoded: What is counted.
    """

    attributes: Mapping[str, AttributeValue]
    is_failure: bool
    severity_number: int | None
    decoded: Decoded


class Enriched(NamedTuple):
    """A request after it was looked through.

    Attributes:
        body: Its bytes; the very same object where nothing has come to it.
        records: How many spans, log records or metrics it holds.
        decoded: What was decoded, how often.
    """

    body: bytes
    records: int
    decoded: Counter[Decoded]


class Records:
    """Says what comes to records, as the exporters of a Python sender do."""

    def __init__(self, host: Host) -> None:
        """Prepare to ask.

        Args:
            host: What decodes.
        """
        self._host = host
        self._no_code = host.code_keys.isdisjoint
        settings = host.settings
        self._sets_status, self._raises = settings.span_error_status, settings.log_severity
        names = ("code", "description", "outcome", "severity", "channel")
        self._code, self._description, self._outcome, self._severity, self._channel = (
            f"{settings.prefix}.{name}" for name in names
        )
        self._systems = {fold(channel.catalogue.system): channel.catalogue.system for channel in host.channels}
        self._channels = {channel.catalogue.channel for channel in host.channels}

    def span(
        self,
        attributes: Mapping[str, Any],
        events: Sequence[Mapping[str, Any]],
        resource: Mapping[str, Any],
        *,
        is_status_unset: bool,
    ) -> Addition | None:
        """What comes to a span; None for nothing. It may raise.

        Args:
            attributes: Its attributes.
            events: The attributes of its events.
            resource: The attributes of the resource.
            is_status_unset: Whether it says neither that it went well nor that it did not.
        """
        if self._no_code(attributes) and all(map(self._no_code, events)):
            return None
        said = self._host.said(attributes, None, (), resource)
        if not said and events:
            said = self._host.said(attributes, None, events, resource)
        is_failure = self._sets_status and is_status_unset and said.get(self._outcome) in FAILURES
        return self._addition(said, attributes, resource, is_failure=is_failure)

    def log(
        self, attributes: Mapping[str, Any], body: Any, resource: Mapping[str, Any], severity_number: int
    ) -> Addition | None:
        """What comes to a log record; None for nothing. It may raise.

        Args:
            attributes: Its attributes.
            body: Its body as a plain value.
            resource: The attributes of the resource.
            severity_number: Its severity number, 0 where it has none.
        """
        said = self._host.said(attributes, body, (), resource)
        number = SEVERITY_NUMBERS.get(str(said.get(self._severity)), 0) if self._raises else 0
        raised = number if number > severity_number else None
        return self._addition(said, attributes, resource, severity_number=raised)

    def _addition(
        self,
        said: Mapping[str, AttributeValue],
        attributes: Mapping[str, Any],
        resource: Mapping[str, Any],
        *,
        is_failure: bool = False,
        severity_number: int | None = None,
    ) -> Addition | None:
        added = {key: value for key, value in said.items() if key not in attributes}
        if not added and not is_failure and severity_number is None:
            return None
        named = said.get(MESSAGING_SYSTEM) or attributes.get(MESSAGING_SYSTEM) or resource.get(MESSAGING_SYSTEM)
        channel = said.get(self._channel)
        decoded = Decoded(
            system=self._systems.get(fold(named), "other") if isinstance(named, str) else "unknown",
            channel=str(channel) if channel in self._channels else "unknown",
            outcome=str(said.get(self._outcome, Outcome.UNKNOWN.value)),
            unknown_code=None if self._description in said else str(said.get(self._code)),
        )
        return Addition(added, is_failure, severity_number, decoded)
