# SPDX-License-Identifier: Apache-2.0
"""Plugins, installed: packages and their metadata in a folder on the path. A hundred made up, and those of this repository."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parent.parent

PLUGINS: Final = 100
CODES: Final = tuple(str(code) for code in range(1000, 1030))

_MODULE: Final = """\
from importlib.resources import files
from messaging_status import Channel, hookimpl, read_catalogue

@hookimpl
def messaging_status_channels():
    return [Channel(catalogue=read_catalogue(files(__package__) / "table.toml"))]
"""
_HEAD: Final = """\
system = "{system}"
channel = "{channel}"
source = "generated"
read = 2026-01-01
"""
_ROW: Final = """
[status.{code}]
description = "Meaning {code} on {channel}"
outcome = "failed"
category = "configuration"
severity = "ERROR"
retryable = false
fault = "sender"
advice = "Check the configuration of {channel}."
"""


def install(site: Path, kind: str) -> None:
    """Install a hundred plugins of thirty codes: each in a system of its own (``own``), or all in one (``shared``)."""
    for index in range(PLUGINS):
        name = f"generated_{kind}_{index:03}"
        system = own_system_of(index) if kind == "own" else "shared"
        channel = channel_of(index)
        rows = [_ROW.format(code=code, channel=channel) for code in CODES]
        package, info = site / name, site / f"{name}-1.0.dist-info"
        package.mkdir()
        info.mkdir()
        (package / "__init__.py").write_text(_MODULE)
        (package / "table.toml").write_text(_HEAD.format(system=system, channel=channel) + "".join(rows))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[messaging_status]\n{entry_name(kind, index)} = {name}\n")


def install_ours(site: Path) -> list[str]:
    """Install the plugins of this repository that are not installed; answers the folders that belong on the path, too."""
    folders = []
    for project in sorted(REPOSITORY.glob("plugins/*/pyproject.toml")):
        about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        try:
            distribution(about["name"])
        except PackageNotFoundError:
            info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
            )
            entries = about["entry-points"]["messaging_status"]
            lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
            (info / "entry_points.txt").write_text(f"[messaging_status]\n{lines}")
            folders.append(str(project.parent / "src"))
    return folders


def entry_name(kind: str, index: int) -> str:
    """The name of one of the plugins."""
    return f"{kind}.{channel_of(index)}"


def own_system_of(index: int) -> str:
    """The system of a plugin that shares it with none."""
    return f"system_{index:03}"


def channel_of(index: int) -> str:
    """The channel of one of the plugins."""
    return f"channel_{index:03}"
