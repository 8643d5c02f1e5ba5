# SPDX-License-Identifier: Apache-2.0
"""The overlay files of the settings: read, and looked at again while running, on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from weakref import WeakMethod

from messaging_status.errors import CatalogueError
from messaging_status.fork import renewed_after_fork
from messaging_status.overlay import Overlay, read_overlay

__all__ = ["LOOK_EVERY_S", "OverlayFiles", "Watch"]

LOOK_EVERY_S: Final = 5.0


class OverlayFiles:
    """The overlay files of the settings."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Remember the files; nothing is read yet.

        Args:
            paths: Where they are, in the order in which they are laid over the catalogues.
        """
        self._paths = paths
        self._contents: list[bytes | None] = []

    def have_changed(self) -> bool:
        """Whether a file is another one than when this was asked before."""
        # By what it holds: two versions within one tick of the file system's clock differ in nothing else.
        before, self._contents = self._contents, [_content(path) for path in self._paths]
        return before != self._contents

    def read(self) -> tuple[list[Overlay], list[str]]:
        """What the files say, and what is wrong with those that cannot be used."""
        overlays: list[Overlay] = []
        problems: list[str] = []
        for path in self._paths:
            try:
                overlays.append(read_overlay(Path(path), where=path))
            except CatalogueError as error:
                problems += error.problems
        return overlays, problems


class Watch:
    """A thread that has a look every five seconds, as long as what it looks after lives."""

    def __init__(self, look: Callable[[], object]) -> None:
        """Start to look, here and in processes that are forked from this one.

        Args:
            look: A method of what is looked after, which must not raise. It is held weakly.
        """
        self._look = WeakMethod(look)
        self.renew()
        renewed_after_fork(self)

    def renew(self) -> None:
        """Start the thread, which a forked process does not inherit."""
        # Where no thread can be started any more, the process is about to end.
        with suppress(RuntimeError):
            threading.Thread(target=_keep_looking, args=(self._look,), name=__name__, daemon=True).start()


def _keep_looking(look: WeakMethod[Callable[[], object]]) -> None:
    while True:
        time.sleep(LOOK_EVERY_S)
        method = look()
        if method is None:
            return
        method()
        del method


def _content(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None
