# SPDX-License-Identifier: Apache-2.0
"""Receipts in the requests of a WSGI application."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, MutableMapping
from typing import Any, Final, Protocol

from messaging_status.capture.receipt_record import (
    MAX_SIGNED_BODY_LENGTH,
    METHODS,
    Receipt,
    Refusal,
    decoded,
    is_plain,
    length_of,
)
from messaging_status.capture.signature import is_signed
from messaging_status.documents import MAX_BODY_LENGTH
from messaging_status.host import Host

__all__ = ["ReplayedInput", "WsgiReceipts"]

_CHUNK: Final = 16 * 1024

Environ = MutableMapping[str, Any]
StartResponse = Callable[..., Any]


class InputStream(Protocol):
    """What PEP 3333 promises of ``wsgi.input``, as far as it is used here."""

    def read(self, size: int = ..., /) -> bytes:
        """So many bytes, or all that there are."""

    def readline(self, size: int = ..., /) -> bytes:
        """A line, or so many bytes of it."""


class WsgiReceipts:
    """Looks at the receipts that a WSGI application is sent."""

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
        # PEP 3333 has the bytes of a path in the guise of Latin-1.
        self._paths = frozenset(path.encode().decode("latin-1") for path in paths)
        self._secret = secret

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        app: Callable[..., Iterable[bytes]] = self._app
        if environ.get("REQUEST_METHOD") not in METHODS or not self._is_for_receipts(environ):
            return app(environ, start_response)
        if self._secret is None:
            body = _looked_at(environ)
        else:
            verified = _verified(environ, self._secret)
            if isinstance(verified, Refusal):
                start_response(verified.status, verified.headers)
                return [verified.text]
            body = verified
        found = decoded(self._host, body) if body and _is_plain(environ) else None
        if not found:
            return app(environ, start_response)
        return self._answered(Receipt(self._host, found), environ, start_response)

    def _is_for_receipts(self, environ: Environ) -> bool:
        path, mount = environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME")
        return path in self._paths or (bool(mount) and f"{mount}{path}" in self._paths)

    def _answered(self, receipt: Receipt, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        app: Callable[..., Iterable[bytes]] = self._app
        receipt.put_on_span()
        if receipt.is_told:
            return app(environ, start_response)

        def started(*args: Any, **kwargs: Any) -> Any:
            receipt.put_on_span()
            return start_response(*args, **kwargs)

        environ["wsgi.input"].on_read = receipt.put_on_span
        try:
            return app(environ, started)
        finally:
            receipt.log()


class ReplayedInput(io.BufferedIOBase):
    """What was read of a stream already, then the rest of it, if there is one."""

    def __init__(self, known: bytes, rest: InputStream | None = None, error: Exception | None = None) -> None:
        """Put a stream together.

        Args:
            known: What was read already.
            rest: The stream that it was read from; None where that was all.
            error: What reading on raised, for whoever reads on.
        """
        self.on_read: Callable[[], None] | None = None
        self._known = io.BytesIO(known)
        self._rest = rest
        self._error = error

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Where all of it is known."""
        return self._rest is None

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place, where all of it is known."""
        return self._known.seek(offset, whence) if self._rest is None else super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as asked for, fewer only at the end; all of them for a negative number."""
        rest = self._noticed()
        part = self._known.read(size)
        if rest is None or len(part) == size:
            return part
        self._raise_error()
        return part + (rest.read() if size is None or size < 0 else rest.read(size - len(part)))

    def read1(self, size: int | None = -1, /) -> bytes:
        """As :meth:`read`, for text wrappers."""
        return self.read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line, or as much of it as asked for."""
        rest = self._noticed()
        part = self._known.readline(size)
        if rest is None or len(part) == size or part.endswith(b"\n"):
            return part
        self._raise_error()
        return part + (rest.readline() if size is None or size < 0 else rest.readline(size - len(part)))

    def _noticed(self) -> InputStream | None:
        if self.on_read is not None:
            self.on_read()
        return self._rest

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


def _looked_at(environ: Environ) -> bytes | None:
    """The body, where it is short enough to be looked at. The application can read it as if nobody had."""
    stream = environ.get("wsgi.input")
    ends_by_itself, length = bool(environ.get("wsgi.input_terminated")), length_of(environ.get("CONTENT_LENGTH"))
    # Without an end that is known, reading would wait for bytes that never come.
    is_endless = length is None and not ends_by_itself
    if stream is None or is_endless or (length or 0) > MAX_BODY_LENGTH or not _is_plain(environ):
        return None
    wanted = MAX_BODY_LENGTH + 1 if length is None else length
    known, error = _read(stream, wanted)
    is_whole = error is None and (len(known) < wanted if length is None else len(known) == wanted)
    environ["wsgi.input"] = ReplayedInput(known, None if is_whole else stream, error)
    return known if is_whole else None


def _verified(environ: Environ, secret: bytes) -> bytes | Refusal:
    """The body, if it is signed. The application can read this and nothing else."""
    ends_by_itself, length = bool(environ.get("wsgi.input_terminated")), length_of(environ.get("CONTENT_LENGTH"))
    if (length or 0) > MAX_SIGNED_BODY_LENGTH:
        return Refusal.TOO_LARGE
    if length is None and not ends_by_itself:
        length = 0
    body, error = _read(environ["wsgi.input"], MAX_SIGNED_BODY_LENGTH + 1 if length is None else length)
    if error is not None:
        # The client's connection broke: the server is the one to know, as nothing can be verified.
        raise error
    if len(body) > MAX_SIGNED_BODY_LENGTH:
        return Refusal.TOO_LARGE
    signature = environ.get("HTTP_X_HUB_SIGNATURE", "").encode("latin-1", errors="replace")
    if not is_signed(body, signature, secret):
        return Refusal.UNSIGNED
    environ["wsgi.input"] = ReplayedInput(body)
    return body


def _is_plain(environ: Environ) -> bool:
    return is_plain(environ.get("HTTP_CONTENT_ENCODING", ""))


def _read(stream: InputStream, wanted: int) -> tuple[bytes, Exception | None]:
    """So many bytes, fewer at the end of the stream or where it raises an error."""
    known = bytearray()
    try:
        while len(known) < wanted:
            chunk = stream.read(min(_CHUNK, wanted - len(known)))
            if not chunk:
                break
            known += chunk
    except Exception as error:  # noqa: BLE001 - it is the application's, and raised where it gets there
        return bytes(known), error
    return bytes(known), None
