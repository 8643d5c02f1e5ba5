# SPDX-License-Identifier: Apache-2.0
"""The commands below ``catalog``: look through the tables, export them, compare them, find mistakes in them."""

from __future__ import annotations

import sys
from typing import Any

import click

from messaging_status.cli.catalog import as_csv, as_toml, objects
from messaging_status.cli.diff import diff
from messaging_status.cli.lint import lint
from messaging_status.cli.loading import NOT_FOUND, channel_named, json_option, load_host, system_option
from messaging_status.cli.output import joined, print_json, print_rows, word

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """Look through the catalogues."""


catalog.add_command(diff)
catalog.add_command(lint)


@catalog.command("list")
@json_option
def list_channels(wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Every channel: its system, how many codes, other names for it, where its facts were read."""
    rows = [
        {
            "system": catalogue.system,
            "channel": catalogue.channel,
            "codes": len(catalogue.rows) + len(catalogue.series),
            "aliases": list(catalogue.aliases),
            "extends": list(catalogue.extends),
            "source": catalogue.source,
            "read": catalogue.read.isoformat(),
        }
        for catalogue in (channel.catalogue for channel in load_host().channels)
    ]
    if wants_json:
        print_json(rows)
    else:
        heads = ("system", "channel", "codes", "aliases", "extends", "read")
        print_rows(heads, [[joined(row[head]) for head in heads] for row in rows])


@catalog.command()
@click.argument("channel")
@system_option
@json_option
def show(channel: str, system: str | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Every code of CHANNEL. Codes of the channels that it extends are listed there."""
    host = load_host()
    named = channel_named(host, channel, system).catalogue
    _print_objects(
        [row for row in objects(host) if (row["system"], row["channel"]) == (named.system, named.channel)], wants_json
    )


@catalog.command()
@click.argument("words", nargs=-1, required=True)
@json_option
def search(words: tuple[str, ...], wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Codes whose row holds all WORDS, in any order: in its channel, code, text, category, outcome or advice."""
    wanted = [word.casefold() for word in words]
    found = [row for row in objects(load_host()) if all(word in _searchable(row) for word in wanted)]
    _print_objects(found, wants_json)
    if not found:
        click.echo(f"no row holds {' and '.join(words)}", err=True)
        sys.exit(NOT_FOUND)


@catalog.command()
@click.option("--format", "kind", type=click.Choice(["json", "csv", "toml"]), default="json", show_default=True)
def export(kind: str) -> None:
    """Every code of every channel: one object per system, channel and code."""
    rows = list(objects(load_host()))
    if kind == "json":
        print_json(rows)
    else:
        click.echo(as_csv(rows) if kind == "csv" else as_toml(rows), nl=False)


def _print_objects(rows: list[dict[str, Any]], wants_json: bool) -> None:  # noqa: FBT001 - passed on
    if wants_json:
        print_json(rows)
        return
    heads = ("channel", "code", "description", "severity", "retryable", "outcome", "category")
    print_rows(heads, [[word(row[head]) for head in heads] for row in rows])


def _searchable(row: dict[str, Any]) -> str:
    variants = [variant.get("description", "") for variant in row["variants"]]
    return " ".join([*(str(row[name]) for name in row if name != "variants" and row[name]), *variants]).casefold()
