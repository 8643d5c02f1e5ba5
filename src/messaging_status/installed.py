# SPDX-License-Identifier: Apache-2.0
"""What is installed, distribution by distribution: the names of its plugins, its tables and their files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from messaging_status.catalogue import Catalogue
from messaging_status.hookspecs import PROJECT_NAME
from messaging_status.lint import TableFile, table_file
from messaging_status.plugins import Plugin

__all__ = ["distributions", "plugin_names", "shown_path", "table_files"]


def distributions() -> list[str]:
    """The installed distributions that have plugins, by name."""
    return sorted({entry.dist.name for entry in _entries() if entry.dist is not None})


def plugin_names(distribution: str) -> list[str]:
    """The names of a distribution's plugins; none where it is not installed, or has none.

    Args:
        distribution: Its name, in any of the spellings that pip takes.
    """
    wanted = _normal(distribution)
    return sorted(entry.name for entry in _entries() if entry.dist is not None and _normal(entry.dist.name) == wanted)


def table_files(plugins: Iterable[Plugin]) -> list[TableFile]:
    """The tables of plugins, with their files where these stand beside the plugins' modules."""
    modules = {entry.name: entry.module for entry in _entries()}
    return [_found(channel.catalogue, modules.get(plugin.name)) for plugin in plugins for channel in plugin.channels]


def shown_path(file: Path) -> str:
    """A path as messages show it: from the present folder, where it is below that."""
    try:
        return os.fspath(file.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return os.fspath(file)


def _found(catalogue: Catalogue, module: str | None) -> TableFile:
    """A table with its file, which ``read_catalogue`` names without its folder."""
    origin = getattr(sys.modules.get(module or ""), "__file__", None)
    file = Path(origin).parent / catalogue.where if origin else None
    try:
        text = file.read_text(encoding="utf-8") if file is not None else ""
    except (OSError, ValueError):
        return table_file(catalogue)
    return table_file(catalogue, where=shown_path(file) if file is not None else None, text=text)


def _entries() -> Sequence[EntryPoint]:
    return tuple(entry_points(group=PROJECT_NAME))


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
