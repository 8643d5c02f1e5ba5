# SPDX-License-Identifier: Apache-2.0
"""The documents of Huawei Push Kit: answers to requests.

Where some or all tokens were refused, ``msg`` is JSON text that lists them. Tokens belong to persons: of that text only
the count and the causes are read, and nothing of any ``msg`` is passed on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from importlib.resources import files
from typing import Any, Final

import msgspec

from messaging_status import ApiHosts, Document, DocumentReader, Origin, RawStatus, hookimpl, read_catalogue
from messaging_status_push.values import PUSH, is_of, is_push_of, mapping, text

__all__ = ["messaging_status_documents", "messaging_status_hosts"]

SYSTEM: Final = "hms"
_BODY: Final = frozenset({"code", "msg", "requestId"})
_MAX_MESSAGE: Final = 256 * 1024
_MAX_COUNT: Final = 10**6
_MAX_CODE: Final = 10**8
_ABOUT_TOKENS: Final = ("80100000", "80300007")


@hookimpl
def messaging_status_documents() -> list[DocumentReader]:
    """A reader that knows Push Kit's codes, and the causes of refused tokens, by the table."""
    rows = read_catalogue(files(__package__) / "hms.toml").rows
    causes = [cause for code in _ABOUT_TOKENS for variant in rows[code].variant for cause in variant.reasons]
    return [DocumentReader(keys=("requestId",), read=partial(read_answer, rows.keys(), frozenset(causes)))]


@hookimpl
def messaging_status_hosts() -> list[ApiHosts]:
    """The API's host."""
    return [ApiHosts(system=SYSTEM, hosts=("push-api.cloud.huawei.com",))]


def read_answer(codes: Collection[str], causes: Collection[str], document: Document) -> list[RawStatus]:
    """An answer, ``{"code": "80000000", "msg": "Success", "requestId": "157000006"}``.

    Anybody's answer looks like that. So it is one of Push Kit where the record says so, or where the code is one of Push
    Kit's, nothing else stands beside it and the record names no other system and no other channel.
    """
    content = document.content
    nobody_says = document.system is None and document.channel is None
    is_alike = content.keys() == _BODY and _is_one_of(codes, content["code"])
    if not (is_of(SYSTEM, document) or (is_alike and (nobody_says or is_push_of(SYSTEM, document)))):
        return []
    if "code" not in content:
        return []
    refused = _refused(content.get("msg"))
    return [
        RawStatus(
            code=content["code"],
            system=SYSTEM,
            channel=PUSH,
            reason=_cause(refused, causes),
            origin=Origin.ANSWER,
            message_id=text(content.get("requestId")),
            text=_count(refused),
        )
    ]


def _is_one_of(codes: Collection[str], value: object) -> bool:
    """Whether a value is one of the codes, as text or as a number."""
    if isinstance(value, int) and 0 <= value < _MAX_CODE:
        return str(value) in codes
    return isinstance(value, str) and value.strip() in codes


def _refused(message: object) -> Mapping[str, Any]:
    """What a message says about tokens, nothing where it is words."""
    if isinstance(message, str) and message.lstrip()[:1] == "{" and len(message) <= _MAX_MESSAGE:
        try:
            return mapping(msgspec.json.decode(message))
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
            return {}
    return mapping(message)


def _cause(refused: Mapping[str, Any], causes: Collection[str]) -> str | None:
    """The first known cause: Push Kit files the tokens under the cause, in an example of its own with spaces around it."""
    named = (cause.strip() for cause in mapping(refused.get("illegalTokens")))
    return next((cause for cause in named if cause in causes), None)


def _count(refused: Mapping[str, Any]) -> str | None:
    """How many tokens were refused, as the table finds it."""
    count = refused.get("failure")
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < _MAX_COUNT
    return f"failure={count}" if is_count else None
