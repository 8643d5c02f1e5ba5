# SPDX-License-Identifier: Apache-2.0
"""Plugins: found by entry point, registered with pluggy, asked for what they bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import msgspec
import pluggy

from messaging_status import hookspecs
from messaging_status.catalogue import Catalogue, Channel
from messaging_status.errors import MessagingStatusError, did_you_mean
from messaging_status.model import ApiHosts, DocumentReader, TextReader
from messaging_status.settings import PluginChoice

__all__ = ["Failure", "Loaded", "Plugin", "load_plugins"]

_HOOKS: Final = tuple(name for name in hookspecs.__all__ if name.startswith(f"{hookspecs.PROJECT_NAME}_"))


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin that is in use, and what it brings.

    Attributes:
        name: The entry point's name.
        distribution: The distribution that it came with.
        version: That distribution's version.
        channels: The channels that it decodes.
        readers: Its document readers.
        text_readers: Its readers of log text.
        hosts: The hosts of its provider's API.
        refines: Its answer to ``messaging_status_refine``.
        watches: Its answer to ``messaging_status_decoded``.
    """

    name: str
    distribution: str
    version: str
    channels: tuple[Channel, ...] = ()
    readers: tuple[DocumentReader, ...] = ()
    text_readers: tuple[TextReader, ...] = ()
    hosts: tuple[ApiHosts, ...] = ()
    refines: Callable[..., Any] | None = None
    watches: Callable[..., Any] | None = None

    @property
    def label(self) -> str:
        """How errors name it."""
        return _label(self.name, self.distribution, self.version)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a plugin, or with one of its channels, that was left out for it.

    Attributes:
        plugin: The entry point's name.
        distribution: The distribution that it came with.
        version: That distribution's version.
        channels: The channels left out, ``<system>.<channel>``; none where the whole plugin is.
        problems: A line each.
    """

    plugin: str
    distribution: str
    version: str
    channels: tuple[str, ...] = ()
    problems: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The problems, each with the plugin before it."""
        return tuple(f"{_label(self.plugin, self.distribution, self.version)}: {what}" for what in self.problems)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to build a host from.

    Attributes:
        plugins: The plugins in use, in the order in which their hooks are asked.
        failures: Those that cannot be used, and why.
        left_out: Names of installed plugins that the settings do not admit.
    """

    plugins: tuple[Plugin, ...]
    failures: tuple[Failure, ...]
    left_out: tuple[str, ...]


def load_plugins(choice: PluginChoice) -> Loaded:
    """Load every installed plugin that the settings admit; one that is broken does not stop the next."""
    installed = sorted(entry_points(group=hookspecs.PROJECT_NAME), key=lambda entry: (entry.name, _origin(entry)))
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    failures = [_choice_failure(name, installed) for name in _not_installed(choice, installed)]
    registered: dict[str, EntryPoint] = {}
    left_out = []
    for entry in installed:
        if not choice.admits(entry.name):
            left_out.append(entry.name)
            continue
        problems = list(_register(manager, entry, registered))
        if problems:
            failures.append(_failure(entry, problems))
    plugins = []
    for name in _in_hook_order(manager, registered):
        try:
            plugins.append(_ask(manager, name, registered[name]))
        except MessagingStatusError as error:
            failures.append(_failure(registered[name], error.problems))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; the others must load
            failures.append(_failure(registered[name], [_said(error)]))
    return Loaded(plugins=tuple(plugins), failures=tuple(failures), left_out=tuple(left_out))


def _register(manager: pluggy.PluginManager, entry: EntryPoint, registered: dict[str, EntryPoint]) -> Iterator[str]:
    """Import and register one plugin; answers what is wrong with it."""
    if entry.name in registered:
        other = registered[entry.name]
        yield f"its name is taken by {_label(other.name, *_origin(other))}; uninstall one of the two"
        return
    try:
        plugin = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing a plugin may raise anything; the others must load
        yield f"cannot be imported from {entry.value!r}: {_said(error)}"
        return
    try:
        manager.register(plugin, name=entry.name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - pluggy looks at a plugin's attributes, which may raise anything
        yield _said(error)
        return
    problems = list(_wrong_hooks(manager, plugin))
    if problems:
        manager.unregister(name=entry.name)
        yield from problems
    else:
        registered[entry.name] = entry


def _wrong_hooks(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        yield f"answers no hook; mark a function named {' or '.join(_HOOKS)} with @hookimpl"
    for caller in callers:
        if not caller.has_spec():
            yield f"{caller.name!r} is not a hook; {did_you_mean(caller.name, _HOOKS)}"
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin and (implementation.wrapper or implementation.hookwrapper):
                yield f"{caller.name} cannot be wrapped; answer it with a plain function"


def _in_hook_order(manager: pluggy.PluginManager, names: Sequence[str] | dict[str, EntryPoint]) -> list[str]:
    """Names of plugins in the order in which pluggy would ask them to refine (``tryfirst``, ``trylast``)."""
    refining = [implementation.plugin_name for implementation in manager.hook.messaging_status_refine.get_hookimpls()]
    return [name for name in names if name not in refining] + [name for name in refining[::-1] if name in names]


def _ask(manager: pluggy.PluginManager, name: str, entry: EntryPoint) -> Plugin:
    answers = {hook: _function(manager, hook, name) for hook in _HOOKS}
    distribution, version = _origin(entry)
    readers = _all_of((DocumentReader, TextReader), "messaging_status_documents", answers)
    return Plugin(
        name=name,
        distribution=distribution,
        version=version,
        channels=_all_of((Channel,), "messaging_status_channels", answers),
        readers=tuple(reader for reader in readers if isinstance(reader, DocumentReader)),
        text_readers=tuple(reader for reader in readers if isinstance(reader, TextReader)),
        hosts=_all_of((ApiHosts,), "messaging_status_hosts", answers),
        refines=answers["messaging_status_refine"],
        watches=answers["messaging_status_decoded"],
    )


def _function(manager: pluggy.PluginManager, hook: str, plugin: str) -> Callable[..., Any] | None:
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin_name == plugin:
            return _taking_all(implementation.function, implementation.argnames, getattr(hookspecs, hook))
    return None


def _taking_all(function: Callable[..., Any], names: Sequence[str], spec: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to be called with all the arguments of the hook: pluggy lets it leave some out."""
    known = spec.__code__.co_varnames[: spec.__code__.co_argcount]
    if tuple(names) == known:
        return function
    wanted = [known.index(name) for name in names]
    return lambda *given: function(*(given[index] for index in wanted))


def _all_of(kinds: tuple[type[Any], ...], hook: str, answers: dict[str, Callable[..., Any] | None]) -> tuple[Any, ...]:
    function = answers[hook]
    if function is None:
        return ()
    answer = function()
    if not isinstance(answer, (list, tuple)) or not all(isinstance(item, kinds) for item in answer):
        what = f"a list with {answer!r:.80}" if isinstance(answer, (list, tuple)) else f"{answer!r:.80}"
        msg = f"{hook} answered {what}; expected a list of {' or '.join(kind.__name__ for kind in kinds)}"
        raise TypeError(msg)
    for item in answer:
        if (wrong := _wrong_content(item)) is not None:
            msg = f"{hook} answered a {type(item).__name__} whose {wrong}"
            raise TypeError(msg)
    return tuple(answer)


def _wrong_content(item: Any) -> str | None:
    """What is wrong with what a plugin made: nobody checks the types of its arguments."""
    if isinstance(item, Channel):
        catalogue, refine = _fields(item)
        if not isinstance(catalogue, Catalogue) or not isinstance(getattr(catalogue, "rows", None), Mapping):
            return f"catalogue is {catalogue!r:.80}; expected what read_catalogue answers"
        return None if refine is None or callable(refine) else "refine is not a function"
    if isinstance(item, ApiHosts):
        system, hosts = _fields(item)
        is_right = isinstance(system, str) and isinstance(hosts, tuple) and all(isinstance(name, str) for name in hosts)
        return None if is_right else f"hosts are {hosts!r:.80}; expected a tuple of texts, and a system"
    sought, read = _fields(item)
    what = "keys" if isinstance(item, DocumentReader) else "marks"
    if not isinstance(sought, tuple) or not all(isinstance(piece, str) and piece for piece in sought):
        return f"{what} are {sought!r:.80}; expected a tuple of texts"
    return None if callable(read) else "read is not a function"


def _fields(item: Any) -> tuple[Any, ...]:
    return msgspec.structs.astuple(item)


def _not_installed(choice: PluginChoice, installed: Sequence[EntryPoint]) -> list[str]:
    names = {entry.name for entry in installed}
    return [name for name in (*(choice.allowed or ()), *choice.blocked) if name not in names]


def _choice_failure(name: str, installed: Sequence[EntryPoint]) -> Failure:
    known = [entry.name for entry in installed]
    what = f"the settings name it, but it is not installed; {did_you_mean(name, known)}"
    return Failure(plugin=name, distribution="not installed", version="", problems=(what,))


def _failure(entry: EntryPoint, problems: Sequence[str]) -> Failure:
    distribution, version = _origin(entry)
    return Failure(plugin=entry.name, distribution=distribution, version=version, problems=tuple(problems))


def _origin(entry: EntryPoint) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist else ("no distribution", "")


def _label(name: str, distribution: str, version: str) -> str:
    return f"plugin {name!r} ({f'{distribution} {version}'.strip()})"


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
