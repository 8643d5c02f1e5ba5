# SPDX-License-Identifier: Apache-2.0
"""Looks at some of the spans that arrived: is there on each what should be, and nothing where nothing should be?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from benchmarks.gateway.bodies import ATTRIBUTES, SPANS, STATUS_KEYS, carrying
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from messaging_status import Host

_LOOKED_AT: Final = 2 * SPANS
"""Of each request: those of Rotel are of 16 of the sender's."""
_ADDED: Final = "messaging.status.description"


class Inspector:
    """Knows what should be on a span."""

    def __init__(self) -> None:
        """Load the plugins as the subjects do."""
        self._host = Host.load({}, strict=True)

    def complaint(self, sample: Iterable[bytes], share: int, *, enriched: bool) -> str:
        """What is wrong with a sample of the requests that arrived; empty if nothing is.

        Args:
            sample: Requests.
            share: Of the spans that carry a status, in per cent.
            enriched: Whether those should have its meaning on them.
        """
        seen = with_status = 0
        for span in _spans(sample):
            attributes = {pair.key: _value(pair.value) for pair in span.attributes}
            has_status = "messaging.status.code" in attributes
            seen, with_status = seen + 1, with_status + has_status
            if not (has_status and enriched):
                if _ADDED in attributes:
                    return f"a span has {_ADDED} that should not: {attributes}"
                continue
            added = self._host.enrich({key: attributes[key] for key in STATUS_KEYS})
            if attributes != attributes | added or len(attributes) != ATTRIBUTES + len(added):
                return f"a span has not the meaning that it should have: {attributes}"
        if not seen or with_status * SPANS != seen * carrying(share):
            return f"{with_status} of {seen} spans carry a status, expected {carrying(share)} of each {SPANS}"
        return ""


def _spans(sample: Iterable[bytes]) -> Iterator[Any]:
    for body in sample:
        request = ExportTraceServiceRequest.FromString(body)
        spans = (span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)
        yield from islice(spans, _LOOKED_AT)


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)
