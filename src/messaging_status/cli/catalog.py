# SPDX-License-Identifier: Apache-2.0
"""The rows of all catalogues as plain objects, for tables, searches and exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import tomli_w

from messaging_status.catalogue import Catalogue, Row, Series, Upstream, Variant
from messaging_status.host import Host
from messaging_status.model import Status

__all__ = ["FIELDS", "as_csv", "as_toml", "objects", "row_of", "status_object"]

FIELDS: Final = (
    "system",
    "channel",
    "code",
    "description",
    "severity",
    "retryable",
    "retry_after",
    "outcome",
    "category",
    "fault",
    "advice",
    "aliases",
    "upstream",
    "variants",
)
_MEANING: Final = FIELDS[3:11]


def objects(host: Host) -> Iterator[dict[str, Any]]:
    """One object per system, channel and code, in the order of the catalogues. A series is one, named ``1000-3999``."""
    for channel in host.channels:
        catalogue = channel.catalogue
        for code, row in catalogue.rows.items():
            yield _row_object(catalogue, code, row)
        for series in catalogue.series:
            yield _row_object(catalogue, series.label, series)


def status_object(status: Status, row: Row | None) -> dict[str, Any]:
    """A decoded status with the same fields as a row.

    Args:
        status: What was decoded.
        row: The row that it was decoded from, None where it has none.
    """
    values = {name: _plain(getattr(status, name)) for name in (*FIELDS[:3], *_MEANING)}
    upstream = (
        Upstream(system=status.upstream_system or "", code=status.upstream_code) if status.upstream_code else None
    )
    return {**values, **_around(row, upstream)}


def row_of(host: Host, status: Status) -> Row | None:
    """The row that a status was decoded from, on its channel or on one that it extends."""
    catalogues = {c.catalogue.channel: c.catalogue for c in host.channels if c.catalogue.system == status.system}
    pending = [status.channel or "common"]
    while pending:
        catalogue = catalogues.get(pending.pop(0))
        if catalogue is not None:
            if status.code in catalogue.rows:
                return catalogue.rows[status.code]
            pending += catalogue.extends
    return None


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The objects as CSV; lists and objects as JSON in their cell, true and false as such, empty for what is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value) if value else ""
    return json.dumps(value) if isinstance(value, bool) else value


def as_toml(rows: Sequence[Mapping[str, Any]]) -> str:
    """The objects as a TOML list ``[[status]]``; what is not known is left out, for TOML has no null."""
    return tomli_w.dumps({"status": [{name: v for name, v in row.items() if v not in (None, [])} for row in rows]})


def _row_object(catalogue: Catalogue, code: str, row: Row | Series) -> dict[str, Any]:
    meaning = {name: _plain(getattr(row, name)) for name in _MEANING}
    of_code = {"system": catalogue.system, "channel": catalogue.channel, "code": code}
    of_row = row if isinstance(row, Row) else None
    return {**of_code, **meaning, **_around(of_row, of_row.upstream if of_row else None)}


def _around(row: Row | None, upstream: Upstream | None) -> dict[str, Any]:
    return {
        "aliases": list(row.aliases) if row else [],
        "upstream": msgspec.to_builtins(upstream),
        "variants": [_variant_object(variant) for variant in row.variant] if row else [],
    }


def _variant_object(variant: Variant) -> dict[str, Any]:
    said = {name: value for name, value in msgspec.to_builtins(variant).items() if value is not None}
    if variant.reasons:
        said["reason"] = list(variant.reasons)
    return said


def _plain(value: Any) -> Any:
    return value.value if hasattr(value, "value") else value
