# SPDX-License-Identifier: Apache-2.0
"""Nanoseconds of one call of the host: decode, enrich with and without a status, and the worst records we know."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from benchmarks.measure import Figure, Work, interleaved, repeated
from benchmarks.sender import WITHOUT_STATUS, Encoder, Sender, with_status

from messaging_status import Host, RawStatus

_SYSTEM: Final = "webex_connect"
_LOGGER: Final = {"code.function.name": "send", "thread.name": "worker-3"}
_PROSE: Final = "The gateway answered in 7206 ms, and the queue of channel workers held 42 messages at 10:15. "
_LIMIT: Final = 64 * 1024
_STOCK: Final = "stock span"


def usual() -> Iterator[Figure]:
    """What most records cost."""
    host = Host.load({}, strict=True)
    bounce = RawStatus(code="7520", system=_SYSTEM, channel="email", reason="Transient_MailboxFull")
    pairs = 'level=warn msg="not delivered" channel=sms code=7206 attempt=2'
    fields = json.dumps({"level": "warn", "message": "not delivered", "channel": "sms", "code": "7206", "attempt": 2})
    work: dict[str, Work] = {
        "decode, plain row": partial(host.decode, RawStatus(code="7206", system=_SYSTEM, channel="sms")),
        "decode, row with variants": partial(host.decode, bounce),
        "enrich attributes, hit": partial(host.enrich, with_status(_SYSTEM, "sms", "7206")),
        "enrich attributes, miss": partial(host.enrich, WITHOUT_STATUS),
        "enrich log body, hit: key=value text": partial(host.enrich, _LOGGER, pairs),
        "enrich log body, hit: JSON text": partial(host.enrich, _LOGGER, fields),
        "enrich log body, miss: one line of prose": partial(host.enrich, _LOGGER, _PROSE),
        "enrich log body, miss: 2 KB of prose": partial(host.enrich, _LOGGER, (_PROSE * 30)[:2048]),
    }
    yield from _timed(work, rounds=100, repeats=300, unit="ns")


def worst() -> Iterator[Figure]:
    """What a record can be made to cost, by whoever writes it."""
    host = Host.load({}, strict=True)
    bodies: dict[str, Any] = {
        '64 KiB of `code="`': ('code="' * _LIMIT)[:_LIMIT],
        "64 KiB of `code=`": ("code=" * _LIMIT)[:_LIMIT],
        "64 KiB of `code=1 `": ("code=1 " * _LIMIT)[:_LIMIT],
        "64 KiB of `[`": "[" * _LIMIT,
        "64 KiB of `[],`": f"[{'[],' * (_LIMIT // 3 - 1)}[]]"[:_LIMIT],
        "64 KiB JSON object of many keys": _json_object(),
        "64 KiB JSON list of objects": json.dumps([{"code": "7206"}] * (_LIMIT // 18))[:_LIMIT],
        "64 KiB of prose": (_PROSE * _LIMIT)[:_LIMIT],
        "64 KiB of spaces": " " * _LIMIT,
        "64 KiB of bytes that are no text": b"\xff" * _LIMIT,
        "mapping of 100,000 keys": {f"key {number}": number for number in range(100_000)},
        "list of 1,000 statuses": [{"channel": "sms", "code": "7206"}] * 1000,
        "64 KiB + 1 of prose (not searched)": (_PROSE * _LIMIT)[: _LIMIT + 1],
    }
    work: dict[str, Work] = {f"worst: {name}": partial(host.enrich, _LOGGER, body) for name, body in bodies.items()}
    yield from _timed(work, rounds=20, repeats=1, unit="ms")


def _json_object() -> str:
    fields: Mapping[str, int] = {f"k{number}": number for number in range(100_000)}
    text = json.dumps(fields, separators=(",", ":"))
    return text[: text.rindex(",", 0, _LIMIT - 1)] + "}"


def _timed(work: Mapping[str, Work], rounds: int, repeats: int, unit: str) -> Iterator[Figure]:
    stock = Sender().sends([WITHOUT_STATUS] * 64, Encoder())
    times = interleaved({_STOCK: stock, **{name: repeated(do, repeats) for name, do in work.items()}}, rounds)
    for name in work:
        values = times[name]
        spans = statistics.median(values) / statistics.median(times[_STOCK])
        divisor = {"ns": 1, "ms": 1_000_000}[unit]
        yield Figure(name, [value / divisor for value in values], unit, beside=f"{spans:.3g} stock spans")
