# SPDX-License-Identifier: Apache-2.0
"""Calls to plugins on the path of a record: whatever a plugin does, the record goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import Any, Final, Generic, TypeVar

from messaging_status.fork import renewed_after_fork

__all__ = ["FAILURES_IN_A_ROW", "Guard", "log_error", "log_warning", "place_of"]

FAILURES_IN_A_ROW: Final = 5
"""After so many, a plugin's function is not called any more."""

_logger = logging.getLogger("messaging_status")
_T = TypeVar("_T")


class Guard(Generic[_T]):
    """One function of a plugin, called so that its failures are counted and go no further.

    Attributes:
        plugin: The plugin's name.
        failures: How often it failed so far.
        is_off: Whether it is not called any more.
    """

    def __init__(self, plugin: str, what: str, function: Callable[..., Any], check: Callable[[Any], _T]) -> None:
        """Guard a function.

        Args:
            plugin: The plugin's name, for the log.
            what: What the function is to the plugin: ``refine``, a hook's name.
            function: The plugin's function.
            check: Gives the answer the type it must have, or raises ``TypeError``.
        """
        self.plugin = plugin
        self.failures = 0
        self.is_off = False
        self._what = what
        self._function = function
        self._check = check
        self._in_a_row = 0
        self._lock = threading.RLock()
        renewed_after_fork(self)

    def __call__(self, given: tuple[Any, ...], originals: tuple[Any, ...]) -> _T | None:
        """The function's answer, or None where it failed or is switched off.

        Args:
            given: Its arguments, copies that it may ruin.
            originals: What they are copies of, to see whether it did.
        """
        if self.is_off:
            return None
        try:
            answer = self._check(self._function(*given))
            if given != originals:
                msg = "changed what it was given"
                raise TypeError(msg)  # noqa: TRY301 - all failures take the one way out
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; the record must go on
            self._failed(error)
            return None
        if self._in_a_row:
            self._in_a_row = 0
        return answer

    def renew(self) -> None:
        """Be usable in a forked process, whoever held the lock."""
        self._lock = threading.RLock()

    def _failed(self, error: BaseException) -> None:
        with self._lock:
            self.failures += 1
            self._in_a_row += 1
            is_first = self.failures == 1
            switches_off = self._in_a_row == FAILURES_IN_A_ROW
            if switches_off:
                self.is_off = True
        # Outside the lock: what is logged may come back to us through the application's own log pipeline.
        if is_first:
            log_error(
                "plugin %r: %s failed: %s; the record goes on without it", self.plugin, self._what, place_of(error)
            )
        if switches_off:
            log_error(
                "plugin %r: %s is switched off after %d failures in a row", self.plugin, self._what, FAILURES_IN_A_ROW
            )


def log_error(message: str, *values: object) -> None:
    """Log an error of ours; a handler of the application that raises must not stop a record."""
    with suppress(Exception):
        _logger.error(message, *values)


def log_warning(message: str, *values: object) -> None:
    """Log a warning of ours, as :func:`log_error` does errors."""
    with suppress(Exception):
        _logger.warning(message, *values)


def place_of(error: BaseException) -> str:
    """What was raised and where, without its message: that could quote the record, and so personal data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
