# SPDX-License-Identifier: Apache-2.0
"""Whether sending again helps, as one answer for retry libraries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from messaging_status.model import DEFAULT_PREFIX, Status

__all__ = ["is_retryable"]


def is_retryable(said: Status | Mapping[str, Any] | Iterable[Status], *, prefix: str = DEFAULT_PREFIX) -> bool:
    """Whether the same message, sent again later and unchanged, may succeed.

    What is not known is no: a resend that cannot help costs money, and one that was not needed sends twice.

    Args:
        said: A status; the attributes that say one, as ``Host.enrich`` answers them; or the statuses of a batch. Of
            several, all have to be retryable: sending the batch again would send twice what was accepted.
        prefix: What the names of the attributes start with.

    Raises:
        TypeError: If it is something else.
    """
    if isinstance(said, Status):
        return said.retryable is True
    if isinstance(said, Mapping):
        return said.get(f"{prefix}.retryable") is True
    statuses = list(said)
    if not all(isinstance(status, Status) for status in statuses):
        msg = f"{said!r:.80} is no status, nor several, nor attributes"
        raise TypeError(msg)
    return bool(statuses) and all(status.retryable is True for status in statuses)
