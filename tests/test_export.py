# SPDX-License-Identifier: Apache-2.0
"""`messaging-status export collector`: what is written, for whom, and whether a deployed file is current."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from messaging_status import Host, RawStatus
from messaging_status.cli.commands import cli

from .conftest import InstallPlugin
from .test_plugins import HOOK, MODULE, table


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["export", "collector", *arguments])


def statements(text: str) -> list[str]:
    return [
        line.strip().removeprefix("- '").removesuffix("'")
        for line in text.splitlines()
        if line.strip().startswith("- '")
    ]


class TestWhatIsWritten:
    def test_its_head_says_how_it_came_about_and_what_is_missing(self) -> None:
        result = run("--channels", "sms", "--signals", "traces")
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert lines[0] == "# messaging-status export collector --channels sms --signals traces"
        assert lines[1].startswith("# Made of otel-messaging-status 0.1.0, messaging-status-webex-connect 0.1.0")
        missing = [line.removeprefix("# - ") for line in lines if line.startswith("# - ")]
        assert missing
        assert "send those through the gateway" in missing[0]
        assert result.stderr.splitlines() == [f"not said by the Collector: {line}" for line in missing]

    def test_each_signal_has_its_statements(self) -> None:
        both = run("--channels", "sms").stdout
        assert [line.strip() for line in both.splitlines() if line.endswith("_statements:")] == [
            "trace_statements:",
            "log_statements:",
        ]
        logs = run("--channels", "sms", "--signals", "logs").stdout
        assert "trace_statements" not in logs
        assert "span." not in "".join(statements(logs))

    def test_each_channel_is_a_group_that_names_its_source(self) -> None:
        text = run("--channels", "sms,webex_connect.rcs", "--signals", "logs").stdout
        groups = [line.strip() for line in text.splitlines() if line.strip().startswith("# webex_connect ")]
        assert [group.split(":")[0] for group in groups] == ["# webex_connect rcs", "# webex_connect sms"]
        assert all("read 2026-" in group for group in groups)

    def test_a_row_is_compared_in_the_group_of_its_channel_only(self) -> None:
        text = run("--signals", "logs").stdout
        rows = [line for line in statements(text) if "\"Recipient''s SIM is full\"" in line]
        assert len(rows) == 1
        assert rows[0].endswith('where log.cache["code"] == "7206"')

    def test_nothing_is_written_over(self) -> None:
        text = run("--channels", "sms", "--signals", "traces").stdout
        on_the_record = [line for line in statements(text) if line.startswith("merge_maps(span.attributes, ")]
        assert on_the_record == ['merge_maps(span.attributes, span.attributes["messaging.status._said"], "insert")']

    def test_another_prefix(self) -> None:
        text = run("--channels", "sms", "--prefix", "acme.delivery").stdout
        assert '"acme.delivery.description": "Recipient\'\'s SIM is full"' in text
        assert '"messaging.status.description"' not in text

    def test_an_overlay_is_in_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "mine.toml").write_text(
            'system = "webex_connect"\nchannel = "sms"\n[status.7206]\ndescription = "SIM full, wait"\nretry_after = 90\n'
        )
        (tmp_path / "settings.toml").write_text('overlays = ["mine.toml"]\n')
        monkeypatch.setenv("MESSAGING_STATUS_CONFIG", str(tmp_path / "settings.toml"))
        text = run("--channels", "sms").stdout
        assert '"messaging.status.description": "SIM full, wait"' in text
        assert '"messaging.status.retry_after": 90' in text
        assert "# Overlay: mine.toml" in text.splitlines()

    def test_what_a_plugins_function_decides_is_listed(self, install: InstallPlugin) -> None:
        install("acme-refine", f"{HOOK}def messaging_status_refine(status): ...\n")
        assert "acme-refine.plugin: its hook messaging_status_refine" in run("--channels", "sms").stderr

    def test_a_source_of_several_lines_stays_a_comment(self, install: InstallPlugin) -> None:
        several = table().replace('source = "', 'source = "one\\ntwo: [').replace('"\nread', '"\nread')
        install("acme", MODULE, table__toml=several)
        text = run("--channels", "acme.pager", "--signals", "logs").stdout
        (comment,) = [line.strip() for line in text.splitlines() if line.strip().startswith("# acme pager:")]
        assert comment.startswith("# acme pager: one two: [")

    def test_it_is_the_same_every_time(self) -> None:
        assert run().stdout == run().stdout


class TestTable:
    def test_it_has_each_code_in_each_form_with_what_is_said(self, host: Host) -> None:
        result = run("--format", "csv", "--channels", "whatsapp,sms")
        assert (result.exit_code, result.stderr) == (0, "")
        rows = list(csv.DictReader(io.StringIO(result.stdout), strict=True))
        assert {row["channel"] for row in rows} == {"sms", "whatsapp"}
        for row in rows:
            status = host.decode(RawStatus(code=row["written"], system=row["system"], channel=row["channel"]))
            said = {name: value for name, value in status.attributes().items() if name != "error.type"}
            shown = {name: row[name] for name in row if name.startswith("messaging.") and row[name]}
            assert shown == {k: json.dumps(v) if isinstance(v, bool) else str(v) for k, v in said.items()}

    def test_codes_that_a_channel_inherits_are_among_its_own(self) -> None:
        rows = csv.DictReader(io.StringIO(run("--format", "csv", "--channels", "sms").stdout))
        assert {"7206", "7001", "9002"} <= {row["written"] for row in rows}


class TestCheck:
    @pytest.fixture
    def deployed(self, tmp_path: Path) -> Path:
        file = tmp_path / "messaging-status.yaml"
        file.write_text(run("--channels", "sms,rcs", "--prefix", "acme").stdout)
        return file

    def test_a_file_with_nothing_changed_is_current(self, deployed: Path) -> None:
        result = run("--check", str(deployed))
        assert (result.exit_code, result.stdout) == (0, f"{deployed}: current\n")

    def test_what_differs_is_shown(self, deployed: Path) -> None:
        deployed.write_text(deployed.read_text().replace("SIM is full", "SIM is empty"))
        result = run("--check", str(deployed))
        assert result.exit_code == 1
        first, *lines = result.stdout.splitlines()
        assert first == f"{deployed}: not current: 4 lines differ"
        assert [line[0] for line in lines] == ["-", "+", "-", "+"]

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("processors: {}\n", "its first line is not '# messaging-status export collector ...'"),
            (
                "# messaging-status export collector --channels 'sms\n",
                "its first line cannot be read: No closing quotation",
            ),
            ("# messaging-status export collector --chanels sms\n", "No such option"),
            ("# messaging-status export collector --channels pigeon\n", "'pigeon' is not a channel"),
            ("\x00\xff", "its first line is not"),
        ],
    )
    def test_a_file_that_is_none_of_ours_is_wrong_usage(self, tmp_path: Path, text: str, what: str) -> None:
        (tmp_path / "x.yaml").write_text(text, encoding="latin-1")
        result = run("--check", str(tmp_path / "x.yaml"))
        assert (result.exit_code, result.stdout) == (2, "")
        assert what in result.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--channels", "pigeon"], "'pigeon' is not a channel; "),
        (["--channels", "smss"], "'smss' is not a channel; did you mean 'sms'?"),
        (["--channels", "acme.sms"], "'acme.sms' is not a channel; "),
        (["--signals", "metrics"], "'metrics' is not a signal; "),
        (["--prefix", "a b"], "'a b' is not a prefix for attribute names"),
        (["--prefix", "a."], "'a.' is not a prefix for attribute names"),
        (["--check", "nowhere.yaml"], "File 'nowhere.yaml' does not exist"),
        (["--format", "json"], "'yaml', 'csv'"),
    ],
)
def test_wrong_options_are_refused(arguments: list[str], what: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert what in result.stderr
