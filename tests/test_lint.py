# SPDX-License-Identifier: Apache-2.0
"""Rules about tables, one by one, and the command that checks them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from messaging_status import parse_catalogue
from messaging_status.catalogue import parse_toml
from messaging_status.cli.lint import lint
from messaging_status.lint import RULES, TableFile, check, findings, rules_for, subjects, table_file

from .conftest import InstallPlugin

HEAD = """system = "acme"
channel = "{channel}"
aliases = {aliases}
extends = {extends}
source = "{source}"
read = {read}
"""
ROW = """[status.{code}]
description = "{description}"
outcome = "{outcome}"
category = "{category}"
severity = "{severity}"
{more}
"""


def head(
    channel: str = "pager",
    aliases: str = "[]",
    extends: str = "[]",
    source: str = "Handbook, A",
    read: str = "2026-09-08",
) -> str:
    return HEAD.format(channel=channel, aliases=aliases, extends=extends, source=source, read=read)


def row(
    *,
    code: str = "17",
    description: str = "Pager off",
    outcome: str = "failed",
    category: str = "provider_error",
    severity: str = "WARN",
    more: str = "",
) -> str:
    return ROW.format(
        code=code, description=description, outcome=outcome, category=category, severity=severity, more=more
    )


def file(text: str, where: str = "pager.toml") -> TableFile:
    return table_file(parse_catalogue(parse_toml(text, where=where), where=where, text=text), text=text)


def found(*texts: str, where: str = "pager.toml") -> list[tuple[str, str]]:
    """The rules that are broken by the first table, each with its message; the others are only known."""
    files = [file(text, where if index == 0 else f"other{index}.toml") for index, text in enumerate(texts)]
    return [(finding.rule, finding.message) for finding in findings(files[:1], files[1:])]


def test_a_good_table_breaks_no_rule() -> None:
    good = row(code="0", outcome="delivered", category="success", severity="INFO", more="retryable = false")
    assert found(head() + good + row(more="retryable = true")) == []


def test_each_rule_is_checked_for_each_row_by_itself() -> None:
    table = file(head() + row() + '[[range]]\nfirst = "1"\nlast = "5"\n' + row().partition("]\n")[2])
    channel, one, series = subjects(table)
    assert (channel.label, one.label, series.label) == ("", "17", "1-5")
    names = [rule.name for rule in rules_for(one)]
    assert names == [rule.name for rule in rules_for(series)]
    assert {*names, *(rule.name for rule in rules_for(channel))} == {rule.name for rule in RULES}
    assert all(rule.says.endswith(".") for rule in RULES)
    assert [check(rule, subject, [table]) for subject in subjects(table) for rule in rules_for(subject)] == [[]] * 18


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("Pager off.", "'Pager off.' is no label: leave out the '.' at its end"),
        ("Pager  off", "'Pager  off' is no label: leave out the spaces that nobody sees"),
        ("17", "'17' says no more than the code; say in a few words what happened"),
        ("See https://acme.example", "holds a link: 'https://'"),
        ("Ask acme.com", "holds a link: 'acme.com'"),
        ("Mail ann@acme.example failed", "holds an email address: 'ann@acme.e'"),
        ("Call +44 7700 900461", "holds a phone number: '+4'"),
        ("Call 07700 900461", "holds a phone number: '07700 900461'"),
        ("Invalid {parameter}", "holds a placeholder: '{parameter}'"),
        ("Invalid %s", "holds a placeholder: '%s'"),
        ("TODO", "holds a placeholder: 'TODO'"),
    ],
)
def test_a_description_is_a_label_of_our_own(description: str, message: str) -> None:
    ((rule, said),) = found(head() + row(description=description))
    assert rule == "description"
    assert said.startswith("pager.toml:8: status.17.description: ")
    assert message in said


@pytest.mark.parametrize(
    "description", ["More than 1000 destinations", "Code 5.1.x of the pager", "vCard is too large"]
)
def test_numbers_and_names_are_no_personal_data(description: str) -> None:
    assert found(head() + row(description=description)) == []


@pytest.mark.parametrize(
    ("fields", "more", "rule", "message"),
    [
        (("delivered", "success", "INFO"), "", "retryable", "not said for a success; expected false"),
        (("delivered", "success", "INFO"), "retryable = true", "retryable", "true for a success; expected false"),
        (
            ("failed", "invalid_request", "WARN"),
            "retryable = true",
            "retryable",
            "true for 'invalid_request'; the same",
        ),
        (
            ("failed", "provider_error", "FATAL"),
            'retryable = true\nfault = "provider"',
            "retryable",
            "severity 'FATAL'",
        ),
        (
            ("submitted", "provider_error", "WARN"),
            "retryable = true",
            "retryable",
            "outcome 'submitted'; a resend would",
        ),
        (
            ("delivered", "success", "WARN"),
            "retryable = false",
            "severity",
            "'WARN' with category 'success'; expected INFO",
        ),
        (
            ("failed", "blocked", "INFO"),
            "",
            "severity",
            "'INFO' with category 'blocked'; expected WARN, ERROR or FATAL",
        ),
        (("failed", "configuration", "WARN"), "", "severity", "expected ERROR: a person must fix something"),
        (
            ("failed", "recipient_unreachable", "ERROR"),
            'fault = "operator"',
            "severity",
            "expected WARN: it is about the recipient",
        ),
        (("partial", "success", "INFO"), "retryable = false", "outcome", "a success did not fail, and not in part"),
        (("read", "expired", "WARN"), "", "outcome", "'read' with category 'expired'; expected category 'success'"),
        (
            ("failed", "provider_error", "ERROR"),
            "",
            "act",
            "severity 'ERROR' says that a person must act; name a fault",
        ),
        (
            ("read", "success", "INFO"),
            'retryable = false\nfault = "sender"',
            "act",
            "'sender' for a success; nobody has to act",
        ),
        (
            ("failed", "media", "ERROR"),
            'fault = "recipient"',
            "act",
            "'recipient' with severity 'ERROR'; expected WARN",
        ),
        (("failed", "media", "WARN"), 'advice = "wait"', "advice", "'wait' is no sentence"),
        (("failed", "media", "WARN"), 'advice = "See www.acme.example."', "advice", "holds a link: 'www.'"),
    ],
)
def test_what_a_row_says_follows_the_definitions(
    fields: tuple[str, str, str], more: str, rule: str, message: str
) -> None:
    outcome, category, severity = fields
    ((broken, said),) = found(head() + row(outcome=outcome, category=category, severity=severity, more=more))
    assert broken == rule
    assert message in said


def test_a_variant_is_checked_with_what_it_leaves_to_its_row() -> None:
    text = head() + row(more="retryable = true") + '[[status.17.variant]]\nreason = "x"\ncategory = "invalid_request"\n'
    assert found(text) == [
        (
            "retryable",
            "pager.toml:13: status.17.variant[0].retryable: true for 'invalid_request'; the same message is refused "
            "again until a person acts",
        )
    ]
    assert found(f'{text}retryable = "unknown"\n') == []


def test_a_time_to_wait_for_nothing_in_a_variant() -> None:
    text = head() + row(more="retryable = false") + '[[status.17.variant]]\nreason = "x"\nretry_after = 5\n'
    assert [said.rpartition(": ")[2] for _, said in found(text)] == [
        "false, but a time to wait (retry_after) is given; leave out one of the two"
    ]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ('reason = ["a", "b"]', 'reason = "A"\norigin = "receipt"', "variant[0] takes all that it matches"),
        ('reason = ["a", "b"]', 'reason = ["b", "c"]', "'b' is taken by variant[0]; leave it out of one of the two"),
        (
            'reason = "a"',
            'origin = "answer"',
            "it and variant[0] both match reason a with origin answer, and say different",
        ),
        ('reason = "a"\norigin = "answer"', 'reason = "a"', None),
        ('reason = "a"', 'reason = "b"', None),
        ('origin = "answer"', 'origin = "receipt"', None),
        ('delivery_status = "Failed"', 'delivery_status = "Sent"', None),
        ('text = "a"', 'text = "b"', None),
        ('reason = "a"', 'reason = "!"', "'!' has no letter and no digit to match"),
    ],
)
def test_variants_are_told_apart(first: str, second: str, message: str | None) -> None:
    variants = [
        f"[[status.17.variant]]\n{match}\n{says}\n" for match, says in ((first, ""), (second, 'fault = "sender"'))
    ]
    said = found(head() + row() + "".join(variants))
    assert [rule for rule, _ in said] == (["variants"] if message else [])
    assert message is None or message in said[0][1]


@pytest.mark.parametrize(
    ("own", "parent", "message"),
    [
        (
            row(more='aliases = ["off"]'),
            row(code="off", description="Other"),
            "status.17.aliases: 'off' is 'off' (Other) in other1.toml, too, which this channel extends; a code means one row",
        ),
        (
            row(),
            row(code="18", description="Other", more='aliases = ["17"]'),
            "status.17: '17' is an alias of '18' (Other) in other1.toml, too",
        ),
        (
            row(),
            row(more='aliases = ["off", "gone"]'),
            "replaces the row of other1.toml and with it its aliases off, gone; list them here, too",
        ),
        (row(more='aliases = ["off"]'), row(more='aliases = ["off"]'), None),
        (row(), row(code="18"), None),
    ],
)
def test_a_code_means_one_row_on_a_channel_and_what_it_extends(own: str, parent: str, message: str | None) -> None:
    said = found(head(extends='["common"]') + own, head(channel="common") + parent)
    assert [rule for rule, _ in said] == (["codes"] if message else [])
    assert message is None or message in said[0][1]


def test_ranges_that_are_never_reached() -> None:
    rest = row().partition("]\n")[2]
    ranges = [
        f'[[range]]\nfirst = "{first}"\nlast = "{last}"\n{rest}'
        for first, last in (("17", "17"), ("20", "30"), ("25", "40"))
    ]
    assert [said.partition(": ")[2] for _, said in found(head() + row() + "".join(ranges))] == [
        "range[0]: each number of 17 has a row of its own, so the range is never reached",
        "range[2]: 25-40 overlaps 20-30, which stands before it and is believed",
    ]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"source": "TODO: fill in"}, "pager.toml:5: source: 'TODO: fill in' is still to be filled in"),
        ({"source": "Handbook"}, "pager.toml:5: source: 'Handbook' is no place that another person finds"),
        ({"read": "2996-01-01"}, "pager.toml:6: read: 2996-01-01 is in the future"),
        (
            {"aliases": '["Big-Pager"]'},
            "aliases: 'Big-Pager' is 'big_pager' of the channel big_pager (other1.toml), too",
        ),
        ({"aliases": '["!"]'}, "pager.toml:3: aliases: '!' has no letter and no digit"),
    ],
)
def test_a_channel_says_where_its_facts_are_from_and_has_names_of_its_own(named: dict[str, str], message: str) -> None:
    ((_, said),) = found(head(**named) + row(), head(channel="big_pager"))
    assert message in said


class TestCommand:
    """``messaging-status catalog lint``."""

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(lint, list(map(str, arguments)))

    def test_a_file_without_fault(self, tmp_path: Path) -> None:
        (tmp_path / "pager.toml").write_text(head() + row())
        done = self.run(tmp_path / "pager.toml")
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "tables: 1, rows: 1, findings: 0\n")

    def test_a_file_with_a_fault_and_what_it_extends_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "common.toml").write_text(head(channel="common") + row(code="off", description="Wrong."))
        path = tmp_path / "pager.toml"
        path.write_text(head(extends='["common"]') + row(more='aliases = ["off"]'))
        done = self.run(path)
        assert done.exit_code == 1
        assert done.stdout == (
            f"{path}:12: status.17.aliases: 'off' is 'off' (Wrong.) in common.toml, too, which this channel extends; "
            "a code means one row [codes]\n"
        )

    def test_a_folder_for_machines(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep/pager.toml").write_text(head() + row(description="Off."))
        (tmp_path / "broken.toml").write_text(head(channel="other") + row(severity="BAD"))
        (tmp_path / "settings.toml").write_text("log_text = false\n")
        (tmp_path / ".hidden").mkdir()
        (tmp_path / ".hidden/pager.toml").write_text("channel = ")
        done = self.run(tmp_path, "--json")
        said = json.loads(done.stdout)
        assert (done.exit_code, said["tables"], said["rows"]) == (1, 1, 1)
        broken, off = said["findings"]
        assert (broken["rule"], broken["channel"]) == ("valid", None)
        assert broken["message"].startswith(
            f"{tmp_path / 'broken.toml'}:11: status.17.severity: 'BAD' is not a severity"
        )
        assert {key: off[key] for key in ("rule", "system", "channel", "code")} == {
            "rule": "description",
            "system": "acme",
            "channel": "pager",
            "code": "17",
        }

    def test_a_distribution_with_the_lines_of_its_files(self, install: InstallPlugin) -> None:
        source = (
            "from importlib.resources import files\nfrom messaging_status import *\nfrom messaging_status import hookimpl\n"
            "@hookimpl\ndef messaging_status_channels():\n"
            "    return [Channel(catalogue=read_catalogue(files(__package__) / 'table.toml'))]\n"
        )
        install("acme-lint", source, table__toml=head() + row(description="Off."))
        done = self.run("Acme_Lint")
        assert done.exit_code == 1
        assert "acme_lint/table.toml:8: status.17.description: 'Off.' is no label" in done.stdout

    def test_all_that_is_installed(self, install: InstallPlugin) -> None:
        install("acme-broken", "import nowhere")
        done = self.run("--json")
        said = json.loads(done.stdout)
        assert said["tables"] >= 15
        assert [one["message"] for one in said["findings"] if one["rule"] == "valid"] == [
            "plugin 'acme-broken.plugin' (acme-broken 1.0): cannot be imported from 'acme_broken': "
            "ModuleNotFoundError: No module named 'nowhere'"
        ]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("messaging-status-webex-conect", "did you mean 'messaging-status-webex-connect'?"),
            ("docs", "no TOML file in this folder is a catalogue"),
        ],
    )
    def test_wrong_usage(self, name: str, message: str) -> None:
        root = Path(__file__).parent.parent
        done = self.run(root / name if name == "docs" else name)
        assert done.exit_code == 2
        assert message in done.stderr

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "pager.toml"
        path.write_bytes(b"\xff\xfe")
        done = self.run(path)
        assert (done.exit_code, done.stdout.startswith(f"{path}: cannot be read: ")) == (1, True)
