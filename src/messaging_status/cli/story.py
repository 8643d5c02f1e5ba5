# SPDX-License-Identifier: Apache-2.0
"""One message's story on each channel, as a sender that knows nothing of us tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from messaging_status.model import MESSAGING_SYSTEM
from messaging_status.settings import Settings

__all__ = ["STORIES", "SYSTEM", "Story", "StoryKeys"]

SYSTEM: Final = "webex_connect"


class StoryKeys(msgspec.Struct, frozen=True):
    """Under which keys this sender writes: one that the settings read, and where there is a choice not one of ours."""

    code: str
    channel: str
    reason: str

    @classmethod
    def of(cls, settings: Settings) -> StoryKeys:
        """Keys that a host with these settings reads."""
        ours = f"{settings.prefix}.channel"
        channel = next((key for key in settings.keys.channel if key != ours), ours)
        return cls(code=f"{settings.prefix}.code", channel=channel, reason=f"{settings.prefix}.reason")


class Story(msgspec.Struct, frozen=True):
    """A message: the code that its send call ended with, and the one that was reported later.

    Attributes:
        channel: The channel as this sender writes it.
        sent: The code on the span of the send call.
        reported: The code in the log of the report.
        form: How the log carries it: ``attributes``, ``mapping``, ``json`` or ``text``.
        reason: The provider's subtype in the report.
    """

    channel: str
    sent: str
    reported: str
    form: str
    reason: str | None = None

    def span_attributes(self, keys: StoryKeys) -> dict[str, Any]:
        """What the sender puts on its span."""
        return {MESSAGING_SYSTEM: SYSTEM, keys.channel: self.channel, keys.code: self.sent}

    def log_attributes(self, keys: StoryKeys) -> Mapping[str, Any]:
        """What the sender puts on its log record."""
        return {MESSAGING_SYSTEM: SYSTEM, **self._report(keys)} if self.form == "attributes" else {}

    def log_body(self, keys: StoryKeys) -> Any:
        """What the sender logs."""
        if self.form == "attributes":
            return "delivery report"
        report = {"event": "delivery report", MESSAGING_SYSTEM: SYSTEM, **self._report(keys)}
        if self.form == "mapping":
            return report
        if self.form == "json":
            return json.dumps(report)
        return "delivery report " + " ".join(f"{key}={value}" for key, value in self._report(keys).items())

    def _report(self, keys: StoryKeys) -> dict[str, Any]:
        said = {keys.channel: self.channel, keys.code: self.reported}
        return {**said, keys.reason: self.reason} if self.reason else said


STORIES: Final = (
    Story("SMS", "7501", "7206", "text"),
    Story("email", "7501", "7520", "json", reason="Transient_MailboxFull"),
    Story("wa", "7501", "7704", "mapping"),
    Story("push", "7501", "7513", "attributes"),
    Story("rcs", "7324", "7502", "json"),
    Story("mms", "7257", "7270", "mapping"),
    Story("voice", "7408", "7519", "attributes"),
    Story("logbook", "2003", "1999", "text"),
    Story("rt", "7501", "7704", "mapping"),
    Story("fb", "7501", "7303", "text"),
    Story("instagram", "7501", "7303", "text"),
    Story("AppleMessagesforBusiness", "1001", "7501", "attributes"),
    Story("gbm", "7915", "7900", "json"),
    Story("contact policy", "9004", "9002", "mapping"),
    Story("common", "7001", "7200", "attributes"),
)
"""The same number on two channels: 7513 and 7704 and 7303 mean different things."""
