# SPDX-License-Identifier: Apache-2.0
"""The command ``catalog diff``: what is different between two versions of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
import msgspec

from messaging_status.cli.output import print_json, print_rows, word
from messaging_status.cli.tables import tables_of
from messaging_status.differences import Difference, Kind, differences

__all__ = ["diff"]

_HEADINGS: Final = {
    Kind.RETRYABLE: "Changed retryable",
    Kind.REMOVED: "Removed",
    Kind.ADDED: "Added",
    Kind.MEANING: "Changed meaning",
    Kind.REWORDED: "Reworded",
}
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|])")


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--format", "kind", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True)
def diff(old: str, new: str, kind: str) -> None:
    """What is different in the tables of NEW from those of OLD: codes added and removed, other meanings, other retryable.

    Each one is a catalogue file, a folder of them, a wheel, or an installed distribution, as messaging-status-smtp or
    messaging-status-smtp==0.1.0. --format markdown is for a changelog.

    Exits with 0, whether there are differences or not, or with 2 where OLD or NEW cannot be read.
    """
    found = differences(tables_of(old), tables_of(new))
    if kind == "json":
        print_json([msgspec.to_builtins(difference) for difference in found])
        return
    ordered = [one for heading in _HEADINGS for one in found if one.kind is heading]
    if not ordered:
        click.echo("no differences", err=True)
    elif kind == "markdown":
        click.echo("\n".join(_markdown(ordered)))
    else:
        heads = ("kind", "system", "channel", "code", "what")
        print_rows(heads, [[one.kind.value, one.system, one.channel, _code(one), _what(one)] for one in ordered])


def _markdown(ordered: Sequence[Difference]) -> Iterator[str]:
    systems = {one.system for one in ordered}
    for position, kind in enumerate(dict.fromkeys(one.kind for one in ordered)):
        yield from ([""] if position else [])
        yield from (f"### {_HEADINGS[kind]}", "")
        for one in ordered:
            if one.kind is kind:
                channel = one.channel if len(systems) == 1 else f"{one.system} {one.channel}"
                code = f" `{one.code}`" if one.code else ""
                variant = f" with {_plain(one.variant)}" if one.variant else ""
                yield f"- {_plain(channel)}{code}{variant}: {_plain(_what(one))}"


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def _code(one: Difference) -> str:
    if one.code is None:
        return "-"
    return f"{one.code} with {one.variant}" if one.variant else one.code


def _what(one: Difference) -> str:
    if one.code is None:
        return "the channel"
    if not one.changes:
        return f"{one.description}; retryable {_written(one.retryable)}"
    # What changes resends comes first.
    ordered = sorted(one.changes, key=lambda change: change.field != "retryable")
    changed = [f"{change.field} {_written(change.before)} → {_written(change.after)}" for change in ordered]
    is_reworded = any(change.field == "description" for change in one.changes)
    return "; ".join(changed) if is_reworded else f"{one.description}: {'; '.join(changed)}"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['code']} of {value['system']}"
    if isinstance(value, (list, tuple)):
        return " ".join(value)
    return word(value) if value is None or isinstance(value, (bool, str)) else str(value)
