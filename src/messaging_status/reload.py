# SPDX-License-Identifier: Apache-2.0
"""The overlay files of the settings: read, and looked at again while running, on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final
from weakref import WeakMethod

from messaging_status.errors import CatalogueError
from messaging_status.fork import renewed_after_fork
from messaging_status.guard import log_error, place_of
from messaging_status.overlay import Overlay, parse_overlay

__all__ = ["LOOK_EVERY_S", "OverlayFiles", "Watch"]

LOOK_EVERY_S: Final = 5.0


class OverlayFiles:
    """The overlay files of the settings: what they hold, and what they held when they were last right."""

    def __init__(self, names: Sequence[str]) -> None:
        """Remember the files; nothing is read yet.

        Args:
            names: Where they are, in the order in which they are laid over the catalogues. What is relative is so
                to the working directory of this moment.
        """
        self._paths = {name: Path(name).absolute() for name in names}
        self._contents: dict[str, bytes | str] = {}
        self._good: dict[str, Overlay] = {}

    def look(self) -> bool:
        """Read the files; answers whether one of them is another one than when they were read before."""
        # By what they hold: two versions within one tick of the file system's clock differ in nothing else.
        before, self._contents = self._contents, {name: _content(path) for name, path in self._paths.items()}
        return before != self._contents

    def parsed(self) -> tuple[list[Overlay], list[str]]:
        """What the files say, one that is wrong what it said when it last was right; and what is wrong."""
        overlays: list[Overlay] = []
        problems: list[str] = []
        for name, content in self._contents.items():
            try:
                overlays.append(_parsed(name, content))
            except CatalogueError as error:
                problems += error.problems
                overlays += self.last_good([name])
        return overlays, problems

    def last_good(self, names: Iterable[str]) -> list[Overlay]:
        """What these files said when they last were right, those that ever were."""
        return [self._good[name] for name in names if name in self._good]

    def are_good(self, overlays: Iterable[Overlay]) -> None:
        """Remember that these are in use."""
        self._good = {overlay.where: overlay for overlay in overlays}


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
        try:
            threading.Thread(target=_keep_looking, args=(self._look,), name=__name__, daemon=True).start()
        except RuntimeError as error:
            log_error("the overlays are not read again: %s", place_of(error))


def _keep_looking(look: WeakMethod[Callable[[], object]]) -> None:
    while True:
        time.sleep(LOOK_EVERY_S)
        method = look()
        if method is None:
            return
        method()
        del method


def _content(path: Path) -> bytes | str:
    """What a file holds, or why it cannot be read."""
    try:
        # Anything else, such as a pipe, might wait for ever.
        return path.read_bytes() if path.is_file() or not path.exists() else "not a file"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


def _parsed(name: str, content: bytes | str) -> Overlay:
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else None
    except UnicodeDecodeError as error:
        text, content = None, str(error)
    if text is None:
        msg = f"{name}: cannot be read: {content!s}"
        raise CatalogueError([msg])
    return parse_overlay(text, where=name)
