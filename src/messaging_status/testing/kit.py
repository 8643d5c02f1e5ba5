# SPDX-License-Identifier: Apache-2.0
"""What one distribution brings, loaded once for all its tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec
import pytest

from messaging_status.errors import MessagingStatusError, did_you_mean
from messaging_status.host import Host
from messaging_status.installed import distributions, plugin_names, table_files
from messaging_status.lint import TableFile
from messaging_status.model import DocumentReader, TextReader
from messaging_status.plugins import Plugin

__all__ = ["OPTION", "Kit", "ReaderOf", "SetUpError", "kit_of"]

OPTION: Final = "messaging_status_distribution"


class SetUpError(MessagingStatusError):
    """The tests do not say whose they are, or what they bring cannot be read."""


class ReaderOf(msgspec.Struct, frozen=True, kw_only=True):
    """A reader of documents or log text, and the plugin that it is from.

    Attributes:
        label: What tests call it: the plugin, and the first key or mark that brings something to it.
        plugin: The plugin.
        reader: The reader.
    """

    label: str
    plugin: Plugin
    reader: DocumentReader | TextReader

    @property
    def sought(self) -> tuple[str, ...]:
        """What brings something to it."""
        return self.reader.keys if isinstance(self.reader, DocumentReader) else self.reader.marks


class Kit:
    """The plugins of one distribution.

    Attributes:
        distribution: The distribution's name.
        names: The names of its plugins.
        settings: Settings that admit these plugins only.
    """

    def __init__(self, distribution: str) -> None:
        """Find the plugins.

        Raises:
            SetUpError: If there are none.
        """
        self.distribution = distribution
        self.names = plugin_names(distribution)
        self.settings = {"plugins": {"allowed": self.names}}
        if not self.names:
            known = distributions()
            hint = did_you_mean(distribution, known) if known else "no distribution with plugins is"
            msg = f"{OPTION}: {distribution!r} is not installed, or has no plugins (pip install --editable .); {hint}"
            raise SetUpError([msg])

    @cached_property
    def host(self) -> Host:
        """A host with these plugins and no others; what is broken among them is left out."""
        return Host.load(self.settings)

    @cached_property
    def beside(self) -> Host:
        """A host with all that is installed."""
        return Host.load({})

    @cached_property
    def files(self) -> list[TableFile]:
        """The tables of these plugins."""
        return table_files(self.host.plugins)

    @cached_property
    def everything(self) -> list[TableFile]:
        """These tables, and those of all other plugins that are installed."""
        others = [plugin for plugin in self.beside.plugins if plugin.name not in self.names]
        return [*self.files, *table_files(others)]

    @cached_property
    def readers(self) -> list[ReaderOf]:
        """The readers of documents and log text."""
        found: list[ReaderOf] = []
        for plugin in self.host.plugins:
            readers: Sequence[DocumentReader | TextReader] = (*plugin.readers, *plugin.text_readers)
            for reader in readers:
                of = ReaderOf(label="", plugin=plugin, reader=reader)
                label = f"{plugin.name}-{of.sought[0].strip() if of.sought else 'nothing'}"
                again = sum(other.label.startswith(label) for other in found)
                found.append(msgspec.structs.replace(of, label=f"{label}-{again + 1}" if again else label))
        return found

    def named(self, system: str, channel: str) -> str:
        """What tests call a channel: its name, with the system before it where there are several."""
        systems = {file.catalogue.system for file in self.files}
        return channel if len(systems) == 1 else f"{system}.{channel}"


_KIT: Final = pytest.StashKey[Kit]()


def kit_of(config: pytest.Config) -> Kit:
    """The kit of the distribution that the tests say they are for.

    Raises:
        SetUpError: If they do not say it, or it is not installed.
    """
    if _KIT not in config.stash:
        try:
            distribution = str(config.getini(OPTION) or "")
        except ValueError as error:
            msg = "the pytest plugin 'messaging_status' is not loaded: take it in again, or reinstall otel-messaging-status"
            raise SetUpError([msg]) from error
        if not distribution:
            lines = (
                f"{OPTION} is not set; say in pyproject.toml whose plugins these tests are for, with the name that",
                "it has under [project]:",
                "  [tool.pytest.ini_options]",
                f'  {OPTION} = "messaging-status-acme"',
            )
            raise SetUpError(lines)
        config.stash[_KIT] = Kit(distribution)
    return config.stash[_KIT]
