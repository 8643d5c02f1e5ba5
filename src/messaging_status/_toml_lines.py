# SPDX-License-Identifier: Apache-2.0
"""Where in a TOML text a key stands; tomllib keeps no line numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["line_of"]


def line_of(lines: Sequence[str], table: str, index: int, key: str) -> int | None:
    """The line of a key, or of its table's header where the table does not hold the key.

    Args:
        lines: The lines of the file.
        table: The name of the table (``status.7520.variant``), empty for the top of the file.
        index: Which of the tables of this name, from 0.
        key: A key inside it, empty for the table itself.

    Returns:
        A line number from 1, or None where the table does not stand in the file.
    """
    starts = [number for number, line in enumerate(lines, 1) if _header(line) == table]
    if table and len(starts) <= index:
        return None
    start = starts[index] if table else 0
    for number, line in enumerate(lines[start:], start + 1):
        if _header(line):
            break
        if key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return start or None


def _header(line: str) -> str:
    found = re.match(r"\s*\[\[?([^\[\]]+)\]", line)
    return re.sub(r"[\"'\s]", "", found[1]) if found else ""
