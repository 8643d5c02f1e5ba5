# SPDX-License-Identifier: Apache-2.0
"""Plugins as their authors have them: an installed distribution, and a folder of tests that pytest runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

__all__ = ["GOLDEN", "MODULE", "TABLE", "Ran", "make_project", "run_pytest"]

TABLE = """
system = "acme"
channel = "pager"
aliases = ["beeper"]
source = "Acme Pager handbook, appendix B"
read = 2026-09-08

[status.0]
description = "Page shown"
outcome = "delivered"
category = "success"
severity = "INFO"
retryable = false

[status.17]
description = "Pager switched off"
outcome = "undelivered"
category = "recipient_unreachable"
severity = "WARN"
retryable = true
advice = "Page again later."
aliases = ["OFF"]

[[status.17.variant]]
reason = ["stolen", "lost"]
description = "Pager reported stolen"
category = "blocked"
retryable = false

[[status.17.variant]]
text = "cell [0-9]{3}"
description = "Pager out of reach of a cell"

[[range]]
first = "900"
last = "999"
description = "Pager network error"
outcome = "failed"
category = "provider_error"
severity = "ERROR"
fault = "provider"
"""

MODULE = '''
"""Acme's pagers."""
import logging
import re
from importlib.resources import files

import msgspec

from messaging_status import (
    Category, Channel, Document, DocumentReader, LogText, Origin, RawStatus, Status, TextReader, hookimpl, read_catalogue
)


def status_of(value):
    return value if isinstance(value, str) else None


def refine(raw, status):
    if status.code == "17" and raw.origin is Origin.ANSWER:
        return msgspec.structs.replace(status, retryable=None)
    return status


def read(document):
    receipt = document.content.get("pagerReceipt")
    if not isinstance(receipt, dict):
        return
    yield RawStatus(
        code=receipt.get("result"), system="acme", channel="pager", reason=receipt.get("why"),
        message_id=status_of(receipt.get("id")), text=status_of(receipt.get("note")),
    )


def read_text(text):
    found = re.search(r"pager-result: ([0-9]{1,3})\\\\b", text.text)
    return [RawStatus(code=found[1], system="acme", channel="pager")] if found else []


@hookimpl
def messaging_status_channels():
    return [Channel(catalogue=read_catalogue(files(__package__) / "pager.toml"), refine=refine)]


@hookimpl
def messaging_status_documents():
    return [DocumentReader(keys=("pagerReceipt",), read=read), TextReader(marks=("pager-result:",), read=read_text)]
'''.replace("\\\\", "\\")

GOLDEN = """
[[vector]]
name = "a page that was shown"
body = { pagerReceipt = { result = "0", id = "m-1", note = "shown to Ann" } }
[vector.expected]
"messaging.system" = "acme"
"messaging.message.id" = "m-1"
"messaging.status.code" = "0"
"messaging.status.description" = "Page shown"
"messaging.status.severity" = "INFO"
"messaging.status.retryable" = false
"messaging.status.category" = "success"
"messaging.status.outcome" = "delivered"
"messaging.status.channel" = "pager"

[[vector]]
name = "a page in a log"
body = "page m-2 to Ann; pager-result: 950"
[vector.expected]
"messaging.system" = "acme"
"messaging.status.code" = "950"
"messaging.status.description" = "Pager network error"
"messaging.status.severity" = "ERROR"
"messaging.status.category" = "provider_error"
"messaging.status.outcome" = "failed"
"messaging.status.channel" = "pager"
"messaging.status.fault" = "provider"
"error.type" = "provider_error"

[[vector]]
name = "pages as JSON in JSON"
body = '{"pagerReceipt": {"result": "17", "why": "LOST", "note": "by Ann", "log": "{\\"lines\\": [\\"one\\", \\"two\\"]}"}}'
[vector.expected]
"messaging.system" = "acme"
"messaging.status.code" = "17"
"messaging.status.description" = "Pager reported stolen"
"messaging.status.severity" = "WARN"
"messaging.status.retryable" = false
"messaging.status.category" = "blocked"
"messaging.status.outcome" = "undelivered"
"messaging.status.channel" = "pager"
"messaging.status.reason" = "stolen"
"error.type" = "blocked"

[[vector]]
name = "a span of somebody else"
attributes = { "messaging.system" = "kafka", "messaging.status.code" = "17" }
expected = {}
"""

_SETTINGS = '[tool.pytest.ini_options]\nmessaging_status_distribution = "messaging-status-acme"\n'
_SUITE = "from messaging_status.testing import TestConformance\n"


_WITHOUT = ("randomly", "pytest_httpserver", "anyio")
"""Plugins of pytest that only take time here."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What pytest said.

    Attributes:
        failed: What each test that failed says, by the test's name.
        passed: The names of the tests that passed.
        output: All that it printed.
    """

    failed: dict[str, str]
    passed: list[str]
    output: str


def make_project(
    folder: Path,
    *,
    table: str = TABLE,
    module: str = MODULE,
    golden: str | None = GOLDEN,
    settings: str = _SETTINGS,
    tests: str = _SUITE,
    **files: str,
) -> Path:
    """An installed plugin in ``site`` and its tests in ``tests``, both below a folder."""
    package, info, project = (
        folder / "site" / name for name in ("acme_pager", "messaging_status_acme-1.0.dist-info", "../tests")
    )
    for made in (package, info, project):
        made.mkdir(parents=True)
    (package / "__init__.py").write_text(module)
    (package / "pager.toml").write_text(table)
    for name, text in files.items():
        (package / f"{name}.toml").write_text(text)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: messaging-status-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[messaging_status]\nacme.pager = acme_pager\n")
    (project / "pyproject.toml").write_text(settings)
    (project / "test_acme.py").write_text(tests)
    if golden is not None:
        (project / "golden.toml").write_text(golden)
    return folder


def run_pytest(folder: Path, *options: str, is_measured: bool = False) -> Ran:
    """Run the tests of a project.

    Args:
        folder: What :func:`make_project` made.
        options: Options for pytest.
        is_measured: Whether its coverage is measured, where ours is. It takes twice the time.
    """
    report = folder / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        f"--junitxml={report}",
        *options,
    ]
    inherited = ("PYTEST_",) if is_measured else ("PYTEST_", "COVERAGE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(inherited)}
    done = subprocess.run(
        command,
        cwd=folder / "tests",
        env={**environment, "PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    failed, passed = {}, []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest has written it
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        if wrong is not None:
            failed[str(case.get("name"))] = wrong.text or wrong.get("message") or ""
        elif case.find("skipped") is None:
            passed.append(str(case.get("name")))
    return Ran(failed=failed, passed=passed, output=done.stdout + done.stderr)
