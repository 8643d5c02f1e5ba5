# SPDX-License-Identifier: Apache-2.0
"""Huawei Push Kit, straight from Huawei or behind another platform."""

from importlib.resources import files

import msgspec

from messaging_status import Channel, RawStatus, Status, hookimpl, read_catalogue


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, and what it says too much of."""
    return [Channel(catalogue=read_catalogue(files(__package__) / "hms.toml"), refine=leave_open)]


def leave_open(_raw: RawStatus, status: Status) -> Status:
    """The status without what its subtype leaves open: a table can change a fact, not take it back.

    An app that Huawei does not know may be missing, which stays so, or may be new, which passes.
    """
    if (status.code, status.reason) == ("80300007", "appinfoError"):
        return msgspec.structs.replace(status, retryable=None)
    return status
