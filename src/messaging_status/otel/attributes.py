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
    added: Mapping[str, AttributeValue], present: int, max_count: int | None, max_length: int | None
) -> Mapping[str, AttributeValue]:
    """As many of the attributes as there is room for, long texts cut as the SDK cuts them.

    The SDK makes room by dropping the oldest attribute. The caller's attributes are older than ours, so
    what does not fit is left out instead.

    Args:
        added: The attributes to put on the record, the most useful first.
        present: How many the record has.
        max_count: How many it may have; None for no limit.
        max_length: How many characters a text may have; None for no limit.
    """
    if max_count is not None and present + len(added) > max_count:
        added = dict(islice(added.items(), max(0, max_count - present)))
    if max_length is not None:
        return {key: value[:max_length] if isinstance(value, str) else value for key, value in added.items()}
    return added


def merged(attributes: Any, copied: dict[str, Any], added: Mapping[str, AttributeValue]) -> Any:
    """A record's attributes with more of them, as a value for a new record.

    Args:
        attributes: What the record holds, None for nothing; where it is the SDK's ``BoundedAttributes``,
            its limits and its count of dropped attributes hold for the new one.
        copied: A copy of it, which becomes part of the answer.
        added: The attributes to put on it.

    Returns:
        The new attributes, or None where none of them fits.
    """
    if isinstance(attributes, BoundedAttributes):
        is_roomy = attributes.maxlen is None or len(copied) + len(added) <= attributes.maxlen
        if not is_roomy or attributes.max_value_len is not None:
            added = fitting(added, len(copied), attributes.maxlen, attributes.max_value_len)
            if not added:
                return None
        if attributes.dropped:
            bounded = BoundedAttributes(attributes.maxlen, {**copied, **added}, max_value_len=attributes.max_value_len)
            bounded.dropped = attributes.dropped
            return bounded
    # Every value is clean already: a plain mapping spares cleaning them again.
    copied.update(added)
    return copied
