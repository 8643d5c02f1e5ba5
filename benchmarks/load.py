# SPDX-License-Identifier: Apache-2.0
"""What a process pays once, measured in new processes: importing, loading, memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.generated import PLUGINS, entry_name, install, install_ours
from benchmarks.measure import Figure

_RUNS: Final = 15
_OURS: Final = 28
_SDK: Final = "import opentelemetry.sdk.trace"
_PROBE: Final = """
import json, sys, time
import psutil

settings, *imports = json.loads(sys.argv[1])
process = psutil.Process()
marks = []
def mark():
    marks.append((time.perf_counter() * 1000, process.memory_info().rss / 2**20))
mark()
for statement in imports:
    exec(statement)
    mark()
host = messaging_status.Host.load(settings, strict=True)
mark()
print(json.dumps([len(host.channels), marks]))
"""


def figures() -> Iterator[Figure]:
    """All fifteen channels, the OpenTelemetry side, then a hundred generated plugins."""
    imports = ("import messaging_status",)
    runs = [_run({}, 18, *imports) for _ in range(_RUNS)]
    sdk = statistics.median(run["ms"][0] for run in runs)
    yield Figure("importing the SDK (opentelemetry.sdk.trace)", [run["ms"][0] for run in runs], "ms")
    yield _time("importing messaging_status beyond the SDK", [run["ms"][1] for run in runs], sdk, 60)
    yield _time("Host.load(), Webex Connect: fifteen channels and three APIs", [run["ms"][2] for run in runs], sdk, 60)
    yield Figure("resident: import and load, beyond the SDK", [sum(run["MiB"][1:]) for run in runs], "MiB", 10)

    runs = [_run({}, 18, *imports, "import messaging_status.otel") for _ in range(_RUNS)]
    yield _time("importing messaging_status.otel beyond both", [run["ms"][2] for run in runs], sdk)
    yield Figure("resident: all three, beyond the SDK", [sum(run["MiB"][1:]) for run in runs], "MiB")

    with TemporaryDirectory() as folder:
        install(Path(folder), "own")
        allowed = [entry_name("own", index) for index in range(PLUGINS)]
        settings = {"plugins": {"allowed": allowed}}
        runs = [_run(settings, PLUGINS, *imports, path=folder) for _ in range(_RUNS)]
        path = os.pathsep.join((folder, *install_ours(Path(folder))))
        everything = [_run({}, _OURS + PLUGINS, *imports, path=path) for _ in range(_RUNS)]
        ours = {"plugins": {"blocked": allowed}}
        without = [_run(ours, _OURS, *imports, path=path) for _ in range(_RUNS)]
    yield _time("Host.load(), 100 plugins of 30 codes", [run["ms"][2] for run in runs], sdk)
    yield _time("Host.load(), all our plugins: eight systems, 28 channels", [run["ms"][2] for run in without], sdk)
    yield _time("Host.load(), all our plugins and those 100", [run["ms"][2] for run in everything], sdk)
    yield Figure(
        "resident: import and load of all our plugins, beyond the SDK", [sum(run["MiB"][1:]) for run in without], "MiB"
    )
    yield Figure("resident: with those 100, too", [sum(run["MiB"][1:]) for run in everything], "MiB")


def _run(settings: Mapping[str, Any], channels: int, *imports: str, path: str = "") -> dict[str, list[float]]:
    """What each step took in a new process, the SDK's import first. The first run of all compiles for the others."""
    given = json.dumps([settings, _SDK, *imports])
    inherited = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (path, inherited)))}
    command = [sys.executable, "-c", _PROBE, given]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603 - our own
    loaded, marks = json.loads(done.stdout)
    if loaded != channels:
        msg = f"{loaded} channels were loaded; expected {channels}"
        raise RuntimeError(msg)
    steps = list(zip(marks[1:], marks[:-1], strict=True))
    return {"ms": [after[0] - before[0] for after, before in steps], "MiB": [a[1] - b[1] for a, b in steps]}


def _time(name: str, ms: list[float], sdk: float, target: float | None = None) -> Figure:
    return Figure(name, ms, "ms", target, f"{statistics.median(ms) / sdk:.2f} of importing the SDK")
