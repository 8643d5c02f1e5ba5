# SPDX-License-Identifier: Apache-2.0
"""The way of one request: unpacked, enriched, sent on; the sender is answered when the next hop has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, TypeVar

import msgspec
from grpc import StatusCode

from messaging_status.gateway.answer import Answer, failure
from messaging_status.gateway.files import Admits
from messaging_status.gateway.json_form import json_enricher, nests_within
from messaging_status.gateway.metrics import Metrics
from messaging_status.gateway.next_hop import Headers, NextHop
from messaging_status.gateway.protobuf import protobuf_enricher
from messaging_status.gateway.records import Enriched
from messaging_status.gateway.refused import Cause, Refused
from messaging_status.gateway.signals import Signal
from messaging_status.gateway.transcoding import BadJson, as_json_answer, as_protobuf
from messaging_status.gateway.unpacking import NotGzip, TooLarge, packed, unpacked
from messaging_status.guard import log_error, log_warning, place_of
from messaging_status.host import Host
from messaging_status.settings import Gateway

__all__ = ["Relay", "Sent"]

_LARGE: Final = 256 * 1024
"""Bytes of a request whose enriching would keep others waiting: it is done on a thread."""
_MAX_OBJECTS: Final = 1_000_000
"""Of a request in JSON: even an empty object takes a hundred bytes of memory."""
_READERS: Final = 4
"""For each request in flight, so many may be on their way in: a sender that is slow with one keeps nobody else out."""
_FRESH_S: Final = 1.0
_PROBE_S: Final = 2.0
_QUIET_S: Final = 10.0
"""A next hop that comes and goes does not fill the log."""
_TOO_MANY: Final = "too many requests in flight"
_T = TypeVar("_T")
_AUTHORIZATION: Final = "authorization"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it was sent.

    Attributes:
        signal: What it carries.
        body: Its bytes.
        is_json: Whether they are JSON.
        is_packed: Whether they are packed with gzip.
        headers: Those that are passed on.
    """

    signal: Signal
    body: bytes
    is_json: bool
    is_packed: bool
    headers: Headers


class Relay:
    """Passes requests on. It holds nothing but those that are under way.

    Attributes:
        settings: The settings.
        metrics: What is counted.
        admits: Who is let in.
        is_leaving: Whether it is about to stop.
    """

    def __init__(self, host: Host, hop: NextHop, metrics: Metrics, admits: Admits) -> None:
        """Connect the parts.

        Args:
            host: What decodes.
            hop: Where requests are sent on.
            metrics: What counts.
            admits: Who is let in.
        """
        self.settings: Gateway = host.settings.gateway
        self.metrics = metrics
        self.admits = admits
        self.is_leaving = False
        self._hop = hop
        self._enrichers: dict[tuple[Signal, bool], Callable[[bytes], Enriched]] = {
            (signal, is_json): (json_enricher if is_json else protobuf_enricher)(host, signal)
            for signal in Signal
            for is_json in (False, True)
        }
        passed = {name.lower() for name in self.settings.pass_headers}
        # What lets a sender in here is nobody else's business.
        self._passed = passed - {_AUTHORIZATION} if self.settings.tokens_file else passed
        self._in_flight = 0
        self._was_reachable = True
        self._stumbles: set[str] = set()
        self._noted = -_QUIET_S
        self._reading = 0
        self._thread = ThreadPoolExecutor(1, "messaging-status-gateway")
        self._probing = asyncio.Lock()
        self._probed: tuple[float, bool] = (-_FRESH_S, False)

    def passed_on(self, headers: Iterable[tuple[str, str]]) -> Headers:
        """Those of a sender's headers that are passed on.

        Raises:
            Refused: If one of them cannot be.
        """
        passed = [(name, value) for name, value in headers if name.lower() in self._passed]
        for name, value in passed:
            if not (value.isascii() and value.isprintable()):
                raise Refused(Cause.BAD_REQUEST, f"the header {name} has other characters than printable ASCII")
        return passed

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among the requests in flight, while the block runs.

        Raises:
            Refused: If there is none.
        """
        if self._in_flight >= self.settings.max_in_flight:
            raise Refused(Cause.TOO_MANY, _TOO_MANY)
        self._in_flight += 1
        self.metrics.in_flight.inc()
        try:
            yield
        finally:
            self._in_flight -= 1
            self.metrics.in_flight.dec()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A place among the requests that are being read, while the block runs.

        Raises:
            Refused: If there is none.
        """
        if self._reading >= self.settings.max_in_flight * _READERS:
            raise Refused(Cause.TOO_MANY, _TOO_MANY)
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    async def answered(self, signal: Signal, transport: str, passing: Awaitable[Answer]) -> Answer:
        """What a sender is told, counted, also where its request is refused.

        Args:
            signal: What the request carries.
            transport: How it was sent: ``grpc`` or ``http``.
            passing: Answers what the next hop has answered, or refuses.
        """
        try:
            answer = await passing
        except Refused as refused:
            self.metrics.failed(refused.cause)
            answer = refused.answer
        except asyncio.CancelledError:
            self.metrics.failed(Cause.GONE.value[0])
            raise
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the sender has to know that it was not sent
            if (place := place_of(error)) not in self._stumbles:
                self._stumbles.add(place)
                log_error("requests are not sent on: %s", place)
            self.metrics.failed("internal")
            answer = failure(StatusCode.UNAVAILABLE, 503, "the gateway failed")
        self.metrics.answered(signal, transport, answer.code.name)
        return answer

    async def passed(self, sent: Sent) -> Answer:
        """Enrich a request, send it on, and answer what the next hop has answered.

        Raises:
            Refused: If it cannot be read, or is over a limit.
        """
        began = monotonic()
        plain = await self._unpacked(sent)
        found, outgoing = await self._in_turn(self._prepared, sent, plain)
        body, is_packed = await self._packed(sent, outgoing, plain)
        handed = monotonic()
        answer = await self._hop.send(
            sent.signal,
            body,
            is_json=sent.is_json and self._hop.takes_json,
            is_packed=is_packed,
            headers=sent.headers,
        )
        back = monotonic()
        self._note(answer)
        if answer.is_ok:
            self.metrics.enriched(sent.signal, found)
            if sent.is_json and not self._hop.takes_json:
                answer = msgspec.structs.replace(answer, body=as_json_answer(answer.body, sent.signal))
        self.metrics.took(handed - began + monotonic() - back, back - handed)
        return answer

    async def is_reachable(self) -> bool:
        """Whether the next hop answers; asked with an empty request, one at a time and once a second."""
        async with self._probing:
            asked, answered = self._probed
            if monotonic() - asked >= _FRESH_S:
                try:
                    async with asyncio.timeout(_PROBE_S):
                        answer = await self._hop.send(Signal.TRACES, b"", is_json=False, is_packed=False, headers=())
                    # Whoever refuses an empty request, for want of a token perhaps, is there.
                    answered = answer.code is not StatusCode.UNAVAILABLE
                except TimeoutError:
                    answered = False
                self._probed = (monotonic(), answered)
        return answered

    async def close(self) -> None:
        """Give the connections to the next hop up."""
        await self._hop.close()
        self._thread.shutdown()

    async def _unpacked(self, sent: Sent) -> bytes:
        limit = self.settings.max_unpacked
        msg = f"the request has more than {limit} bytes when it is unpacked"
        if not sent.is_packed:
            if len(sent.body) > limit:
                raise Refused(Cause.TOO_LARGE, msg)
            return sent.body
        try:
            # It may become large, whatever it is now.
            return await asyncio.get_running_loop().run_in_executor(self._thread, unpacked, sent.body, limit)
        except TooLarge:
            raise Refused(Cause.TOO_LARGE, msg) from None
        except NotGzip:
            raise Refused(Cause.BAD_REQUEST, "the body is not gzip") from None

    def _prepared(self, sent: Sent, plain: bytes) -> tuple[Enriched, bytes]:
        """What was found in a request, and what goes on in its place, in the form that the next hop takes."""
        if sent.is_json:
            if plain.count(b"{") > _MAX_OBJECTS:
                raise Refused(Cause.TOO_LARGE, f"the JSON has more than {_MAX_OBJECTS} objects")
            if not nests_within(plain, self.settings.max_depth):
                raise Refused(Cause.BAD_REQUEST, f"the JSON nests deeper than {self.settings.max_depth}")
        found = self._enrichers[sent.signal, sent.is_json](plain)
        if not sent.is_json or self._hop.takes_json:
            return found, found.body
        try:
            return found, as_protobuf(found.body, sent.signal)
        except BadJson as error:
            raise Refused(Cause.BAD_REQUEST, str(error)) from None

    async def _packed(self, sent: Sent, outgoing: bytes, plain: bytes) -> tuple[bytes, bool]:
        """What is sent on, and whether it is packed; over gRPC, whether it is to be."""
        compression = self.settings.compression
        is_packed = sent.is_packed if compression == "same" else compression == "gzip"
        if not is_packed or not self._hop.packs:
            return outgoing, is_packed
        if sent.is_packed and outgoing is plain:
            return sent.body, True
        return await self._in_turn(packed, outgoing), True

    async def _in_turn(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """What a function answers: on a thread for a large request, one at a time, so that nobody else has to wait."""
        if sum(len(argument) for argument in arguments if isinstance(argument, bytes)) <= _LARGE:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _note(self, answer: Answer) -> None:
        """Count a failure of the next hop, and say so when it goes and when it comes back."""
        is_reachable = answer.code is not StatusCode.UNAVAILABLE
        if not answer.is_ok:
            self.metrics.failed("next_hop_refused" if is_reachable else "next_hop_unavailable")
        now = monotonic()
        if is_reachable is self._was_reachable or now - self._noted < _QUIET_S:
            return
        self._was_reachable, self._noted = is_reachable, now
        # What the next hop says itself may quote what it was sent.
        why = answer.message if answer.is_ours else "the next hop says that it is not available"
        log_warning("%s", "the next hop answers again" if is_reachable else f"senders are told to try again: {why}")
