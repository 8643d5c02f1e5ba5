# SPDX-License-Identifier: Apache-2.0
"""The command ``check``: whether a file, or what a sender would start with, can be used."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import click
import msgspec

from messaging_status.catalogue import read_catalogue
from messaging_status.cli.catalog import objects
from messaging_status.cli.loading import NOT_FOUND, json_option
from messaging_status.cli.output import print_json
from messaging_status.errors import MessagingStatusError
from messaging_status.host import Host
from messaging_status.settings import Settings, load_settings, read_settings

__all__ = ["check"]


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check(file: Path | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Whether a settings FILE, a catalogue or an overlay can be used, and what overlays change.

    Without FILE: what a sender would start with.
    """
    try:
        kind = _kind_of(file) if file is not None else "settings"
        if file is not None and kind == "catalogue":
            catalogue = read_catalogue(file)
            said = [f"{file}: {len(catalogue.rows)} codes of {catalogue.system} {catalogue.channel}, all valid"]
            _print_check(said, [], wants_json)
            return
        if file is not None and kind == "overlay":
            settings = msgspec.structs.replace(load_settings(), overlays=(str(file),))
        else:
            settings = read_settings(file) if file else load_settings()
        host = Host.load(settings, strict=True)
    except MessagingStatusError as error:
        _print_check([], list(error.problems), wants_json)
        sys.exit(NOT_FOUND)
    codes = sum(1 for _ in objects(host))
    loaded = f"plugins: {len(host.plugins)} loaded, {len(host.channels)} channels, {codes} codes, none failed"
    first = f"{file}: valid" if kind == "overlay" else f"{file or 'settings'}: valid; {_changed(settings)}"
    _print_check([first, *map(str, host.edits), *host.remarks, loaded], [], wants_json)


def _print_check(said: list[str], problems: list[str], wants_json: bool) -> None:  # noqa: FBT001 - passed on
    if wants_json:
        print_json({"valid": not problems, "said": said, "problems": problems})
    else:
        click.echo("\n".join(said or problems), err=bool(problems))


def _kind_of(file: Path) -> str:
    """What a file is: settings, a catalogue, or an overlay, which has no source of its own."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "settings"
    if document.keys() & {"source", "read"}:
        return "catalogue"
    return "overlay" if document.keys() & {"status", "channel", "system"} else "settings"


def _changed(settings: Settings) -> str:
    default = Settings()
    names = [name for name in Settings.__struct_fields__ if getattr(settings, name) != getattr(default, name)]
    return f"sets {', '.join(names)}" if names else "all at their defaults"
