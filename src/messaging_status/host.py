# SPDX-License-Identifier: Apache-2.0
"""Load plugins, compile their channels, locate raw statuses, decode them, answer with attributes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from copy import copy
from itertools import chain
from typing import Any, Final, final

import msgspec

from messaging_status.catalogue import Channel
from messaging_status.compile import as_status, compile_table
from messaging_status.context import by_delivery_status, by_upstream, parameter_in
from messaging_status.documents import Readers, raw_statuses
from messaging_status.errors import PluginError, did_you_mean
from messaging_status.guard import Guard, log_error, place_of
from messaging_status.locate import Locator
from messaging_status.model import MESSAGE_ID, MESSAGING_SYSTEM, AttributeValue, Origin, RawStatus, Severity, Status
from messaging_status.plugins import Failure, Plugin, load_plugins
from messaging_status.settings import Settings, load_settings
from messaging_status.shortcut import Shortcut
from messaging_status.spelling import is_token, normalised
from messaging_status.table import Entry, Meaning, Table

__all__ = ["Host"]

_logger = logging.getLogger("messaging_status")

_NOTHING: Final[Mapping[str, AttributeValue]] = {}
_BADNESS: Final = {Severity.INFO: 0, None: 1, Severity.WARN: 2, Severity.ERROR: 3, Severity.FATAL: 4}
"""How bad a severity is. A code that nobody knows is worse than a success."""


@final
class Host:
    """Decodes raw statuses and enriches records, with the plugins that are installed.

    Safe to use from many threads: nothing in it changes but counters. Make one with :meth:`load`, once.
    """

    def __init__(
        self, settings: Settings, plugins: tuple[Plugin, ...], failures: tuple[Failure, ...], table: Table
    ) -> None:
        """Put a host together from loaded parts; :meth:`load` is the way to get them."""
        self._settings = settings
        self._plugins = plugins
        self._failures = failures
        self._table = table
        self._refiners = [
            Guard(plugin.name, "messaging_status_refine", plugin.refines, _as_refined)
            for plugin in plugins
            if plugin.refines
        ]
        self._watchers = [
            Guard(plugin.name, "messaging_status_decoded", plugin.watches, _as_nothing)
            for plugin in plugins
            if plugin.watches
        ]
        self._readers = _readers(plugins)
        self._locator = Locator(settings, self._readers, table.recognises, table.knows)
        self._known = _nothing_known if self._refiners or self._watchers else Shortcut(table, self._locator).find
        self._code_key, self._category_key, self._outcome_key = (
            f"{settings.prefix}.{name}" for name in ("code", "category", "outcome")
        )
        self._stumbles = 0

    @classmethod
    def load(cls, settings: Settings | Mapping[str, Any] | None = None, *, strict: bool = False) -> Host:
        """Load every installed plugin that the settings admit.

        Args:
            settings: Settings, or a mapping of the same keys as the file. None: the file that
                ``MESSAGING_STATUS_CONFIG`` names, the defaults where it names none.
            strict: What a broken plugin does. False, as in a sender: it is left out, one error is
                logged, the others work. True, as on the command line: it raises.

        Raises:
            SettingsError: If the settings are wrong.
            PluginError: If ``strict`` and any plugin is broken, with the problems of all of them.
        """
        known = load_settings(settings)
        loaded = load_plugins(known.plugins)
        table, contested = compile_table(
            loaded.plugins,
            prefix=known.prefix,
            default_system=known.default_system,
            left_out={*loaded.left_out, *(failure.plugin for failure in loaded.failures)},
        )
        failures = (*loaded.failures, *contested)
        problems = ["\n".join(failure.lines) for failure in failures]
        if known.default_system is not None and table.system(known.default_system) is None:
            names = [system.name for system in table.systems]
            hint = did_you_mean(known.default_system, names) if names else "no system is installed"
            problems.append(f"settings: default_system: {known.default_system!r} is not installed; {hint}")
        if strict and problems:
            raise PluginError([line for problem in problems for line in problem.splitlines()])
        for problem in problems:
            _logger.error("left out: %s", problem)
        return cls(known, loaded.plugins, failures, table)

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._settings

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """The plugins in use."""
        return self._plugins

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Plugins and channels that were left out, and why."""
        return self._failures

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels in use, by system and name."""
        left_out = {name for failure in self._failures for name in failure.channels}
        channels = [channel for plugin in self._plugins for channel in plugin.channels]
        named = {f"{channel.catalogue.system}.{channel.catalogue.channel}": channel for channel in channels}
        return tuple(named[name] for name in sorted(named) if name not in left_out)

    @property
    def code_keys(self) -> frozenset[str]:
        """The keys under which a status code is looked for: a mapping with none of them carries no status."""
        return self._locator.code_keys

    @property
    def plugin_failures(self) -> dict[str, int]:
        """How often each plugin failed on the path of a record; those that never did are not listed."""
        guards: list[Guard[Any]] = [*self._refiners, *self._watchers, *chain.from_iterable(self._readers.values())]
        guards += [on.refine for system in self._table.systems for on in system.channels.values() if on.refine]
        counts: dict[str, int] = {}
        for guard in set(guards):
            if guard.failures:
                counts[guard.plugin] = counts.get(guard.plugin, 0) + guard.failures
        return counts

    def decode(self, raw: RawStatus) -> Status:
        """What a raw status means. Never raises; a code that no catalogue has is category ``unknown``.

        Args:
            raw: What a record carries.
        """
        try:
            return self._decode(normalised(raw)).status
        except Exception as error:  # noqa: BLE001 - whatever is given, the sender's code goes on
            self.stumbled(error)
            return Status(code="")

    def enrich(
        self,
        attributes: Mapping[str, Any],
        body: Any = None,
        *,
        events: Iterable[Mapping[str, Any]] = (),
        resource: Mapping[str, Any] | None = None,
    ) -> dict[str, AttributeValue]:
        """The attributes to put on a record: those that say what its status means and are not there yet.

        Never raises and never changes what it is given.

        Args:
            attributes: The record's attributes.
            body: A log's body: a mapping, JSON text (text or bytes), or log text with ``key=value`` pairs.
            events: The attributes of a span's events.
            resource: The attributes of the resource, for a system or channel that the record does not name.

        Returns:
            Empty where the record carries no status, or already carries its meaning.
        """
        try:
            said = self.said(attributes, body, events, resource)
            return {key: value for key, value in said.items() if key not in attributes}
        except Exception as error:  # noqa: BLE001 - whatever the record holds, it must go on
            self.stumbled(error)
            return {}

    def said(
        self,
        attributes: Mapping[str, Any],
        body: Any,
        events: Iterable[Mapping[str, Any]],
        resource: Mapping[str, Any] | None,
    ) -> Mapping[str, AttributeValue]:
        """All that there is to say about a record, also what it says already; as :meth:`enrich`, but it may raise.

        For those who call it for every record and guard against exceptions themselves.
        """
        meaning = self._known(attributes)
        raws = () if meaning is not None else self._locator.find(attributes, body, events, resource)
        if meaning is None and not raws:
            return _NOTHING
        if self._code_key in attributes and self._category_key in attributes and self._outcome_key in attributes:
            return _NOTHING
        if meaning is not None:
            if MESSAGING_SYSTEM in attributes or not meaning.status.system:
                return meaning.attributes
            return {**meaning.attributes, MESSAGING_SYSTEM: meaning.status.system}
        decoded = [(self._decode(raw), raw) for raw in raws]
        meaning, raw = max(decoded, key=lambda pair: _BADNESS[pair[0].status.severity])
        said = meaning.attributes
        if raw.system is not None and meaning.status.system and MESSAGING_SYSTEM not in attributes:
            said = {**said, MESSAGING_SYSTEM: meaning.status.system}
        if raw.message_id is not None and is_token(raw.message_id):
            said = {**said, MESSAGE_ID: raw.message_id}
        for watch in self._watchers:
            watch((copy(raw), copy(meaning.status)), (raw, meaning.status))
        return said

    def _decode(self, raw: RawStatus) -> Meaning:
        found = self._table.find(raw.code, raw.system, raw.channel, raw.origin is Origin.ANSWER)
        entry = found.entry
        if entry is None:
            channel = found.channel.name if found.channel else None
            meaning = self._meaning(Status(code=raw.code, system=found.system, channel=channel))
            refine = found.channel.refine if found.channel else None
        else:
            meaning = entry.choose(raw) if entry.alternatives else entry.meaning
            refine = entry.refine
        if raw.delivery_status or raw.upstream or raw.text:
            meaning = self._in_context(raw, meaning, entry)
        if refine is not None:
            meaning = self._refined(refine, raw, meaning)
        for hook in self._refiners:
            meaning = self._refined(hook, raw, meaning)
        return meaning

    def _in_context(self, raw: RawStatus, meaning: Meaning, entry: Entry | None) -> Meaning:
        status = meaning.status
        if raw.upstream is not None:
            status = by_upstream(status, raw.upstream, self._decode(raw.upstream).status)
        if raw.delivery_status is not None:
            status = by_delivery_status(status, raw.delivery_status)
        if raw.text is not None and entry is not None and entry.parameter is not None:
            status = msgspec.structs.replace(status, parameter=parameter_in(raw.text, entry.parameter))
        return meaning if status == meaning.status else self._meaning(status)

    def _refined(self, refine: Guard[Status] | Guard[Status | None], raw: RawStatus, meaning: Meaning) -> Meaning:
        status = refine((copy(raw), copy(meaning.status)), (raw, meaning.status))
        return meaning if status is None or status == meaning.status else self._meaning(status)

    def _meaning(self, status: Status) -> Meaning:
        return Meaning(status, status.attributes(self._settings.prefix))

    def stumbled(self, error: Exception) -> None:
        """Count that a record could not be enriched, and log the first time. For those who call :meth:`enrich`."""
        self._stumbles += 1
        if self._stumbles == 1:
            log_error("a record could not be enriched and goes on as it is: %s", place_of(error))


def _nothing_known(_: Mapping[str, Any]) -> None:
    """Where plugins refine or watch, every status goes the long way."""


def _readers(plugins: Iterable[Plugin]) -> Readers:
    found: dict[str, tuple[Guard[tuple[RawStatus, ...]], ...]] = {}
    for plugin in plugins:
        for reader in plugin.readers:
            guard = Guard(plugin.name, "a document reader", reader.read, raw_statuses)
            for key in reader.keys:
                found[key] = (*found.get(key, ()), guard)
    return found


def _as_refined(answer: Any) -> Status | None:
    return None if answer is None else as_status(answer)


def _as_nothing(answer: Any) -> None:
    if answer is not None:
        msg = f"answered a {type(answer).__name__}; expected nothing"
        raise TypeError(msg)
