# SPDX-License-Identifier: Apache-2.0
"""gzip, within limits: a body that would grow too large is refused when it reaches the limit, not afterwards."""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from typing import Final

__all__ = ["NotGzip", "TooLarge", "packed", "unpacked"]

_LEVEL: Final = 1
"""Telemetry repeats itself: more effort costs twice the time for a tenth of the size."""


class TooLarge(ValueError):  # noqa: N818 - it is what it is called
    """More than the limit."""


class NotGzip(ValueError):  # noqa: N818 - it is what it is called
    """Not gzip, or cut off."""


def unpacked(body: bytes, limit: int) -> bytes:
    """What gzip has packed.

    Args:
        body: One or more members of gzip.
        limit: Bytes that it may have.

    Raises:
        TooLarge: If it has more.
        NotGzip: If it is no gzip or ends too soon.
    """
    if not body:
        raise NotGzip
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as file:
            found = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise NotGzip from error
    if len(found) > limit:
        raise TooLarge
    return found


def packed(body: bytes) -> bytes:
    """A body as gzip."""
    return gzip.compress(body, compresslevel=_LEVEL, mtime=0)
