# SPDX-License-Identifier: Apache-2.0
"""What a span pays for its way through the wrapped exporter, beside making and encoding it with the stock SDK."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

from benchmarks.measure import Figure, interleaved, ratios
from benchmarks.sender import WITHOUT_STATUS, Encoder, Nothing, Sender, with_status

from messaging_status import Host
from messaging_status.otel import StatusSpanExporter

_BATCH: Final = 512
_ROUNDS: Final = 120
_STATUSES: Final = (("sms", "7206"), ("email", "7520"), ("whatsapp", "7000"), ("rcs", "7011"), ("push", "7001"))


def figures() -> Iterator[Figure]:
    """Spans without a status, then spans with one.

    A span that we touch first has to be fetched from memory; the encoder behind us then finds it in the
    cache. The wait is not ours: without us, the encoder has it. So the target for a look that finds
    nothing is compared with spans that are in the cache.
    """
    host = Host.load({}, strict=True)
    yield from _without(host)
    yield from _with(host)


def _without(host: Host) -> Iterator[Figure]:
    sender, batch = Sender(), [WITHOUT_STATUS] * _BATCH
    wrapped = StatusSpanExporter(Nothing(), host)
    times = interleaved(
        {
            "stock": sender.sends(batch, Encoder()),
            "ours": sender.sends(batch, StatusSpanExporter(Encoder(), host)),
            "share": sender.exports(batch, wrapped),
            "share in cache": sender.exports(batch, wrapped, in_cache=True),
            "share with event": sender.exports(batch, wrapped, event="retry"),
        },
        _ROUNDS,
    )
    stock = times["stock"]
    yield Figure("stock span: make and encode", stock, "ns")
    yield Figure("span without a status: ours ÷ stock", ratios(times["ours"], stock), "x")
    yield _share("span without a status: our share of stock", times["share in cache"], stock, target=1)
    yield _share("the same, we touch each span first", times["share"], stock)
    yield _share("span without a status, with an event: our share of stock", times["share with event"], stock)


def _with(host: Host) -> Iterator[Figure]:
    sender = Sender()
    wrapped = StatusSpanExporter(Nothing(), host)
    batch = [with_status("webex_connect", *status) for status in islice(cycle(_STATUSES), _BATCH)]
    added = [host.enrich(attributes) for attributes in batch]
    final = [{**attributes, **more} for attributes, more in zip(batch, added, strict=True)]
    times = interleaved(
        {
            "stock": sender.sends(batch, Encoder(), added),
            "stock at once": sender.sends(final, Encoder()),
            "ours": sender.sends(batch, StatusSpanExporter(Encoder(), host)),
            "share": sender.exports(batch, wrapped),
            "share in cache": sender.exports(batch, wrapped, in_cache=True),
        },
        _ROUNDS,
    )
    stock = times["stock"]
    yield Figure("stock span with the final attributes: make, set_attributes and encode", stock, "ns")
    yield Figure("span with a status: ours ÷ stock with set_attributes", ratios(times["ours"], stock), "x", 1)
    yield Figure("the same, stock with all set at the start", ratios(times["ours"], times["stock at once"]), "x")
    yield _share("span with a status: our share of stock", times["share"], stock, target=5)
    yield _share("the same, spans in the processor's cache already", times["share in cache"], stock)


def _share(name: str, own: list[float], stock: list[float], target: float | None = None) -> Figure:
    median = sorted(own)[len(own) // 2]
    return Figure(name, ratios(own, stock, 100), "%", target, f"{median:.0f} ns a span")
