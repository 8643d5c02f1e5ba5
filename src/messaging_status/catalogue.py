# SPDX-License-Identifier: Apache-2.0
"""One channel's table of statuses: a TOML file, read and validated."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar

import msgspec

from messaging_status.errors import CatalogueError
from messaging_status.model import Category, Fault, Origin, Outcome, RawStatus, Severity, Status
from messaging_status.spelling import MAX_CODE_LENGTH, MAX_WAIT_S, fold

__all__ = [
    "MAX_ADVICE_LENGTH",
    "MAX_DESCRIPTION_LENGTH",
    "Catalogue",
    "Channel",
    "Row",
    "Series",
    "TextFile",
    "Upstream",
    "Variant",
    "parse_catalogue",
    "read_catalogue",
]

MAX_DESCRIPTION_LENGTH: Final = 100
MAX_ADVICE_LENGTH: Final = 200

Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_]*\Z")]
Text = Annotated[str, msgspec.Meta(pattern=r"\S")]
Code = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._:-]+\Z", max_length=MAX_CODE_LENGTH)]
Description = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=MAX_DESCRIPTION_LENGTH)]
Advice = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=MAX_ADVICE_LENGTH)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT_S)]
Unknown = Literal["unknown"]
"""Takes ``retryable`` back: what is not known from here on."""
_Number = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")]


class Upstream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code of the system behind the provider that a code stands for, shown beside it."""

    system: Name
    code: Code


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of several meanings of a code: what it matches, and what it changes.

    Everything that is given to match must match. Everything else that is given replaces the row's.

    Attributes:
        reason: Spellings of the provider's subtype, or one as plain text; the first is shown on records.
        delivery_status: The published class beside the code.
        origin: Whether an answer or a receipt carried the code.
        text: A regular expression that is found in the provider's text, for what it quotes of another
            system's codes (``smtp;5``). Never for words: they change.
        retryable: As in a row; ``"unknown"`` takes back what the row says.
    """

    reason: tuple[Text, ...] | Text | None = None
    delivery_status: Description | None = None
    origin: Origin | None = None
    text: Text | None = None
    description: Description | None = None
    outcome: Outcome | None = None
    category: Category | None = None
    severity: Severity | None = None
    retryable: bool | Unknown | None = None
    retry_after: Seconds | None = None
    fault: Fault | None = None
    advice: Advice | None = None
    upstream: Upstream | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """The spellings of the subtype that it matches; none where it does not look at the subtype."""
        if self.reason is None:
            return ()
        return (self.reason,) if isinstance(self.reason, str) else self.reason


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one code means on one channel; the fields are those of :class:`~messaging_status.Status`.

    ``aliases`` are other ways to write the code: a status that comes by one of them has the code of the row.
    ``parameter`` is a regular expression; its first group finds the parameter that a dynamic text names.
    ``upstream`` is the code of the system behind that this one stands for; it is shown and changes nothing else.
    """

    description: Description
    outcome: Outcome
    category: Category
    severity: Severity
    retryable: bool | None = None
    retry_after: Seconds | None = None
    fault: Fault | None = None
    advice: Advice | None = None
    aliases: tuple[Code, ...] = ()
    upstream: Upstream | None = None
    parameter: Text | None = None
    variant: tuple[Variant, ...] = ()


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A meaning for every number from ``first`` to ``last`` that no row lists. Not inherited by other channels."""

    first: _Number
    last: _Number
    description: Description
    outcome: Outcome
    category: Category
    severity: Severity
    retryable: bool | None = None
    retry_after: Seconds | None = None
    fault: Fault | None = None
    advice: Advice | None = None

    def __contains__(self, code: str) -> bool:
        """Whether the code is a number of the series, written with as many digits."""
        return len(code) == len(self.first) and code.isascii() and code.isdigit() and self.first <= code <= self.last

    @property
    def label(self) -> str:
        """The series as a person writes it, ``1000-3999``."""
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """One channel's statuses, validated.

    Attributes:
        system: Who reports these statuses.
        channel: The channel's own name.
        aliases: Other names people write for the channel.
        extends: Channels of the same system whose rows hold where this one has none, nearest first.
        source: Where the facts were read.
        read: The day they were read.
        rows: What each code means.
        series: Meanings for ranges of codes that have no row.
        where: The file, for error messages.
    """

    system: str
    channel: str
    aliases: tuple[str, ...]
    extends: tuple[str, ...]
    source: str
    read: dt.date
    rows: Mapping[str, Row]
    series: tuple[Series, ...]
    where: str

    @property
    def full_name(self) -> str:
        """System and channel, as ``webex_connect.sms``, which is what plugins are named by custom."""
        return f"{self.system}.{self.channel}"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin decodes: a catalogue, and code only for what a table cannot say.

    Attributes:
        catalogue: The channel's table; it also names system, channel, aliases and what it extends.
        refine: Gets every decoded status of this channel and answers the one to use. It must answer
            for any raw status, quickly, from its arguments alone.
    """

    catalogue: Catalogue
    refine: Callable[[RawStatus, Status], Status] | None = None


class TextFile(Protocol):
    """A file that can be read as text: a ``pathlib.Path`` or what ``importlib.resources.files`` gives."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        ...

    def read_text(self, encoding: str) -> str:
        """Its content."""
        ...


class CodedFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The shape of a file about one channel's codes."""

    system: Name
    channel: Name
    status: Mapping[Code, Any] = {}


class _File(CodedFile, kw_only=True, forbid_unknown_fields=True):
    """The shape of a catalogue file."""

    source: Text
    read: dt.date
    aliases: tuple[Text, ...] = ()
    extends: tuple[Name, ...] = ()
    status: dict[Code, Row] = {}
    range: tuple[Series, ...] = ()


MATCHERS: Final = ("reason", "delivery_status", "origin", "text")
MEANING: Final = ("description", "outcome", "category", "severity", "retryable", "retry_after", "fault", "advice")
"""What rows, series, variants and overlays say alike."""

_Shape = TypeVar("_Shape", bound=CodedFile)


def read_catalogue(file: TextFile) -> Catalogue:
    """Read and validate a catalogue file.

    Args:
        file: A path, or a resource inside an installed package.

    Raises:
        CatalogueError: With every problem of the file, each with its line and key.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file.name}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise CatalogueError([msg]) from error
    return parse_catalogue(parse_toml(text, where=file.name), where=file.name, text=text)


def parse_toml(text: str, *, where: str) -> dict[str, Any]:
    """The content of a TOML text.

    Args:
        text: The text.
        where: What to call it in error messages.

    Raises:
        CatalogueError: If it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{where}: not valid TOML: {error}"
        raise CatalogueError([msg]) from error


def parse_catalogue(document: Mapping[str, Any], *, where: str, text: str = "") -> Catalogue:
    """Validate a catalogue that is already in memory.

    Args:
        document: The content of a catalogue file, as ``tomllib`` gives it.
        where: What to call it in error messages.
        text: The source it was parsed from, if there is one: then errors name lines.

    Raises:
        CatalogueError: With every problem of the document.
    """
    file = validated(document, _File, Row, where=where, text=text)
    return Catalogue(
        system=file.system,
        channel=file.channel,
        aliases=file.aliases,
        extends=file.extends,
        source=file.source,
        read=file.read,
        rows=MappingProxyType(file.status),
        series=file.range,
        where=where,
    )


def validated(
    document: Mapping[str, Any], shape: type[_Shape], row: type[msgspec.Struct], *, where: str, text: str
) -> _Shape:
    """A document of rows in the shape that it must have.

    Args:
        document: What ``tomllib`` gives.
        shape: The whole file.
        row: What stands under ``status``, by code.
        where: What to call the file.
        text: The source it was parsed from, if there is one.

    Raises:
        CatalogueError: With every problem of the document.
    """
    try:
        file = msgspec.convert(document, shape, builtin_types=(dt.date,))
        contradictions = list(_contradictions(file.status, getattr(file, "range", ())))
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        contradictions = [f"{where}: {error}"]
    if not contradictions:
        return file
    # Explaining needs a module that a healthy start never imports.
    from messaging_status._explain import problems_of  # noqa: PLC0415

    raise CatalogueError(problems_of(document, shape, row, where=where, text=text) or contradictions)


def _contradictions(rows: Mapping[str, Any], ranges: Iterable[Series]) -> Iterator[str]:
    """What the types cannot say. Each of these is found, and explained better, by ``problems_of``."""
    written = Counter(chain(rows, *(getattr(row, "aliases", ()) for row in rows.values())))
    yield from (f"status: {code} is written twice" for code, count in written.items() if count > 1)
    for code, row in rows.items():
        if any(meaning.retry_after is not None and meaning.retryable is False for meaning in (row, *row.variant)):
            yield f"status.{code}: a time to wait for nothing"
        matches = [matched(variant) for variant in row.variant]
        if len(set(matches)) < len(matches) or _NOTHING in matches:
            yield f"status.{code}: a variant that is never reached"
        if not all(is_pattern(variant.text) for variant in row.variant if variant.text is not None):
            yield f"status.{code}: a text that is never found"
        if row.parameter is not None and not is_pattern(row.parameter, groups=1):
            yield f"status.{code}: a parameter that is never found"
    for series in ranges:
        if series.retry_after is not None and series.retryable is False:
            yield f"range: {series.label} has a time to wait for nothing"
        if len(series.first) != len(series.last) or series.first > series.last:
            yield f"range: {series.label} is empty"


def ancestry(name: str, catalogues: Mapping[str, Catalogue]) -> list[str]:
    """The channels whose rows a channel inherits, nearest first.

    Args:
        name: The channel.
        catalogues: The catalogues of its system, by channel.
    """
    found: list[str] = []
    pending = [name]
    while pending:
        current = pending.pop(0)
        if current in catalogues:
            ahead = [parent for parent in catalogues[current].extends if parent not in found]
            found += ahead
            pending += ahead
    return found


def matched(variant: Variant) -> tuple[object, ...]:
    """What a variant matches, in the form in which it is compared."""
    delivery_status = fold(variant.delivery_status) if variant.delivery_status else None
    return (frozenset(map(fold, variant.reasons)), delivery_status, variant.origin, variant.text)


_NOTHING: Final = matched(Variant())


def is_pattern(text: str, *, groups: int = 0) -> bool:
    """Whether a text is a regular expression with at least so many groups."""
    try:
        return re.compile(text).groups >= groups
    except re.error:
        return False
