# SPDX-License-Identifier: Apache-2.0
"""One sender's own rules: an expired page is worth a second try, and somebody counts outcomes."""

from collections import Counter

import msgspec

from messaging_status import Category, RawStatus, Status, hookimpl

seen: Counter[tuple[str | None, str]] = Counter()


@hookimpl
def messaging_status_refine(status: Status) -> Status | None:
    """The office is closed at night."""
    if status.channel == "pager" and status.category is Category.EXPIRED:
        return msgspec.structs.replace(status, retryable=True)
    return None


@hookimpl
def messaging_status_decoded(raw: RawStatus, status: Status) -> None:
    """Counts by channel and outcome."""
    seen[status.channel, status.outcome.value] += 1
