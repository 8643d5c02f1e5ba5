# SPDX-License-Identifier: Apache-2.0
"""One table and everything around it, immutable: what one record is decoded with from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final, final

import msgspec

from messaging_status.calls import Calls
from messaging_status.context import by_delivery_status, by_upstream, parameter_in
from messaging_status.guard import Guard
from messaging_status.locate import Locator
from messaging_status.model import MESSAGE_ID, MESSAGING_SYSTEM, AttributeValue, Origin, RawStatus, Severity, Status
from messaging_status.settings import Settings
from messaging_status.shortcut import Shortcut
from messaging_status.spelling import is_token, normalised
from messaging_status.table import Entry, Meaning, Table
from messaging_status.unknown import UnknownCode

__all__ = ["Decoder"]

_NOTHING: Final[Mapping[str, AttributeValue]] = {}
_BADNESS: Final = {Severity.INFO: 0, None: 1, Severity.WARN: 2, Severity.ERROR: 3, Severity.FATAL: 4}
"""How bad a severity is. A code that nobody knows is worse than a success."""


@final
class Decoder:
    """Decodes raw statuses and says what there is to say about a record.

    Attributes:
        locator: What finds the raw statuses of a record.
    """

    def __init__(
        self, settings: Settings, table: Table, calls: Calls, count_unknown: Callable[[UnknownCode], None]
    ) -> None:
        """Put the parts together.

        Args:
            settings: Which keys to read, and the prefix of what is said.
            table: All systems.
            calls: The functions of plugins.
            count_unknown: Is told of every code that no catalogue has.
        """
        self._prefix = settings.prefix
        self._table = table
        self._refiners = calls.refiners
        self._watchers = calls.watchers
        self._count_unknown = count_unknown
        systems = [system.name for system in table.systems]
        self.locator = Locator(
            settings, systems, calls.readers, calls.text_readers, recognises=table.recognises, knows=table.knows
        )
        self._known = _nothing_known if self._refiners or self._watchers else Shortcut(table, self.locator).find
        self._code_key, self._category_key, self._outcome_key = (
            f"{settings.prefix}.{name}" for name in ("code", "category", "outcome")
        )

    def decode(self, raw: RawStatus) -> Status:
        """What a raw status means."""
        return self._decode(normalised(raw)).status

    def said(
        self,
        attributes: Mapping[str, Any],
        body: Any,
        events: Iterable[Mapping[str, Any]],
        resource: Mapping[str, Any] | None,
    ) -> Mapping[str, AttributeValue]:
        """All that there is to say about a record, also what it says already; nothing where it says it all."""
        meaning = self._known(attributes)
        raws: Sequence[RawStatus] = ()
        if meaning is None:
            raws = self.locator.find(attributes, body, events, resource)
            if not raws:
                return _NOTHING
        if self._code_key in attributes and self._category_key in attributes and self._outcome_key in attributes:
            return _NOTHING
        if meaning is not None:
            if MESSAGING_SYSTEM in attributes or not meaning.status.system:
                return meaning.attributes
            return {**meaning.attributes, MESSAGING_SYSTEM: meaning.status.system}
        decoded = [(self._decode(raw), raw) for raw in raws]
        meaning, raw = max(decoded, key=lambda pair: _BADNESS[pair[0].status.severity])
        said = meaning.attributes
        if raw.system is not None and meaning.status.system and MESSAGING_SYSTEM not in attributes:
            said = {**said, MESSAGING_SYSTEM: meaning.status.system}
        if raw.message_id is not None and is_token(raw.message_id):
            said = {**said, MESSAGE_ID: raw.message_id}
        for watch in self._watchers:
            watch((copy(raw), copy(meaning.status)), (raw, meaning.status))
        return said

    def says_always(self, attributes: Mapping[str, Any], resource: Mapping[str, Any] | None) -> bool:
        """Whether every record with these attributes says the same, whatever else it holds.

        Args:
            attributes: Those under the keys that are looked at, and no others.
            resource: The attributes of the resource.
        """
        if self._refiners or self._watchers or self.locator.code_keys.isdisjoint(attributes):
            return False
        raws = self.locator.find(attributes, None, (), resource)
        if len(raws) != 1 or raws[0].origin is not None or raws[0].upstream is not None:
            return False
        entry = self._table.find(raws[0].code, raws[0].system, raws[0].channel, False).entry
        return entry is not None and entry.refine is None

    def _decode(self, raw: RawStatus) -> Meaning:
        found = self._table.find(raw.code, raw.system, raw.channel, raw.origin is Origin.ANSWER)
        entry = found.entry
        if entry is None:
            channel = found.channel.name if found.channel else None
            meaning = self._meaning(Status(code=raw.code, system=found.system, channel=channel))
            refine = found.channel.refine if found.channel else None
        else:
            meaning = entry.choose(raw) if entry.alternatives else entry.meaning
            refine = entry.refine
        if raw.delivery_status or raw.upstream or raw.text or raw.retry_after is not None:
            meaning = self._in_context(raw, meaning, entry)
        if refine is not None:
            meaning = self._refined(refine, raw, meaning)
        for hook in self._refiners:
            meaning = self._refined(hook, raw, meaning)
        if meaning.status.description is None:
            self._unknown(raw, meaning.status)
        return meaning

    def _unknown(self, raw: RawStatus, status: Status) -> None:
        # Codes of a system that is not installed are nobody's to fill in.
        if raw.code and (raw.system is None or status.system is not None):
            self._count_unknown(UnknownCode(status.system, status.channel, raw.code))

    def _in_context(self, raw: RawStatus, meaning: Meaning, entry: Entry | None) -> Meaning:
        status = meaning.status
        if raw.upstream is not None:
            status = by_upstream(status, raw.upstream, self._decode(raw.upstream).status)
        if raw.delivery_status is not None:
            status = by_delivery_status(status, raw.delivery_status)
        if raw.text is not None and entry is not None and entry.parameter is not None:
            status = msgspec.structs.replace(status, parameter=parameter_in(raw.text, entry.parameter))
        if raw.retry_after is not None and status.retryable is not False:
            status = msgspec.structs.replace(status, retry_after=raw.retry_after)
        return meaning if status == meaning.status else self._meaning(status)

    def _refined(self, refine: Guard[Status] | Guard[Status | None], raw: RawStatus, meaning: Meaning) -> Meaning:
        status = refine((copy(raw), copy(meaning.status)), (raw, meaning.status))
        return meaning if status is None or status == meaning.status else self._meaning(status)

    def _meaning(self, status: Status) -> Meaning:
        return Meaning(status, status.attributes(self._prefix))


def _nothing_known(_: Mapping[str, Any]) -> None:
    """Where plugins refine or watch, every status goes the long way."""
