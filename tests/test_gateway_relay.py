# SPDX-License-Identifier: Apache-2.0
"""What a sender is told where the gateway itself goes wrong."""

from __future__ import annotations

import asyncio
import logging

import pytest
from grpc import StatusCode

from messaging_status import Host
from messaging_status.gateway.answer import Answer
from messaging_status.gateway.metrics import Metrics
from messaging_status.gateway.relay import Relay, Sent
from messaging_status.gateway.signals import Signal


class Broken:
    """A next hop that is not what it should be."""

    takes_json = packs = True

    async def send(self, *_: object, **__: object) -> Answer:
        msg = "cannot send to +491701234567"
        raise RuntimeError(msg)

    async def close(self) -> None:
        """Nothing is open."""


def test_a_request_that_was_not_sent_may_be_sent_again(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()

    async def ask(relay: Relay) -> Answer:
        sent = Sent(signal=Signal.TRACES, body=b"", is_json=False, is_packed=False, headers=())
        return await relay.answered(Signal.TRACES, "http", relay.passed(sent))

    async def ask_three_times() -> list[Answer]:
        relay = Relay(host, Broken(), metrics, lambda _: True)
        answers = [await ask(relay) for _ in range(3)]
        await relay.close()
        return answers

    with caplog.at_level(logging.ERROR):
        answers = asyncio.run(ask_three_times())
    said = [(answer.code, answer.http_status, answer.message) for answer in answers]
    assert said == [(StatusCode.UNAVAILABLE, 503, "the gateway failed")] * 3
    assert b'failures_total{cause="internal"} 3.0' in metrics.text()
    (record,) = caplog.records
    assert record.getMessage().startswith("requests are not sent on: RuntimeError at test_gateway_relay.py:")
    assert "4917" not in caplog.text
