# SPDX-License-Identifier: Apache-2.0
"""Requests in protobuf: what comes to a record is added behind its bytes, which stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from messaging_status.gateway.needles import needles
from messaging_status.gateway.records import SPAN_ERROR, Addition, Decoded, Enriched, Records
from messaging_status.gateway.signals import Signal
from messaging_status.gateway.wire import KeyValue, Log, Request, Span
from messaging_status.host import Host
from messaging_status.model import AttributeValue
from messaging_status.otlp_values import mapping_in_protobuf, value_in_protobuf

__all__ = ["protobuf_enricher"]

_MAX_REMEMBERED: Final = 4_096
_MAX_KEY: Final = 1_024
"""Bytes of what it is remembered under."""
_KEY, _VALUE = b"\n\x12"
"""How the two fields of an attribute begin."""
_MAX_SHORT: Final = 127
"""Bytes of a key whose length takes one byte."""


class _Suffix(NamedTuple):
    """What is added behind a record's bytes; protobuf joins what stands twice."""

    content: bytes
    decoded: Decoded


_Key = tuple[tuple[bytes, ...], tuple[bytes, ...], bool]
"""What a span says of its status: attributes of its own, those of its resource, and whether its status is unset."""

_NEW: Final = _Suffix(b"", Decoded("", "", ""))
"""In the place of what is not remembered yet."""

_SuffixOf = Callable[[bytes], _Suffix | None]
"""Answers what is added to a record. It may raise."""


def protobuf_enricher(host: Host, signal: Signal) -> Callable[[bytes], Enriched]:
    """A function that answers requests of a signal, enriched. It never raises.

    What is no request at all, and a record that cannot be enriched, are answered as they are: the next hop has to
    say what it thinks of them.
    """
    if signal is Signal.METRICS:
        return _counted
    held = needles(host, signal, is_json=False)
    within = _SpanSuffixes(host).within if signal is Signal.TRACES else _log_suffixes(host)

    def enriched(body: bytes) -> Enriched:
        sought = held(body)
        if not sought:
            return _counted(body)
        try:
            request = Request.FromString(body)
        except DecodeError:
            return Enriched(body, 0, Counter())
        decoded: Counter[Decoded] = Counter()
        for group in request.groups:
            try:
                _enrich(group, within, sought, decoded, host)
            except Exception as error:  # noqa: BLE001 - whatever a resource is made of, its records go on
                host.stumbled(error)
        return Enriched(request.SerializeToString() if decoded else body, _records_in(request), decoded)

    return enriched


def _enrich(
    group: Any,
    within: Callable[[Sequence[bytes]], _SuffixOf],
    sought: Sequence[bytes],
    decoded: Counter[Decoded],
    host: Host,
) -> None:
    """Enrich the records of one resource, where they are."""
    suffix_of = within(list(group.resource.attributes))
    for scope in group.scopes:
        for index, record in _holding(scope.records, sought):
            try:
                suffix = suffix_of(record)
            except Exception as error:  # noqa: BLE001 - whatever a record is made of, it goes on as it is
                host.stumbled(error)
                continue
            if suffix is not None:
                scope.records[index] = record + suffix.content
                decoded[suffix.decoded] += 1


def _counted(body: bytes) -> Enriched:
    try:
        request = Request.FromString(body)
    except DecodeError:
        return Enriched(body, 0, Counter())
    return Enriched(body, _records_in(request), Counter())


def _records_in(request: Any) -> int:
    return sum(len(scope.records) for group in request.groups for scope in group.scopes)


def _holding(records: Sequence[bytes], sought: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """The records that hold one of the needles, and where they are."""
    if len(sought) == 1:
        needle = sought[0]
        return [(index, record) for index, record in enumerate(records) if needle in record]
    return [(index, record) for index, record in enumerate(records) if any(needle in record for needle in sought)]


class _SpanSuffixes:
    """What is added to spans, remembered: senders write the same few statuses over and over again."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._records = Records(host)
        self._sets_status = host.settings.span_error_status
        keys = [key.encode() for key in host.attribute_keys]
        self._starts = frozenset(b"\n" + bytes([len(key)]) + key for key in keys if len(key) <= _MAX_SHORT)
        self._remembers = len(self._starts) == len(keys)
        self._remembered: dict[_Key, _Suffix | None] = {}
        self._revision = host.revision

    def within(self, resource: Sequence[bytes]) -> _SuffixOf:
        """A function that answers what is added to the spans of a resource."""
        if self._revision != self._host.revision:
            self._revision = self._host.revision
            # Another one, not an empty one: whoever is at work still puts what held before into the old one.
            self._remembered = {}
        remembered, sets_status = self._remembered, self._sets_status
        of_resource = _mapping(resource)
        around = self._picked(resource)

        def suffix_of(record: bytes) -> _Suffix | None:
            span = Span.FromString(record)
            is_unset = not sets_status or span.status.code == 0
            picked = self._picked(span.attributes)
            if picked is None or around is None:
                return self._found(span, of_resource, is_unset=is_unset)
            key = (picked, around, is_unset)
            suffix = remembered.get(key, _NEW)
            return self._remember(remembered, span, key, of_resource) if suffix is _NEW else suffix

        return suffix_of

    def _picked(self, pairs: Iterable[bytes]) -> tuple[bytes, ...] | None:
        """The attributes that say something about the status; None where some are written as encoders do not."""
        starts = self._starts
        if not self._remembers:
            return None
        try:
            return tuple(
                [
                    pair
                    for pair in pairs
                    if pair[: 2 + (size := pair[1])] in starts
                    or (
                        (pair[0] != _KEY or pair[2 + size] != _VALUE or len(pair) != 4 + size + pair[3 + size])
                        and _is_odd(pair)
                    )
                ]
            )
        except (IndexError, _Odd):
            return None

    def _remember(
        self, remembered: dict[_Key, _Suffix | None], span: Any, key: _Key, resource: Mapping[str, Any]
    ) -> _Suffix | None:
        """What is added to a span, remembered where it depends on nothing but what it is remembered under."""
        picked, around, is_unset = key
        attributes, of_resource = _mapping(picked), _mapping(around)
        if sum(map(len, (*picked, *around))) > _MAX_KEY or not self._host.says_always(attributes, of_resource):
            return self._found(span, resource, is_unset=is_unset)
        if len(remembered) >= _MAX_REMEMBERED:
            remembered.clear()
        addition = self._records.span(attributes, (), of_resource, is_status_unset=is_unset)
        suffix = remembered[key] = None if addition is None else _span_suffix(addition)
        return suffix

    def _found(self, span: Any, resource: Mapping[str, Any], *, is_unset: bool) -> _Suffix | None:
        events = [_mapping(event.attributes) for event in span.events]
        addition = self._records.span(_mapping(span.attributes), events, resource, is_status_unset=is_unset)
        return None if addition is None else _span_suffix(addition)


class _Odd(Exception):  # noqa: N818 - it is what it is called
    """An attribute that is written as encoders do not: another parser may read more in it than we see."""


def _is_odd(pair: bytes) -> bool:
    """Whether an attribute is anything but a key and a value, in this order, each once: then it raises.

    Raises:
        _Odd: If it is.
    """
    size = pair[1]
    position = 3 + size
    length = shift = 0
    while pair[position] > _MAX_SHORT:
        length |= (pair[position] & _MAX_SHORT) << shift
        shift += 7
        position += 1
    length |= pair[position] << shift
    if pair[0] != _KEY or size > _MAX_SHORT or pair[2 + size] != _VALUE or len(pair) != position + 1 + length:
        raise _Odd
    return False


def _span_suffix(addition: Addition) -> _Suffix:
    content = Span(attributes=_pairs(addition.attributes))
    if addition.is_failure:
        content.status.code = SPAN_ERROR
    return _Suffix(content.SerializeToString(), addition.decoded)


def _log_suffixes(host: Host) -> Callable[[Sequence[bytes]], _SuffixOf]:
    """As :meth:`_SpanSuffixes.within`, for log records, whose bodies differ."""
    records = Records(host)

    def within(resource: Sequence[bytes]) -> _SuffixOf:
        of_resource = _mapping(resource)

        def suffix_of(record: bytes) -> _Suffix | None:
            log = Log.FromString(record)
            body = value_in_protobuf(log.body) if log.HasField("body") else None
            addition = records.log(_mapping(log.attributes), body, of_resource, log.severity_number)
            return None if addition is None else _log_suffix(addition)

        return suffix_of

    return within


def _log_suffix(addition: Addition) -> _Suffix:
    content = Log(attributes=_pairs(addition.attributes))
    if addition.severity_number is not None:
        content.severity_number = addition.severity_number
    return _Suffix(content.SerializeToString(), addition.decoded)


def _mapping(pairs: Iterable[bytes]) -> dict[str, Any]:
    return mapping_in_protobuf(map(KeyValue.FromString, pairs))


def _pairs(attributes: Mapping[str, AttributeValue]) -> list[bytes]:
    pairs = []
    for key, value in attributes.items():
        pair = KeyValue(key=key)
        if isinstance(value, bool):
            pair.value.bool_value = value
        elif isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value
        pairs.append(pair.SerializeToString())
    return pairs
