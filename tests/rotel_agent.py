# SPDX-License-Identifier: Apache-2.0
"""Rotel, a collector in Rust that others have written, as a real next hop on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import grpc
import pytest

from .gateways import end

__all__ = ["Rotel", "rotel", "rotel_binary"]

SECONDS = 15
"""How long it may take to accept connections, and to end."""


@dataclass(frozen=True, slots=True)
class Rotel:
    """A running agent: where it receives, and what it has printed.

    Attributes:
        http: Where it receives OTLP/HTTP, without a path.
        grpc: Where it receives OTLP/gRPC.
    """

    http: str
    grpc: str
    _printed: Path

    def output(self) -> str:
        """What it has printed so far, for error messages."""
        return self._printed.read_text(errors="replace")


def rotel_binary() -> Path:
    """The agent that the package brings, or the test is skipped."""
    try:
        found = Path(str(distribution("rotel").locate_file("rotel/rotel-agent")))
    except PackageNotFoundError:
        pytest.skip("rotel is not installed: it has wheels for some platforms and versions of Python only")
    if not os.access(found, os.X_OK):
        pytest.skip(f"rotel is installed without its agent for this platform: {found.name} is not there to be run")
    tried = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    if tried.returncode:
        # It is linked to a shared libpython, which not every build of Python has.
        pytest.skip(f"rotel's agent does not run on this platform: {tried.stderr.strip()}")
    return found


@contextmanager
def rotel(*, export_to: str, protocol: Literal["grpc", "http"] = "grpc") -> Iterator[Rotel]:
    """Run an agent that hands on what it receives, at once and in batches as they came, while the block runs.

    Args:
        export_to: Where it exports to, without a path, as `Received.endpoint` says it.
        protocol: How it exports: `grpc` to what `receiving()` yields, `http` to what `receiving_http()` returns.

    Yields:
        The agent, once it accepts connections on both ports of 127.0.0.1.
    """
    binary = rotel_binary()
    for_http, for_grpc = _free_ports(2)
    # It keeps its own telemetry to itself unless --enable-internal-telemetry is said.
    command = [
        *(str(binary), "start"),
        *("--otlp-http-endpoint", f"127.0.0.1:{for_http}", "--otlp-grpc-endpoint", f"127.0.0.1:{for_grpc}"),
        *("--exporter", "otlp", "--otlp-exporter-protocol", protocol),
        *("--otlp-exporter-endpoint", export_to.rstrip("/"), "--otlp-exporter-retry-initial-backoff", "100ms"),
        "--disable-batching",
    ]
    settings = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    with TemporaryDirectory(prefix="rotel-") as folder:
        printed = Path(folder, "printed")
        agent = Rotel(f"http://127.0.0.1:{for_http}", f"http://127.0.0.1:{for_grpc}", printed)
        with printed.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=folder, env=settings | {"NO_COLOR": "1"}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        try:
            _wait_for(agent, process)
            yield agent
        finally:
            end(process)


def _is_setting(name: str) -> bool:
    return name.startswith(("ROTEL_", "OTEL_", "RUST_")) or name.lower().endswith("_proxy")


def _free_ports(count: int) -> list[int]:
    # Given port 0 twice it panics, since it tells its two listeners apart by their addresses.
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [bound.getsockname()[1] for bound in sockets]


def _wait_for(agent: Rotel, process: subprocess.Popen[bytes]) -> None:
    # Its ports are open before it serves them, and before it has read the rest of its settings.
    deadline = time.monotonic() + SECONDS
    while not (_answers_http(agent.http) and _answers_grpc(agent.grpc)):
        if process.poll() is not None:
            msg = f"rotel ended with {process.returncode} before it served: {agent.output()}"
            raise RuntimeError(msg)
        if time.monotonic() > deadline:
            msg = f"rotel does not serve {agent.http} and {agent.grpc} after {SECONDS} s: {agent.output()}"
            raise TimeoutError(msg)
        time.sleep(0.01)


def _answers_http(endpoint: str) -> bool:
    connection = HTTPConnection(endpoint.removeprefix("http://"), timeout=1)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == HTTPStatus.NOT_FOUND
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _answers_grpc(endpoint: str) -> bool:
    with grpc.insecure_channel(endpoint.removeprefix("http://")) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
        return True
