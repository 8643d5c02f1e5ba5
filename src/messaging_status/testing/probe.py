# SPDX-License-Identifier: Apache-2.0
"""A host whose plugins' functions are watched: it calls them as any host does, and says what they did wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from messaging_status.host import Host
from messaging_status.model import AttributeValue, DocumentReader, RawStatus, Status, TextReader
from messaging_status.plugins import Loaded, Plugin
from messaging_status.settings import Settings
from messaging_status.testing.hostile import leaked

__all__ = ["Broken", "Leaked", "Probe", "Slow", "heard", "reading_only"]

_MAX_CPU_S: Final = 2.0
"""Seconds of CPU for one record. What any reader needs for the largest one is a hundredth of that."""
_MAX_SHOWN: Final = 600
_LOGGER: Final = "messaging_status"
_T = TypeVar("_T")


class Broken(Exception):  # noqa: N818 - it is the answer of a check, not an error of ours
    """What a plugin's function did wrong, in words for its author."""


class Leaked(Broken):
    """It let through what is somebody's."""


class Slow(Broken):
    """It took longer than anything may."""


class Heard(logging.Handler):
    """All that is logged while it listens."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is logged, with what was raised."""
        line = record.getMessage()
        self.lines += [line, *([repr(record.exc_info[1])] if record.exc_info else [])]
        if record.name.startswith(_LOGGER) and record.levelno >= logging.ERROR:
            self.errors.append(line)


@contextmanager
def heard() -> Iterator[Heard]:
    """Listens to all loggers, at every level."""
    root, handler = logging.getLogger(), Heard()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _Given(NamedTuple):
    """What was given, written out only where something is wrong."""

    before: str
    value: object

    def __str__(self) -> str:
        return f"{self.before}{_shown(self.value)}"


class Probe:
    """Hosts with some plugins, one after the other: after a failure, a fresh one, as the host switches functions off.

    Attributes:
        found: How many raw statuses its readers have found.
    """

    def __init__(self, plugins: Sequence[Plugin], everything: Heard) -> None:
        """Watch the functions of some plugins.

        Args:
            plugins: The plugins, as they are.
            everything: What is logged.
        """
        self.found = 0
        self._heard = everything
        self._problem: str | None = None
        self._plugins = tuple(map(self._watched, plugins))
        self._host = self._fresh()

    def enrich(self, attributes: Mapping[str, Any], body: Any, resource: Mapping[str, Any] | None = None) -> None:
        """Have a record enriched.

        Raises:
            Broken: If a function of a plugin did something wrong, or personal data that was planted came through.
        """
        given = _Given(f"a record with the attributes {dict(attributes)!r} and the body ", body)
        said = self._judged(lambda: self._host.enrich(attributes, body, resource=resource), given)
        self._check_leaks(said, given)

    def decode(self, raw: RawStatus) -> None:
        """Have a raw status decoded.

        Raises:
            Broken: As :meth:`enrich`.
        """
        given = _Given("", raw)
        status = self._judged(lambda: self._host.decode(raw), given)
        self._check_leaks({**status.attributes(), "the advice": status.advice or ""}, given)

    def _fresh(self) -> Host:
        return Host(Settings(), Loaded(plugins=self._plugins, failures=(), left_out=()))

    def _judged(self, call: Callable[[], _T], given: _Given) -> _T:
        self._problem = None
        self._heard.lines.clear()
        self._heard.errors.clear()
        began = time.thread_time()
        answer = call()
        took = time.thread_time() - began
        if self._host.plugin_failures or self._heard.errors:
            msg = f"{self._explained()}; given {given}"
            self._host = self._fresh()
            raise Broken(msg)
        if took > _MAX_CPU_S:
            msg = f"took {took:.1f} seconds of CPU, more than {_MAX_CPU_S:.0f}; given {given}"
            raise Slow(msg)
        return answer

    def _explained(self) -> str:
        """What went wrong, as far as it was seen from here; what the host alone sees is a change of what it gave."""
        if self._problem is not None:
            return self._problem
        failures = self._host.plugin_failures
        return f"{', '.join(failures)}: a function changed what it was given" if failures else self._heard.errors[0]

    def _check_leaks(self, said: Mapping[str, AttributeValue], given: _Given) -> None:
        for name, value in said.items():
            if (found := leaked([value])) is not None:
                msg = f"{name} is {value!r}: {found} came through; given {given}"
                raise Leaked(msg)
        if (found := leaked(self._heard.lines)) is not None:
            msg = f"{found} was logged; given {given}"
            raise Leaked(msg)

    def _watched(self, plugin: Plugin) -> Plugin:
        def replaced(of: Any, function: str, what: str) -> Any:
            return msgspec.structs.replace(of, **{function: self._watching(getattr(of, function), what)})

        readers = {
            kind: tuple(self._watched_reader(plugin, reader) for reader in getattr(plugin, kind))
            for kind in ("readers", "text_readers")
        }
        channels = tuple(
            replaced(channel, "refine", f"refine of {channel.catalogue.channel}") if channel.refine else channel
            for channel in plugin.channels
        )
        named = {"refines": "messaging_status_refine", "watches": "messaging_status_decoded"}
        hooks = {
            field: self._watching(function, name)
            for field, name in named.items()
            if (function := getattr(plugin, field))
        }
        return msgspec.structs.replace(plugin, **readers, channels=channels, **hooks)

    def _watching(self, function: Callable[..., Any], what: str) -> Callable[..., Any]:
        def watched(*given: Any) -> Any:
            try:
                answer = function(*given)
            except (Exception, SystemExit) as error:
                self._problem = f"{what} raised {_said(error)}"
                raise
            if answer is not None and not isinstance(answer, Status):
                self._problem = f"{what} answered a {type(answer).__name__}; expected a Status"
            return answer

        return watched

    def _watched_reader(self, plugin: Plugin, reader: DocumentReader | TextReader) -> DocumentReader | TextReader:
        what = f"a reader of {plugin.name} ({_called(reader.read)})"

        def read(given: Any) -> Iterator[RawStatus]:
            try:
                for raw in reader.read(given):
                    if not isinstance(raw, RawStatus):
                        self._problem = f"{what} answered a {type(raw).__name__}; expected RawStatus"
                    self.found += 1
                    yield raw
            except (Exception, SystemExit) as error:
                self._problem = f"{what} raised {_said(error)}"
                raise

        return msgspec.structs.replace(reader, read=read)


def reading_only(plugins: Sequence[Plugin], reader: DocumentReader | TextReader) -> list[Plugin]:
    """The plugins with one of their readers, and no other function.

    Of several readers for one document the first is believed, and what a refine function does wrong is not a reader's.
    """
    return [
        msgspec.structs.replace(
            plugin,
            channels=tuple(msgspec.structs.replace(channel, refine=None) for channel in plugin.channels),
            readers=tuple(one for one in plugin.readers if one is reader),
            text_readers=tuple(one for one in plugin.text_readers if one is reader),
            refines=None,
            watches=None,
        )
        for plugin in plugins
    ]


def _said(error: BaseException) -> str:
    """What was raised, and where."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}: {_shown(str(error))}"


def _called(function: Callable[..., Any]) -> str:
    return getattr(getattr(function, "func", function), "__name__", type(function).__name__)


def _shown(value: object) -> str:
    """A value as a message quotes it: what can be copied into a test, unless it is too long for one."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"
