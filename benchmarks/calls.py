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
        **_documents(),
    }
    work: dict[str, Work] = {f"worst: {name}": partial(host.enrich, _LOGGER, body) for name, body in bodies.items()}
    yield from _timed(work, rounds=20, repeats=1, unit="ms")


def _documents() -> dict[str, Any]:
    """Receipts and answers as nobody should write them."""
    deep: Any = "x"
    for _ in range(31):
        deep = {"deliveryInfoNotification": deep}
    many_keys = {f"key {number}": "x" for number in range(19_000)}
    return {
        "batch of 1,000 receipts": [_receipt("7206", "SMS", "")] * 1000,
        "answer of 1,000 elements": {"response": [{"code": "1001", "transid": "t"}] * 1000},
        "receipt nested 31 deep": deep,
        "receipt of 19,000 values": {"deliveryInfoNotification": {**many_keys, "deliveryInfo": {"code": "7206"}}},
        "receipt of 100,000 values (not read)": {"deliveryInfoNotification": {str(n): n for n in range(100_000)}},
        "bounce, 64 KiB of `smtp ;`": _receipt("7520", "email", "Transient_General", ("smtp ;" * _LIMIT)[:_LIMIT]),
        "SMTP failure, 64 KiB of `550 5.1.`": _receipt("7554", "email", ("550 5.1." * _LIMIT)[:_LIMIT]),
        "parameter, 64 KiB of `param: a.`": _receipt("7004", "voice", ("param: a." * _LIMIT)[:_LIMIT]),
        "parameter, 64 KiB of `aA.`": _receipt("7330", "rcs", ("aA." * _LIMIT)[:_LIMIT]),
        "Meta's code, 64 KiB of `(#1`": _receipt("7010", "whatsapp", "", ("(#1" * _LIMIT)[:_LIMIT]),
        "128 slash-joined bounce types": _receipt("7520", "email", "/" * 127),
        "64 texts of 1 KiB that hold JSON": {f"text {number}": "[" * 1024 for number in range(64)},
        "text encoded twice, 64 KiB": json.dumps(json.dumps({"a": "x" * (_LIMIT - 100)})),
    }


def _receipt(code: str, channel: str, description: str, more: str = "") -> dict[str, Any]:
    info = {"code": code, "deliveryChannel": channel, "Description": description, "additionalInfo": more}
    return {"deliveryInfoNotification": {"deliveryInfo": {**info, "deliveryStatus": "Failed"}, "transid": "t-1"}}


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
