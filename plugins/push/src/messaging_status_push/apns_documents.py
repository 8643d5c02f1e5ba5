# SPDX-License-Identifier: Apache-2.0
"""The documents of APNs: the body of an answer to a request that failed. The body of any other answer is empty."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from importlib.resources import files
from typing import Final

from messaging_status import ApiHosts, Document, DocumentReader, Origin, RawStatus, hookimpl, read_catalogue
from messaging_status_push.values import PUSH, is_of, is_push_of, text

__all__ = ["messaging_status_documents", "messaging_status_hosts"]

SYSTEM: Final = "apns"
_REASON: Final = re.compile(r"[A-Z][A-Za-z]{2,63}")
_BODY: Final = frozenset({"reason", "timestamp"})


@hookimpl
def messaging_status_documents() -> list[DocumentReader]:
    """A reader that knows Apple's reasons from those of others by the table."""
    reasons = read_catalogue(files(__package__) / "apns.toml").rows.keys()
    return [DocumentReader(keys=("reason",), read=partial(read_reason, reasons))]


@hookimpl
def messaging_status_hosts() -> list[ApiHosts]:
    """The servers for production and for development, the latter under both of its names."""
    hosts = ("api.push.apple.com", "api.sandbox.push.apple.com", "api.development.push.apple.com")
    return [ApiHosts(system=SYSTEM, hosts=hosts)]


def read_reason(reasons: Collection[str], document: Document) -> list[RawStatus]:
    """The body of an answer, ``{"reason": "Unregistered", "timestamp": 1790500100000}``.

    Anybody's answer has a reason. So it is one of APNs only where the record says so, and the reason is one of Apple's or
    nothing stands beside it that Apple does not write; or where the record says push and no system, and both hold.
    """
    reason = text(document.content.get("reason"))
    if reason is None or _REASON.fullmatch(reason) is None:
        return []
    is_known, is_alone = reason in reasons, document.content.keys() <= _BODY
    if is_of(SYSTEM, document):
        is_apples = is_known or is_alone
    else:
        is_apples = is_known and is_alone and is_push_of(SYSTEM, document)
    if not is_apples:
        return []
    return [RawStatus(code=reason, system=SYSTEM, channel=PUSH, origin=Origin.ANSWER)]
