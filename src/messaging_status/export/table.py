# SPDX-License-Identifier: Apache-2.0
"""The catalogues as one table, a line for each code of each channel in each of its forms, for whatever joins tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping
from typing import Any

from messaging_status.export.meanings import channel_meanings
from messaging_status.host import Host
from messaging_status.model import ATTRIBUTE_NAMES

__all__ = ["lookup_table"]

_KEYS = ("system", "channel", "written")


def lookup_table(host: Host, *, channels: Collection[str] | None, prefix: str) -> str:
    """The table as CSV: ``system``, ``channel`` and ``written``, the code as a record has it; then what is said, by name.

    Codes that a channel inherits are among its own. Truth values are ``true`` and ``false``; what is not known is empty.

    Args:
        host: What decodes, with the user's settings and overlays.
        channels: Full names (``webex_connect.sms``) of the channels to write out, None for all.
        prefix: What the names of attributes start with.
    """
    names = [f"{prefix}.{name}" for name in ATTRIBUTE_NAMES]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_KEYS, *names], lineterminator="\n")
    writer.writeheader()
    for channel in host.channels:
        catalogue = channel.catalogue
        if channels is not None and catalogue.full_name not in channels:
            continue
        of_channel = {"system": catalogue.system, "channel": catalogue.channel}
        for meaning in channel_meanings(host, catalogue, prefix).plain:
            for code in meaning.codes:
                writer.writerow({**of_channel, "written": code, **_cells(meaning.attributes)})
    return text.getvalue()


def _cells(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, bool) else value for name, value in attributes.items()}
