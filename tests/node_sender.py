# SPDX-License-Identifier: Apache-2.0
"""A sender in another language: the SDK of Node.js with its own exporters, installed once a session."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

__all__ = ["NodeSender", "Protocol", "install_node_sender", "node_sender"]

Protocol = Literal["http/json", "http/protobuf", "grpc"]
NodeSender = Callable[..., subprocess.CompletedProcess[str]]

APP = Path(__file__).parent / "apps/node_sender"
OLDEST = (20, 6)
"""What the packages of the application ask for."""


@pytest.fixture(scope="session")
def node_sender(tmp_path_factory: pytest.TempPathFactory) -> NodeSender:
    """Sends spans with 7206 on sms and one log with it: `node_sender(protocol, endpoint, spans, **environment)`."""
    return install_node_sender(tmp_path_factory.mktemp("node") / "sender")


def install_node_sender(folder: Path) -> NodeSender:
    """Install the application into a folder that is not there yet, or skip the test where that cannot be.

    Args:
        folder: Where a copy of the application, and its packages, are put.

    Returns:
        What runs it: its exit code says whether every export was answered well, its standard error what went wrong.
    """
    node, npm = (_found(command) for command in ("node", "npm"))
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        pytest.skip(f"Node.js {version} is older than {'.'.join(map(str, OLDEST))}, which the SDK needs")
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules"))
    options = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--prefer-offline"]
    installed = subprocess.run([npm, "ci", *options], cwd=folder, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, f"npm ci failed:\n{installed.stdout}{installed.stderr}"

    def send(
        protocol: Protocol, endpoint: str, spans: int = 1, *, timeout: float = 30, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [node, "sender.mjs", protocol, endpoint, str(spans)]
        env = os.environ | environment
        return subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=timeout
        )

    return send


def _found(command: str) -> str:
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"{command} is not installed, and the sender is written for Node.js")
    return found
