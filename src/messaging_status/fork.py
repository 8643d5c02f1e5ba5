# SPDX-License-Identifier: Apache-2.0
"""What a forked process must make anew: locks that another thread held, threads that are not there any more."""

from __future__ import annotations

import os
from functools import cache
from typing import Protocol
from weakref import WeakSet

__all__ = ["Renewable", "renewed_after_fork"]


class Renewable(Protocol):
    """Something with locks or threads."""

    def renew(self) -> None:
        """Make them anew."""
        ...


_renewables: WeakSet[Renewable] = WeakSet()


def renewed_after_fork(thing: Renewable) -> None:
    """Have a thing renewed in every child that is forked while it lives."""
    _register()
    _renewables.add(thing)


@cache
def _register() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_renew)


def _renew() -> None:
    for thing in list(_renewables):
        thing.renew()
