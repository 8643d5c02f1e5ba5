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

from messaging_status.catalogue import Catalogue, Row, Series, Variant
from messaging_status.host import Host
from messaging_status.model import Status

__all__ = ["FIELDS", "as_csv", "as_toml", "objects", "status_object", "variants_of"]

FIELDS: Final = (
    "system",
    "channel",
    "code",
    "description",
    "severity",
    "retryable",
    "outcome",
    "category",
    "fault",
    "advice",
    "variants",
)
_MEANING: Final = FIELDS[3:10]


def objects(host: Host) -> Iterator[dict[str, Any]]:
    """One object per system, channel and code, in the order of the catalogues. A series is one, named ``1000-3999``."""
    for channel in host.channels:
        catalogue = channel.catalogue
        for code, row in catalogue.rows.items():
            yield _row_object(catalogue, code, row, row.variant)
        for series in catalogue.series:
            yield _row_object(catalogue, series.label, series, ())


def status_object(status: Status, variants: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A decoded status with the same fields as a row."""
    values = {name: _plain(getattr(status, name)) for name in FIELDS[:-1]}
    return {**values, "variants": list(variants)}


def variants_of(host: Host, status: Status) -> list[dict[str, Any]]:
    """The variants of the row that a status was decoded from, on its channel or on one that it extends."""
    catalogues = {c.catalogue.channel: c.catalogue for c in host.channels if c.catalogue.system == status.system}
    pending = [status.channel or "common"]
    while pending:
        catalogue = catalogues.get(pending.pop(0))
        if catalogue is not None:
            if status.code in catalogue.rows:
                return [_variant_object(variant) for variant in catalogue.rows[status.code].variant]
            pending += catalogue.extends
    return []


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The objects as CSV; variants as JSON in their cell, true and false as such, empty for what is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in row.items()}
        writer.writerow({**cells, "variants": json.dumps(row["variants"]) if row["variants"] else ""})
    return text.getvalue()


def as_toml(rows: Sequence[Mapping[str, Any]]) -> str:
    """The objects as a TOML list ``[[status]]``; what is not known is left out, for TOML has no null."""
    return tomli_w.dumps({"status": [{name: v for name, v in row.items() if v not in (None, [])} for row in rows]})


def _row_object(catalogue: Catalogue, code: str, row: Row | Series, variants: Sequence[Variant]) -> dict[str, Any]:
    meaning = {name: _plain(getattr(row, name)) for name in _MEANING}
    of_code = {"system": catalogue.system, "channel": catalogue.channel, "code": code}
    return {**of_code, **meaning, "variants": [_variant_object(variant) for variant in variants]}


def _variant_object(variant: Variant) -> dict[str, Any]:
    said = {name: _plain(value) for name, value in msgspec.structs.asdict(variant).items() if value is not None}
    if variant.reasons:
        said["reason"] = list(variant.reasons)
    return said


def _plain(value: Any) -> Any:
    return value.value if hasattr(value, "value") else value
