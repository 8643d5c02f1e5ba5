# SPDX-License-Identifier: Apache-2.0
"""Receipts in the requests of an ASGI application."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, Final

from messaging_status.capture.receipt_record import (
    MAX_SIGNED_BODY_LENGTH,
    METHODS,
    Receipt,
    Refusal,
    decoded,
    is_plain,
    length_of,
)
from messaging_status.capture.signature import SIGNATURE_HEADER, is_signed
from messaging_status.documents import MAX_BODY_LENGTH
from messaging_status.host import Host
from messaging_status.model import AttributeValue

__all__ = ["AsgiReceipts"]

_MAX_MESSAGES: Final = 1_000
_MAX_INLINE: Final = 4 * 1024
"""Bytes of a body that is decoded at once. A receipt takes microseconds, 64 KiB made to be slow take 30 ms."""
_MAX_WAIT_S: Final = 1.0

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiReceipts:
    """Looks at the receipts that an ASGI application is sent."""

    def __init__(self, app: Any, host: Host, paths: Collection[str], secret: bytes | None) -> None:
        """Prepare the look-up of paths.

        Args:
            app: The application.
            host: What decodes.
            paths: Where receipts arrive, in every spelling that counts.
            secret: What receipts are signed with; None to verify nothing.
        """
        self._app = app
        self._host = host
        self._paths = frozenset(paths)
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a connection of any other type is the application's alone."""
        if scope["type"] != "http" or scope.get("method") not in METHODS or not self._is_for_receipts(scope):
            await self._app(scope, receive, send)
            return
        if self._secret is None:
            body, receive = await self._looked_at(scope, receive)
        else:
            verified = await self._verified(scope, receive, self._secret)
            if not isinstance(verified, bytes):
                await _refuse(verified, send)
                return
            body = verified
            receive = _replayed([{"type": "http.request", "body": body, "more_body": False}], receive)
        found = await self._decoded(body) if body and _is_plain(scope) else None
        if found:
            await self._answer(Receipt(self._host, found), scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_for_receipts(self, scope: Scope) -> bool:
        path, mount = scope["path"], scope.get("root_path")
        if path in self._paths:
            return True
        # A path may begin with where the application is mounted, or not: servers differ.
        return bool(mount) and (path.removeprefix(mount) in self._paths or f"{mount}{path}" in self._paths)

    async def _looked_at(self, scope: Scope, receive: Receive) -> tuple[bytes | None, Receive]:
        """The body, where it is short enough to be looked at, and a ``receive`` that gives the same messages again."""
        seen: deque[Message] = deque()
        body = error = None
        try:
            if _length(scope) <= MAX_BODY_LENGTH and _is_plain(scope):
                body, error = await _read(receive, MAX_BODY_LENGTH, seen)
        except Exception as ours:  # noqa: BLE001 - whatever the messages are, the application has to get them
            self._host.stumbled(ours)
        return body, _replayed(seen, receive, error)

    async def _verified(self, scope: Scope, receive: Receive, secret: bytes) -> bytes | Refusal | None:
        """The body, if it is signed; None where the client went before all of it was there."""
        if _length(scope) > MAX_SIGNED_BODY_LENGTH:
            return Refusal.TOO_LARGE
        last: deque[Message] = deque(maxlen=1)
        try:
            body, error = await _read(receive, MAX_SIGNED_BODY_LENGTH, last)
        except Exception as ours:  # noqa: BLE001 - what cannot be verified is not handed on
            self._host.stumbled(ours)
            return Refusal.UNSIGNED
        if error is not None:
            # The client's connection broke: the server is the one to know, as nothing can be verified.
            raise error
        if body is None:
            return None if last[-1]["type"] == "http.disconnect" else Refusal.TOO_LARGE
        return body if is_signed(body, _header(scope, SIGNATURE_HEADER).encode("latin-1"), secret) else Refusal.UNSIGNED

    async def _decoded(self, body: bytes) -> Mapping[str, AttributeValue]:
        if not _MAX_INLINE < len(body) <= MAX_BODY_LENGTH:
            return decoded(self._host, body)
        # Where an ASGI server runs, it is imported already; a sender's process may do without.
        import asyncio  # noqa: PLC0415

        try:
            async with asyncio.timeout(_MAX_WAIT_S):
                return await asyncio.get_running_loop().run_in_executor(None, decoded, self._host, body)
        except TimeoutError as error:
            self._host.stumbled(error)
            return {}
        except RuntimeError:
            # Another library's event loop, or one that takes no more work.
            return decoded(self._host, body)

    async def _answer(self, receipt: Receipt, scope: Scope, receive: Receive, send: Send) -> None:
        receipt.put_on_span()
        if receipt.is_told:
            await self._app(scope, receive, send)
            return

        async def received() -> Message:
            receipt.put_on_span()
            return await receive()

        async def sent(message: Message) -> None:
            receipt.put_on_span()
            await send(message)

        try:
            await self._app(scope, received, sent)
        finally:
            receipt.log()


async def _read(receive: Receive, limit: int, seen: deque[Message]) -> tuple[bytes | None, Exception | None]:
    """The body, if it ends within the limit, and what ``receive`` raised. What was received stands in ``seen``."""
    body = bytearray()
    while len(seen) < _MAX_MESSAGES:
        try:
            message = await receive()
        except Exception as error:  # noqa: BLE001 - it is the application's, and raised where it gets there
            return None, error
        seen.append(message)
        part = message.get("body") or b""
        if message["type"] != "http.request" or len(body) + len(part) > limit:
            break
        body += part
        if not message.get("more_body"):
            return bytes(body), None
    return None, None


def _replayed(seen: Collection[Message], receive: Receive, error: Exception | None = None) -> Receive:
    """A ``receive`` that gives the messages again, then raises the error if there is one, then goes on as before."""
    left: deque[Message | Exception] = deque([*seen, *([error] if error else [])])

    async def received() -> Message:
        if not left:
            return await receive()
        message = left.popleft()
        if isinstance(message, Exception):
            raise message
        return message

    return received


async def _refuse(refusal: Refusal | None, send: Send) -> None:
    """Answer in the application's place, where there is somebody to answer."""
    if refusal is None:
        return
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers]
    await send({"type": "http.response.start", "status": refusal.code, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.text})


def _is_plain(scope: Scope) -> bool:
    return is_plain(_header(scope, "content-encoding"))


def _length(scope: Scope) -> int:
    return length_of(_header(scope, "content-length")) or 0


def _header(scope: Scope, name: str) -> str:
    """What a header says, all of it where it is there more than once, nothing where it is not."""
    wanted = name.encode()
    return b", ".join(value for key, value in scope.get("headers", ()) if key.lower() == wanted).decode("latin-1")
