# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry Collector with the exported catalogues, beside itself without them and beside the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.gateway.comparison import FULL, OURS, QUICK, Comparison, Plan, compared
from benchmarks.gateway.subjects import Subject, ours
from benchmarks.measure import Figure

from messaging_status import Host
from messaging_status.export.collector import SIGNALS, collector_config

_REPOSITORY: Final = Path(__file__).parent.parent
_BINARY: Final = _REPOSITORY / "build/collector/otelcol-messaging-status"
_PIPELINES: Final = _REPOSITORY / "config/collector/pipelines.yaml"
_PLAIN: Final = "Collector without processors"
_EXPORTED: Final = "Collector with the exported catalogues"


def figures() -> Iterator[Figure]:
    """CPU of a span and the latency, as for the gateway: about four minutes."""
    return _figures(FULL)


def quick() -> Iterator[Figure]:
    """The same for a look whether it works: too short to be a measurement."""
    return _figures(QUICK)


def _figures(plan: Plan) -> Iterator[Figure]:
    if not _BINARY.exists():
        msg = f"{_BINARY.relative_to(_REPOSITORY)} is not there: build it with 'make collector', which needs Go"
        raise SystemExit(msg)
    with TemporaryDirectory(prefix="collector-") as folder:
        config = Path(folder) / "messaging-status.yaml"
        host = Host.load({}, strict=True)
        config.write_text(collector_config(host, signals=SIGNALS, channels=None, prefix="messaging.status").text)
        subjects = [
            _collector(
                _PLAIN, "--set=service.pipelines.traces.processors=[]", "--set=service.pipelines.logs.processors=[]"
            ),
            _collector(_EXPORTED, f"--config={config}"),
            ours(OURS),
        ]
        pairs = [(_EXPORTED, _PLAIN), (OURS, _EXPORTED)]
        waiting = {
            _PLAIN: "the same rate; answers before it forwards",
            _EXPORTED: "the same rate; answers before it forwards",
            OURS: "answers after the next hop",
        }
        yield from compared(Comparison(subjects, pairs, waiting), plan)


def _collector(name: str, *options: str) -> Subject:
    """The Collector that ``make collector`` builds, without compression, as all others here."""
    command = (str(_BINARY), f"--config={_PIPELINES}", *options)
    places = (
        "--set=receivers.otlp.protocols.http.endpoint={http}",
        "--set=receivers.otlp.protocols.grpc.endpoint={grpc}",
        "--set=exporters.otlp_http.endpoint=http://{next_hop}",
        "--set=exporters.otlp_http.compression=none",
        "--set=service.telemetry.metrics.level=none",
    )
    return Subject(name, "http", name == _EXPORTED, (*command, *places))
