# SPDX-License-Identifier: Apache-2.0
"""Methods of other libraries by name, wrapped when the application imports them and not before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from inspect import iscoroutinefunction, signature
from types import ModuleType
from typing import Any
from weakref import WeakMethod

import wrapt

from messaging_status.guard import log_error, place_of

__all__ = ["Wrapper", "Wrapping"]

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""Is called in a method's place with the method, its instance, and what it was called with."""


class Wrapping:
    """Methods that are wrapped, until all are taken off again.

    A class that overrides a method and does not call its parent's has to be named itself.
    """

    def __init__(self) -> None:
        """Wrap nothing yet."""
        self._wrappers: dict[str, Wrapper] = {}
        self._undo: list[Callable[[], None]] = []
        self._is_off = False

    def wrap(self, method: str, wrapper: Wrapper) -> None:
        """Wrap a method now, or as soon as its module is imported.

        Args:
            method: Module, class and method: ``package.module:Class.method``.
            wrapper: What is called in its place.
        """
        module, _, path = method.partition(":")
        # The hook stays for ever; what it would do is to go when this is let go of.
        self._wrappers[method] = wrapper
        held = WeakMethod(self._imported)

        def imported(found: ModuleType) -> None:
            wrap_now = held()
            if wrap_now is not None:
                wrap_now(path, method, found)

        wrapt.register_post_import_hook(imported, module)

    def take_off(self) -> None:
        """Leave everything as it was."""
        self._is_off = True
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._wrappers.clear()

    def _imported(self, path: str, method: str, module: ModuleType) -> None:
        if self._is_off:
            return
        try:
            wrapper = self._wrappers[method]
            owner, _, name = path.partition(".")
            holder = getattr(module, owner)
            inherited = next(vars(parent)[name] for parent in holder.__mro__ if name in vars(parent))
            original, replacement = vars(holder).get(name), self._replacement(inherited, wrapper)
            setattr(holder, name, replacement)
            self._undo.append(partial(_restore, holder, name, replacement, original))
        except Exception as error:  # noqa: BLE001 - this runs inside an import statement of the application
            log_error("%s:%s is left as it is: %s", module.__name__, path, place_of(error))

    def _replacement(self, method: Any, wrapper: Wrapper) -> Callable[..., Any]:
        replacement = self._called(method, wrapper)
        # Some ask for the signature in ways that do not follow what is wrapped.
        with suppress(TypeError, ValueError):
            replacement.__signature__ = signature(method)  # type: ignore[attr-defined]
        return replacement

    def _called(self, method: Any, wrapper: Wrapper) -> Callable[..., Any]:
        if iscoroutinefunction(method):
            # Whoever asks whether it is one has to hear yes.
            @wraps(method)
            async def call_async(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
                bound = method.__get__(instance, type(instance))
                return await (bound(*args, **kwargs) if self._is_off else wrapper(bound, instance, args, kwargs))

            return call_async

        @wraps(method)
        def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
            bound = method.__get__(instance, type(instance))
            # Whoever has wrapped it once more keeps hold of this one.
            return bound(*args, **kwargs) if self._is_off else wrapper(bound, instance, args, kwargs)

        return call


def _restore(holder: Any, name: str, wrapper: object, original: object) -> None:
    if vars(holder).get(name) is not wrapper:
        return
    if original is None:
        delattr(holder, name)
    else:
        setattr(holder, name, original)
