# SPDX-License-Identifier: Apache-2.0
"""`messaging-status plugin new`: what it writes passes its own tests, as written, and is refused where it would do harm."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from messaging_status import read_catalogue

from .conftest import ROOT

ONE = ["acme", "--system", "acme", "--channel", "pager"]


def new(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "messaging_status.cli", "plugin", "new", *arguments]
    return subprocess.run(command, cwd=folder, input=said, capture_output=True, text=True, check=False)


def installed(project: Path) -> dict[str, str]:
    """An environment in which a project is installed: its metadata as pip would write them, beside its source."""
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    info = project / "src" / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    entries = about["entry-points"]["messaging_status"]
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[messaging_status]\n{lines}")
    # Measuring the coverage of the suites takes twice the time, and they have been measured elsewhere.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return {**inherited, "PYTHONPATH": str(project / "src")}


def run(command: Sequence[str], project: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_its_tests_pass_as_written(tmp_path: Path) -> None:
    done = new(tmp_path, "Two-Way", "--system", "two_way", "--channel", "sms,in_app")
    assert (done.returncode, done.stderr) == (0, "")
    project = tmp_path / "messaging-status-two-way"
    environment = installed(project)
    tested = run([sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:randomly"], project, environment)
    assert tested.returncode == 0, tested.stdout
    (passed,) = re.findall(r"(\d+) passed", tested.stdout)
    assert int(passed) > 140
    command = [sys.executable, "-m", "messaging_status.cli"]
    linted = run([*command, "catalog", "lint", project.name], project, environment)
    assert (linted.returncode, linted.stdout) == (0, "")
    decoded = run([*command, "decode", "in-app", "20", "--system", "two_way"], project, environment)
    assert decoded.stdout.splitlines()[0] == "in_app 20: Recipient switched off"


def test_ruff_and_mypy_have_nothing_to_say(tmp_path: Path) -> None:
    assert new(tmp_path, *ONE).returncode == 0
    project = tmp_path / "messaging-status-acme"
    ruff = [sys.executable, "-m", "ruff"]
    for command in ([*ruff, "check", "--isolated", "."], [*ruff, "format", "--isolated", "--check", "."]):
        checked = run(command, project, dict(os.environ))
        assert checked.returncode == 0, checked.stdout
    strict = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "src", "tests"]
    typed = run(strict, project, {**os.environ, "MYPYPATH": str(ROOT / "src")})
    assert typed.returncode == 0, typed.stdout


def test_it_says_what_to_type_next(tmp_path: Path) -> None:
    done = new(tmp_path, *ONE)
    assert done.stdout == (
        "messaging-status-acme: pager of acme. Next:\n\n"
        "  cd messaging-status-acme\n  pip install --editable . --group dev\n  pytest\n"
    )


def test_what_is_not_given_is_asked_for(tmp_path: Path) -> None:
    done = new(tmp_path, "messaging-status-acme", said="acme\npager, beeper\n")
    assert done.returncode == 0
    package = tmp_path / "messaging-status-acme/src/messaging_status_acme"
    names = [read_catalogue(package / f"{channel}.toml").full_name for channel in ("pager", "beeper")]
    assert names == ["acme.pager", "acme.beeper"]


def test_it_goes_where_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert new(tmp_path, *ONE, "--directory", "here").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]
    assert (tmp_path / "here/messaging-status-acme/pyproject.toml").is_file()


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "messaging-status-acme").mkdir()
    (tmp_path / "messaging-status-acme/mine").write_text("mine")
    done = new(tmp_path, *ONE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "messaging-status-acme: is there already, and not empty; nothing was written\n"
    assert [path.name for path in (tmp_path / "messaging-status-acme").iterdir()] == ["mine"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "messaging-status-acme").mkdir()
    assert new(tmp_path, *ONE).returncode == 0
    assert (tmp_path / "messaging-status-acme/tests/golden.toml").is_file()


def test_where_nothing_can_be_written_nothing_is_left(tmp_path: Path) -> None:
    done = new(tmp_path, "a" * 250, *ONE[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"messaging-status-{'a' * 250}: cannot be written: File name too long; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_channel_that_another_plugin_has_is_said(tmp_path: Path) -> None:
    done = new(tmp_path, "mine", "--system", "webex_connect", "--channel", "sms")
    assert done.returncode == 0
    claim = "messaging-status-webex-connect 0.1.0 is installed and has webex_connect.sms, too"
    assert done.stderr == f"{claim}; beside it, neither of the two is used\n"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["a b"], "'a b' is not a name for a distribution"),
        (["acme", "--system", "Acme"], "'Acme' is not a name: lower-case letters, digits and underscores"),
        (["acme", "--system", "acme", "--channel", "in-app"], "'in-app' is not a name"),
        (["acme", "--system", "acme", "--channel", "sms,sms"], "'sms' is named twice"),
        (["acme", "--system", "acme", "--channel", "documents"], "'documents' is the name of another module"),
        ([*ONE, "--directory", "nowhere"], "Directory 'nowhere' does not exist"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, arguments: list[str], what: str) -> None:
    done = new(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert list(tmp_path.iterdir()) == []
