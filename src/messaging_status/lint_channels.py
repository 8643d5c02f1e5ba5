# SPDX-License-Identifier: Apache-2.0
"""Rules about a channel as a whole: its names, and where its facts are from."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from messaging_status.catalogue import Catalogue
from messaging_status.lint_rows import Problem
from messaging_status.spelling import fold

__all__ = ["RULES"]

_NO_SOURCE: Final = re.compile(r"\b(todo|tbd|fixme|xxx|unknown|lorem ipsum|somewhere)\b", re.IGNORECASE)
_MIN_WORDS: Final = 2
_ANYWHERE_ON_EARTH: Final = dt.timezone(dt.timedelta(hours=14))
"""Where the day begins first: a date is in the future only where it is nowhere today."""


def source(catalogue: Catalogue, known: Sequence[Catalogue]) -> Iterator[Problem]:  # noqa: ARG001 - as all rules
    """A table says where its facts were read, so that another person finds the place, and on which day."""
    found = _NO_SOURCE.search(catalogue.source)
    if found:
        yield ("source",), f"{catalogue.source!r} is still to be filled in; name the document and its version"
    elif len(catalogue.source.split()) < _MIN_WORDS and "/" not in catalogue.source:
        yield ("source",), f"{catalogue.source!r} is no place that another person finds; name the document"
    if catalogue.read > dt.datetime.now(_ANYWHERE_ON_EARTH).date():
        yield ("read",), f"{catalogue.read} is in the future; expected the day on which the source was read"


def names(catalogue: Catalogue, known: Sequence[Catalogue]) -> Iterator[Problem]:
    """A channel's name and aliases are its own: no other channel of the system has one, however it is written."""
    own = (catalogue.channel, *catalogue.aliases)
    for path, name in zip((("channel",), *[("aliases",)] * len(catalogue.aliases)), own, strict=True):
        if not fold(name):
            yield path, f"{name!r} has no letter and no digit, so nothing that people write is told from it"
        for other in known:
            is_other = other.system == catalogue.system and other.channel != catalogue.channel
            same = [theirs for theirs in (other.channel, *other.aliases) if fold(theirs) == fold(name)]
            if is_other and same:
                what = f"{name!r} is {same[0]!r} of the channel {other.channel} ({other.where}), too"
                yield path, f"{what}; a name belongs to one channel of a system"


RULES: Final[Mapping[str, Callable[[Catalogue, Sequence[Catalogue]], Iterator[Problem]]]] = {
    "source": source,
    "names": names,
}
"""By the rule's name, what is wrong with a channel, given all tables."""
