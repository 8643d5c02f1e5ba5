# SPDX-License-Identifier: Apache-2.0
"""What can be wrong before the first record: settings, catalogues, plugins."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["CatalogueError", "MessagingStatusError", "PluginError", "SettingsError"]


class MessagingStatusError(Exception):
    """Base of every error that this package raises.

    Attributes:
        problems: What is wrong, a line each: where, what was found, what was expected, what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Make an error of one or more problems."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class SettingsError(MessagingStatusError):
    """The settings cannot be used."""


class CatalogueError(MessagingStatusError):
    """A catalogue cannot be used."""


class PluginError(MessagingStatusError):
    """One or more plugins cannot be used."""


def did_you_mean(found: str, known: Sequence[str]) -> str:
    """The rest of a sentence that says ``found`` is wrong: the nearest known word, or all of them."""
    if not known:
        return "there is none"
    nearest = get_close_matches(found, known, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"expected one of {', '.join(sorted(known))}"
