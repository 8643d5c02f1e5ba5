# SPDX-License-Identifier: Apache-2.0
"""The three signals of OTLP, and where each one goes."""

from __future__ import annotations

from enum import Enum

__all__ = ["Signal"]


class Signal(Enum):
    """What a request carries: spans, log records or metrics."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"

    @property
    def path(self) -> str:
        """The path of its requests over HTTP."""
        return f"/v1/{self.value}"

    @property
    def service(self) -> str:
        """The name of its service over gRPC, whose one method is ``Export``."""
        singular = {Signal.TRACES: "trace"}.get(self, self.value)
        return f"opentelemetry.proto.collector.{singular}.v1.{singular.capitalize()}Service"
