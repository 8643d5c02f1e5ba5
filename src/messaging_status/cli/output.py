# SPDX-License-Identifier: Apache-2.0
"""Answers on standard output: tables in a terminal, tab-separated lines in a pipe, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["joined", "print_json", "print_rows", "styled", "word"]

_STYLES = {"INFO": "green", "WARN": "yellow", "ERROR": "red", "FATAL": "bold red"}


def print_json(value: Any) -> None:
    """One JSON document, indented."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """A table in a terminal; in a pipe, a line per row with tabs between, the heads first."""
    if not sys.stdout.isatty():
        for line in (heads, *rows):
            click.echo("\t".join(line))
        return
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(styled(cell) for cell in row))
    Console().print(table)


def styled(cell: str) -> Text:
    """A cell of a table; severities in their colour."""
    return Text(cell, style=_STYLES.get(cell, ""))


def word(value: bool | str | None) -> str:  # noqa: FBT001 - it is a value to be written out
    """A value as a person reads it: yes, no, or - for what is not known."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value


def joined(value: object) -> str:
    """A value of a table: lists with commas, - for what is not known."""
    if value is None:
        return "-"
    return ", ".join(value) if isinstance(value, (list, dict)) else str(value)
