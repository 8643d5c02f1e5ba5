# SPDX-License-Identifier: Apache-2.0
"""Asked of raw bytes: can there be a status in this request at all?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from messaging_status.gateway.signals import Signal
from messaging_status.host import Host

__all__ = ["Needles", "needles"]

Needles = Callable[[bytes], tuple[bytes, ...]]
"""Answers which of the needles a text of bytes holds. In a record that holds none of those there is no status."""

_PLAIN: Final = re.compile(r"[ !#-.0-\[\]-~]+")
"""What JSON has only two ways to write: as it is, and with ``\\u``."""
_ESCAPE: Final = b"\\u"
_BYTES: Final = b"bytesValue"
"""What a JSON request holds as base64."""
_MAX_SHORT: Final = 127
"""Bytes of a key whose length takes one byte."""
_TAIL: Final = 4


def needles(host: Host, signal: Signal, *, is_json: bool) -> Needles:
    """What to look for in requests of a signal.

    It may find what is no status, but never misses one.

    Args:
        host: What looks for statuses under keys that it knows.
        signal: Spans, or logs, which carry statuses in their bodies, too.
        is_json: Whether the requests are JSON.
    """
    if signal is Signal.TRACES and not is_json:
        return _keys_in_protobuf([key.encode() for key in sorted(host.code_keys)])
    # In a body, a key with dots may stand as mappings inside mappings.
    keys = {key.rpartition(".")[2] for key in host.code_keys} | host.document_keys | host.text_marks
    is_plain = all(map(_PLAIN.fullmatch, keys))
    hidden = [_ESCAPE, _BYTES] if is_json else [_ESCAPE]
    alone = _without_longer_ones([*hidden, *(key.encode() for key in keys)] if is_plain else [b""])

    def held(content: bytes) -> tuple[bytes, ...]:
        return tuple([needle for needle in alone if needle in content])

    return held


def _keys_in_protobuf(keys: Sequence[bytes]) -> Needles:
    """What to look for where a key is that of an attribute, behind its length.

    One pass for all keys that end alike is four times as fast as one for each key: ``re`` runs to what is alike, and
    looks back from there.
    """
    alike: dict[bytes, list[bytes]] = {}
    alone: list[bytes] = []
    for key in keys:
        tail = key[-_TAIL:]
        # Where an end may overlap another one, as in "dada", a match would hide the next.
        if any(tail.startswith(tail[-length:]) for length in range(1, len(tail))):
            alone += _as_needles(key)
        else:
            alike.setdefault(tail, []).append(key)
    passes = [(re.compile(_ending(tail, group)), [_as_needles(key) for key in group]) for tail, group in alike.items()]

    def held(content: bytes) -> tuple[bytes, ...]:
        found = [needle for needle in alone if needle in content]
        for pattern, needles_of in passes:
            for index in {match.lastindex for match in pattern.finditer(content)}:
                found += needles_of[index - 1]  # type: ignore[operator] # one of the groups is there in a match
        return tuple(found)

    return held


def _ending(tail: bytes, keys: Sequence[bytes]) -> bytes:
    """A pattern for the last bytes of keys, with a group for each key that may stand there."""
    spelled = [b"|".join(map(re.escape, _as_needles(key))) for key in keys]
    return re.escape(tail) + b"(?:" + b"|".join(b"(?<=(" + spelling + b"))" for spelling in spelled) + b")"


def _as_needles(key: bytes) -> tuple[bytes, ...]:
    """How a key looks, with the last byte of its length where it is likely to be a part of other keys.

    That byte is the length, or zero where an encoder has padded it.
    """
    if b"." in key or len(key) > _MAX_SHORT:
        return (key,)
    return (bytes([len(key)]) + key, b"\0" + key)


def _without_longer_ones(sought: Iterable[bytes]) -> list[bytes]:
    """Those that hold none of the others: the others are found wherever these are."""
    distinct = sorted(set(sought), key=lambda needle: (len(needle), needle))
    return [needle for needle in distinct if not any(other in needle for other in distinct if other != needle)]
