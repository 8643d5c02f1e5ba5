# SPDX-License-Identifier: Apache-2.0
"""A process of the benchmark's own, that is asked over a pipe and answers."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import psutil
import uvloop

Answer = Callable[..., Awaitable[Any]]
"""Answers what was asked, with the words of the question as its arguments."""

Setup = Callable[[], Awaitable[tuple[Any, Answer]]]
"""Sets the process up: the first thing that it says, and what answers from then on."""


class Child:
    """Runs a set-up in a process of its own, while the block runs.

    Attributes:
        said: The first thing that it said.
    """

    def __init__(self, setup: Setup) -> None:
        """Keep what to run; it is started with the block."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(setup, theirs), daemon=True)
        self.said: Any = None

    def __enter__(self) -> Self:
        """Start it, and wait until it is set up."""
        self._process.start()
        self.said = self._received()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self._process.kill()
        self._process.join()

    @property
    def cpu(self) -> float:
        """The seconds of CPU that it has used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def ask(self, *words: Any) -> Any:
        """What it answers."""
        self._pipe.send(words)
        return self._received()

    def _received(self) -> Any:
        while not self._pipe.poll(1):
            if not self._process.is_alive():
                msg = f"a process of the benchmark ended with {self._process.exitcode}"
                raise RuntimeError(msg)
        return self._pipe.recv()


def _run(setup: Setup, pipe: Connection) -> None:
    async def answers() -> None:
        said, answer = await setup()
        pipe.send(said)
        while True:
            words = await asyncio.to_thread(pipe.recv)
            pipe.send(await answer(*words))

    uvloop.run(answers())
