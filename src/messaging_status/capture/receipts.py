# SPDX-License-Identifier: Apache-2.0
"""One line around a web application, and the receipts that it is sent are on its server spans."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from inspect import iscoroutinefunction
from typing import Any, Self

from messaging_status.active import active_host
from messaging_status.capture.receipt_asgi import AsgiReceipts
from messaging_status.capture.receipt_wsgi import WsgiReceipts
from messaging_status.capture.signature import read_secret
from messaging_status.errors import SettingsError
from messaging_status.host import Host
from messaging_status.settings import load_settings

__all__ = ["ReceiptMiddleware"]

_logger = logging.getLogger("messaging_status")


class ReceiptMiddleware:
    """Puts the meaning of the delivery receipts that an application is sent on the current server span.

    It goes around any WSGI or ASGI application. The application gets every request as it came, byte for byte, and a
    receipt that meets no server span becomes a log record. Nothing of ours raises into a request.
    """

    def __new__(cls, app: Any, *_: Any, **__: Any) -> Self:
        """Make one that servers take for what the application is."""
        call = getattr(type(app), "__call__", None)  # noqa: B004 - not whether, but how it is called
        is_async = iscoroutinefunction(app) or iscoroutinefunction(call)
        kind: Any = _AsyncReceiptMiddleware if is_async and cls is ReceiptMiddleware else cls
        middleware: Self = super().__new__(kind)
        return middleware

    def __init__(
        self,
        app: Any,
        host: Host | None = None,
        *,
        paths: Iterable[str] | None = None,
        secret: str | bytes | None = None,
    ) -> None:
        """Put it around an application.

        Args:
            app: A WSGI or an ASGI application.
            host: What decodes, and whose settings hold; None for the one of zero-code instrumentation, else to load one.
            paths: Where receipts arrive, as ``/receipts``. None: what the settings say.
            secret: What receipts are signed with in ``x-hub-signature``: what is not signed is answered 401. None:
                what is in the file that the settings name; where they name none, nothing is verified.

        Raises:
            SettingsError: If a path or the settings are wrong, or a secret is missing or empty.
        """
        host = host or active_host() or Host.load()
        receipts = host.settings.receipts
        if paths is not None:
            given = paths if isinstance(paths, str) else list(paths)
            receipts = load_settings({"receipts": {"paths": given, "secret_file": receipts.secret_file}}).receipts
        if not receipts.paths:
            _logger.warning("ReceiptMiddleware has nothing to do: receipts.paths is empty")
        bare = [path.rstrip("/") for path in receipts.paths]
        spellings = frozenset((*bare, *(f"{path}/" for path in bare)))
        key = _key(secret, receipts.secret_file)
        self._wsgi = WsgiReceipts(app, host, spellings, key)
        self._asgi = AsgiReceipts(app, host, spellings, key)

    def __call__(self, *args: Any) -> Any:
        """Answer a request.

        Args:
            *args: ``environ`` and ``start_response`` of WSGI, or ``scope``, ``receive`` and ``send`` of ASGI.
        """
        return self._wsgi(*args) if len(args) == 2 else self._asgi(*args)  # noqa: PLR2004 - WSGI has two


class _AsyncReceiptMiddleware(ReceiptMiddleware):
    """The same for servers that tell ASGI from WSGI by asking whether ``__call__`` is a coroutine function."""

    async def __call__(self, *args: Any) -> Any:
        await self._asgi(*args)


def _key(secret: str | bytes | None, file: str | None) -> bytes | None:
    """What receipts are signed with, None to verify nothing."""
    if secret is None:
        return None if file is None else read_secret(file)
    key = secret.encode() if isinstance(secret, str) else secret
    if not key.strip():
        msg = "ReceiptMiddleware: the secret is empty; leave it out to verify nothing"
        raise SettingsError([msg])
    return key
