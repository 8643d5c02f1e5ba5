# SPDX-License-Identifier: Apache-2.0
"""The exporters that are wrapped, by name, and what is done in the place of their ``export``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from messaging_status.wrapping import Wrapper

__all__ = ["EXPORTERS", "exporting"]

EXPORTERS: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter:OTLPSpanExporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter:OTLPLogExporter",
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter:OTLPLogExporter",
    "opentelemetry.exporter.otlp.json.http.trace_exporter:OTLPSpanExporter",
    "opentelemetry.exporter.otlp.json.http._log_exporter:OTLPLogExporter",
    "opentelemetry.exporter.otlp.json.file.trace_exporter:FileSpanExporter",
    "opentelemetry.exporter.otlp.json.file._log_exporter:FileLogExporter",
    "opentelemetry.sdk.trace.export:ConsoleSpanExporter",
    "opentelemetry.sdk._logs.export:ConsoleLogRecordExporter",
    "opentelemetry.sdk.trace.export.in_memory_span_exporter:InMemorySpanExporter",
    "opentelemetry.sdk._logs.export:InMemoryLogRecordExporter",
)
"""Those that send or write OTLP, those that print, and those that keep records for tests, as module and class."""

_BATCH_NAMES: Final = ("spans", "batch")
"""How the SDK's exporters call what they export."""


def exporting(enriched: Callable[[Sequence[Any]], Sequence[Any]]) -> Wrapper:
    """What to do in the place of ``export``: export other records.

    Args:
        enriched: Answers the records to export in the place of those given; it must not raise.
    """

    def export(method: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return method(enriched(args[0]), *args[1:], **kwargs)
        return method(**{name: enriched(value) if name in _BATCH_NAMES else value for name, value in kwargs.items()})

    return export
