# SPDX-License-Identifier: Apache-2.0
"""The zero-code way: senders as they are, under ``opentelemetry-instrument``, and what arrives over OTLP."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from pytest_httpserver import HTTPServer

from messaging_status import Host
from messaging_status.cli.receiver import Received, receiving
from messaging_status.otel import StatusSpanExporter
from messaging_status.otel.instrumentor import MessagingStatusInstrumentor

from .conftest import SIM_FULL, InstallPlugin, KeepingExporter, receiving_http

APPS = Path(__file__).parent / "apps"
SENT = {"messaging.channel": "sms", "messaging.status.code": "7206"}
INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
BATCHES = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BLRP_SCHEDULE_DELAY": "50"}
EXPORTING = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true",
    **BATCHES,
}
IS_OLD = find_spec("opentelemetry.configuration") is None
CONFIG_FILE = """\
file_format: "1.0"
tracer_provider:
  processors:
    - batch: {{schedule_delay: 50, exporter: {{otlp_http: {{endpoint: "{endpoint}/v1/traces"}}}}}}
logger_provider:
  processors:
    - simple: {{exporter: {{otlp_http: {{endpoint: "{endpoint}/v1/logs"}}}}}}
instrumentation/development:
  python:
    messaging_status: {options}
"""


def run(command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [INSTRUMENT, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sent(received: Received) -> dict[str, list[dict[str, Any]]]:
    """The attributes that arrived, by signal; of logs those of the sender's own."""
    found: dict[str, list[dict[str, Any]]] = {"span": [], "log": []}
    for record in received.objects():
        if record["signal"] == "span" or str(record["body"]).startswith("receipt"):
            found[record["signal"]].append(record["attributes"])
    return found


@pytest.fixture
def received(httpserver: HTTPServer) -> Received:
    return receiving_http(httpserver)


@pytest.fixture
def sender(received: Received) -> Any:
    """Runs the sender under auto-instrumentation, and answers what it printed."""

    def run_sender(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(APPS / "sender.py"), *arguments]
        done = run(command, **{**EXPORTING, "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint, **environment})
        assert done.returncode == 0, done.stderr
        return done

    return run_sender


class TestUnderInstrument:
    def test_over_http_and_without_importing_what_the_sender_does_not_use(
        self, sender: Any, received: Received
    ) -> None:
        imported = sender().stdout
        assert sent(received)["span"] == [{**SENT, **SIM_FULL}]
        assert sent(received)["log"][0].items() >= SIM_FULL.items()
        assert "opentelemetry.exporter.otlp.proto.http.trace_exporter" in imported
        assert "opentelemetry.exporter.otlp.proto.grpc" not in imported

    def test_over_grpc(self, sender: Any) -> None:
        with receiving() as received:
            sender(OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_ENDPOINT=received.endpoint)
            found = sent(received)
        assert found["span"] == [{**SENT, **SIM_FULL}]
        assert found["log"][0].items() >= SIM_FULL.items()

    def test_to_the_console(self, sender: Any, received: Received) -> None:
        printed = sender(OTEL_TRACES_EXPORTER="console", OTEL_LOGS_EXPORTER="console").stdout
        assert printed.count("Recipient's SIM is full") == 2
        assert received.objects() == []

    def test_it_can_be_switched_off(self, sender: Any, received: Received) -> None:
        sender(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="messaging_status")
        assert sent(received)["span"] == [SENT]

    def test_settings_come_from_the_file(self, sender: Any, received: Received, tmp_path: Path) -> None:
        (tmp_path / "my.toml").write_text('prefix = "acme.status"')
        sender(MESSAGING_STATUS_CONFIG=str(tmp_path / "my.toml"))
        assert sent(received)["span"][0]["acme.status.description"] == "Recipient's SIM is full"

    @pytest.mark.skipif(IS_OLD, reason="this SDK reads no OTEL_CONFIG_FILE")
    @pytest.mark.parametrize(
        ("options", "prefix"), [("{}", "messaging.status"), ("{prefix: acme.status}", "acme.status")]
    )
    def test_the_sdks_configuration_file(
        self, sender: Any, received: Received, tmp_path: Path, options: str, prefix: str
    ) -> None:
        file = tmp_path / "otel.yaml"
        file.write_text(CONFIG_FILE.format(endpoint=received.endpoint.rstrip("/"), options=options))
        sender(OTEL_CONFIG_FILE=str(file))
        (span,) = sent(received)["span"]
        assert span[f"{prefix}.description"] == "Recipient's SIM is full"

    @pytest.mark.parametrize("setting", ["prefx = 1", "[broken", "default_system = 'acme'"])
    def test_broken_settings_never_stop_the_sender(
        self, sender: Any, received: Received, tmp_path: Path, setting: str
    ) -> None:
        (tmp_path / "my.toml").write_text(setting)
        printed = sender(MESSAGING_STATUS_CONFIG=str(tmp_path / "my.toml")).stderr
        assert sent(received)["span"][0].items() >= SENT.items()
        assert printed.count("ERROR messaging_status: ") == 1
        assert "Traceback" not in printed

    def test_a_broken_plugin_never_stops_the_sender(
        self, sender: Any, received: Received, install: InstallPlugin, tmp_path: Path
    ) -> None:
        install("broken", "raise OSError('no disk')")
        printed = sender(PYTHONPATH=str(tmp_path / "site")).stderr
        assert sent(received)["span"] == [{**SENT, **SIM_FULL}]
        assert re.findall("ERROR messaging_status: .*", printed) == [
            "ERROR messaging_status: left out: plugin 'broken.plugin' (broken 1.0): "
            "cannot be imported from 'broken': OSError: no disk"
        ]

    @pytest.mark.parametrize("processor", ["simple", "batch"])
    def test_nothing_that_we_log_comes_back_through_the_pipeline(
        self, received: Received, install: InstallPlugin, tmp_path: Path, processor: str
    ) -> None:
        """The application's root handler leads into the SDK, and a plugin fails while a log record is exported."""
        refine = "@hookimpl\ndef messaging_status_refine(raw, status):\n    raise OSError('no disk')\n"
        install("broken", f"from messaging_status import hookimpl\n{refine}")
        done = run(
            [sys.executable, str(APPS / "logger.py"), processor],
            PYTHONPATH=str(tmp_path / "site"),
            OTEL_TRACES_EXPORTER="none",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            OTEL_EXPORTER_OTLP_ENDPOINT=received.endpoint,
        )
        assert done.returncode == 0, done.stderr
        bodies = [record["body"] for record in received.objects() if record["signal"] == "log"]
        assert bodies == ["receipt channel=sms code=7206"] * 10
        assert done.stderr.count("messaging_status_refine failed: OSError") == 1
        assert "recursive" not in done.stderr

    @pytest.mark.parametrize(
        "method",
        [
            pytest.param("fork", marks=pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")),
            pytest.param(
                "spawn", marks=pytest.mark.skipif(IS_OLD, reason="this version leaves spawned processes alone")
            ),
        ],
    )
    def test_child_processes(self, sender: Any, received: Received, method: str) -> None:
        sender(method, PYTHONWARNINGS="ignore")
        deadline = time.monotonic() + 20
        while not sent(received)["span"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert sent(received)["span"] == [{**SENT, **SIM_FULL}]

    @pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn does not run here")
    def test_prefork_workers(self, received: Received, tmp_path: Path) -> None:
        gunicorn = [sys.executable, "-m", "gunicorn", "--workers", "2", "--bind", f"unix:{tmp_path}/sock", "web:app"]
        environment = {**EXPORTING, "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint, "PYTHONPATH": str(APPS)}
        server = subprocess.Popen(
            [INSTRUMENT, *gunicorn], env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
        )
        try:
            pids = requests_until_two_workers_answered(str(tmp_path / "sock"))
        finally:
            server.send_signal(signal.SIGTERM)
            _, printed = server.communicate(timeout=30)
        spans = [span for span in sent(received)["span"] if "pid" in span]
        assert {span.pop("pid") for span in spans} == pids, printed
        assert all(span == {**SENT, **SIM_FULL} for span in spans)


def requests_until_two_workers_answered(path: str) -> set[int]:
    pids: set[int] = set()
    deadline = time.monotonic() + 30
    while len(pids) < 2 and time.monotonic() < deadline:
        found = subprocess.run(
            [sys.executable, "-c", ASK, path], capture_output=True, text=True, timeout=10, check=False
        ).stdout
        pids |= {int(pid) for pid in found.split()}
    return pids


ASK = """
import http.client, socket, sys
for _ in range(10):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(sys.argv[1])
        connection.request("GET", "/")
        print(connection.getresponse().read().decode())
    except OSError:
        pass
"""


@pytest.fixture
def instrumentor() -> Iterator[MessagingStatusInstrumentor]:
    instrumentor = MessagingStatusInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def send_through(exporter: SpanExporter, processor: Any = SimpleSpanProcessor) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor(exporter))
    with provider.get_tracer("x").start_as_current_span("send", attributes=SENT):
        pass
    provider.shutdown()


class TestByHand:
    def test_exporters_made_before_and_after(
        self, instrumentor: MessagingStatusInstrumentor, received: Received
    ) -> None:
        before = OTLPSpanExporter(endpoint=f"{received.endpoint}/v1/traces")
        instrumentor.instrument()
        for exporter in (before, OTLPSpanExporter(endpoint=f"{received.endpoint}/v1/traces")):
            send_through(exporter, BatchSpanProcessor)
        assert sent(received)["span"] == [{**SENT, **SIM_FULL}] * 2

    def test_called_twice_and_beside_an_explicit_exporter_enriches_once(
        self, instrumentor: MessagingStatusInstrumentor, received: Received, host: Host
    ) -> None:
        instrumentor.instrument()
        instrumentor.instrument()
        MessagingStatusInstrumentor().instrument()
        send_through(StatusSpanExporter(OTLPSpanExporter(endpoint=f"{received.endpoint}/v1/traces"), host))
        assert sent(received)["span"] == [{**SENT, **SIM_FULL}]

    def test_uninstrumented_everything_is_as_it_was(
        self, instrumentor: MessagingStatusInstrumentor, received: Received
    ) -> None:
        original = OTLPSpanExporter.export
        for _ in range(2):
            instrumentor.instrument()
            assert OTLPSpanExporter.export is not original
            instrumentor.uninstrument()
            assert OTLPSpanExporter.export is original
        send_through(OTLPSpanExporter(endpoint=f"{received.endpoint}/v1/traces"))
        assert sent(received)["span"] == [SENT]

    def test_what_others_have_wrapped_on_top_stays(self, instrumentor: MessagingStatusInstrumentor) -> None:
        def counted(self: KeepingExporter, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            calls.append(len(spans))
            return wrapped(self, spans)

        calls: list[int] = []
        original = KeepingExporter.export
        instrumentor.instrument(exporters=["tests.conftest:KeepingExporter"])
        wrapped, KeepingExporter.export = KeepingExporter.export, counted  # type: ignore[method-assign]
        instrumentor.uninstrument()
        exporter = KeepingExporter()
        send_through(exporter)
        assert KeepingExporter.export is counted
        KeepingExporter.export = original  # type: ignore[method-assign]
        assert (calls, dict(exporter.kept[0].attributes or {})) == ([1], SENT)

    def test_other_exporters_by_name(
        self, instrumentor: MessagingStatusInstrumentor, caplog: pytest.LogCaptureFixture
    ) -> None:
        exporters = ["tests.conftest:KeepingExporter", f"{__name__}:NoExporter", "no.such.module:Exporter"]
        instrumentor.instrument(exporters=exporters, prefix="acme", tracer_provider=None)
        exporter = KeepingExporter()
        send_through(exporter)
        ((span,),) = [exporter.kept]
        assert span.attributes is not None
        assert span.attributes["acme.description"] == "Recipient's SIM is full"

    def test_records_are_given_by_name_as_well(self, instrumentor: MessagingStatusInstrumentor, capsys: Any) -> None:
        kept = KeepingExporter()
        send_through(kept)
        instrumentor.instrument()
        ConsoleSpanExporter(out=sys.stdout).export(spans=kept.kept)
        ConsoleSpanExporter(out=sys.stdout).export(())
        assert capsys.readouterr().out.count("Recipient's SIM is full") == 1

    def test_logs_are_printed_with_their_meaning(self, instrumentor: MessagingStatusInstrumentor, capsys: Any) -> None:
        instrumentor.instrument()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter(out=sys.stdout)))
        provider.get_logger("x").emit(LogRecord(body="channel=sms code=7206"))
        provider.get_logger("x").emit(LogRecord(body="else"))
        assert capsys.readouterr().out.count("Recipient's SIM is full") == 1

    def test_wrong_options_are_one_error_and_nothing_else(
        self, instrumentor: MessagingStatusInstrumentor, capsys: Any
    ) -> None:
        instrumentor.instrument(prefx="acme", overlays=1)
        assert capsys.readouterr().err.splitlines() == [
            "ERROR messaging_status: nothing is enriched: settings: prefx: there is no such setting; did you mean "
            "'prefix'?; settings: overlays: 1 is not a list of texts"
        ]
        kept = KeepingExporter()
        send_through(kept)
        assert dict(kept.kept[0].attributes or {}) == SENT
