# SPDX-License-Identifier: Apache-2.0
"""Asked of raw bytes: can there be a status in this request at all?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from messaging_status.gateway.signals import Signal
from messaging_status.host import Host

__all__ = ["Needles", "needles"]

Needles = Callable[[bytes], tuple[bytes, ...]]
"""Answers which of the needles a text of bytes holds. In a record that holds none of those there is no status."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]+")
"""Keys that JSON has only two ways to write: as they are, and with ``\\u``."""
_ESCAPE: Final = b"\\u"
_MAX_SHORT: Final = 127
"""Bytes of a key whose length takes one byte."""


def needles(host: Host, signal: Signal, *, is_json: bool) -> Needles:
    """What to look for in requests of a signal.

    It may find what is no status, but never misses one.

    Args:
        host: What looks for statuses under keys that it knows.
        signal: Spans, or logs, which carry statuses in their bodies, too.
        is_json: Whether the requests are JSON.
    """
    if signal is Signal.TRACES and not is_json:
        sought = [needle for key in host.code_keys for needle in _as_protobuf(key)]
    else:
        # In a body, a key with dots may stand as mappings inside mappings.
        keys = {key.rpartition(".")[2] for key in host.code_keys} | host.document_keys
        is_plain = all(map(_PLAIN.fullmatch, keys))
        sought = [_ESCAPE, *(key.encode() for key in keys)] if is_plain else [b""]
    alone = _without_longer_ones(sought)

    def held(content: bytes) -> tuple[bytes, ...]:
        return tuple([needle for needle in alone if needle in content])

    return held


def _as_protobuf(key: str) -> list[bytes]:
    """What the key of an attribute looks like, with the last byte of its length where it is likely to be a part of
    other keys.

    That byte is the length, or zero where an encoder has padded it.
    """
    name = key.encode()
    if "." in key or len(name) > _MAX_SHORT:
        return [name]
    return [bytes([len(name)]) + name, b"\0" + name]


def _without_longer_ones(sought: Iterable[bytes]) -> list[bytes]:
    """Those that hold none of the others: the others are found wherever these are."""
    distinct = sorted(set(sought), key=lambda needle: (len(needle), needle))
    return [needle for needle in distinct if not any(other in needle for other in distinct if other != needle)]
