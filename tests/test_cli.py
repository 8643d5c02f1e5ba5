# SPDX-License-Identifier: Apache-2.0
"""The command, as a person or a script runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_httpserver import HTTPServer

from messaging_status import Host, RawStatus
from messaging_status.cli.commands import cli

from .conftest import ROOT, InstallPlugin
from .conftest import SIM_FULL as SIM_FULL_ON_A_RECORD

FIELDS = [
    "system",
    "channel",
    "code",
    "description",
    "severity",
    "retryable",
    "retry_after",
    "outcome",
    "category",
    "fault",
    "advice",
    "aliases",
    "upstream",
    "variants",
]
SIM_FULL = {
    "system": "webex_connect",
    "channel": "sms",
    "code": "7206",
    "description": "Recipient's SIM is full",
    "severity": "WARN",
    "retryable": True,
    "retry_after": None,
    "outcome": "undelivered",
    "category": "recipient_unreachable",
    "fault": "recipient",
    "advice": "Resend later, in growing intervals.",
    "aliases": [],
    "upstream": None,
    "variants": [],
}
RATE_LIMITED_ATTRIBUTES = {
    "messaging.system": "webex_connect",
    "messaging.channel": "rcs",
    "messaging.status.channel": "rcs",
    "messaging.status.code": "7324",
    "messaging.status.description": "Maximum transactions per second reached",
    "messaging.status.severity": "WARN",
    "messaging.status.retryable": True,
    "messaging.status.outcome": "failed",
    "messaging.status.category": "rate_limited",
    "messaging.status.fault": "sender",
    "error.type": "rate_limited",
}
CATALOGUE = """\
system = "acme"
channel = "sms"
source = "a test"
read = 2026-09-08
[status.7]
description = "Eaten by a grue"
outcome = "failed"
category = "unknown"
severity = "WARN"
"""
PLUGIN = """
from importlib.resources import files
from messaging_status import Channel, hookimpl, read_catalogue
@hookimpl
def messaging_status_channels():
    return [Channel(catalogue=read_catalogue(files(__package__) / "table.toml"))]
"""
BROKEN = (
    "plugin 'acme-broken.plugin' (acme-broken 1.0): cannot be imported from 'acme_broken':"
    " ModuleNotFoundError: No module named 'there_is_no_such_module'"
)

Config = Callable[[str], Path]


def run(*arguments: str) -> Result:
    """The command in this process. What it raises, other than an exit, fails the test."""
    return CliRunner().invoke(cli, arguments, prog_name="messaging-status", catch_exceptions=False)


def run_json(*arguments: str) -> Any:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def run_process(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "messaging_status.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})


def table(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Writes a settings file that MESSAGING_STATUS_CONFIG names."""

    def write(text: str) -> Path:
        file = tmp_path / "config.toml"
        file.write_text(text)
        monkeypatch.setenv("MESSAGING_STATUS_CONFIG", str(file))
        return file

    return write


class TestDecode:
    def test_a_code_is_put_into_words(self) -> None:
        result = run("decode", "sms", "7206")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines() == [
            "sms 7206: Recipient's SIM is full",
            "  outcome    undelivered",
            "  severity   WARN",
            "  category   recipient_unreachable",
            "  fault      recipient",
            "  advice     Resend later, in growing intervals.",
            "  retryable  yes",
        ]

    def test_what_is_not_known_from_the_code_is_said_and_each_variant_is_listed(self) -> None:
        lines = run("decode", "email", "7520").stdout.splitlines()
        assert lines[0] == "email 7520: Bounced"
        assert "  retryable  not known from this code alone" in lines
        assert (
            "  with Transient_MailboxFull: Bounced: mailbox full, category recipient_unreachable, retryable yes"
            in lines
        )
        assert len([line for line in lines if line.startswith("  with ")]) == 12

    def test_json_is_one_object_of_all_fields(self) -> None:
        found = run_json("decode", "sms", "7206", "--json")
        assert found == SIM_FULL
        assert [*found] == FIELDS

    def test_json_lists_the_variants(self) -> None:
        found = run_json("decode", "email", "7520", "--json")
        assert found["retryable"] is None
        assert len(found["variants"]) == 12
        assert found["variants"][4] == {
            "reason": ["Permanent_OnAccountSuppressionList"],
            "description": "Bounced: on the account's suppression list",
            "category": "blocked",
            "retryable": False,
            "fault": "sender",
            "advice": "Take the address off your lists.",
        }

    def test_a_code_is_found_with_spaces_around_it(self) -> None:
        assert run_json("decode", "sms", " 7206 ", "--json") == SIM_FULL

    def test_a_code_of_a_channel_that_is_extended_is_found(self) -> None:
        found = run_json("decode", "sms", "9002", "--json")
        assert (found["channel"], found["description"]) == ("sms", "Recipient has not consented")

    def test_a_code_of_a_channel_that_is_extended_has_its_variants(self) -> None:
        found = run_json("decode", "mms", "7200", "--json")
        assert found["channel"] == "mms"
        assert found["variants"] == run_json("decode", "common", "7200", "--json")["variants"] != []

    def test_a_code_of_a_series_is_found_under_its_own_number(self) -> None:
        found = run_json("decode", "logbook", "1999", "--json")
        assert (found["channel"], found["code"]) == ("voice_logbook", "1999")
        assert found["description"] == "Call dropped because of an internal error"

    @pytest.mark.parametrize("code", ["99999", "", "72 06"])
    def test_a_code_that_no_catalogue_has_is_not_found(self, code: str) -> None:
        result = run("decode", "SMS", code)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr == f"sms {code}: no catalogue has this code\n"

    def test_json_of_a_code_that_no_catalogue_has_says_unknown(self) -> None:
        result = run("decode", "sms", "99999", "--json")
        assert result.exit_code == 1
        assert json.loads(result.stdout) == {
            **dict.fromkeys(FIELDS),
            "system": "webex_connect",
            "channel": "sms",
            "code": "99999",
            "outcome": "unknown",
            "category": "unknown",
            "aliases": [],
            "variants": [],
        }

    @pytest.mark.parametrize(
        ("written", "channel"),
        [
            ("SMS", "sms"),
            ("text", "sms"),
            ("in-app", "in_app"),
            ("In App", "in_app"),
            ("rt", "in_app"),
            ("live chat", "in_app"),
            ("fb", "messenger"),
            ("Facebook", "messenger"),
            ("wa", "whatsapp"),
            ("gbm", "google_business_messages"),
            ("AppleMessagesforBusiness", "apple_messages"),
            ("amb", "apple_messages"),
            ("abc", "apple_messages"),
            ("ig", "instagram"),
            ("Contact Policy", "contact_policy"),
            ("VOICE-LOGBOOK", "voice_logbook"),
        ],
    )
    def test_a_channel_is_found_however_it_is_written(self, written: str, channel: str) -> None:
        assert run_json("decode", written, "9002", "--json")["channel"] == channel

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ("smss", "'smss' is not a channel; did you mean 'sms'?"),
            ("whatsap", "'whatsap' is not a channel; did you mean 'whatsapp'?"),
            ("facebok", "'facebok' is not a channel; did you mean 'facebook'?"),
        ],
    )
    def test_a_mistyped_channel_is_wrong_usage_with_a_suggestion(self, written: str, problem: str) -> None:
        result = run("decode", written, "7206")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines()[-1] == f"Error: {problem}"

    @pytest.mark.parametrize("arguments", [["decode"], ["decode", "sms"], ["decode", "sms", "1", "--jsn"], ["decod"]])
    def test_wrong_arguments_are_wrong_usage(self, arguments: list[str]) -> None:
        assert run(*arguments).exit_code == 2


class TestSystem:
    """The option ``--system``."""

    @pytest.mark.parametrize("written", ["webex_connect", "Webex Connect"])
    def test_a_system_is_found_however_it_is_written(self, written: str) -> None:
        assert run_json("decode", "sms", "7206", "--system", written, "--json") == SIM_FULL

    @pytest.mark.parametrize("command", [["decode", "sms", "7206"], ["catalog", "show", "sms"]])
    def test_one_that_is_not_installed_is_wrong_usage_with_a_suggestion(self, command: list[str]) -> None:
        result = run(*command, "--system", "webex")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines()[-1] == "Error: 'webex' is not installed; did you mean 'webex_connect'?"

    def test_it_chooses_where_two_systems_have_a_channel_of_one_name(self, install: InstallPlugin) -> None:
        install("acme-sms", PLUGIN, table__toml=CATALOGUE)
        problem = "Error: 'sms' is a channel of acme, webex_connect; choose one with --system"
        for ambiguous in (["decode", "sms", "4242"], ["catalog", "show", "sms"]):
            result = run(*ambiguous)
            assert result.exit_code == 2
            assert result.stderr.splitlines()[-1] == problem
        assert run_json("decode", "sms", "7", "--json")["description"] == "Eaten by a grue"
        assert run_json("decode", "sms", "7206", "--json") == SIM_FULL
        assert run_json("decode", "sms", "7", "--system", "acme", "--json")["description"] == "Eaten by a grue"
        assert run("decode", "sms", "7206", "--system", "acme").exit_code == 1
        assert run_json("decode", "sms", "7206", "--system", "webex_connect", "--json") == SIM_FULL
        assert [row["code"] for row in run_json("catalog", "show", "sms", "--system", "acme", "--json")] == ["7"]

    @pytest.mark.usefixtures("acme")
    def test_a_name_is_suggested_although_it_is_of_another_system(self) -> None:
        assert run("decode", "beepr", "17").stderr.endswith("'beepr' is not a channel; did you mean 'beeper'?\n")
        assert run_json("decode", "beeper", "17", "--json")["system"] == "acme"

    def test_without_any_plugin_nothing_is_found(self, config: Config) -> None:
        config("[plugins]\nallowed = []\n")
        result = run("decode", "sms", "7206")
        assert result.exit_code == 2
        problem = "Error: 'sms' is not installed; no plugin with a channel is installed"
        assert result.stderr.splitlines()[-1] == problem


class TestCatalog:
    def test_list_has_a_line_for_each_channel(self, host: Host) -> None:
        heads, *rows = table(run("catalog", "list").stdout)
        assert heads == ["system", "channel", "codes", "aliases", "extends", "read"]
        assert len(rows) == 18
        assert [row[1] for row in rows] == [channel.catalogue.channel for channel in host.channels]
        assert next(row for row in rows if row[1] == "rcs") == [
            "webex_connect",
            "rcs",
            "25",
            "rbm, rcs business messaging, rcs messaging",
            "common, contact_policy",
            "2026-09-08",
        ]

    def test_list_as_json_says_where_the_facts_are_from(self, host: Host) -> None:
        rows = run_json("catalog", "list", "--json")
        assert [[*row] for row in rows] == [["system", "channel", "codes", "aliases", "extends", "source", "read"]] * 18
        logbook = next(row for row in rows if row["channel"] == "voice_logbook")
        catalogue = next(c.catalogue for c in host.channels if c.catalogue.channel == "voice_logbook")
        assert logbook == {
            "system": "webex_connect",
            "channel": "voice_logbook",
            "codes": len(catalogue.rows) + 1,
            "aliases": ["logbook", "voice log", "call log", "call logbook"],
            "extends": ["common", "contact_policy"],
            "source": catalogue.source,
            "read": "2026-09-08",
        }

    def test_show_has_a_line_for_each_code_of_the_channel(self, host: Host) -> None:
        heads, *rows = table(run("catalog", "show", "text").stdout)
        assert heads == ["channel", "code", "description", "severity", "retryable", "outcome", "category"]
        sms = next(c.catalogue for c in host.channels if c.catalogue.channel == "sms")
        assert [row[:2] for row in rows] == [["sms", code] for code in sms.rows]
        assert rows[[*sms.rows].index("7206")] == [
            "sms",
            "7206",
            "Recipient's SIM is full",
            "WARN",
            "yes",
            "undelivered",
            "recipient_unreachable",
        ]

    def test_show_writes_what_is_not_known_as_a_dash(self) -> None:
        rows = table(run("catalog", "show", "email").stdout)
        assert ["email", "7520", "Bounced", "WARN", "-", "undelivered", "unknown"] in rows

    def test_show_as_json_is_the_part_of_the_export(self) -> None:
        everything = run_json("catalog", "export")
        logbook = run_json("catalog", "show", "call log", "--json")
        assert logbook == [row for row in everything if row["channel"] == "voice_logbook"]
        assert logbook[-1]["code"] == "1000-3999"

    def test_show_of_a_mistyped_channel_is_wrong_usage_with_a_suggestion(self) -> None:
        result = run("catalog", "show", "instagam")
        assert result.exit_code == 2
        assert result.stderr.endswith("'instagam' is not a channel; did you mean 'instagram'?\n")

    @pytest.mark.parametrize("words", [["sim", "full"], ["FULL", "Sim"], ["SIM is full"], ["sms", "7206"]])
    def test_search_finds_the_rows_that_hold_all_words_in_any_order(self, words: list[str]) -> None:
        assert run_json("catalog", "search", *words, "--json") == [SIM_FULL]
        result = run("catalog", "search", *words)
        assert result.exit_code == 0
        assert [row[:2] for row in table(result.stdout)[1:]] == [["sms", "7206"]]

    def test_search_finds_a_row_by_one_of_its_variants(self) -> None:
        found = run_json("catalog", "search", "mailbox full", "--json")
        assert [(row["channel"], row["code"]) for row in found] == [("email", "7520")]

    def test_search_that_finds_nothing_is_not_found(self) -> None:
        result = run("catalog", "search", "SIM", "xyzzy")
        assert result.exit_code == 1
        assert result.stderr == "no row holds SIM and xyzzy\n"
        assert len(table(result.stdout)) == 1

    def test_search_that_finds_nothing_is_an_empty_list_as_json(self) -> None:
        result = run("catalog", "search", "xyzzy", "--json")
        assert (result.exit_code, result.stdout) == (1, "[]\n")

    def test_search_without_words_is_wrong_usage(self) -> None:
        assert run("catalog", "search").exit_code == 2


class TestExport:
    def test_json_holds_each_code_of_each_channel_one_time(self, host: Host) -> None:
        rows = run_json("catalog", "export", "--format", "json")
        catalogues = [channel.catalogue for channel in host.channels]
        codes = [("webex_connect", each.channel, code) for each in catalogues for code in each.rows]
        found = [(row["system"], row["channel"], row["code"]) for row in rows]
        assert Counter(found) == Counter([*codes, ("webex_connect", "voice_logbook", "1000-3999")])
        assert max(Counter(found).values()) == 1

    def test_each_object_has_all_fields_and_retryable_is_true_false_or_null(self) -> None:
        rows = run_json("catalog", "export")
        assert {tuple(row) for row in rows} == {tuple(FIELDS)}
        assert {repr(row["retryable"]) for row in rows} == {"True", "False", "None"}
        assert all(isinstance(row["variants"], list) for row in rows)
        assert SIM_FULL in rows

    def test_each_object_says_what_is_decoded(self, host: Host) -> None:
        for row in run_json("catalog", "export"):
            code = "1999" if row["code"] == "1000-3999" else row["code"]
            status = host.decode(RawStatus(code=code, system=row["system"], channel=row["channel"]))
            assert status.is_known
            for name in FIELDS[3:11]:
                assert getattr(status, name) == row[name], (row["channel"], row["code"], name)

    def test_csv_holds_the_same(self) -> None:
        result = run("catalog", "export", "--format", "csv")
        assert result.exit_code == 0
        reader = csv.DictReader(io.StringIO(result.stdout), strict=True)
        assert reader.fieldnames == FIELDS
        words: dict[str, bool | None] = {"true": True, "false": False, "": None}
        rows = [
            {
                **{name: cell or None for name, cell in row.items()},
                "retryable": words[row["retryable"]],
                **{name: json.loads(row[name] or "[]") for name in ("aliases", "variants")},
                "upstream": json.loads(row["upstream"] or "null"),
                "retry_after": int(row["retry_after"]) if row["retry_after"] else None,
            }
            for row in reader
        ]
        assert rows == run_json("catalog", "export")

    def test_toml_holds_the_same(self) -> None:
        result = run("catalog", "export", "--format", "toml")
        assert result.exit_code == 0
        blank: dict[str, Any] = {**dict.fromkeys(FIELDS), "aliases": [], "variants": []}
        rows = [{**blank, **row} for row in tomllib.loads(result.stdout)["status"]]
        assert rows == run_json("catalog", "export")

    def test_another_format_is_wrong_usage(self) -> None:
        result = run("catalog", "export", "--format", "yaml")
        assert result.exit_code == 2
        assert "'json', 'csv', 'toml'" in result.stderr


class TestPlugins:
    def test_each_distribution_has_a_line_for_each_of_its_systems(self, host: Host) -> None:
        result = run("plugins")
        assert (result.exit_code, result.stderr) == (0, "")
        heads, *rows = table(result.stdout)
        assert heads == ["distribution", "version", "system", "plugins", "codes"]
        names = sorted(["documents", *(each.catalogue.channel for each in host.channels)])
        codes = sum(len(each.catalogue.rows) + len(each.catalogue.series) for each in host.channels)
        assert rows == [["messaging-status-webex-connect", "0.1.0", "webex_connect", ", ".join(names), str(codes)]]

    def test_many_are_a_line_each(self, install: InstallPlugin) -> None:
        for number in range(30):
            entries = {
                f"maker_{number:02}.pager": f"maker_{number:02}",
                f"other_{number:02}.sms": f"maker_{number:02}.sms",
            }
            source = "from messaging_status import hookimpl\n@hookimpl\ndef messaging_status_decoded(): ...\n"
            install(f"maker-{number:02}", source, entry_points=entries, sms__py=source)
        _, *rows = table(run("plugins").stdout)
        assert len(rows) == 61
        assert rows[1] == ["maker-00", "1.0", "other_00", "sms", "0"]

    @pytest.mark.usefixtures("acme")
    def test_json_is_what_is_loaded_and_what_failed(self) -> None:
        found = run_json("plugins", "--json")
        assert [*found] == ["loaded", "failed"]
        assert len(found["loaded"]) == 21
        assert found["loaded"][:2] == [
            {"plugin": "acme.office", "distribution": "acme-pager", "version": "2.1.0", "channels": [], "codes": 0},
            {
                "plugin": "acme.pager",
                "distribution": "acme-pager",
                "version": "2.1.0",
                "channels": ["pager"],
                "codes": 3,
            },
        ]
        assert found["failed"] == []

    def test_a_broken_one_is_reported_with_the_reason_beside_those_that_work(self, install: InstallPlugin) -> None:
        install("acme-broken", "import there_is_no_such_module\n")
        result = run("plugins")
        assert result.exit_code == 1
        assert result.stderr == f"failed: {BROKEN}\n"
        assert len(table(result.stdout)) == 2
        as_json = run("plugins", "--json")
        assert as_json.exit_code == 1
        assert json.loads(as_json.stdout)["failed"] == [{"plugin": "acme-broken.plugin", "problems": [BROKEN]}]
        assert len(json.loads(as_json.stdout)["loaded"]) == 19

    def test_every_mistake_of_a_broken_catalogue_is_reported(self, install: InstallPlugin) -> None:
        wrong = CATALOGUE.replace('"failed"', '"fail"').replace('"WARN"', '"WARNING"')
        install("acme-sms", PLUGIN, table__toml=wrong)
        result = run("plugins")
        assert result.exit_code == 1
        plugin = "failed: plugin 'acme-sms.plugin' (acme-sms 1.0): "
        assert result.stderr.splitlines() == [
            f"{plugin}table.toml:7: status.7.outcome: 'fail' is not an outcome; did you mean 'failed'?",
            f"{plugin}table.toml:9: status.7.severity: 'WARNING' is not a severity; did you mean 'WARN'?",
        ]

    def test_blocked_ones_are_not_listed(self, config: Config) -> None:
        config('[plugins]\nblocked = ["webex_connect.rcs"]\n')
        found = run_json("plugins", "--json")
        assert len(found["loaded"]) == 18
        assert "webex_connect.rcs" not in {plugin["plugin"] for plugin in found["loaded"]}

    def test_other_commands_do_not_answer_beside_a_broken_one(self, install: InstallPlugin) -> None:
        install("acme-broken", "import there_is_no_such_module\n")
        result = run("decode", "sms", "7206")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"Error: what is installed or set cannot be used:\n  {BROKEN}\n"


class TestCheck:
    def test_without_a_file_it_says_what_a_sender_would_start_with(self, host: Host) -> None:
        result = run("check")
        codes = sum(len(each.catalogue.rows) + len(each.catalogue.series) for each in host.channels)
        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "settings: valid; all at their defaults",
            f"plugins: 19 loaded, 18 channels, {codes} codes, none failed",
        ]

    def test_the_annotated_file_is_all_defaults(self) -> None:
        file = ROOT / "config/messaging-status.toml"
        result = run("check", str(file))
        assert result.exit_code == 0
        assert result.stdout.splitlines()[0] == f"{file}: valid; all at their defaults"

    def test_a_file_is_said_to_set_what_it_sets(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text('prefix = "acme"\nlog_text = true\n[plugins]\nblocked = ["webex_connect.rcs"]\n')
        result = run("check", str(file))
        assert result.exit_code == 0
        assert result.stdout.splitlines()[0] == f"{file}: valid; sets prefix, plugins"
        assert result.stdout.splitlines()[1].startswith("plugins: 18 loaded, 17 channels, ")

    def test_wrong_keys_are_listed_with_line_and_suggestion(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text('prefx = "acme"\nlog_text = "no"\n[keys]\ncodes = ["a"]\n')
        result = run("check", str(file))
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines() == [
            f"{file}:1: prefx: there is no such setting; did you mean 'prefix'?",
            f"{file}:2: log_text: 'no' is not true or false",
            f"{file}:4: keys.codes: there is no such setting; did you mean 'code'?",
        ]

    def test_a_plugin_that_is_not_installed_is_told_with_a_suggestion(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text('[plugins]\nblocked = ["webex_connect.smss"]\n')
        result = run("check", str(file))
        assert result.exit_code == 1
        assert result.stderr == (
            "plugin 'webex_connect.smss' (not installed): the settings name it, but it is not installed;"
            " did you mean 'webex_connect.sms'?\n"
        )

    def test_a_default_system_that_is_not_installed_is_told_with_a_suggestion(self, config: Config) -> None:
        config('default_system = "webex"\n')
        result = run("check")
        assert result.exit_code == 1
        assert result.stderr == "settings: default_system: 'webex' is not installed; did you mean 'webex_connect'?\n"

    def test_a_catalogue_file_is_checked_as_such(self, tmp_path: Path) -> None:
        file = tmp_path / "table.toml"
        file.write_text(CATALOGUE)
        result = run("check", str(file))
        assert (result.exit_code, result.stdout) == (0, f"{file}: 1 codes of acme sms, all valid\n")

    def test_a_broken_catalogue_file_is_told_with_line_and_suggestion(self, tmp_path: Path) -> None:
        file = tmp_path / "table.toml"
        file.write_text(CATALOGUE.replace('"unknown"', '"unknow"').replace("severity", "sevrity"))
        result = run("check", str(file))
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines() == [
            "table.toml:9: status.7.sevrity: 'sevrity' is not a key here; did you mean 'severity'?",
            "table.toml:5: status.7.severity: is missing",
            "table.toml:8: status.7.category: 'unknow' is not a category; did you mean 'unknown'?",
        ]

    def test_a_file_that_is_not_toml_is_told_with_its_line(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text("prefix = acme\n")
        result = run("check", str(file))
        assert result.exit_code == 1
        assert result.stderr == f"{file}: cannot be read as TOML: Invalid value (at line 1, column 10)\n"

    def test_a_missing_file_is_wrong_usage(self, tmp_path: Path) -> None:
        result = run("check", str(tmp_path / "none.toml"))
        assert result.exit_code == 2
        assert result.stderr.endswith(f"'{tmp_path / 'none.toml'}' does not exist.\n")

    def test_without_a_file_the_one_that_the_environment_names_is_checked(self, config: Config) -> None:
        file = config("prefx = 'acme'\n")
        result = run("check")
        assert result.exit_code == 1
        assert result.stderr == f"{file}:1: prefx: there is no such setting; did you mean 'prefix'?\n"

    def test_a_broken_plugin_is_told(self, install: InstallPlugin) -> None:
        install("acme-broken", "import there_is_no_such_module\n")
        result = run("check")
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{BROKEN}\n")


def test_check_answers_machines(config: Config) -> None:
    assert run_json("check", "--json")["valid"] is True
    config("prefx = 1\n")
    found = json.loads(run("check", "--json").stdout)
    assert (found["valid"], found["said"], len(found["problems"])) == (False, [], 1)


class TestDemo:
    def test_each_channel_is_shown_as_a_span_and_as_a_log_before_and_after(self) -> None:
        result = run("demo")
        assert (result.exit_code, result.stderr) == (0, "")
        before_and_after, _, summary = result.stdout.partition("\n\n")
        heads, *rows = table(before_and_after)
        told = ["arrived: channel", "description", "severity", "retryable", "outcome"]
        assert heads == ["signal", "left the sender", *told]
        assert [row[0] for row in rows] == ["span", "log"] * 15
        assert rows[0][1:] == ["channel=SMS code=7501", "sms", "Submitted", "INFO", "no", "submitted"]
        assert rows[1][1:] == [
            "delivery report channel=SMS code=7206",
            "sms",
            "Recipient's SIM is full",
            "WARN",
            "yes",
            "undelivered",
        ]
        assert all(span[2] == log[2] for span, log in zip(rows[::2], rows[1::2], strict=True))
        heads, *outcomes = table(summary)
        assert heads == ["outcome", "records"]
        assert Counter({name: int(count) for name, count in outcomes}) == Counter(row[6] for row in rows)

    def test_json_is_what_arrived(self, host: Host) -> None:
        arrived = run_json("demo", "--json")
        assert Counter(item["signal"] for item in arrived) == {"span": 15, "log": 15}
        assert arrived[4] == {"signal": "span", "name": "send rcs", "attributes": RATE_LIMITED_ATTRIBUTES}
        assert arrived[15] == {
            "signal": "log",
            "body": "delivery report messaging.channel=SMS messaging.status.code=7206",
            "attributes": SIM_FULL_ON_A_RECORD,
        }
        for signal in ("span", "log"):
            told = [item["attributes"] for item in arrived if item["signal"] == signal]
            statuses = [
                host.decode(RawStatus(code=said["messaging.status.code"], channel=said["messaging.status.channel"]))
                for said in told
            ]
            apis = {"api_answer", "event_api", "profile_api"}
            assert {status.channel for status in statuses} == {c.catalogue.channel for c in host.channels} - apis
            assert all(status.is_known for status in statuses)
            assert [said["messaging.status.outcome"] for said in told] == [status.outcome for status in statuses]
            assert all("messaging.status.description" in said for said in told)

    def test_the_prefix_of_the_settings_is_used(self, config: Config) -> None:
        config('prefix = "acme"\n')
        span = run_json("demo", "--json")[4]["attributes"]
        assert span["acme.code"] == "7324"
        assert span["acme.description"] == "Maximum transactions per second reached"

    @pytest.mark.parametrize("key", ["code", "channel", "system", "reason"])
    def test_it_runs_where_the_settings_list_no_key(self, config: Config, key: str) -> None:
        config(f"[keys]\n{key} = []\n")
        assert run("demo", "--json").exit_code == 0

    @pytest.mark.parametrize("base", ["", "/", "/otlp", "/otlp/"])
    def test_an_endpoint_gets_the_enriched_spans_and_logs_over_http(self, httpserver: HTTPServer, base: str) -> None:
        for path in (f"{base.rstrip('/')}/v1/traces", f"{base.rstrip('/')}/v1/logs"):
            httpserver.expect_request(path, method="POST").respond_with_data(b"", content_type="application/x-protobuf")
        endpoint = httpserver.url_for("").rstrip("/") + base
        result = run("demo", "--endpoint", endpoint)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"{endpoint} took 15 spans and 15 logs of service messaging-status-demo\n"
        httpserver.check_assertions()
        spans, logs, services = [], [], set()
        for request, _ in httpserver.log:
            if request.path.endswith("/v1/traces"):
                for traced in ExportTraceServiceRequest.FromString(request.get_data()).resource_spans:
                    services |= {
                        pair.value.string_value for pair in traced.resource.attributes if pair.key == "service.name"
                    }
                    spans += [span for scope in traced.scope_spans for span in scope.spans]
            else:
                for logged in ExportLogsServiceRequest.FromString(request.get_data()).resource_logs:
                    logs += [record for scope in logged.scope_logs for record in scope.log_records]
        assert services == {"messaging-status-demo"}
        assert (len(spans), len(logs)) == (15, 15)
        assert attributes_of(next(span for span in spans if span.name == "send rcs")) == RATE_LIMITED_ATTRIBUTES
        assert attributes_of(logs[0]) == SIM_FULL_ON_A_RECORD

    def test_json_of_an_endpoint_is_what_was_handed_over(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/v1/traces").respond_with_data(b"")
        httpserver.expect_request("/v1/logs").respond_with_data(b"")
        endpoint = httpserver.url_for("").rstrip("/")
        assert run_json("demo", "--endpoint", endpoint, "--json") == {
            "endpoint": endpoint,
            "spans": 15,
            "logs": 15,
            "accepted": True,
        }

    @pytest.mark.parametrize(("traces", "logs"), [(400, 400), (200, 400), (400, 200)])
    def test_an_endpoint_that_refuses_is_told(self, httpserver: HTTPServer, traces: int, logs: int) -> None:
        httpserver.expect_request("/v1/traces").respond_with_data(b"", status=traces)
        httpserver.expect_request("/v1/logs").respond_with_data(b"", status=logs)
        endpoint = httpserver.url_for("").rstrip("/")
        result = run("demo", "--endpoint", endpoint)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{endpoint} did not take everything; is an OTLP receiver there?\n" in result.stderr
        as_json = run("demo", "--endpoint", endpoint, "--json")
        assert (as_json.exit_code, json.loads(as_json.stdout)["accepted"]) == (1, False)

    @pytest.mark.parametrize(
        "endpoint",
        [
            "",
            "collector",
            "localhost:4318",
            "http://",
            "ftp://localhost:4318",
            "http://localhost:port",
            "http://localhost:99999",
            "http://[::1",
        ],
    )
    def test_a_malformed_endpoint_is_wrong_usage(self, endpoint: str) -> None:
        result = run("demo", "--endpoint", endpoint)
        assert (result.exit_code, result.stdout) == (2, "")
        problem = f"Error: {endpoint!r} is not an OTLP endpoint; write it like http://localhost:4318"
        assert result.stderr.splitlines()[-1] == problem


def attributes_of(record: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in record.attributes}


class TestProcess:
    """The command in a process of its own."""

    def test_a_pipe_gets_tab_separated_text(self) -> None:
        result = run_process("catalog", "show", "sms")
        assert (result.returncode, result.stderr) == (0, "")
        assert {len(row) for row in table(result.stdout)} == {7}
        assert "sms\t7206\tRecipient's SIM is full\tWARN\tyes\tundelivered\trecipient_unreachable\n" in result.stdout
        assert result.stdout.isascii()

    def test_a_terminal_gets_a_table(self) -> None:
        screen, terminal = pty.openpty()
        command = [sys.executable, "-m", "messaging_status.cli", "catalog", "show", "sms"]
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160", "PYTHONUTF8": "1"}
        with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=env) as process:
            os.close(terminal)
            shown = read_to_the_end(screen)
        assert process.returncode == 0
        assert "┏━" in shown
        assert "\t" not in shown
        (line,) = [line for line in shown.splitlines() if "7206" in line]
        assert line.startswith("│ sms")
        assert "Recipient's SIM is full" in line
        assert "\x1b[33mWARN" in line

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(["decode", "sms", "7206"], 0), (["decode", "sms", "99999"], 1), (["decode", "smss", "7206"], 2)],
    )
    def test_the_exit_code_says_how_it_ended(self, arguments: list[str], code: int) -> None:
        result = run_process(*arguments)
        assert result.returncode == code
        assert "Traceback" not in result.stderr

    def test_wrong_settings_are_told_without_a_traceback(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text("prefx = 'acme'\n")
        result = run_process("decode", "sms", "7206", env={"MESSAGING_STATUS_CONFIG": str(file)})
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.splitlines() == [
            "Error: what is installed or set cannot be used:",
            f"  {file}:1: prefx: there is no such setting; did you mean 'prefix'?",
        ]

    def test_a_missing_settings_file_is_told_without_a_traceback(self, tmp_path: Path) -> None:
        file = tmp_path / "none.toml"
        result = run_process("plugins", env={"MESSAGING_STATUS_CONFIG": str(file)})
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.splitlines()[1:] == [f"  {file}: cannot be read as TOML: No such file or directory"]

    def test_the_version_is_the_distributions(self) -> None:
        result = run_process("--version")
        assert (result.returncode, result.stdout) == (0, "messaging-status, version 0.1.0\n")

    @pytest.mark.parametrize(
        "missing", [["click"], ["rich"], ["tomli_w"], ["opentelemetry.exporter"], ["click", "opentelemetry.exporter"]]
    )
    def test_without_its_extra_it_says_how_to_get_it(self, missing: list[str]) -> None:
        code = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); import messaging_status.cli as c; c.main()"
        command = [sys.executable, "-c", code, "decode", "sms", "7206"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == (
            f"messaging-status: {', '.join(missing)} not found; the command line is an extra:\n"
            "  pip install 'otel-messaging-status[cli]'\n"
        )


def read_to_the_end(screen: int) -> str:
    """What was shown on a pseudo-terminal until its last user closed it."""
    shown = b""
    try:
        while piece := os.read(screen, 65536):
            shown += piece
    except OSError:  # Linux says so where others answer nothing
        pass
    finally:
        os.close(screen)
    return shown.decode()
