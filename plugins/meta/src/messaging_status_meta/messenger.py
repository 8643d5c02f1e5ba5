# SPDX-License-Identifier: Apache-2.0
"""Facebook Messenger, straight from Meta or behind another platform."""

from importlib.resources import files
from typing import Any, Final

import msgspec

from messaging_status import Channel, RawStatus, Status, hookimpl, read_catalogue

_LEFT_OPEN: Final[dict[tuple[str, str | None], dict[str, Any]]] = {
    # A marketing message came too soon after the last one: how long to wait, only the sender's own schedule says.
    ("4", "2018354"): {"retryable": None},
    # A wrong address stays wrong, a file server that was down comes back: the subcode does not tell, nor whose fault it is.
    ("100", "2018047"): {"retryable": None, "fault": None},
}
"""By code and subcode, what is known of the code but not with that subcode: a table can change a fact, not take it back."""


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, and what it says too much of."""
    return [Channel(catalogue=read_catalogue(files(__package__) / "messenger.toml"), refine=leave_open)]


def leave_open(_raw: RawStatus, status: Status) -> Status:
    """The status without what its subcode leaves open."""
    unknown = _LEFT_OPEN.get((status.code, status.reason))
    return status if unknown is None else msgspec.structs.replace(status, **unknown)
