# SPDX-License-Identifier: Apache-2.0
"""Where in a TOML text a key stands; tomllib keeps no line numbers."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from typing import Final

__all__ = ["Path", "lines_of", "named", "placed", "shown"]

Path = tuple[str | int, ...]
"""Keys and indexes from the top: ``("status", "7520", "variant", 1, "reason")``."""

_PART: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED: Final = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"\s*({_DOTTED})\s*=")
_MANY_LINES: Final = re.compile(r'"""|\'\'\'')
_MAX_SHOWN: Final = 80


def lines_of(text: str) -> Mapping[Path, int]:
    """The line, from 1, of every table header and every key that begins a line."""
    found: dict[Path, int] = {}
    indexes: Counter[Path] = Counter()
    table: Path = ()
    is_inside_text = False
    for number, line in enumerate(text.splitlines(), 1):
        was_inside_text = is_inside_text
        is_inside_text ^= len(_MANY_LINES.findall(line)) % 2 == 1
        if was_inside_text:
            continue
        if header := _HEADER.fullmatch(line):
            table = _located(_parts(header[2]), indexes)
            if header[1] == "[[":
                indexes[table] += 1
                found.setdefault(table, number)
                table = (*table, indexes[table] - 1)
            for length in range(1, len(table) + 1):
                found.setdefault(table[:length], number)
        elif key := _KEY.match(line):
            parts = _parts(key[1])
            for length in range(1, len(parts) + 1):
                found.setdefault((*table, *parts[:length]), number)
    return found


def named(where: str, path: Path, lines: Mapping[Path, int]) -> str:
    """How an error names a place: file, line where it is known, key.

    Args:
        where: The file.
        path: The key. Where it does not stand in the file, the line is that of the table that lacks it.
        lines: What :func:`lines_of` answered.
    """
    written = (
        f"[{part}]" if isinstance(part, int) else f".{part if part.isprintable() else shown(part)}" for part in path
    )
    key = "".join(written).lstrip(".")
    place = placed(where, path, lines)
    return f"{place}: {key}" if key else place


def placed(where: str, path: Path, lines: Mapping[Path, int]) -> str:
    """A place as file and line; the file alone where the line is not known."""
    within = path
    while within and within not in lines:
        within = within[:-1]
    return f"{where}:{lines[within]}" if within else where


def shown(value: object) -> str:
    """A value as an error quotes it: on one line, not too long."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _located(parts: tuple[str, ...], indexes: Mapping[Path, int]) -> Path:
    """The path of a header: where a part names a list of tables, the last one of it is meant."""
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if path in indexes and position < len(parts) - 1:
            path = (*path, indexes[path] - 1)
    return path


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(
        str(tomllib.loads(f"x = {part}")["x"]) if part[0] in "\"'" else part for part in re.findall(_PART, dotted)
    )
