# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a catalogue although it can be loaded: rules by name, each one checked row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from messaging_status import lint_channels, lint_rows
from messaging_status._toml_lines import Path, lines_of, named
from messaging_status.catalogue import Catalogue, Row, Series
from messaging_status.lint_rows import Problem

__all__ = [
    "RULES",
    "Finding",
    "Rule",
    "Subject",
    "TableFile",
    "check",
    "findings",
    "rules_for",
    "subjects",
    "table_file",
]


class TableFile(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue, and where its keys stand.

    Attributes:
        catalogue: The table.
        where: How messages name its file.
        lines: The line of each key, as far as they are known.
    """

    catalogue: Catalogue
    where: str
    lines: Mapping[Path, int]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What one check looks at: a channel as a whole, or one of its rows or ranges.

    Attributes:
        file: The table that it is from.
        path: Where it stands; empty for the channel as a whole.
        row: The row or range, None for the channel as a whole.
        label: The code, or the range as ``900-999``; empty for the channel as a whole.
    """

    file: TableFile
    path: Path
    row: Row | Series | None
    label: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule.

    Attributes:
        name: What it is called, in one word.
        says: What it asks for, in a sentence.
        of_rows: What is wrong with a row or range, for rules about those.
        of_channels: What is wrong with a channel, given all tables, for rules about those.
    """

    name: str
    says: str
    of_rows: Callable[[lint_rows.Checked], Iterator[Problem]] | None = None
    of_channels: Callable[[Catalogue, Sequence[Catalogue]], Iterator[Problem]] | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong.

    Attributes:
        rule: The rule's name.
        system: Whose channel it is about.
        channel: The channel.
        label: The code or the range; empty for the channel as a whole.
        message: File, line and key, what was found, what was expected.
    """

    rule: str
    system: str
    channel: str
    label: str
    message: str


def _said(function: Callable[..., object]) -> str:
    return (function.__doc__ or "").partition("\n")[0]


RULES: Final = (
    *(Rule(name=name, says=_said(of), of_channels=of) for name, of in lint_channels.RULES.items()),
    *(Rule(name=name, says=_said(of), of_rows=of) for name, of in lint_rows.RULES.items()),
)
"""All rules, those about channels first."""


def table_file(catalogue: Catalogue, *, where: str | None = None, text: str = "") -> TableFile:
    """A catalogue with the lines of its file.

    Args:
        catalogue: The table.
        where: How messages name its file; None: as the catalogue does.
        text: What stands in the file; without it, messages name keys without lines.
    """
    return TableFile(catalogue=catalogue, where=where or catalogue.where, lines=lines_of(text))


def subjects(file: TableFile) -> Iterator[Subject]:
    """All that there is to check in a table: the channel, its rows, its ranges."""
    yield Subject(file=file, path=(), row=None, label="")
    for code, row in file.catalogue.rows.items():
        yield Subject(file=file, path=("status", code), row=row, label=code)
    for index, series in enumerate(file.catalogue.series):
        yield Subject(file=file, path=("range", index), row=series, label=series.label)


def rules_for(subject: Subject) -> tuple[Rule, ...]:
    """The rules that apply to a subject."""
    return tuple(rule for rule in RULES if (rule.of_rows is None) == (subject.row is None))


def check(rule: Rule, subject: Subject, files: Sequence[TableFile]) -> list[str]:
    """What is wrong with a subject by one rule, each a line: file, line, key, what was found, what was expected.

    Args:
        rule: One of :func:`rules_for` the subject.
        subject: What to look at.
        files: All tables that are known, its own among them: a channel extends others, and its names must be its own.
    """
    catalogue = subject.file.catalogue
    problems: Iterator[Problem] = iter(())
    if rule.of_channels is not None:
        problems = rule.of_channels(catalogue, [file.catalogue for file in files])
    elif rule.of_rows is not None and subject.row is not None:
        known = [file.catalogue for file in files if file.catalogue.system == catalogue.system]
        checked = lint_rows.Checked(catalogue=catalogue, known=known, path=subject.path, row=subject.row)
        problems = rule.of_rows(checked)
    return [f"{named(subject.file.where, path, subject.file.lines)}: {what}" for path, what in problems]


def findings(files: Sequence[TableFile], known: Sequence[TableFile] = ()) -> Iterator[Finding]:
    """All that is wrong with some tables, in the order of the tables and their rows.

    Args:
        files: The tables to look at.
        known: Other tables that they may extend, or whose names they may have taken.
    """
    everything = (*files, *known)
    for file in files:
        catalogue = file.catalogue
        for subject in subjects(file):
            for rule in rules_for(subject):
                for message in check(rule, subject, everything):
                    yield Finding(
                        rule=rule.name,
                        system=catalogue.system,
                        channel=catalogue.channel,
                        label=subject.label,
                        message=message,
                    )
