# SPDX-License-Identifier: Apache-2.0
"""The short way to a meaning, for records as most senders write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from messaging_status.locate import Locator
from messaging_status.table import Meaning, Table

__all__ = ["Shortcut"]


class Shortcut:
    """Answers where a record's attributes name code, channel and system, each in a spelling that the table lists.

    It finds what ``Locator.find`` and ``Table.find`` find, for less. It knows no events, body, resource, reason or
    refining: what takes one of these it does not answer, and the record goes the long way.
    """

    def __init__(self, table: Table, locator: Locator) -> None:
        """Prepare the look-ups.

        Args:
            table: All systems.
            locator: What knows under which keys to look.
        """
        self._exactly = table.exactly
        self._code, self._system, self._channel = locator.ordered_keys
        self._details = locator.detail_keys

    def find(self, attributes: Mapping[str, Any]) -> Meaning | None:
        """What the record means; None where that takes a proper look."""
        for key in self._code:
            if key in attributes:
                code = attributes[key]
                break
        else:
            return None
        # What stands under a key without a dot may be something else.
        if type(code) is not str or "." not in key:
            return None
        system, channel = _first(self._system, attributes), _first(self._channel, attributes)
        # Texts only: other values may not be hashable, and 1 would find True.
        if type(system) is not str or type(channel) is not str:
            return None
        entry = self._exactly(code, system, channel)
        if entry is None or entry.refine is not None or not self._details.isdisjoint(attributes):
            return None
        return entry.meaning


def _first(keys: Sequence[str], attributes: Mapping[str, Any]) -> Any:
    for key in keys:
        if key in attributes:
            return attributes[key]
    return None
