# SPDX-License-Identifier: Apache-2.0
"""The examples in config/gateway: each one started as it is, but for the ports, with a next hop on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer

from messaging_status import read_settings
from messaging_status.cli.receiver import receiving

from .conftest import ROOT, SIM_FULL
from .gateways import gateway, kept_by, spans_request, wait_for
from .rotel_agent import rotel, rotel_binary

CONFIG = ROOT / "config/gateway"
STATUS = {"messaging.system": "webex_connect", "messaging.channel": "sms"}


def test_each_example_is_started_here() -> None:
    assert {path.name for path in CONFIG.iterdir()} == {
        "behind-a-collector.toml",
        "in-front-of-a-collector.toml",
        "rotel.env",
        "sidecar.toml",
    }


def test_sidecar(tmp_path: Path, httpserver: HTTPServer) -> None:
    kept = kept_by(httpserver)
    file = CONFIG / "sidecar.toml"
    assert read_settings(file).gateway.next_hop == "http://otel-collector:4318"
    with gateway(tmp_path, httpserver.url_for("/"), MESSAGING_STATUS_CONFIG=str(file)) as running:
        assert running.export(spans_request("7206")) == b""
        assert running.post(body=spans_request("7206")).status_code == 200
    assert [b"Recipient's SIM is full" in body for _, body in kept] == [True, True]


def test_in_front_of_a_collector(tmp_path: Path) -> None:
    file = CONFIG / "in-front-of-a-collector.toml"
    with receiving() as received, rotel(export_to=received.endpoint) as collector:
        with gateway(tmp_path, collector.grpc, MESSAGING_STATUS_CONFIG=str(file)) as running:
            assert "2 workers" in running.output()
            assert running.post(body=spans_request("7206")).status_code == 200
            running.export(spans_request("7206"))
        wait_for(lambda: len(received.objects()) == 2)
    expected: dict[str, Any] = {**STATUS, **SIM_FULL}
    assert [item["attributes"] for item in received.objects()] == [expected, expected]


def test_a_collector_that_sends_through_it(tmp_path: Path, httpserver: HTTPServer) -> None:
    kept = kept_by(httpserver)
    with gateway(
        tmp_path, httpserver.url_for("/"), MESSAGING_STATUS_CONFIG=str(CONFIG / "behind-a-collector.toml")
    ) as running:
        lines = (CONFIG / "rotel.env").read_text().splitlines()
        example = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        assert example["ROTEL_OTLP_EXPORTER_ENDPOINT"] == "http://127.0.0.1:14318"
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            receives, other = (f"127.0.0.1:{taken.getsockname()[1]}" for taken in (one, two))
        ports = {"ROTEL_OTLP_HTTP_ENDPOINT": receives, "ROTEL_OTLP_GRPC_ENDPOINT": other}
        env = os.environ | example | ports | {"ROTEL_OTLP_EXPORTER_ENDPOINT": running.http}
        with (tmp_path / "rotel").open("wb") as out:
            agent = subprocess.Popen([rotel_binary(), "start"], env=env, stdout=out, stderr=out)
        try:
            wait_for(lambda: is_accepted(f"http://{receives}/v1/traces"))
            wait_for(lambda: bool(kept))
        finally:
            agent.terminate()
            agent.wait(15)
    headers, body = kept[0]
    assert headers["Content-Encoding"] == "gzip"
    assert body[:2] == b"\x1f\x8b"


def is_accepted(url: str) -> bool:
    try:
        sent = {"Content-Type": "application/x-protobuf"}
        return requests.post(url, spans_request("7206"), headers=sent, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("port", [4317, 4318])
def test_a_gateway_stays_on_this_machine_unless_it_is_told_otherwise(port: int) -> None:
    gateway_settings = read_settings(ROOT / "config/messaging-status.toml").gateway
    assert f"127.0.0.1:{port}" in (gateway_settings.grpc, gateway_settings.http)
