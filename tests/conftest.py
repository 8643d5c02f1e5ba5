# SPDX-License-Identifier: Apache-2.0
"""Hosts, and plugins that are really installed."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from messaging_status import Host
from messaging_status.cli.receiver import Received

ROOT = Path(__file__).parent.parent

InstallPlugin = Callable[..., None]

SIM_FULL: Mapping[str, str | bool] = {
    "messaging.status.code": "7206",
    "messaging.status.description": "Recipient's SIM is full",
    "messaging.status.severity": "WARN",
    "messaging.status.retryable": True,
    "messaging.status.category": "recipient_unreachable",
    "messaging.status.outcome": "undelivered",
    "messaging.status.channel": "sms",
    "messaging.status.fault": "recipient",
    "error.type": "recipient_unreachable",
}
"""What is to be put on a record that carries 7206 on sms, and nothing else of ours."""


class KeepingExporter(SpanExporter):
    """An exporter that an application may bring along."""

    def __init__(self) -> None:
        """Start with nothing exported."""
        self.kept: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep the spans."""
        self.kept += spans
        return SpanExportResult.SUCCESS


def receiving_http(server: HTTPServer) -> Received:
    """What a server receives over OTLP/HTTP from now on."""
    received = Received()
    received.endpoint = server.url_for("")

    def receive(message: Request) -> Response:
        data = message.get_data()
        raw = gzip.decompress(data) if message.headers.get("Content-Encoding") == "gzip" else data
        if message.path == "/v1/traces":
            received.trace_requests.append(ExportTraceServiceRequest.FromString(raw))
        else:
            received.log_requests.append(ExportLogsServiceRequest.FromString(raw))
        return Response(b"", content_type="application/x-protobuf")

    server.expect_request("/v1/traces", method="POST").respond_with_handler(receive)
    server.expect_request("/v1/logs", method="POST").respond_with_handler(receive)
    return received


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("MESSAGING_STATUS_", "OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def host() -> Host:
    """All fifteen channels, with default settings."""
    return Host.load({}, strict=True)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Installs a distribution of one module: its files and its metadata, where Python finds them."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules = []

    def put(
        name: str, source: str, *, entry_points: Mapping[str, str] | None = None, version: str = "1.0", **files: str
    ) -> None:
        module = name.replace("-", "_")
        modules.append(module)
        package = site / module
        package.mkdir()
        (package / "__init__.py").write_text(source)
        for file, text in files.items():
            (package / file.replace("__", ".")).write_text(text)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        entries = entry_points or {f"{name}.plugin": module}
        lines = "\n".join(f"{key} = {value}" for key, value in entries.items())
        (info / "entry_points.txt").write_text(f"[messaging_status]\n{lines}\n")
        invalidate_caches()

    yield put
    for module in modules:
        for loaded in [key for key in sys.modules if key == module or key.startswith(f"{module}.")]:
            del sys.modules[loaded]


@pytest.fixture(scope="session")
def acme_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the plugin of tests/installed into."""
    target = tmp_path_factory.mktemp("acme")
    source = tmp_path_factory.mktemp("source") / "acme-pager"
    shutil.copytree(ROOT / "tests/installed/acme-pager", source)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", str(target)]
    subprocess.run([*pip, str(source)], check=True)
    return target


@pytest.fixture
def acme(acme_site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The installed plugin's module that counts, with the plugin on the path."""
    monkeypatch.syspath_prepend(str(acme_site))
    office = import_module("acme_pager.office")
    office.seen.clear()
    yield office
    for loaded in [key for key in sys.modules if key.startswith("acme_pager")]:
        del sys.modules[loaded]
