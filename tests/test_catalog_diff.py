# SPDX-License-Identifier: Apache-2.0
"""`messaging-status catalog diff`: what is different between two versions of tables, for those who send and for a changelog."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import Catalogue, Category, Outcome, Severity, parse_catalogue
from messaging_status.cli.commands import cli
from messaging_status.differences import Kind, differences

HEAD = 'system = "acme"\nchannel = "pager"\nsource = "handbook"\nread = 2026-11-25\n'
OLD = (
    HEAD
    + """
[status.1]
description = "Page lost"
outcome = "undelivered"
category = "provider_error"
severity = "ERROR"
retryable = false

[status.2]
description = "Pager off"
outcome = "undelivered"
category = "recipient_unreachable"
severity = "WARN"
retryable = true
aliases = ["OFF"]

[[status.2.variant]]
reason = "stolen"
description = "Pager stolen"
retryable = false

[status.3]
description = "Text too long"
outcome = "failed"
category = "invalid_request"
severity = "ERROR"
retryable = false

[[range]]
first = "900"
last = "999"
description = "Network error"
outcome = "failed"
category = "provider_error"
severity = "ERROR"
"""
)
NEW = (
    OLD.replace(
        'severity = "ERROR"\nretryable = false\n\n[status.2]', 'severity = "ERROR"\nretryable = true\n\n[status.2]'
    )
    .replace('aliases = ["OFF"]', 'aliases = ["OFF", "0"]')
    .replace("[status.3]", "[status.4]")
    .replace('"Network error"', '"Error of the | network"')
    .replace('"Pager stolen"\nretryable = false', '"Pager stolen"\nretryable = "unknown"')
)
LINES = [
    "kind\tsystem\tchannel\tcode\twhat",
    "retryable\tacme\tpager\t1\tPage lost: retryable no → yes",
    "retryable\tacme\tpager\t2 with stolen\tPager stolen: retryable no → -",
    "removed\tacme\tpager\t3\tText too long; retryable no",
    "added\tacme\tpager\t4\tText too long; retryable no",
    "meaning\tacme\tpager\t2\tPager off: aliases OFF → OFF 0",
    "reworded\tacme\tpager\t900-999\tdescription Network error → Error of the | network",
]
MARKDOWN = r"""### Changed retryable

- pager `1`: Page lost: retryable no → yes
- pager `2` with stolen: Pager stolen: retryable no → -

### Removed

- pager `3`: Text too long; retryable no

### Added

- pager `4`: Text too long; retryable no

### Changed meaning

- pager `2`: Pager off: aliases OFF → OFF 0

### Reworded

- pager `900-999`: description Network error → Error of the \| network
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["catalog", "diff", *map(str, arguments)])


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "old.toml", tmp_path / "new.toml")
    for path, text in zip(paths, (OLD, NEW), strict=True):
        path.write_text(text)
    return paths


class TestWhatIsSaid:
    def test_what_changes_resends_comes_first(self, both: tuple[Path, Path]) -> None:
        result = run(*both)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines() == LINES

    def test_markdown_is_for_a_changelog(self, both: tuple[Path, Path]) -> None:
        assert run(*both, "--format", "markdown").stdout == MARKDOWN

    def test_json_has_each_field_before_and_after(self, both: tuple[Path, Path]) -> None:
        first, *others = json.loads(run(*both, "--format", "json").stdout)
        assert first == {
            "kind": "retryable",
            "system": "acme",
            "channel": "pager",
            "code": "1",
            "variant": None,
            "description": "Page lost",
            "retryable": True,
            "changes": [{"field": "retryable", "before": False, "after": True}],
        }
        assert [one["code"] for one in others] == ["2", "2", "4", "900-999", "3"]

    def test_no_difference_is_said(self, both: tuple[Path, Path]) -> None:
        result = run(both[0], both[0])
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no differences\n")
        assert json.loads(run(both[0], both[0], "--format", "json").stdout) == []

    def test_what_a_variant_has_from_its_row_is_said_once(self, tmp_path: Path) -> None:
        old, new = tmp_path / "old.toml", tmp_path / "new.toml"
        old.write_text(OLD)
        new.write_text(OLD.replace('category = "recipient_unreachable"', 'category = "blocked"'))
        _, *lines = run(old, new).stdout.splitlines()
        assert lines == ["meaning\tacme\tpager\t2\tPager off: category recipient_unreachable → blocked"]


class TestWhatIsCompared:
    def test_folders_by_channel(self, tmp_path: Path) -> None:
        old, new = tmp_path / "old/deep", tmp_path / "new"
        for folder in (old, new):
            folder.mkdir(parents=True)
            (folder / "pyproject.toml").write_text('[project]\nname = "x"\n')
        (old / "pager.toml").write_text(OLD)
        (new / "pager.toml").write_text(OLD.replace('"pager"', '"beeper"'))
        _, *lines = run(tmp_path / "old", new).stdout.splitlines()
        assert lines == ["removed\tacme\tpager\t-\tthe channel", "added\tacme\tbeeper\t-\tthe channel"]

    def test_wheels(self, tmp_path: Path, both: tuple[Path, Path]) -> None:
        wheels = []
        for name, text in (("a", OLD), ("b", NEW)):
            wheels.append(tmp_path / f"acme-{name}.whl")
            with zipfile.ZipFile(wheels[-1], "w") as wheel:
                wheel.writestr("acme/pager.toml", text)
                wheel.writestr("acme/other.toml", "x = 1")
        assert run(*wheels).stdout.splitlines() == LINES
        assert run(wheels[0], both[1]).stdout.splitlines() == LINES

    def test_installed_ones_by_name_and_version(self) -> None:
        name = "messaging-status-webex-connect"
        assert run(name, "Messaging_Status.Webex-Connect==0.1.0").stderr == "no differences\n"


class TestMistakes:
    @pytest.mark.parametrize(
        ("named", "what"),
        [
            (
                "messaging-status-webex-conect",
                "'messaging-status-webex-conect' is no file, no folder and no installed distribution with plugins; "
                "did you mean 'messaging-status-webex-connect'?",
            ),
            (
                "messaging-status-webex-connect==9",
                "messaging-status-webex-connect 9 is not installed, 0.1.0 is; download the wheel of 9 and name it",
            ),
            ("empty", "empty: nothing here is a catalogue, a TOML file with system, channel, source and read"),
            ("broken.whl", "broken.whl: is no wheel that can be read: File is not a zip file"),
            ("empty.whl", "empty.whl: nothing here is a catalogue, a TOML file with system, channel, source and read"),
            ("wrong.toml", "wrong.toml:6: status.1.retryable: 'no' is not true or false"),
            ("folder", "folder/wrong.toml:6: status.1.retryable: 'no' is not true or false"),
            ("noise.toml", "noise.toml: not valid TOML"),
            ("odd.whl", "odd.whl/wrong.toml:6: status.1.retryable: 'no' is not true or false"),
        ],
    )
    def test_they_end_with_one_message(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, what: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        wrong = HEAD + '[status.1]\nretryable = "no"\n'
        (tmp_path / "old.toml").write_text(OLD)
        (tmp_path / "empty").mkdir()
        (tmp_path / "folder").mkdir()
        (tmp_path / "broken.whl").write_text("no zip")
        for name, content in (("empty.whl", None), ("odd.whl", wrong)):
            with zipfile.ZipFile(tmp_path / name, "w") as wheel:
                if content is not None:
                    wheel.writestr("wrong.toml", content)
        (tmp_path / "wrong.toml").write_text(wrong)
        (tmp_path / "folder/wrong.toml").write_text(wrong)
        (tmp_path / "noise.toml").write_text("= 1")
        for arguments in ((named, "old.toml"), ("old.toml", named)):
            result = run(*arguments)
            assert (result.exit_code, result.stdout) == (2, "")
            assert what in result.stderr
            assert "Traceback" not in result.stderr


MEANINGS = st.fixed_dictionaries(
    {
        "description": st.sampled_from(["Page lost", "Pager off"]),
        "outcome": st.sampled_from([Outcome.FAILED.value, Outcome.UNDELIVERED.value]),
        "category": st.sampled_from([Category.EXPIRED.value, Category.BLOCKED.value]),
        "severity": st.sampled_from([Severity.WARN.value, Severity.ERROR.value]),
    },
    optional={"retryable": st.booleans(), "advice": st.just("Wait."), "retry_after": st.just(60)},
).filter(lambda row: row.get("retryable") is not False or "retry_after" not in row)
VARIANTS = st.lists(
    st.fixed_dictionaries(
        {"reason": st.sampled_from("abc")}, optional={"retryable": st.sampled_from([True, "unknown"])}
    ),
    max_size=3,
    unique_by=lambda variant: variant["reason"],
)
ROWS = st.builds(lambda row, variants: {**row, "variant": variants}, MEANINGS, VARIANTS)


def catalogue(rows: dict[str, Any]) -> Catalogue:
    head = {"system": "acme", "channel": "pager", "source": "x", "read": dt.date(2026, 11, 25)}
    return parse_catalogue({**head, "status": rows}, where="memory")


@given(st.dictionaries(st.sampled_from("12345"), ROWS), st.dictionaries(st.sampled_from("12345"), ROWS))
@settings(max_examples=150)
def test_a_difference_is_found_both_ways_and_nothing_else_is(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = catalogue(old), catalogue(new)
    found = differences([before], [after])
    codes = [one for one in found if one.variant is None]
    assert [one.code for one in codes if one.kind is Kind.ADDED] == [code for code in new if code not in old]
    assert [one.code for one in codes if one.kind is Kind.REMOVED] == [code for code in old if code not in new]
    both = {code for code in new if code in old}
    changed = {one.code for one in codes if one.changes}
    assert changed == {code for code in both if _own(old[code]) != _own(new[code])}
    retried = {one.code for one in codes if one.kind is Kind.RETRYABLE}
    assert retried == {code for code in both if old[code].get("retryable") != new[code].get("retryable")}
    back = differences([after], [before])
    mirrored = {
        (one.code, one.variant, change.field, repr(change.after), repr(change.before))
        for one in back
        for change in one.changes
    }
    assert mirrored == {
        (one.code, one.variant, c.field, repr(c.before), repr(c.after)) for one in found for c in one.changes
    }
    assert differences([after], [after]) == []


def _own(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "variant"}
