# SPDX-License-Identifier: Apache-2.0
"""The tables that people name on the command line: files, folders, wheels, installed distributions."""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

from messaging_status.catalogue import Catalogue, parse_catalogue, parse_toml, read_catalogue
from messaging_status.cli.loading import Broken
from messaging_status.errors import CatalogueError, MessagingStatusError, did_you_mean
from messaging_status.host import Host
from messaging_status.installed import distributions, plugin_names, shown_path

__all__ = ["catalogue_files", "files_below", "not_found", "tables_of"]

_NAMES: Final = frozenset({"system", "channel"})
_ORIGIN: Final = frozenset({"source", "read"})
"""What a catalogue says of where its facts are from; an overlay does not."""


def tables_of(name: str) -> list[Catalogue]:
    """The tables that a name stands for.

    Args:
        name: A catalogue file, a folder, a wheel, or an installed distribution, with ``==`` and its version perhaps.

    Raises:
        UsageError: If it stands for none.
        Broken: If one of them cannot be used, with the problems of all of them.
    """
    path = Path(name)
    try:
        if path.is_dir():
            return _read(name, files_below(path))
        if path.is_file():
            return _in_wheel(path) if path.suffix == ".whl" else _read(name, [path])
        return _installed(name)
    except MessagingStatusError as error:
        raise Broken(error) from error


def files_below(folder: Path) -> list[Path]:
    """The catalogues below a folder."""
    return catalogue_files(folder, sorted(folder.rglob("*.toml")))


def catalogue_files(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Those of the files that are catalogues; not settings, overlays or anything in a hidden folder."""
    return [file for file in files if _is_catalogue(file) and not any(_hidden(file.relative_to(folder)))]


def not_found(name: str) -> click.UsageError:
    """What to say of a name that stands for nothing."""
    known = distributions()
    hint = did_you_mean(name, known) if known else "no distribution with plugins is installed"
    return click.UsageError(f"{name!r} is no file, no folder and no installed distribution with plugins; {hint}")


def _read(name: str, files: Sequence[Path]) -> list[Catalogue]:
    found, problems = [], []
    for file in files:
        try:
            found.append(read_catalogue(file))
        except CatalogueError as error:
            problems += [problem.replace(file.name, shown_path(file), 1) for problem in error.problems]
    if problems:
        raise CatalogueError(problems)
    return _some(name, found)


def _in_wheel(path: Path) -> list[Catalogue]:
    found = []
    try:
        with zipfile.ZipFile(path) as wheel:
            for name in sorted(wheel.namelist()):
                if name.endswith(".toml") and _says_its_origin(text := wheel.read(name).decode("utf-8", "replace")):
                    where = f"{path.name}/{name}"
                    found.append(parse_catalogue(parse_toml(text, where=where), where=where, text=text))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        msg = f"{path}: is no wheel that can be read: {error}"
        raise click.UsageError(msg) from error
    return _some(str(path), found)


def _installed(name: str) -> list[Catalogue]:
    distribution, _, wanted = (part.strip() for part in name.partition("=="))
    plugins = plugin_names(distribution)
    if not plugins:
        raise not_found(name)
    if wanted and version(distribution) != wanted:
        msg = f"{distribution} {wanted} is not installed, {version(distribution)} is; download the wheel of {wanted} and name it"
        raise click.UsageError(msg)
    host = Host.load({"plugins": {"allowed": plugins}}, strict=True)
    return _some(name, [channel.catalogue for channel in host.channels])


def _some(name: str, found: list[Catalogue]) -> list[Catalogue]:
    if not found:
        msg = f"{name}: nothing here is a catalogue, a TOML file with system, channel, source and read"
        raise click.UsageError(msg)
    return found


def _hidden(path: Path) -> Iterator[bool]:
    return (part.startswith(".") for part in path.parts)


def _is_catalogue(file: Path) -> bool:
    """Whether a file is a catalogue, or cannot be read, so that somebody hears of it."""
    try:
        return _says_its_origin(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True


def _says_its_origin(text: str) -> bool:
    try:
        keys = tomllib.loads(text).keys()
    except ValueError:
        return True
    return keys >= _NAMES and bool(keys & _ORIGIN)
