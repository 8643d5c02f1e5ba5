# SPDX-License-Identifier: Apache-2.0
"""How people write names and codes, and the one form of each that we compare."""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from messaging_status.model import RawStatus

__all__ = [
    "MAX_CODE_LENGTH",
    "MAX_NAME_LENGTH",
    "MAX_WAIT_S",
    "as_code",
    "as_name",
    "as_seconds",
    "fold",
    "is_token",
    "normalised",
]

MAX_NAME_LENGTH: Final = 128
MAX_CODE_LENGTH: Final = 64
MAX_WAIT_S: Final = 7 * 24 * 60 * 60
"""Seconds that a provider may ask to wait; what asks for more is no answer to when to send again."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9._:-]+")
_MAX_CODE_BITS: Final = 213  # 64 decimal digits; longer integers are refused before they are written out


def as_code(value: object) -> str | None:
    """The status code that a value is, as text: ``7206`` from ``" 7206 "``, 7206 or 7206.0.

    Args:
        value: Anything that was found where a code was expected.

    Returns:
        None for what is no code: a boolean, an empty text, a text with other characters than letters,
        digits and ``._:-``, one longer than 64 characters, a float that is not whole, anything else.
    """
    if type(value) is str and value.isalnum():
        code = value
    elif isinstance(value, bool):
        return None
    elif isinstance(value, int):
        code = int.__repr__(value) if int.bit_length(value) <= _MAX_CODE_BITS else ""
    elif isinstance(value, float):
        return as_code(float.__int__(value)) if float.is_integer(value) else None
    elif isinstance(value, str):
        code = str.strip(value)
    else:
        return None
    return code if len(code) <= MAX_CODE_LENGTH and is_token(code) else None


def is_token(text: str) -> bool:
    """Whether a text is letters, digits and ``._:-`` only, as codes and ids are; addresses are not."""
    return _TOKEN.fullmatch(text) is not None


def as_name(value: object) -> str | None:
    """The name that a value is, without the spaces around it. None for what is no text, empty or over 128 characters."""
    if isinstance(value, str) and len(value) <= MAX_NAME_LENGTH:
        return str.strip(value) or None
    return None


def as_seconds(value: object) -> int | None:
    """The time to wait that a value is, as a ``Retry-After`` header has it, in whole seconds.

    Args:
        value: A number, its digits as text, or a list with one of these first, as OpenTelemetry records headers.

    Returns:
        None for anything else, for what is negative and for more than a week. A part of a second counts as a whole one.
    """
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    if isinstance(value, str) and value.isascii() and len(value) <= MAX_NAME_LENGTH:
        value = int(value) if value.strip().isdigit() else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_WAIT_S:
        return None
    return math.ceil(value)


def fold(name: str) -> str:
    """The form in which names are compared: lower case, letters and digits only (``In-App`` → ``inapp``)."""
    return "".join(filter(str.isalnum, name.casefold()))


def normalised(raw: RawStatus) -> RawStatus:
    """The raw status with its code and names in the form that is looked up; an empty code where it has none.

    Its fields may hold anything: whoever made it may have paid no attention to types.
    """
    return RawStatus(
        code=as_code(raw.code) or "",
        system=as_name(raw.system),
        channel=as_name(raw.channel),
        reason=as_name(raw.reason),
        delivery_status=as_name(raw.delivery_status),
        origin=raw.origin,
        message_id=as_name(raw.message_id),
        text=raw.text if isinstance(raw.text, str) else None,
        retry_after=as_seconds(raw.retry_after),
        upstream=_upstream(raw.upstream),
    )


def _upstream(raw: object) -> RawStatus | None:
    """A nested raw status, normalised; one that is nested inside it is not looked at."""
    if not isinstance(raw, RawStatus):
        return None
    nested = normalised(msgspec.structs.replace(raw, upstream=None))
    return nested if nested.code else None
