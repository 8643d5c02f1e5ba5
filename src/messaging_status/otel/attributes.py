# SPDX-License-Identifier: Apache-2.0
"""Attributes put on a record within the limits that the SDK has set for it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from opentelemetry.attributes import BoundedAttributes

from messaging_status.model import AttributeValue

__all__ = ["fitting", "merged"]


def fitting(
    said: Mapping[str, AttributeValue],
    present: Mapping[str, Any],
    max_count: int | None,
    max_length: int | None,
) -> Mapping[str, AttributeValue]:
    """What is not there yet, as much of it as there is room for, long texts cut as the SDK cuts them.

    The SDK makes room by dropping the oldest attribute. The caller's attributes are older than ours, so
    what does not fit is left out instead.

    Args:
        said: The attributes to put on the record, the most useful first.
        present: Those that it has.
        max_count: How many it may have; None for no limit.
        max_length: How many characters a text may have; None for no limit.
    """
    added = {key: value for key, value in said.items() if key not in present}
    if max_count is not None:
        added = dict(islice(added.items(), max(0, max_count - len(present))))
    if max_length is not None:
        return {key: value[:max_length] if isinstance(value, str) else value for key, value in added.items()}
    return added


def merged(attributes: Any, copied: dict[str, Any], said: Mapping[str, AttributeValue]) -> Any:
    """A record's attributes with ours behind them, as a value for a new record. What is there wins.

    Args:
        attributes: What the record holds, None for nothing; where it is the SDK's ``BoundedAttributes``,
            its limits and its count of dropped attributes hold for the new one.
        copied: A copy of it.
        said: The attributes to put on it.

    Returns:
        The new attributes, or None where nothing comes to them.
    """
    # Every value is clean already: a plain mapping spares cleaning them again.
    everything = {**copied, **said, **copied}
    if isinstance(attributes, BoundedAttributes):
        is_roomy = attributes.maxlen is None or len(everything) <= attributes.maxlen
        is_cut = not is_roomy or attributes.max_value_len is not None
        if is_cut:
            everything = {**copied, **fitting(said, copied, attributes.maxlen, attributes.max_value_len)}
        # Whoever enriches the new record once more has to find its limits.
        if (attributes.dropped or is_cut) and len(everything) > len(copied):
            bounded = BoundedAttributes(attributes.maxlen, everything, max_value_len=attributes.max_value_len)
            bounded.dropped = attributes.dropped
            return bounded
    return everything if len(everything) > len(copied) else None
