# SPDX-License-Identifier: Apache-2.0
"""The errors of GSM's signalling (MAP) that a message centre passes on."""

from messaging_status import Channel, hookimpl
from messaging_status_smpp.codes import as_map_error, refined_by, table


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, for codes in every form that people write."""
    catalogue = table("gsm")
    return [Channel(catalogue=catalogue, refine=refined_by(catalogue.rows, as_map_error))]
