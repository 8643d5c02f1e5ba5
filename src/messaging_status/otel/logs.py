# SPDX-License-Identifier: Apache-2.0
"""Logs, enriched where they leave, or earlier for those who want the attributes before other processors."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from types import FrameType
from typing import Any, Final, final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource

from messaging_status.host import Host
from messaging_status.model import SEVERITY_NUMBERS
from messaging_status.otel.attributes import fitting, merged

__all__ = ["StatusLogExporter", "StatusLogRecordProcessor", "log_enricher"]

_logger = logging.getLogger("messaging_status")

_NUMBERS: Final = {name: SeverityNumber(number) for name, number in SEVERITY_NUMBERS.items()}


@final
class StatusLogExporter(LogRecordExporter):
    """Puts the meaning of messaging statuses on log records, then hands them to the exporter it wraps."""

    def __init__(self, exporter: LogRecordExporter, host: Host) -> None:
        """Wrap an exporter.

        Args:
            exporter: Any log exporter, such as an ``OTLPLogExporter``.
            host: What decodes; one host can serve any number of exporters.
        """
        self._exporter = exporter
        self._enriched = log_enricher(host)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Hand the records on; those that carry a status as new records, all others as the same objects."""
        enriched = self._enriched
        return self._exporter.export([enriched(record) for record in batch])

    def shutdown(self) -> None:
        """Shut the wrapped exporter down."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped exporter."""
        return self._exporter.force_flush(timeout_millis)


@final
class StatusLogRecordProcessor(LogRecordProcessor):
    """Puts the meaning of messaging statuses on log records, for the processors that come after it.

    It has to be added before the processor that exports: what is behind that one comes too late. Where
    nothing but the exporter needs the attributes, :class:`StatusLogExporter` keeps the sender's thread free.
    """

    def __init__(self, host: Host) -> None:
        """Make a processor.

        Args:
            host: What decodes.
        """
        self._host = host
        self._raised = _severity_raiser(host)
        self._place_is_checked = False

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Put the attributes on the record itself."""
        if not self._place_is_checked:
            self._place_is_checked = True
            _warn_if_late(self, inspect.currentframe())
        try:
            record = log_record.log_record
            copied = _copied(record)
            said = self._host.said(copied, record.body, (), _around(log_record.resource))
            if not said:
                return
            attributes = record.attributes
            if isinstance(attributes, BoundedAttributes):
                attributes.update(fitting(said, copied, attributes.maxlen, attributes.max_value_len))
            else:
                record.attributes = {**copied, **said, **copied}
            record.severity_number = self._raised(record, said)
        except Exception as error:  # noqa: BLE001 - whatever a record is made of, it must be exported
            self._host.stumbled(error)

    def shutdown(self) -> None:
        """Nothing to shut down."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Nothing waits here to be flushed."""
        return True


def log_enricher(host: Host) -> Callable[[ReadableLogRecord], ReadableLogRecord]:
    """A function that answers a log record with its status's meaning on it, or the same record where it has none.

    It never raises: a record that cannot be enriched is answered as it is.
    """
    raised = _severity_raiser(host)

    def enriched(readable: ReadableLogRecord) -> ReadableLogRecord:
        try:
            record = readable.log_record
            copied = _copied(record)
            said = host.said(copied, record.body, (), _around(readable.resource))
            attributes = merged(record.attributes, copied, said) if said else None
            if attributes is None:
                return readable
            # The record is shared with the application's other processors, so it stays as it is.
            enriched_record = copy(record)
            enriched_record.attributes = attributes
            enriched_record.severity_number = raised(record, said)
            return replace(readable, log_record=enriched_record)
        except Exception as error:  # noqa: BLE001 - whatever a record is made of, it must be exported
            host.stumbled(error)
            return readable

    return enriched


def _copied(record: LogRecord) -> dict[str, Any]:
    attributes = record.attributes
    return attributes.copy() if isinstance(attributes, BoundedAttributes) else dict(attributes or {})  # type: ignore[return-value]


def _around(resource: Resource | None) -> Mapping[str, Any] | None:
    return resource.attributes if resource else None


def _severity_raiser(host: Host) -> Callable[[LogRecord, Mapping[str, Any]], SeverityNumber | None]:
    """Answers the severity number for an enriched record: its own, or by the settings the status's if that is higher."""
    if not host.settings.log_severity:
        return lambda record, _: record.severity_number
    key = f"{host.settings.prefix}.severity"

    def raised(record: LogRecord, said: Mapping[str, Any]) -> SeverityNumber | None:
        current, found = record.severity_number, _NUMBERS.get(said.get(key, ""))
        if found is None or (current is not None and current.value >= found.value):
            return current
        return found

    return raised


def _warn_if_late(processor: LogRecordProcessor, frame: FrameType | None) -> None:
    """Say so if the processor was added behind one that exports; the SDK tells a processor nothing of its place."""
    caller = frame.f_back if frame else None
    everyone = getattr(caller.f_locals.get("self"), "_log_record_processors", ()) if caller else ()
    before = everyone[: everyone.index(processor)] if processor in everyone else ()
    late_to = [other for other in before if isinstance(other, (SimpleLogRecordProcessor, BatchLogRecordProcessor))]
    if late_to:
        _logger.warning(
            "StatusLogRecordProcessor was added behind %s, which exports records before their status is known; "
            "add it first, or wrap the exporter with StatusLogExporter instead",
            type(late_to[0]).__name__,
        )
