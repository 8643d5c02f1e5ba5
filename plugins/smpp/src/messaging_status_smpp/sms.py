# SPDX-License-Identifier: Apache-2.0
"""SMS over SMPP: the message centre's answers and the states in its receipts."""

from messaging_status import Channel, hookimpl
from messaging_status_smpp.codes import as_sms_code, refined_by, table


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The table beside this module, for codes in every form that people write."""
    catalogue = table("sms")
    return [Channel(catalogue=catalogue, refine=refined_by(catalogue.rows, as_sms_code))]
