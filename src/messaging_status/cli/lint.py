# SPDX-License-Identifier: Apache-2.0
"""The command ``catalog lint``: what is wrong with tables although they can be loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from messaging_status.catalogue import read_catalogue
from messaging_status.cli.output import print_json
from messaging_status.cli.tables import catalogue_files, files_below, not_found
from messaging_status.errors import CatalogueError
from messaging_status.host import Host
from messaging_status.installed import distributions, plugin_names, shown_path, table_files
from messaging_status.lint import Finding, TableFile, findings, subjects, table_file

__all__ = ["lint"]

_FOUND = 1


class _Tables(msgspec.Struct):
    """What was named: the tables to look at, others around them, and what could not even be loaded."""

    files: list[TableFile] = []
    known: list[TableFile] = []
    broken: list[str] = []


@click.command()
@click.argument("named", nargs=-1, metavar="[FILE|DIRECTORY|DISTRIBUTION]...")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, for machines.")
def lint(named: tuple[str, ...], wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """What is wrong with tables although they can be loaded: of all installed plugins, or of what is named.

    Exits with 0 (nothing), 1 (something is wrong) or 2 (wrong usage).
    """
    tables = _Tables()
    for name in named or distributions():
        _add(tables, name)
    of_loading = [Finding(rule="valid", system="", channel="", label="", message=line) for line in tables.broken]
    places = {file.where for file in tables.files}
    found = [*of_loading, *findings(tables.files, [file for file in tables.known if file.where not in places])]
    rows = sum(1 for file in tables.files for subject in subjects(file) if subject.label)
    if wants_json:
        print_json({"tables": len(tables.files), "rows": rows, "findings": list(map(_as_object, found))})
    else:
        for finding in found:
            click.echo(f"{finding.message} [{finding.rule}]")
        click.echo(f"tables: {len(tables.files)}, rows: {rows}, findings: {len(found)}", err=True)
    sys.exit(_FOUND if found else 0)


def _add(tables: _Tables, name: str) -> None:
    """Add what a name stands for: a file, a folder of files, or the tables of a distribution."""
    path = Path(name)
    if path.is_file():
        _read(tables.files, tables.broken, [path])
        _read(
            tables.known,
            [],
            catalogue_files(path.parent, [file for file in path.parent.glob("*.toml") if file != path]),
        )
    elif path.is_dir():
        files = files_below(path)
        if not files:
            msg = f"{name}: no TOML file in this folder is a catalogue, with system, channel, source and read"
            raise click.UsageError(msg)
        _read(tables.files, tables.broken, files)
    elif plugin_names(name):
        _load(tables, plugin_names(name))
    else:
        raise not_found(name)


def _read(into: list[TableFile], broken: list[str], files: Sequence[Path]) -> None:
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            into.append(table_file(read_catalogue(file), where=shown_path(file), text=text))
        except CatalogueError as error:
            broken += [problem.replace(file.name, shown_path(file), 1) for problem in error.problems]
        except (OSError, UnicodeDecodeError) as error:
            broken.append(f"{shown_path(file)}: cannot be read: {getattr(error, 'strerror', None) or error}")


def _load(tables: _Tables, plugins: Sequence[str]) -> None:
    host = Host.load({})
    tables.files += table_files(plugin for plugin in host.plugins if plugin.name in plugins)
    tables.known += table_files(plugin for plugin in host.plugins if plugin.name not in plugins)
    tables.broken += [line for failure in host.failures if failure.plugin in plugins for line in failure.lines]


def _as_object(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "system": finding.system or None,
        "channel": finding.channel or None,
        "code": finding.label or None,
        "message": finding.message,
    }
