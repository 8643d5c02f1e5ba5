# SPDX-License-Identifier: Apache-2.0
"""Email over Webex Connect: bounces that the subtype alone does not settle, by the mail server's own reply."""

import re
from importlib.resources import files

import msgspec

from messaging_status import Channel, RawStatus, Status, hookimpl, read_catalogue

_REPLY = re.compile(r"smtp\s*;\s*([45])\d\d|(?:^|\s)([45])\d\d[ -]", re.IGNORECASE)


def refine(raw: RawStatus, status: Status) -> Status:
    """A permanent reply behind a temporary subtype is permanent; an SMTP failure is what its class says."""
    if raw.text is None or (status.code, status.reason) not in {("7520", "Transient_General"), ("7554", None)}:
        return status
    reply = _REPLY.search(raw.text[:4096])
    if reply is None:
        return status
    is_permanent = "5" in (reply[1], reply[2])
    if status.code == "7554":
        return msgspec.structs.replace(status, retryable=not is_permanent)
    return msgspec.structs.replace(status, retryable=False) if is_permanent else status


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, and the mail server's reply."""
    return [Channel(catalogue=read_catalogue(files(__package__) / "email.toml"), refine=refine)]
