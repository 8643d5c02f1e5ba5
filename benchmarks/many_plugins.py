# SPDX-License-Identifier: Apache-2.0
"""What a hundred plugins cost a span with a status, beside one."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import invalidate_caches
from importlib.metadata import entry_points
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.generated import CODES, PLUGINS, channel_of, entry_name, install, install_ours, own_system_of
from benchmarks.measure import Figure, interleaved, ratios, repeated
from benchmarks.sender import Attributes, Nothing, Sender, with_status

from messaging_status import Host
from messaging_status.otel import StatusSpanExporter

_BATCH: Final = 512
_ROUNDS: Final = 120
_RECEIPT: Final = {
    "deliveryInfoNotification": {
        "deliveryInfo": {"code": "7206", "deliveryChannel": "sms", "deliveryStatus": "Un-Delivered"},
        "transid": "t-1",
    }
}


def figures() -> Iterator[Figure]:
    """A hundred plugins in systems of their own, a hundred in one system, and all of ours with the first hundred."""
    before = list(sys.path)
    with TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        try:
            yield from _against_one(Path(folder), "own")
            sys.path += install_ours(Path(folder))
            invalidate_caches()
            yield from _everything()
            yield from _against_one(Path(folder), "shared")
        finally:
            sys.path[:] = before


def _everything() -> Iterator[Figure]:
    """Records of Webex Connect where its plugins are alone, and where all others are, too."""
    alone = Host.load(
        {
            "plugins": {
                "allowed": [
                    entry.name for entry in entry_points(group="messaging_status") if _is_webex_connect(entry.name)
                ]
            }
        },
        strict=True,
    )
    among = Host.load({}, strict=True)
    named = [with_status("webex_connect", "sms", code) for code in ("7206", "7208", "7500")]
    records: dict[str, tuple[Attributes, object]] = {
        "a span that names its system": (named[0], None),
        "a span that names its channel alone": ({"messaging.channel": "sms", "messaging.status.code": "7206"}, None),
        "a span of nobody": ({"http.request.method": "GET", "code": "17", "url.path": "/"}, None),
        "a log with a receipt": ({}, _RECEIPT),
        "a line of log": ({}, "12:00 GET /orders 200 in 12 ms by id: 17 of 4711, nothing to see here"),
    }
    sender = Sender()
    times = interleaved(
        {
            "alone": sender.exports(_batch(named), StatusSpanExporter(Nothing(), alone)),
            "among": sender.exports(_batch(named), StatusSpanExporter(Nothing(), among)),
        },
        _ROUNDS,
    )
    what = "all ours and 100 more ÷ Webex Connect alone"
    yield Figure(f"{what}: its spans", ratios(times["among"], times["alone"]), "x", 1.1)
    for name, (attributes, body) in records.items():
        looks = interleaved(
            {
                "alone": repeated(partial(alone.enrich, attributes, body), 200),
                "among": repeated(partial(among.enrich, attributes, body), 200),
            },
            _ROUNDS,
        )
        ns = statistics.median(looks["among"])
        yield Figure(f"{what}: enrich {name}", ratios(looks["among"], looks["alone"]), "x", beside=f"{ns:,.0f} ns")


def _is_webex_connect(plugin: str) -> bool:
    return plugin.startswith("webex_connect.")


def _against_one(site: Path, kind: str) -> Iterator[Figure]:
    install(site, kind)
    invalidate_caches()
    one = _host([entry_name(kind, 0)])
    hundred = _host([entry_name(kind, index) for index in range(PLUGINS)])
    systems = [own_system_of(index) if kind == "own" else "shared" for index in range(PLUGINS)]
    of_one = [with_status(systems[0], channel_of(0), code) for code in CODES]
    of_many = [with_status(systems[index], channel_of(index), code) for index, code in enumerate(CODES)]
    sender = Sender()
    times = interleaved(
        {
            "one": sender.exports(_batch(of_one), StatusSpanExporter(Nothing(), one)),
            "hundred": sender.exports(_batch(of_one), StatusSpanExporter(Nothing(), hundred)),
            "spread": sender.exports(_batch(of_many), StatusSpanExporter(Nothing(), hundred)),
        },
        _ROUNDS,
    )
    where = "each in its own system" if kind == "own" else "all in one system"
    yield Figure(f"100 plugins ÷ 1, {where}: the same spans", ratios(times["hundred"], times["one"]), "x", 1.1)
    yield Figure(f"100 plugins ÷ 1, {where}: spans of 30 of them", ratios(times["spread"], times["one"]), "x", 1.1)


def _batch(attributes: Sequence[Attributes]) -> list[Attributes]:
    return list(islice(cycle(attributes), _BATCH))


def _host(plugins: list[str]) -> Host:
    return Host.load({"plugins": {"allowed": plugins}}, strict=True)
