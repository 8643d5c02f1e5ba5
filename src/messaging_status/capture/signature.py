# SPDX-License-Identifier: Apache-2.0
"""The signature of a receipt: ``x-hub-signature``, the HMAC-SHA256 or HMAC-SHA512 of the body in hexadecimal."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Final

from messaging_status.errors import SettingsError

__all__ = ["SIGNATURE_HEADER", "is_signed", "read_secret"]

SIGNATURE_HEADER: Final = "x-hub-signature"

_ALGORITHMS: Final = {64: "sha256", 128: "sha512"}
"""By the number of hexadecimal digits: the platform documents no name in front of them."""


def is_signed(body: bytes, signature: bytes, secret: bytes) -> bool:
    """Whether a signature is this body's. Never raises.

    Args:
        body: The request's body as it came.
        signature: The header's value, with or without the algorithm in front: ``sha256=`` or ``sha512=``.
        secret: What both sides know.
    """
    name, separator, digits = signature.strip().lower().rpartition(b"=")
    algorithm = _ALGORITHMS.get(len(digits))
    if algorithm is None or (separator and name != algorithm.encode()):
        return False
    return hmac.compare_digest(hmac.digest(secret, body, algorithm).hex().encode(), digits)


def read_secret(path: str | os.PathLike[str]) -> bytes:
    """The secret that a file holds, without line ends behind it.

    Raises:
        SettingsError: If the file cannot be read, or there is nothing in it.
    """
    where = f"receipts.secret_file: {os.fspath(path)}"
    try:
        secret = Path(path).read_bytes().rstrip(b"\r\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{where}: cannot be read: {reason}"
        raise SettingsError([msg]) from error
    if not secret.strip():
        msg = f"{where}: is empty; put the secret of the webhook into it"
        raise SettingsError([msg])
    return secret
