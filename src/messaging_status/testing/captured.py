# SPDX-License-Identifier: Apache-2.0
"""What leaves the real SDK when its exporters are wrapped: spans and log records as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import msgspec
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from messaging_status.host import Host
from messaging_status.otel import StatusLogExporter, StatusSpanExporter

__all__ = ["CapturedLogs", "CapturedSpans", "ExportedLog", "ExportedSpan"]


class ExportedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span that was exported.

    Attributes:
        name: Its name.
        attributes: All of its attributes.
        events: The attributes of each of its events.
    """

    name: str
    attributes: dict[str, Any]
    events: tuple[dict[str, Any], ...]


class ExportedLog(msgspec.Struct, frozen=True, kw_only=True):
    """A log record that was exported.

    Attributes:
        body: Its body.
        attributes: All of its attributes.
    """

    body: Any
    attributes: dict[str, Any]


@final
class CapturedSpans:
    """A tracer, and the spans that it exported.

    Attributes:
        tracer: Make spans with it, as a sender does.
    """

    tracer: Tracer

    def __init__(self, host: Host) -> None:
        """Set the SDK up, with an exporter in memory that is wrapped with the host."""
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(StatusSpanExporter(self._exporter, host)))
        self.tracer = self._provider.get_tracer("messaging_status.testing")

    @property
    def exported(self) -> list[ExportedSpan]:
        """The spans that have ended, in that order."""
        return [
            ExportedSpan(
                name=span.name,
                attributes=dict(span.attributes or {}),
                events=tuple(dict(event.attributes or {}) for event in span.events),
            )
            for span in self._exporter.get_finished_spans()
        ]

    def shutdown(self) -> None:
        """Shut the SDK down."""
        self._provider.shutdown()


@final
class CapturedLogs:
    """A logger, and the records that it exported."""

    def __init__(self, host: Host) -> None:
        """Set the SDK up, with an exporter in memory that is wrapped with the host."""
        self._exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self._provider = LoggerProvider(shutdown_on_exit=False)
        self._provider.add_log_record_processor(SimpleLogRecordProcessor(StatusLogExporter(self._exporter, host)))
        self._logger = self._provider.get_logger("messaging_status.testing")

    def emit(self, body: Any, attributes: Mapping[str, Any] | None = None) -> None:
        """Emit a log record, as a sender does.

        Args:
            body: A mapping, JSON text or log text.
            attributes: The record's attributes.
        """
        self._logger.emit(LogRecord(body=body, attributes=dict(attributes or {})))

    @property
    def exported(self) -> list[ExportedLog]:
        """The records that were emitted, in that order."""
        return [
            ExportedLog(body=found.log_record.body, attributes=dict(found.log_record.attributes or {}))
            for found in self._exporter.get_finished_logs()
        ]

    def shutdown(self) -> None:
        """Shut the SDK down."""
        self._provider.shutdown()
