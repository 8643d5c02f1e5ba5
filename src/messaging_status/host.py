# SPDX-License-Identifier: Apache-2.0
"""Load plugins, lay the user's overlays over their channels, answer with statuses and attributes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import msgspec

from messaging_status.calls import guarded
from messaging_status.catalogue import Channel
from messaging_status.compile import compile_table
from messaging_status.decoder import Decoder
from messaging_status.errors import PluginError, did_you_mean
from messaging_status.fork import renewed_after_fork
from messaging_status.guard import log_error, log_warning, place_of
from messaging_status.model import (
    ATTRIBUTE_NAMES,
    ERROR_TYPE,
    MESSAGING_SYSTEM,
    ApiHosts,
    AttributeValue,
    RawStatus,
    Status,
)
from messaging_status.overlaid import Edit, lay_over
from messaging_status.plugins import Failure, Loaded, Plugin, load_plugins
from messaging_status.reload import OverlayFiles, Watch
from messaging_status.settings import Settings, load_settings
from messaging_status.table import Table
from messaging_status.unknown import Tally, UnknownCodes

__all__ = ["Host"]

_logger = logging.getLogger("messaging_status")


class _Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that overlays can change, so that it is swapped at once."""

    decoder: Decoder
    plugins: tuple[Plugin, ...]
    failures: tuple[Failure, ...]
    edits: tuple[Edit, ...]
    remarks: tuple[str, ...]
    problems: tuple[str, ...]
    """What is wrong with plugins or settings."""
    overlay_problems: tuple[str, ...]


@final
class Host:
    """Decodes raw statuses and enriches records, with the plugins that are installed.

    Safe to use from many threads. Make one with :meth:`load`, once. Where the settings name overlays, a thread of
    its own looks every five seconds whether one of the files has changed; nothing else in it changes but counters.
    """

    def __init__(self, settings: Settings, loaded: Loaded) -> None:
        """Put a host together from what was loaded; :meth:`load` is the way to get one."""
        self._settings = settings
        self._loaded = loaded
        self._calls = guarded(loaded.plugins)
        self._tally = Tally()
        self._stumbles = 0
        self._revision = 0
        self._files = OverlayFiles(settings.overlays)
        self._files.look()
        self._refreshing = threading.Lock()
        renewed_after_fork(self)
        self._assembled = self._assemble()
        self._watch = Watch(self.refresh) if settings.overlays else None

    @classmethod
    def load(cls, settings: Settings | Mapping[str, Any] | None = None, *, strict: bool = False) -> Host:
        """Load every installed plugin that the settings admit, and the overlays that they name.

        Args:
            settings: Settings, or a mapping of the same keys as the file. None: the file that
                ``MESSAGING_STATUS_CONFIG`` names, the defaults where it names none.
            strict: What a broken plugin or overlay does. False, as in a sender: it is left out, one error is
                logged, the others work. True, as on the command line: it raises.

        Raises:
            SettingsError: If the settings are wrong.
            PluginError: If ``strict`` and any plugin or overlay is broken, with the problems of all of them.
        """
        known = load_settings(settings)
        host = cls(known, load_plugins(known.plugins))
        problems = (*host._assembled.problems, *host._assembled.overlay_problems)
        if strict and problems:
            raise PluginError([line for problem in problems for line in problem.splitlines()])
        for problem in problems:
            _logger.error("left out: %s", problem)
        for remark in host.remarks:
            _logger.warning("%s", remark)
        return host

    def _assemble(self) -> _Assembled:
        """A decoder for what is installed and what the overlays say now."""
        loaded, settings = self._loaded, self._settings
        absent = {*loaded.left_out, *(failure.plugin for failure in loaded.failures)}
        overlays, unreadable = self._files.parsed()
        overlaid = lay_over(loaded.plugins, overlays, absent)
        problems = (*unreadable, *overlaid.problems)
        if overlaid.rejected:
            kept = [overlay for overlay in overlays if overlay.where not in overlaid.rejected]
            overlays = [*kept, *self._files.last_good(overlaid.rejected)]
            overlaid = lay_over(loaded.plugins, overlays, absent)
        self._files.are_good(overlay for overlay in overlays if overlay.where not in overlaid.rejected)
        table, contested = compile_table(
            overlaid.plugins,
            self._calls.refines,
            prefix=settings.prefix,
            default_system=settings.default_system,
            left_out=absent,
        )
        failures = (*loaded.failures, *contested)
        broken = ["\n".join(failure.lines) for failure in failures]
        return _Assembled(
            decoder=Decoder(settings, table, self._calls, self._tally.add),
            plugins=overlaid.plugins,
            failures=failures,
            edits=overlaid.edits,
            remarks=overlaid.remarks,
            problems=(*broken, *_wrong_systems(settings, table)),
            overlay_problems=problems,
        )

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._settings

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """The plugins in use."""
        return self._assembled.plugins

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Plugins and channels that were left out, and why."""
        return self._assembled.failures

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What the overlays change."""
        return self._assembled.edits

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the overlays say in vain, each with file and line."""
        return self._assembled.remarks

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels in use, by system and name."""
        assembled = self._assembled
        left_out = {name for failure in assembled.failures for name in failure.channels}
        named = {channel.catalogue.full_name: channel for plugin in assembled.plugins for channel in plugin.channels}
        return tuple(named[name] for name in sorted(named) if name not in left_out)

    @property
    def api_hosts(self) -> tuple[ApiHosts, ...]:
        """The hosts of providers' APIs that the plugins name, and those that the settings add."""
        of_plugins = [hosts for plugin in self.plugins for hosts in plugin.hosts]
        added = self._settings.capture.hosts.items()
        return (*of_plugins, *(ApiHosts(system=system, hosts=hosts) for system, hosts in added))

    @property
    def code_keys(self) -> frozenset[str]:
        """The keys under which a status code is looked for; a mapping with none of them carries no status."""
        return self._assembled.decoder.locator.code_keys

    @property
    def document_keys(self) -> frozenset[str]:
        """The top-level keys that bring a document in a log's body to a plugin's reader."""
        return self._assembled.decoder.locator.document_keys

    @property
    def text_marks(self) -> frozenset[str]:
        """The pieces of text that bring a line of log text to a plugin's reader."""
        return self._assembled.decoder.locator.text_marks

    @property
    def attribute_keys(self) -> frozenset[str]:
        """The keys of attributes that are looked at, and of those that are put on a record."""
        said = (f"{self._settings.prefix}.{name}" for name in ATTRIBUTE_NAMES)
        return self._assembled.decoder.locator.keys | {*said, MESSAGING_SYSTEM, ERROR_TYPE}

    @property
    def revision(self) -> int:
        """How often an overlay has changed since the start; what was said before may not hold any more."""
        return self._revision

    @property
    def plugin_failures(self) -> dict[str, int]:
        """How often each plugin failed on the path of a record; those that never did are not listed."""
        return self._calls.failures

    @property
    def unknown_codes(self) -> UnknownCodes:
        """How often codes that no catalogue has were met so far."""
        return self._tally.counted()

    def decode(self, raw: RawStatus) -> Status:
        """What a raw status means. Never raises; a code that no catalogue has is category ``unknown``.

        Args:
            raw: What a record carries.
        """
        try:
            return self._assembled.decoder.decode(raw)
        except Exception as error:  # noqa: BLE001 - whatever is given, the sender's code goes on
            self.stumbled(error)
            return Status(code="")

    def find(
        self,
        attributes: Mapping[str, Any],
        body: Any = None,
        *,
        events: Iterable[Mapping[str, Any]] = (),
        resource: Mapping[str, Any] | None = None,
    ) -> Sequence[RawStatus]:
        """The raw statuses that a record carries, none where it carries none. Never raises.

        Args:
            attributes: The record's attributes.
            body: A log's body, as for :meth:`enrich`.
            events: The attributes of a span's events.
            resource: The attributes of the resource.
        """
        try:
            return self._assembled.decoder.locator.find(attributes, body, events, resource)
        except Exception as error:  # noqa: BLE001 - whatever the record holds, the caller's code goes on
            self.stumbled(error)
            return ()

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
        return self._assembled.decoder.said(attributes, body, events, resource)

    def says_always(self, attributes: Mapping[str, Any], resource: Mapping[str, Any] | None) -> bool:
        """Whether, until the next :attr:`revision`, every record with these attributes says the same.

        For those who remember what was said. It may raise.

        Args:
            attributes: Those under :attr:`attribute_keys`, and no others.
            resource: The attributes of the resource.
        """
        return self._assembled.decoder.says_always(attributes, resource)

    def refresh(self) -> bool:
        """Read the overlays again if one of the files has changed. Never raises.

        A thread of the host calls this every five seconds. A file that is wrong, or contradicts another one, stays
        what it was when it last was right, and one error is logged.

        Returns:
            Whether a file has changed and all that changed is in use now.
        """
        try:
            with self._refreshing:
                if not self._files.look():
                    return False
                before, self._assembled = self._assembled, self._assemble()
                self._revision += 1
                after = self._assembled
        except Exception as error:  # noqa: BLE001 - whatever stands in the files, what was read before holds
            log_error("the overlays stay as they were: %s", place_of(error))
            return False
        if problems := [problem for problem in after.overlay_problems if problem not in before.overlay_problems]:
            log_error("an overlay stays as it was: %s", "; ".join(problems))
        for remark in after.remarks:
            if remark not in before.remarks:
                log_warning("%s", remark)
        return not problems

    def stumbled(self, error: Exception) -> None:
        """Count that a record could not be enriched, and log the first time. For those who call :meth:`enrich`."""
        self._stumbles += 1
        if self._stumbles == 1:
            log_error("a record could not be enriched and goes on as it is: %s", place_of(error))

    def renew(self) -> None:
        """Be usable in a forked process, whoever held the lock."""
        self._refreshing = threading.Lock()


def _wrong_systems(settings: Settings, table: Table) -> list[str]:
    """What is wrong with the systems that the settings name."""
    default = {"default_system": settings.default_system} if settings.default_system is not None else {}
    named = {**default, **{f"capture.hosts.{name}": name for name in settings.capture.hosts}}
    names = [system.name for system in table.systems]
    hints = {name: did_you_mean(name, names) if names else "no system is installed" for name in named.values()}
    return [
        f"settings: {key}: {name!r} is not installed; {hints[name]}"
        for key, name in named.items()
        if table.system(name) is None
    ]
