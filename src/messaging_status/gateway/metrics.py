# SPDX-License-Identifier: Apache-2.0
"""What the gateway counts of itself, for Prometheus; of several workers, everything that any of them counted."""

from __future__ import annotations

import os
import re
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from messaging_status.gateway.records import Enriched
from messaging_status.gateway.signals import Signal

__all__ = ["SHARED_FOLDER", "Metrics", "forget_process"]

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names the folder through which workers share their counts. prometheus-client reads it
when it is imported."""

_PREFIX: Final = "messaging_status_gateway"
_SECONDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
_MAX_CODES: Final = 1_000
_OTHER: Final = "other"
_SHOWN: Final = re.compile(r"[0-9]{1,6}|[A-Z][A-Z0-9_]{1,31}")
"""Codes that look like one: longer numbers, and words in small letters, may be somebody's."""


class Metrics:
    """Counters and histograms, all their labels from closed sets but the codes, of which 1,000 are counted by name."""

    def __init__(self) -> None:
        """Begin at zero."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            f"{_PREFIX}_requests",
            "Requests answered, by gRPC status code.",
            ("signal", "transport", "code"),
            registry=registry,
        )
        self._records = Counter(
            f"{_PREFIX}_records", "Spans, log records and metrics that passed.", ("signal",), registry=registry
        )
        self._decoded = Counter(
            f"{_PREFIX}_decoded", "Statuses decoded.", ("system", "channel", "outcome"), registry=registry
        )
        self._unknown = Counter(
            f"{_PREFIX}_unknown_codes", "Codes that no catalogue has.", ("system", "channel", "code"), registry=registry
        )
        self._failures = Counter(
            f"{_PREFIX}_failures", "Requests that were not accepted, by cause.", ("cause",), registry=registry
        )
        self._added = Histogram(
            f"{_PREFIX}_added_seconds", "Time of ours in a request.", buckets=_SECONDS, registry=registry
        )
        self._waited = Histogram(
            f"{_PREFIX}_next_hop_seconds", "Time of the next hop in a request.", buckets=_SECONDS, registry=registry
        )
        self.in_flight = Gauge(
            f"{_PREFIX}_in_flight", "Requests in hand.", registry=registry, multiprocess_mode="livesum"
        )
        self._codes: set[tuple[str, str, str]] = set()

    def enriched(self, signal: Signal, found: Enriched) -> None:
        """Count what a request held."""
        self._records.labels(signal.value).inc(found.records)
        for decoded, number in found.decoded.items():
            self._decoded.labels(decoded.system, decoded.channel, decoded.outcome).inc(number)
            if decoded.unknown_code is not None:
                code = (decoded.system, decoded.channel, decoded.unknown_code)
                if len(self._codes) < _MAX_CODES and _SHOWN.fullmatch(decoded.unknown_code):
                    self._codes.add(code)
                self._unknown.labels(*(code if code in self._codes else (_OTHER, _OTHER, _OTHER))).inc(number)

    def answered(self, signal: Signal, transport: str, code: str) -> None:
        """Count an answer."""
        self._requests.labels(signal.value, transport, code).inc()

    def failed(self, cause: str) -> None:
        """Count a request that was not accepted, by a cause of a closed set."""
        self._failures.labels(cause).inc()

    def took(self, added: float, waited: float) -> None:
        """Count seconds: ours, and the next hop's."""
        self._added.observe(added)
        self._waited.observe(waited)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


def forget_process(pid: int) -> None:
    """Take out of the gauges what a worker that has died had in hand."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
