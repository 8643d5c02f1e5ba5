# SPDX-License-Identifier: Apache-2.0
"""A user's own changes to one channel's catalogue: a TOML file of rows that say only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from messaging_status._toml_lines import Path, lines_of
from messaging_status.catalogue import (
    Advice,
    Code,
    CodedFile,
    Description,
    Seconds,
    Text,
    Unknown,
    Variant,
    parse_toml,
    validated,
)
from messaging_status.model import Category, Fault, Outcome, Severity

__all__ = ["Change", "Overlay", "parse_overlay"]


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different in one row; the fields are those of :class:`~messaging_status.Row`, each one optional."""

    description: Description | None = None
    outcome: Outcome | None = None
    category: Category | None = None
    severity: Severity | None = None
    retryable: bool | Unknown | None = None
    retry_after: Seconds | None = None
    fault: Fault | None = None
    advice: Advice | None = None
    parameter: Text | None = None
    variant: tuple[Variant, ...] = ()


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """One overlay file, validated by itself.

    Attributes:
        system: Whose channel it changes.
        channel: The channel, by its own name.
        rows: What is different, by code.
        where: The file, for error messages.
        lines: Where in it each key stands.
    """

    system: str
    channel: str
    rows: Mapping[str, Change]
    where: str
    lines: Mapping[Path, int]

    @property
    def full_name(self) -> str:
        """System and channel, as in the catalogue that it changes."""
        return f"{self.system}.{self.channel}"


class _File(CodedFile, kw_only=True, forbid_unknown_fields=True):
    """The shape of an overlay file."""

    status: dict[Code, Change] = msgspec.field(default_factory=dict)


def parse_overlay(text: str, *, where: str) -> Overlay:
    """Validate the text of an overlay file, as far as that can be done without the catalogue.

    Args:
        text: The text.
        where: What to call it in error messages.

    Raises:
        CatalogueError: With every problem of the file, each with its line and key.
    """
    content = validated(parse_toml(text, where=where), _File, Change, where=where, text=text)
    return Overlay(
        system=content.system,
        channel=content.channel,
        rows=MappingProxyType(content.status),
        where=where,
        lines=lines_of(text),
    )
