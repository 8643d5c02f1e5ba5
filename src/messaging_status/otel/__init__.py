# SPDX-License-Identifier: Apache-2.0
"""The SDK's side: wrap an exporter, and every span or log that carries a status leaves with its meaning."""

from messaging_status.otel.logs import StatusLogExporter, StatusLogRecordProcessor
from messaging_status.otel.spans import StatusSpanExporter

__all__ = ["StatusLogExporter", "StatusLogRecordProcessor", "StatusSpanExporter"]
