# SPDX-License-Identifier: Apache-2.0
"""Every command and snippet of README and docs, as a reader would run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

import messaging_status
from messaging_status import hookspecs
from messaging_status.gateway.refused import Cause
from messaging_status.model import ATTRIBUTE_NAMES, Category, Fault, Outcome, Severity
from messaging_status.settings import Gateway

from .gateways import gateway

ROOT = Path(__file__).parent.parent
OF_A_PLUGIN = {f"docs/{name}.md" for name in ("first-plugin", "plugins", "publishing", "testing-plugins")}
"""Pages whose commands are about a plugin that a reader has written; they are run where there is one."""
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]
PROJECTS = [
    tomllib.loads((ROOT / path / "pyproject.toml").read_text())["project"] for path in (".", "plugins/webex-connect")
]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[tuple[str, str]]:
    """Each command with the output that is shown below it."""
    found = [part for block in blocks(page, "console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output) for command, _, output in (part.partition("\n") for part in found)]


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def messaging_status_command(written: str) -> list[str]:
    return [sys.executable, "-m", "messaging_status.cli", *written.split()[1:]]


@pytest.mark.parametrize(
    ("command", "output"), [found for page in PAGES if page not in OF_A_PLUGIN for found in commands(page)]
)
def test_a_command_does_what_is_shown(command: str, output: str, tmp_path: Path) -> None:
    name, *arguments = command.split()
    if name == "messaging-status" and arguments[0] == "gateway":
        assert arguments[1] == "--next-hop"
        with gateway(tmp_path, *arguments[2:]) as running:
            assert f"OTLP/HTTP to {arguments[2]}, 1 worker" in running.output()
    elif name == "messaging-status":
        assert run(messaging_status_command(command), ROOT) == output
    elif name == "make":
        # The suite cannot run the suite; that each target exists and what it would do is all that is asked here.
        make = shutil.which("make")
        assert make is None or run([make, "--dry-run", *arguments], ROOT)
    elif name == "opentelemetry-instrument":
        # That a sender runs under it is tested elsewhere, and what arrives; here, that it finds our entry point.
        assert arguments[0] == "python"
        (found,) = entry_points(group="opentelemetry_instrumentor", name="messaging_status")
        assert found.load().__name__ == "MessagingStatusInstrumentor"
    else:
        assert command.startswith("pip install ")
        for requirement in arguments[1:]:
            wanted, _, extra = requirement.strip("'").rstrip("]").partition("[")
            project = next(project for project in PROJECTS if project["name"] == wanted)
            assert not extra or extra in project["optional-dependencies"]


@pytest.mark.parametrize("number", range(3))
def test_a_snippet_of_the_readme_runs(number: int, httpserver: HTTPServer, tmp_path: Path) -> None:
    received: list[Mapping[str, str]] = []

    def receive(message: Request) -> Response:
        if message.path == "/v1/traces":
            spans = ExportTraceServiceRequest.FromString(message.get_data()).resource_spans[0].scope_spans[0].spans
            attributes = spans[0].attributes
        else:
            logs = ExportLogsServiceRequest.FromString(message.get_data()).resource_logs[0].scope_logs[0].log_records
            attributes = logs[0].attributes
        received.append({pair.key: pair.value.string_value for pair in attributes})
        return Response(b"", content_type="application/x-protobuf")

    httpserver.expect_request(re.compile("/v1/.*")).respond_with_handler(receive)
    snippet = blocks("README.md", "python")[number]
    (tmp_path / "snippet.py").write_text(snippet)
    run([sys.executable, "snippet.py"], tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=httpserver.url_for(""))
    expected = "Recipient's SIM is full"
    assert [found["messaging.status.description"] for found in received] == [expected] * (2 if number == 0 else 0)


def test_the_plugin_that_the_guide_builds_works(tmp_path: Path) -> None:
    table, project = blocks("docs/plugins.md", "toml")
    (module,) = blocks("docs/plugins.md", "python")
    package = tmp_path / "acme_pager"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pager.toml").write_text(table)
    (package / "pager.py").write_text(module)
    (tmp_path / "pyproject.toml").write_text(project)
    site = tmp_path / "site"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "install", *options, "--target", str(site), "."], tmp_path)
    shown = commands("docs/plugins.md")
    assert len(shown) == 2
    for command, output in shown:
        assert run(messaging_status_command(command), tmp_path, PYTHONPATH=str(site)) == output


def test_the_picture_shows_what_is_put_on_a_span(host: messaging_status.Host) -> None:
    (picture,) = (block for block in blocks("README.md", "text") if "before" in block)
    right = [line.split("│")[3] for line in picture.splitlines() if line.count("│") == 4]
    shown = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in right if "." in line)
    sent = {"messaging.channel": "sms", "messaging.status.code": "7206"}
    found = {**sent, **host.enrich(sent)}
    assert shown == {key: str(value).lower() if value is True else value for key, value in found.items()}


def test_every_attribute_and_word_is_explained() -> None:
    page = (ROOT / "docs/attributes.md").read_text()
    words = [*Category, *Outcome, *Severity, *Fault]
    assert [word.value for word in words if f"`{word.value}`" not in page] == []
    names = [f"messaging.status.{name}" for name in ATTRIBUTE_NAMES if not name.startswith("upstream")]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_setting_of_the_gateway_and_every_cause_is_explained() -> None:
    page = (ROOT / "docs/gateway.md").read_text()
    file = (ROOT / "config/messaging-status.toml").read_text()
    assert [
        name for name in Gateway.__struct_fields__ if f"\n{name} = " not in file and f"\n# {name} = " not in file
    ] == []
    assert [cause.value[0] for cause in Cause if f"`{cause.value[0]}`" not in page] == []


def test_every_hook_is_explained_with_an_example_and_its_arguments() -> None:
    page = (ROOT / "docs/plugins.md").read_text()
    hooks = [name for name in hookspecs.__all__ if name.startswith("messaging_status_")]
    assert len(hooks) == 5
    for name in hooks:
        function = getattr(hookspecs, name)
        assert f"{name}(" in page
        assert "Example:" in str(function.__doc__)
        arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
        lines = [line.strip() for line in str(function.__doc__).splitlines()]
        assert all(any(line.startswith(f"{argument}: ") for line in lines) for argument in arguments)


def test_the_public_names_are_these() -> None:
    assert sorted(messaging_status.__all__) == [
        "ApiHosts",
        "Catalogue",
        "CatalogueError",
        "Category",
        "Channel",
        "Document",
        "DocumentReader",
        "Edit",
        "Fault",
        "Host",
        "Keys",
        "LogText",
        "MessagingStatusError",
        "Origin",
        "Outcome",
        "PluginChoice",
        "PluginError",
        "RawStatus",
        "Row",
        "Series",
        "Settings",
        "SettingsError",
        "Severity",
        "Status",
        "TextReader",
        "UnknownCode",
        "UnknownCodes",
        "Upstream",
        "Variant",
        "hookimpl",
        "is_retryable",
        "load_settings",
        "parse_catalogue",
        "read_catalogue",
        "read_settings",
    ]
