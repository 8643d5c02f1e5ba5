# SPDX-License-Identifier: Apache-2.0
"""The raw statuses that a record carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

import msgspec

from messaging_status.documents import (
    MAX_BODY_LENGTH,
    Budget,
    Readers,
    TextReaders,
    inner_documents,
    json_value,
    read_document,
    read_envelope,
    read_text,
)
from messaging_status.model import RawStatus
from messaging_status.own_keys import PATTERN, OwnKeys
from messaging_status.settings import Settings
from messaging_status.spelling import MAX_CODE_LENGTH, MAX_NAME_LENGTH, as_code, as_name, as_seconds, normalised

__all__ = ["Locator", "Recognises"]

Attributes = Mapping[str, Any]

Recognises = Callable[[str | None, str | None], bool | None]
"""Whether a system and a channel, as written, are ours: True where at least one is named and the named
system is installed, False where a system is named that is not, None where neither says anything."""

Knows = Callable[[str, str | None, str | None], bool]
"""Whether a catalogue has a code on a system and a channel, as written."""

_MAX_ITEMS: Final = 1_000
_HTTP_KEYS: Final = frozenset({"status_code", "statusCode"})
_HTTP_STATUSES: Final = frozenset(str(status.value) for status in HTTPStatus)
"""HTTP libraries log their status under the same keys as messaging platforms do theirs."""
_NOTHING: Final[Attributes] = {}


class Locator:
    """Finds raw statuses: in attributes first, then in events, then in the body.

    What a place does not say about system and channel is taken from the record's attributes, then from the
    resource's. A record of a system that is not installed carries no status of ours.
    """

    def __init__(
        self,
        settings: Settings,
        systems: Iterable[str],
        readers: Readers,
        text_readers: TextReaders,
        *,
        recognises: Recognises,
        knows: Knows,
    ) -> None:
        """Prepare the look-ups.

        Args:
            settings: Which keys to read, and whether to read log text.
            systems: The names of the systems that are installed.
            readers: Document readers by top-level key.
            text_readers: Readers of log text.
            recognises: Whether a system and a channel, as written, are ours.
            knows: Whether a catalogue has a code on a system and a channel, as written.
        """
        keys, prefix = settings.keys, settings.prefix
        self._code = tuple(dict.fromkeys((f"{prefix}.code", *keys.code)))
        self._channel = tuple(dict.fromkeys((f"{prefix}.channel", *keys.channel)))
        self._system = keys.system
        self._reason = tuple(dict.fromkeys((f"{prefix}.reason", *keys.reason)))
        self._delivery_status = keys.delivery_status
        self._retry_after = keys.retry_after
        details = (*self._reason, *self._delivery_status, *self._retry_after)
        self.detail_keys = frozenset(details)
        self.ordered_keys = (self._code, self._system, self._channel)
        self._recognises = recognises
        self._knows = knows
        self._readers = readers
        self._text_readers = text_readers
        every = (*self._code, *self._channel, *self._system, *details)
        self._paths = [(key, key.split(".")) for key in dict.fromkeys(every)]
        self._own = OwnKeys(systems, code=self._code, channel=self._channel, system=self._system)
        self._pairs = _pair_pattern(every) if settings.log_text else None
        self._code_starts = (*(f"{key}=" for key in self._code), ".status.code=")
        self._standard = frozenset(self._code)
        self._sought = self._standard | self._own.all
        self.code_keys = self._standard | self._own.codes
        self.keys = self._own.all.union(every)
        self.document_keys = frozenset(readers)
        self._marks = tuple(dict.fromkeys(mark for marks, _ in text_readers for mark in marks)) if self._pairs else ()
        self.text_marks = frozenset(self._marks)

    def find(
        self,
        attributes: Attributes,
        body: Any = None,
        events: Iterable[Attributes] = (),
        resource: Attributes | None = None,
    ) -> Sequence[RawStatus]:
        """The raw statuses of one record, normalised, none where it carries none."""
        around = (attributes, _NOTHING if resource is None else resource)
        if not self._sought.isdisjoint(attributes):
            around = (self._translated(attributes), around[1])
            found = self._in_mapping(around[0], around)
            if found is not None:
                return (found,)
        if self._recognises(_name(self._system, around), None) is False:
            return ()
        raws = self._around(attributes, body, events, around)
        wait_s = self._wait_in(attributes)
        if wait_s is None:
            return raws
        return [raw if raw.retry_after is not None else _waiting(raw, wait_s) for raw in raws]

    def _around(
        self, attributes: Attributes, body: Any, events: Iterable[Attributes], around: Sequence[Attributes]
    ) -> Sequence[RawStatus]:
        """The raw statuses of a record whose attributes name none."""
        in_events = [self._in_mapping(event, (event, *around)) for event in map(self._translated, events)]
        if any(in_events):
            return [raw for raw in in_events if raw is not None]
        if body is not None:
            return self._in_body(body, around)
        # Whoever has only a document may hand it over in the attributes' place.
        system, channel = _name(self._system, around), _name(self._channel, around)
        return _completed(read_envelope(self._readers, attributes, Budget()), system, channel)

    def _translated(self, fields: Attributes) -> Attributes:
        return fields if self._own.all.isdisjoint(fields) else self._own.translated(fields)

    def _wait_in(self, fields: Attributes) -> int | None:
        """The seconds to wait that a header of the answer says."""
        found = (as_seconds(fields[key]) for key in self._retry_after if key in fields)
        return next((wait_s for wait_s in found if wait_s is not None), None)

    def _in_mapping(self, fields: Attributes, around: Sequence[Attributes]) -> RawStatus | None:
        """The status that these fields name, looking for system and channel around them.

        Of several codes under keys without a dot, one that a catalogue has comes first: an HTTP status
        may stand beside it.
        """
        system = channel = recognised = unknown = None
        for key in self._code:
            if key not in fields:
                continue
            code = fields[key]
            if type(code) is not str or not (code.isascii() and code.isalnum()) or len(code) > MAX_CODE_LENGTH:
                code = as_code(code)
            if code is None or (key in _HTTP_KEYS and code in _HTTP_STATUSES):
                continue
            if recognised is None:
                system, channel = _name(self._system, around), _name(self._channel, around)
                recognised = self._recognises(system, channel)
            if recognised or (recognised is None and "." in key):
                raw = RawStatus(code=code, system=system, channel=channel)
                if not self.detail_keys.isdisjoint(fields):
                    reason, delivery_status = _name(self._reason, (fields,)), _name(self._delivery_status, (fields,))
                    raw = msgspec.structs.replace(
                        raw, reason=reason, delivery_status=delivery_status, retry_after=self._wait_in(fields)
                    )
                if "." in key or self._knows(code, system, channel):
                    return raw
                unknown = unknown or raw
        return unknown

    def _in_body(self, body: Any, around: Sequence[Attributes]) -> Sequence[RawStatus]:
        if isinstance(body, (str, bytes)):
            if len(body) > MAX_BODY_LENGTH or (isinstance(body, str) and not _fits(body)):
                return ()
            value = json_value(body)
            if value is None:
                return self._in_text(body, around)
        else:
            value = body
        budget = Budget()
        if isinstance(value, Mapping):
            return self._in_document(value, around, budget)
        if isinstance(value, Sequence):
            items = [item for item in islice(value, _MAX_ITEMS) if isinstance(item, Mapping)]
            return [raw for item in items for raw in self._in_document(item, around, budget)]
        return ()

    def _in_document(
        self, content: Mapping[Any, Any], around: Sequence[Attributes], budget: Budget
    ) -> Sequence[RawStatus]:
        system, channel = _name(self._system, around), _name(self._channel, around)
        ours = self._recognises(system, channel)
        read = read_document(self._readers, content, system if ours else None, channel if ours else None, budget)
        if found := _completed(read, system, channel):
            return found
        fields = self._translated({**_flat(content, self._paths), **self._own.nested_in(content)})
        raw = None if self._standard.isdisjoint(fields) else self._in_mapping(fields, (fields, *around))
        if raw is not None:
            return (raw,)
        inner = inner_documents(content) if self._readers else ()
        found_in = (_completed(read_envelope(self._readers, document, budget), system, channel) for document in inner)
        return next(filter(None, found_in), ())

    def _in_text(self, body: str | bytes, around: Sequence[Attributes]) -> Sequence[RawStatus]:
        if self._pairs is None:
            return ()
        text = body.decode(errors="replace") if isinstance(body, bytes) else body
        found = self._in_pairs(text, around) if any(start in text for start in self._code_starts) else ()
        if found or not any(map(text.__contains__, self._marks)):
            return found
        system, channel = _name(self._system, around), _name(self._channel, around)
        ours = self._recognises(system, channel)
        read = read_text(self._text_readers, text, system if ours else None, channel if ours else None)
        return _completed(read, system, channel)

    def _in_pairs(self, text: str, around: Sequence[Attributes]) -> Sequence[RawStatus]:
        """The status that a text names in ``key=value`` pairs."""
        if self._pairs is None:
            return ()
        pairs: dict[str, str] = {}
        for key, quoted, bare in self._pairs.findall(text):
            pairs.setdefault(key, quoted or bare.rstrip(".:!?"))
        fields = self._translated(pairs)
        raw = self._in_mapping(fields, (fields, *around)) if fields else None
        if raw is None:
            return ()
        # In a text, "code=" is as often a one-time password as a status.
        is_status = self._knows(raw.code, raw.system, raw.channel) or any(
            "." in key for key in self._code if key in fields
        )
        return (raw,) if is_status else ()


def _fits(text: str) -> bool:
    """Whether a text is short enough to be searched, in bytes."""
    return text.isascii() or len(text.encode(errors="replace")) <= MAX_BODY_LENGTH


def _flat(content: Mapping[Any, Any], paths: Iterable[tuple[str, Sequence[str]]]) -> dict[str, Any]:
    """Those of the keys that the content has, flat as ``messaging.status.code`` or in mappings inside mappings."""
    found: dict[str, Any] = {}
    for key, parts in paths:
        if key in content:
            found[key] = content[key]
        elif len(parts) > 1 and parts[0] in content:
            value: Any = content
            for part in parts:
                if not isinstance(value, Mapping) or part not in value:
                    break
                value = value[part]
            else:
                found[key] = value
    return found


def _name(keys: Sequence[str], places: Sequence[Attributes]) -> str | None:
    """The first name under one of the keys, in the first place that has one."""
    for place in places:
        for key in keys:
            if key in place:
                value = place[key]
                name: str | None = value if type(value) is str and len(value) <= MAX_NAME_LENGTH else as_name(value)
                if name:
                    return name
    return None


def _waiting(raw: RawStatus, wait_s: int) -> RawStatus:
    return msgspec.structs.replace(raw, retry_after=wait_s)


def _completed(raws: Iterable[RawStatus], system: str | None, channel: str | None) -> Sequence[RawStatus]:
    """A reader's raw statuses, normalised, with what only the record around the document says."""
    known = (normalised(raw) for raw in raws)
    return [
        msgspec.structs.replace(raw, system=raw.system or system, channel=raw.channel or channel)
        for raw in known
        if raw.code
    ]


def _pair_pattern(keys: Sequence[str]) -> re.Pattern[str]:
    """Finds ``key=value`` and ``key="value"``. Values are bounded, so that the search takes linear time."""
    names = "|".join((*(re.escape(key) for key in sorted(set(keys), key=len, reverse=True)), PATTERN))
    value = r"""(?:["']([^"'\n]{1,128})["']|([^\s"',;&|<>)\]}]{1,128}))"""
    return re.compile(rf"(?<![\w.-])({names})={value}")
