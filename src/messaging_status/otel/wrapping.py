# SPDX-License-Identifier: Apache-2.0
"""Exporters by name, their ``export`` wrapped when the application imports them and not before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any, Final

import wrapt

from messaging_status.guard import log_error, place_of

__all__ = ["EXPORTERS", "Wrapping"]

EXPORTERS: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter:OTLPSpanExporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter:OTLPLogExporter",
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter:OTLPLogExporter",
    "opentelemetry.sdk.trace.export:ConsoleSpanExporter",
    "opentelemetry.sdk._logs.export:ConsoleLogRecordExporter",
)
"""The OTLP exporters and those that print, as module and class."""

_BATCH_NAMES: Final = ("spans", "batch")
"""How the SDK's exporters call what they export."""


class Wrapping:
    """Has exporter classes hand on enriched records, until it is taken off again.

    A class that overrides ``export`` and does not call its parent's has to be named itself.
    """

    def __init__(self, enriched: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Wrap nothing yet.

        Args:
            enriched: Answers the records to export in the place of those given; it must not raise.
        """
        self._enriched = enriched
        self._undo: list[Callable[[], None]] = []
        self._is_off = False

    def wrap(self, exporter: str) -> None:
        """Wrap a class now, or as soon as its module is imported.

        Args:
            exporter: Module and class: ``package.module:Class``.
        """
        module, _, name = exporter.partition(":")
        wrapt.register_post_import_hook(partial(self._imported, name), module)

    def take_off(self) -> None:
        """Leave all classes as they were."""
        self._is_off = True
        for undo in self._undo:
            undo()
        self._undo.clear()

    def _imported(self, name: str, module: ModuleType) -> None:
        if self._is_off:
            return
        try:
            exporter = getattr(module, name)
            original = vars(exporter).get("export")
            wrapt.wrap_function_wrapper(module, f"{name}.export", self._export)
            self._undo.append(partial(_restore, exporter, vars(exporter)["export"], original))
        except Exception as error:  # noqa: BLE001 - this runs inside an import statement of the application
            log_error("%s:%s is not enriched: %s", module.__name__, name, place_of(error))

    def _export(self, export: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # Whoever has wrapped it once more keeps hold of this wrapper.
        if self._is_off:
            return export(*args, **kwargs)
        if args:
            return export(self._enriched(args[0]), *args[1:], **kwargs)
        return export(
            **{name: self._enriched(given) if name in _BATCH_NAMES else given for name, given in kwargs.items()}
        )


def _restore(exporter: type, wrapper: object, original: object) -> None:
    if vars(exporter).get("export") is not wrapper:
        return
    if original is None:
        del exporter.export  # type: ignore[attr-defined]
    else:
        exporter.export = original  # type: ignore[attr-defined]
