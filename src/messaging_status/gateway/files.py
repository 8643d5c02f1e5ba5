# SPDX-License-Identifier: Apache-2.0
"""The files that the settings of the gateway name: certificates, keys, tokens."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path

from messaging_status.errors import SettingsError

__all__ = ["Admits", "admission", "content_of"]

Admits = Callable[[str | None], bool]
"""Answers whether a sender with this ``Authorization`` is let in."""

_SCHEME = "bearer "


def content_of(setting: str, path: str | None) -> bytes | None:
    """What the file of a setting holds; None where there is none.

    Raises:
        SettingsError: If it cannot be read.
    """
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        msg = f"gateway.{setting}: {path}: cannot be read: {error.strerror or error}"
        raise SettingsError([msg]) from error


def admission(tokens_file: str | None) -> Admits:
    """A function that knows the tokens of a file, one a line; without a file, everybody is let in.

    Raises:
        SettingsError: If the file cannot be read or holds no token.
    """
    content = content_of("tokens_file", tokens_file)
    if content is None:
        return lambda _: True
    tokens = [line.strip() for line in content.splitlines() if line.strip()]
    if not tokens:
        msg = f"gateway.tokens_file: {tokens_file}: there is no token in it; write one a line"
        raise SettingsError([msg])

    def admits(authorization: str | None) -> bool:
        given = authorization or ""
        token = (
            given[len(_SCHEME) :].strip().encode(errors="surrogateescape")
            if given[: len(_SCHEME)].lower() == _SCHEME
            else b""
        )
        # All are compared, so that the time says nothing about which one is like it.
        return sum(hmac.compare_digest(token, known) for known in tokens) > 0

    return admits
