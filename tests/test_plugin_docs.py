# SPDX-License-Identifier: Apache-2.0
"""The guide for authors of plugins, followed as a reader would: what it says is typed, and what it shows comes out."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from messaging_status import read_catalogue
from messaging_status.lint import findings, table_file
from messaging_status.testing.golden import read_vectors

from .conftest import ROOT
from .test_docs import blocks, commands, messaging_status_command
from .test_plugin_new import installed, new, run

DECISIONS = blocks("docs/decisions.md", "toml")
HEAD = 'system = "acme"\nchannel = "pager"\nsource = "the guide"\nread = 2026-11-25\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the tutorial's first command writes."""
    (_, (command, output), *_) = commands("docs/first-plugin.md")
    done = new(tmp_path, *command.split()[3:])
    assert (done.returncode, done.stdout) == (0, output)
    return tmp_path / "messaging-status-acme"


def test_the_tutorials_other_commands_do_what_is_shown(project: Path) -> None:
    environment = installed(project)
    _, _, *others = commands("docs/first-plugin.md")
    assert [command.split()[0] for command, _ in others] == [
        "cd",
        "pip",
        "pytest",
        "messaging-status",
        "messaging-status",
    ]
    assert others[0][0] == f"cd {project.name}"
    assert others[1][0] in (project / "README.md").read_text()
    tested = run([sys.executable, "-m", "pytest", "-q"], project, environment)
    assert tested.returncode == 0, tested.stdout
    for command, output in others[3:]:
        done = run(messaging_status_command(command), project, environment)
        assert (done.returncode, done.stdout) == (0, output)


def test_what_the_page_on_tests_shows_is_a_suite_that_passes(project: Path) -> None:
    settings, golden = blocks("docs/testing-plugins.md", "toml")
    suite, fixtures = blocks("docs/testing-plugins.md", "python")
    assert settings in (project / "pyproject.toml").read_text().replace('testpaths = ["tests"]\n', "")
    for file in (project / "tests").iterdir():
        file.unlink()
    (project / "tests/test_acme.py").write_text(suite + fixtures)
    (project / "tests/golden.toml").write_text(golden)
    assert [vector.name for vector in read_vectors(project / "tests")] == [
        "a page that was lost",
        "a span of somebody else",
    ]
    tested = run([sys.executable, "-m", "pytest", "-q", "-rA"], project, installed(project))
    failed = [line for line in tested.stdout.splitlines() if line.startswith("FAILED")]
    assert [line.split("::")[-1].split(" ")[0] for line in failed] == [
        "test_reader_has_a_golden_vector[acme.documents-acmeReceipt]"
    ]


def test_the_page_on_tests_names_each_test_of_the_suite(project: Path) -> None:
    page = (ROOT / "docs/testing-plugins.md").read_text()
    listed = run([sys.executable, "-m", "pytest", "-q", "--collect-only"], project, installed(project))
    names = {line.split("::")[-1].split("[")[0] for line in listed.stdout.splitlines() if "TestConformance" in line}
    assert len(names) > 8
    assert [name for name in sorted(names) if name not in page] == []


@pytest.mark.parametrize("number", range(len(DECISIONS)))
def test_a_worked_example_is_a_row_with_which_nothing_is_wrong(tmp_path: Path, number: int) -> None:
    text = HEAD + DECISIONS[number]
    (tmp_path / "pager.toml").write_text(text)
    catalogue = read_catalogue(tmp_path / "pager.toml")
    assert len(catalogue.rows) == 1
    assert list(findings([table_file(catalogue, text=text)])) == []


def test_there_are_worked_examples_of_each_answer(tmp_path: Path) -> None:
    rows = [row for text in DECISIONS for row in tomllib.loads(text)["status"].values()]
    assert {row.get("retryable") for row in rows} == {True, False, None}
    assert len(rows) == 10


def test_the_commands_before_publishing_do_what_is_said(project: Path) -> None:
    environment = installed(project)
    (difference, _), *others = commands("docs/publishing.md")
    (package,) = (project / "src").glob("messaging_status_*[!o]")
    table = next(package.glob("pager.toml")).read_text()
    for name, text in (
        ("old.whl", table),
        ("new.whl", table.replace("retryable = true\nfault", "retryable = false\nfault")),
    ):
        with zipfile.ZipFile(project / name, "w") as wheel:
            wheel.writestr("acme/pager.toml", text)
    done = run(messaging_status_command(difference), project, environment)
    assert done.stdout == "### Changed retryable\n\n- pager `20`: Recipient switched off: retryable yes → no\n"
    assert [command for command, _ in others] == [
        "pytest",
        "messaging-status catalog lint messaging-status-acme",
        "python -m build",
    ]
