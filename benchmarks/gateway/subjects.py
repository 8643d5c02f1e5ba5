# SPDX-License-Identifier: Apache-2.0
"""What is compared: Rotel, Rotel with a processor in Python, and our gateway, each as its users start it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

_START_S: Final = 20
_PROCESSOR: Final = Path(__file__).with_name("processor.py")


@dataclass(frozen=True, slots=True)
class Subject:
    """A command that relays spans.

    Attributes:
        name: How the figures call it.
        protocol: How it is sent to and sends on: ``http`` or ``grpc``.
        enriches: Whether it puts the meaning of statuses on spans.
        command: The command, with ``{http}`` and ``{grpc}`` where its addresses go, and ``{next_hop}`` and
            ``{folder}``.
        environment: Further environment variables.
    """

    name: str
    protocol: str
    enriches: bool
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A subject that accepts requests.

    Attributes:
        subject: Which.
        address: Host and port that it is sent to.
        process: Its process; with several workers the one that looks after them.
    """

    subject: Subject
    address: str
    process: psutil.Process

    @property
    def cpu(self) -> float:
        """The seconds of CPU that it has used, in all its processes, for itself and in the kernel."""
        processes = (self.process, *self.process.children(recursive=True))
        times = [process.cpu_times() for process in processes]
        return sum(time.user + time.system for time in times)


def ours(name: str, protocol: str = "http", workers: int = 1) -> Subject:
    """Our gateway."""
    command = (sys.executable, "-m", "messaging_status.cli", "gateway", "--next-hop", "http://{next_hop}")
    options = ("--protocol", protocol, "--compression", "none", "--workers", str(workers))
    return Subject(name, protocol, True, (*command, *options, "--http", "{http}", "--grpc", "{grpc}"))


def rotel(name: str, *, processor: bool = False) -> Subject:
    """Rotel with what it does unless told otherwise, but for compression, which is off everywhere.

    Its interpreter finds our packages, and the plugins, where this one does.
    """
    command = (str(_agent()), "start", "--otlp-http-endpoint", "{http}", "--otlp-grpc-endpoint", "{grpc}")
    options = ("--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-compression", "none")
    places = (
        "--otlp-exporter-endpoint",
        "http://{next_hop}",
        "--log-file",
        "{folder}/log",
        "--pid-file",
        "{folder}/pid",
    )
    if not processor:
        return Subject(name, "http", False, (*command, *options, *places))
    with_processor = ("--otlp-with-trace-processor", str(_PROCESSOR))
    return Subject(name, "http", True, (*command, *options, *places, *with_processor), {"PYTHONPATH": _ours_on_path()})


def why_no_rotel() -> str:
    """Why Rotel cannot be measured here; empty if it can."""
    if find_spec("rotel") is None:
        return "it is not installed"
    try:
        subprocess.run(  # noqa: S603 - the command is Rotel's
            [_agent(), "version"], check=True, capture_output=True, timeout=_START_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else b""
        return f"it does not run: {said.decode(errors='replace').strip() or error}"
    return ""


@contextmanager
def running(subject: Subject, next_hop: str, folder: Path) -> Iterator[Running]:
    """Run a subject on free ports of 127.0.0.1, while the block runs.

    Args:
        subject: Which.
        next_hop: Host and port where it sends.
        folder: An empty one.

    Raises:
        RuntimeError: If it does not start, with what it printed.
    """
    addresses = {protocol: f"127.0.0.1:{_free_port()}" for protocol in ("http", "grpc")}
    command = [word.format(**addresses, next_hop=next_hop, folder=folder) for word in subject.command]
    printed = folder / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - the commands are those below
            command, env={**_environment(), **subject.environment}, stdout=out, stderr=out, cwd=folder
        )
    try:
        address = addresses[subject.protocol]
        if not _accepts(address, process):
            msg = f"{subject.name} did not start:\n{printed.read_text(errors='replace')}"
            raise RuntimeError(msg)
        yield Running(subject, address, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(_START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _agent() -> Path:
    spec = find_spec("rotel")
    return Path(spec.origin if spec and spec.origin else "").with_name("rotel-agent")


def _ours_on_path() -> str:
    """Where packages are found, but for the standard library: the other interpreter brings its own."""
    own = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
    packages = [place for place in sys.path if place and ("site-packages" in place or not place.startswith(own))]
    return os.pathsep.join(place for place in packages if Path(place).is_dir())


def _environment() -> dict[str, str]:
    """Without settings of others."""
    prefixes = ("MESSAGING_STATUS_", "OTEL_", "ROTEL_", "PYTHONPATH")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(prefixes) and not name.lower().endswith("_proxy")
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(address: str, process: subprocess.Popen[bytes]) -> bool:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
