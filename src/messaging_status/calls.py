# SPDX-License-Identifier: Apache-2.0
"""The functions of plugins that are called on the path of a record, each one guarded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from messaging_status.documents import Readers, TextReaders, raw_statuses
from messaging_status.guard import Guard
from messaging_status.model import RawStatus, Status
from messaging_status.plugins import Plugin

__all__ = ["Calls", "guarded"]


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """Every function that may be called for a record.

    Attributes:
        refines: What refines a channel, by ``<system>.<channel>``.
        refiners: What has the last word on every status, in the order in which it is asked.
        watchers: What watches every status.
        readers: What reads documents, by top-level key.
        text_readers: What reads log text, each with the marks that bring a text to it.
    """

    refines: Mapping[str, Guard[Status]]
    refiners: Sequence[Guard[Status | None]]
    watchers: Sequence[Guard[None]]
    readers: Readers
    text_readers: TextReaders

    @property
    def failures(self) -> dict[str, int]:
        """How often each plugin failed; those that never did are not listed."""
        guards: set[Guard[Any]] = {*self.refines.values(), *self.refiners, *self.watchers}
        counts: dict[str, int] = {}
        reading = chain(chain.from_iterable(self.readers.values()), (guard for _, guard in self.text_readers))
        for guard in guards.union(reading):
            if guard.failures:
                counts[guard.plugin] = counts.get(guard.plugin, 0) + guard.failures
        return counts


def guarded(plugins: Sequence[Plugin]) -> Calls:
    """The functions of these plugins."""
    return Calls(
        refines={
            channel.catalogue.full_name: Guard(
                plugin.name, f"refine of {channel.catalogue.channel}", channel.refine, _as_status
            )
            for plugin in plugins
            for channel in plugin.channels
            if channel.refine
        },
        refiners=[
            Guard(plugin.name, "messaging_status_refine", plugin.refines, _as_refined)
            for plugin in plugins
            if plugin.refines
        ],
        watchers=[
            Guard(plugin.name, "messaging_status_decoded", plugin.watches, _as_nothing)
            for plugin in plugins
            if plugin.watches
        ],
        readers=_readers(plugins),
        text_readers=tuple(
            (reader.marks, Guard(plugin.name, "a text reader", reader.read, raw_statuses))
            for plugin in plugins
            for reader in plugin.text_readers
        ),
    )


def _readers(plugins: Iterable[Plugin]) -> Readers:
    found: dict[str, tuple[Guard[tuple[RawStatus, ...]], ...]] = {}
    for plugin in plugins:
        for reader in plugin.readers:
            guard = Guard(plugin.name, "a document reader", reader.read, raw_statuses)
            for key in reader.keys:
                found[key] = (*found.get(key, ()), guard)
    return found


def _as_status(answer: Any) -> Status:
    if not isinstance(answer, Status):
        msg = f"answered a {type(answer).__name__}; expected a Status"
        raise TypeError(msg)
    try:
        return msgspec.convert(msgspec.to_builtins(answer), Status)
    except (msgspec.ValidationError, TypeError) as error:
        msg = f"answered a Status of wrong types: {error}"
        raise TypeError(msg) from error


def _as_refined(answer: Any) -> Status | None:
    return None if answer is None else _as_status(answer)


def _as_nothing(answer: Any) -> None:
    if answer is not None:
        msg = f"answered a {type(answer).__name__}; expected nothing"
        raise TypeError(msg)
