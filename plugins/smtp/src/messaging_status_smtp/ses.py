# SPDX-License-Identifier: Apache-2.0
"""Email through Amazon SES: its events, and the mail server's reply behind them."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import msgspec

from messaging_status import Channel, RawStatus, Severity, Status, hookimpl, read_catalogue

__all__ = ["CATALOGUE", "messaging_status_channels", "refine"]

CATALOGUE: Final = read_catalogue(files(__package__) / "ses.toml")
_WAIT: Final = "Wait for the delivery or the bounce; do not send a second copy."


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, and what the reply behind an event must not change."""
    return [Channel(catalogue=CATALOGUE, refine=refine)]


def refine(raw: RawStatus, status: Status) -> Status:
    """The status where the mail server's own code has decided what SES left open, within what SES does itself.

    A permanent bounce is not retryable, whatever the reply: SES blocks the address from then on. A delay is not
    either: SES goes on trying.
    """
    if status.upstream_code is None:
        return status
    if status.code == "DeliveryDelay":
        return msgspec.structs.replace(status, retryable=False, severity=Severity.WARN, advice=_WAIT)
    if status.code == "Bounce" and (raw.reason or "").casefold().startswith("permanent"):
        return msgspec.structs.replace(status, retryable=False)
    return status
