# SPDX-License-Identifier: Apache-2.0
"""Huawei Push Kit, straight from Huawei or behind another platform."""

from importlib.resources import files

from messaging_status import Channel, hookimpl, read_catalogue


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, as it stands."""
    return [Channel(catalogue=read_catalogue(files(__package__) / "hms.toml"))]
