# SPDX-License-Identifier: Apache-2.0
"""The command ``plugin new``: a plugin that works, for its author to fill in."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points, version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

import click

from messaging_status.cli.loading import WRONG_USAGE
from messaging_status.hookspecs import PROJECT_NAME

__all__ = ["plugin"]

_STEM: Final = "messaging-status-"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN: Final = frozenset({"documents", "py"})
"""Channels whose module would be another one of the package."""


@click.group()
def plugin() -> None:
    """Write plugins of your own."""


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    stem = value.strip().lower().removeprefix(_STEM)
    if _NAME.fullmatch(stem) is None:
        msg = f"{value!r} is not a name for a distribution: letters and digits, with single hyphens between, such as 'acme'"
        raise click.BadParameter(msg)
    return stem.replace("_", "-")


def _system(_: click.Context, __: click.Parameter, value: str) -> str:
    return _word(value)


def _channels(_: click.Context, __: click.Parameter, value: Sequence[str]) -> list[str]:
    """The names of the channels, asked for where none is given."""
    if not value:
        answer = click.prompt("Channels, with commas between (sms, email, pager ...)", value_proc=str)
        value = [answer]
    names = [_word(name) for one in value for name in one.split(",")]
    for name in names:
        if names.count(name) > 1:
            msg = f"{name!r} is named twice"
            raise click.BadParameter(msg)
        if name in _TAKEN:
            msg = f"{name!r} is the name of another module of the plugin; choose another one"
            raise click.BadParameter(msg)
    return names


def _word(value: str) -> str:
    word = value.strip()
    if _WORD.fullmatch(word) is None:
        msg = f"{value!r} is not a name: lower-case letters, digits and underscores, such as 'acme' or 'in_app'"
        raise click.BadParameter(msg)
    return word


@plugin.command()
@click.argument("name", callback=_name)
@click.option(
    "--system", callback=_system, prompt="System, as messaging.system says it", help="Who reports the statuses."
)
@click.option(
    "--channel",
    "channels",
    callback=_channels,
    multiple=True,
    help="What the messages travel over; may be given more than once.",
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where to write it.  [default: here]",
)
def new(name: str, system: str, channels: list[str], directory: Path) -> None:
    """Write the distribution messaging-status-NAME: a table for each channel, a reader, tests that pass."""
    target = directory / f"{_STEM}{name}"
    claimed = {entry.name: entry for entry in entry_points(group=PROJECT_NAME)}
    for channel in channels:
        other = claimed.get(f"{system}.{channel}")
        if other is not None and other.dist is not None:
            claim = f"{other.dist.name} {other.dist.version} is installed and has {other.name}, too"
            click.echo(f"{claim}; beside it, neither of the two is used", err=True)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            click.echo(f"{target}: is there already, and not empty; nothing was written", err=True)
            sys.exit(WRONG_USAGE)
        _write(target, name, system, channels)
    except OSError as error:
        click.echo(f"{target}: cannot be written: {error.strerror}; nothing was written", err=True)
        sys.exit(WRONG_USAGE)
    click.echo(f"{target}: {', '.join(channels)} of {system}. Next:\n")
    click.echo(f"  cd {target}\n  pip install --editable . --group dev\n  pytest")


def _write(target: Path, name: str, system: str, channels: Sequence[str]) -> None:
    """Write all of it, or nothing: into a folder beside the target first."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        made = Path(folder) / target.name
        for path, text in _files(name, system, channels):
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if target.exists():
            target.rmdir()
        shutil.move(made, target)


def _files(name: str, system: str, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The path and the text of each file."""
    package = f"messaging_status_{name.replace('-', '_')}"
    modules = {**{channel: channel for channel in channels}, "documents": "documents"}
    words = {
        "distribution": f"{_STEM}{name}",
        "package": package,
        "system": system,
        "channel": channels[0],
        "channel_list": ", ".join(channels),
        "document_key": f"{_camel(system)}Receipt",
        "entry_points": "\n".join(f'"{system}.{key}" = "{package}.{modules[key]}"' for key in sorted(modules)),
        "host_version": version("otel-messaging-status"),
        "today": dt.datetime.now(tz=dt.UTC).date().isoformat(),
    }
    words["vectors"] = "".join(_filled("vector.toml", {**words, "channel": channel}) for channel in channels)
    yield "pyproject.toml", _filled("pyproject.toml", words)
    yield "README.md", _filled("README.md", words)
    yield ".gitignore", _filled("gitignore", words)
    yield f"src/{package}/__init__.py", _filled("package.py", words)
    yield f"src/{package}/py.typed", ""
    yield f"src/{package}/documents.py", _filled("documents.py", words)
    for channel in channels:
        yield f"src/{package}/{channel}.py", _filled("channel.py", {**words, "channel": channel})
        yield f"src/{package}/{channel}.toml", _filled("channel.toml", {**words, "channel": channel})
    yield f"tests/test_{name.replace('-', '_')}.py", _filled("test.py", words)
    yield "tests/golden.toml", _filled("golden.toml", words)


def _filled(name: str, words: dict[str, str]) -> str:
    template = files("messaging_status.cli") / "plugin_template" / f"{name}.template"
    return Template(template.read_text(encoding="utf-8")).substitute(words)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))
