# SPDX-License-Identifier: Apache-2.0
"""Acme's pagers: a table, a refine function for what it cannot say, and a reader for Acme's receipts."""

from importlib.resources import files

import msgspec

from messaging_status import (
    Category,
    Channel,
    Document,
    DocumentReader,
    RawStatus,
    Severity,
    Status,
    hookimpl,
    read_catalogue,
)


def refine(raw: RawStatus, status: Status) -> Status:
    """Codes from 900 up are the pager network's own, whatever they are."""
    if not status.is_known and status.code.isdecimal() and int(status.code) >= 900:
        return msgspec.structs.replace(
            status, description="Pager network error", category=Category.PROVIDER_ERROR, severity=Severity.ERROR
        )
    return status


def read(document: Document) -> list[RawStatus]:
    """A receipt holds one page, or a list of them."""
    receipt = document.content.get("pagerReceipt")
    pages = receipt if isinstance(receipt, list) else [receipt]
    return [
        RawStatus(
            code=page["result"], system="acme", channel="pager", reason=page.get("why"), message_id=page.get("id")
        )
        for page in pages
        if isinstance(page, dict) and "result" in page
    ]


@hookimpl
def messaging_status_channels() -> list[Channel]:
    """The pager channel."""
    return [Channel(catalogue=read_catalogue(files(__package__) / "pager.toml"), refine=refine)]


@hookimpl
def messaging_status_documents() -> list[DocumentReader]:
    """The receipt reader."""
    return [DocumentReader(keys=("pagerReceipt",), read=read)]
