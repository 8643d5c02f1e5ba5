# SPDX-License-Identifier: Apache-2.0
"""What is said of a catalogue that has mistakes."""

from __future__ import annotations

import copy
import datetime as dt
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import CatalogueError, Outcome
from messaging_status.catalogue import Catalogue, parse_catalogue, read_catalogue

HEAD = """\
system = "acme"
channel = "pager"
source = "a handbook"
read = 2026-09-08
"""
ROW = """\
[status.17]
description = "Pager off"
outcome = "failed"
category = "expired"
severity = "WARN"
"""
VARIANT = """\
[[status.17.variant]]
reason = "lost"
category = "blocked"
"""
SERIES = """\
[[range]]
first = "100"
last = "199"
description = "Any other"
outcome = "unknown"
category = "unknown"
severity = "WARN"
"""
HEAD_KEYS = "aliases, channel, extends, range, read, source, status, system"
ROW_KEYS = "description, outcome, category, severity, retryable, retry_after, fault, advice, aliases, upstream, parameter, variant"
VARIANT_KEYS = (
    "reason, delivery_status, origin, text, description, outcome, category, severity, retryable, retry_after, fault, advice, "
    "upstream"
)
SERIES_KEYS = "first, last, description, outcome, category, severity, retryable, retry_after, fault, advice"
OUTCOMES = ", ".join(sorted(Outcome))


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def row(old: str, new: str) -> str:
    return HEAD + edited(ROW, old, new)


def variant(old: str, new: str) -> str:
    return HEAD + ROW + edited(VARIANT, old, new)


def series(old: str, new: str) -> str:
    return HEAD + edited(SERIES, old, new)


def problems_of_file(file: Path) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(file)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def problems_of_text(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "pager.toml"
    file.write_text(text)
    return problems_of_file(file)


def problems_of(document: dict[Any, Any]) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(document, where="memory")
    return list(caught.value.problems)


def test_the_catalogue_that_the_mistakes_are_made_in_has_none(tmp_path: Path) -> None:
    file = tmp_path / "pager.toml"
    file.write_text(HEAD + ROW + VARIANT + SERIES)
    catalogue = read_catalogue(file)
    assert (catalogue.system, catalogue.channel, catalogue.read) == ("acme", "pager", dt.date(2026, 9, 8))
    assert [*catalogue.rows] == ["17"]
    assert catalogue.rows["17"].variant[0].reasons == ("lost",)
    assert [each.label for each in catalogue.series] == ["100-199"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(edited(HEAD, 'system = "acme"\n', ""), ["pager.toml: system: is missing"], id="no system"),
        pytest.param(edited(HEAD, 'channel = "pager"\n', ""), ["pager.toml: channel: is missing"], id="no channel"),
        pytest.param(edited(HEAD, 'source = "a handbook"\n', ""), ["pager.toml: source: is missing"], id="no source"),
        pytest.param(edited(HEAD, "read = 2026-09-08\n", ""), ["pager.toml: read: is missing"], id="no date"),
        pytest.param(
            edited(HEAD, "channel", "chanel"),
            [
                "pager.toml:2: chanel: 'chanel' is not a key here; did you mean 'channel'?",
                "pager.toml: channel: is missing",
            ],
            id="mistyped key",
        ),
        pytest.param(
            HEAD + "zzz = 1",
            [f"pager.toml:5: zzz: 'zzz' is not a key here; expected one of {HEAD_KEYS}"],
            id="key that is like no other",
        ),
        pytest.param(
            edited(HEAD, '"acme"', '"Acme Inc"'),
            ["pager.toml:1: system: 'Acme Inc' is not a name: lower-case letters, digits and underscores"],
            id="system that is no name",
        ),
        pytest.param(
            edited(HEAD, '"pager"', "7"),
            ["pager.toml:2: channel: 7 is not a name: lower-case letters, digits and underscores"],
            id="channel that is no text",
        ),
        pytest.param(
            edited(HEAD, '"pager"', '"pager\\n"'),
            ["pager.toml:2: channel: 'pager\\n' is not a name: lower-case letters, digits and underscores"],
            id="channel with a line break",
        ),
        pytest.param(
            edited(HEAD, '"a handbook"', '" "'),
            ["pager.toml:3: source: ' ' is not a text that says where the facts were read"],
            id="blank source",
        ),
        pytest.param(
            edited(HEAD, '"a handbook"', '["a handbook"]'),
            ["pager.toml:3: source: ['a handbook'] is not a text that says where the facts were read"],
            id="list of sources",
        ),
        pytest.param(
            edited(HEAD, "2026-09-08", '"yesterday"'),
            ["pager.toml:4: read: 'yesterday' is not a date; write it as 2026-09-08, without quotes"],
            id="text for a date",
        ),
        pytest.param(
            edited(HEAD, "2026-09-08", '"2026-09-08"'),
            ["pager.toml:4: read: '2026-09-08' is not a date; write it as 2026-09-08, without quotes"],
            id="date in quotes",
        ),
        pytest.param(
            edited(HEAD, "2026-09-08", "2026-09-08T00:00:00"),
            [
                "pager.toml:4: read: datetime.datetime(2026, 9, 8, 0, 0) is not a date;"
                " write it as 2026-09-08, without quotes"
            ],
            id="date with a time",
        ),
        pytest.param(
            HEAD + 'aliases = "beeper"',
            ["pager.toml:5: aliases: 'beeper' is not a list of names"],
            id="text for a list of aliases",
        ),
        pytest.param(
            HEAD + 'aliases = ["beeper", ""]',
            ["pager.toml:5: aliases: ['beeper', ''] is not a list of names"],
            id="empty alias",
        ),
        pytest.param(
            HEAD + "extends = [1]", ["pager.toml:5: extends: [1] is not a list of names"], id="number to extend"
        ),
        pytest.param(
            HEAD + 'extends = ["common", "Contact Policy", "SMS"]',
            [
                "pager.toml:5: extends: 'Contact Policy' is not the name of a channel",
                "pager.toml:5: extends: 'SMS' is not the name of a channel",
            ],
            id="names to extend that are no names",
        ),
        pytest.param(
            HEAD + "status = 3",
            ["pager.toml:5: status: 3 is not a table; write [status.<code>] for each code"],
            id="number for the table of codes",
        ),
        pytest.param(
            HEAD + "[[status]]\n",
            ["pager.toml:5: status: [{}] is not a table; write [status.<code>] for each code"],
            id="list of codes",
        ),
    ],
)
def test_a_mistake_at_the_top_is_explained(tmp_path: Path, text: str, problems: list[str]) -> None:
    assert problems_of_text(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            edited(HEAD + ROW + ROW, "[status.17]", "[[status.17]]"),
            ["pager.toml:5: status.17: the code is listed twice; write what differs as [[status.17.variant]]"],
            id="code listed twice",
        ),
        pytest.param(
            HEAD + ROW + ROW,
            ["pager.toml: not valid TOML: Cannot declare ('status', '17') twice (at line 10, column 11)"],
            id="table written twice",
        ),
        pytest.param(
            row("[status.17]", f"[status.{'7' * 65}]"),
            [f"pager.toml:5: status.{'7' * 65}: '{'7' * 65}' is not a code: 1 to 64 letters, digits and ._:-"],
            id="code of 65 characters",
        ),
        pytest.param(
            row("[status.17]", '[status."1 7"]'),
            ["pager.toml:5: status.1 7: '1 7' is not a code: 1 to 64 letters, digits and ._:-"],
            id="code with a space",
        ),
        pytest.param(
            row("[status.17]", '[status.""]'),
            ["pager.toml:5: status.: '' is not a code: 1 to 64 letters, digits and ._:-"],
            id="empty code",
        ),
        pytest.param(
            row("[status.17]", '[status."17\\n"]'),
            ["pager.toml:5: status.'17\\n': '17\\n' is not a code: 1 to 64 letters, digits and ._:-"],
            id="code with a line break",
        ),
        pytest.param(
            row('"failed"', '"deliverd"'),
            ["pager.toml:7: status.17.outcome: 'deliverd' is not an outcome; did you mean 'delivered'?"],
            id="mistyped outcome",
        ),
        pytest.param(
            row('"failed"', '"zzz"'),
            [f"pager.toml:7: status.17.outcome: 'zzz' is not an outcome; expected one of {OUTCOMES}"],
            id="outcome that is like no other",
        ),
        pytest.param(
            row('"failed"', "3"),
            [f"pager.toml:7: status.17.outcome: 3 is not an outcome; expected one of {OUTCOMES}"],
            id="number for an outcome",
        ),
        pytest.param(
            row('"expired"', '"unreachable"'),
            [
                "pager.toml:8: status.17.category: 'unreachable' is not a category;"
                " did you mean 'recipient_unreachable'?"
            ],
            id="short category",
        ),
        pytest.param(
            row('"WARN"', '"WARNING"'),
            ["pager.toml:9: status.17.severity: 'WARNING' is not a severity; did you mean 'WARN'?"],
            id="other word for a severity",
        ),
        pytest.param(
            row('"WARN"', '"warn"'),
            ["pager.toml:9: status.17.severity: 'warn' is not a severity; expected one of ERROR, FATAL, INFO, WARN"],
            id="severity in lower case",
        ),
        pytest.param(
            HEAD + ROW + 'fault = "us"',
            [
                "pager.toml:10: status.17.fault: 'us' is not a fault;"
                " expected one of operator, platform, provider, recipient, sender"
            ],
            id="unknown fault",
        ),
        pytest.param(
            HEAD + ROW + 'fault = "recepient"',
            ["pager.toml:10: status.17.fault: 'recepient' is not a fault; did you mean 'recipient'?"],
            id="mistyped fault",
        ),
        pytest.param(
            HEAD + "[status.17]\n",
            [
                "pager.toml:5: status.17.description: is missing",
                "pager.toml:5: status.17.outcome: is missing",
                "pager.toml:5: status.17.category: is missing",
                "pager.toml:5: status.17.severity: is missing",
            ],
            id="empty row",
        ),
        pytest.param(
            row("severity", "sevrity"),
            [
                "pager.toml:9: status.17.sevrity: 'sevrity' is not a key here; did you mean 'severity'?",
                "pager.toml:5: status.17.severity: is missing",
            ],
            id="mistyped key",
        ),
        pytest.param(
            row('"Pager off"', f'"{"x" * 101}"'),
            ["pager.toml:6: status.17.description: 101 characters long; expected at most 100"],
            id="long description",
        ),
        pytest.param(
            row('"Pager off"', '" "'),
            ["pager.toml:6: status.17.description: ' ' is not a text"],
            id="blank description",
        ),
        pytest.param(
            row('"Pager off"', "17"),
            ["pager.toml:6: status.17.description: 17 is not a text"],
            id="number for a description",
        ),
        pytest.param(
            HEAD + ROW + f'advice = "{"x" * 201}"',
            ["pager.toml:10: status.17.advice: 201 characters long; expected at most 200"],
            id="long advice",
        ),
        pytest.param(
            HEAD + ROW + 'advise = "Wait."',
            ["pager.toml:10: status.17.advise: 'advise' is not a key here; did you mean 'advice'?"],
            id="mistyped key beside all that are needed",
        ),
        pytest.param(
            HEAD + ROW + "advice = []", ["pager.toml:10: status.17.advice: [] is not a text"], id="list for an advice"
        ),
        pytest.param(
            HEAD + ROW + 'retryable = "yes"',
            ["pager.toml:10: status.17.retryable: 'yes' is not true or false; leave it out where one code cannot tell"],
            id="text for retryable",
        ),
        pytest.param(
            HEAD + ROW + "retryable = 1",
            ["pager.toml:10: status.17.retryable: 1 is not true or false; leave it out where one code cannot tell"],
            id="number for retryable",
        ),
    ],
)
def test_a_mistake_in_a_row_is_explained(tmp_path: Path, text: str, problems: list[str]) -> None:
    assert problems_of_text(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            variant('reason = "lost"\n', ""),
            [
                "pager.toml:10: status.17.variant[0]: matches nothing; give it one of reason, delivery_status, origin, text"
            ],
            id="nothing to match",
        ),
        pytest.param(
            variant('"lost"', "[]"),
            [
                "pager.toml:10: status.17.variant[0]: matches nothing; give it one of reason, delivery_status, origin, text"
            ],
            id="no reasons",
        ),
        pytest.param(
            HEAD + ROW + VARIANT + VARIANT,
            ["pager.toml:13: status.17.variant[1]: matches the same as variant[0], so it is never reached"],
            id="the same reason",
        ),
        pytest.param(
            HEAD + ROW + VARIANT * 3,
            [
                "pager.toml:13: status.17.variant[1]: matches the same as variant[0], so it is never reached",
                "pager.toml:16: status.17.variant[2]: matches the same as variant[0], so it is never reached",
            ],
            id="the same reason three times",
        ),
        pytest.param(
            HEAD + ROW + VARIANT + edited(VARIANT, '"lost"', '["lost"]'),
            ["pager.toml:13: status.17.variant[1]: matches the same as variant[0], so it is never reached"],
            id="the same reason in a list",
        ),
        pytest.param(
            HEAD + ROW + edited(VARIANT, '"lost"', '["a", "b"]') + edited(VARIANT, '"lost"', '["b", "a"]'),
            ["pager.toml:13: status.17.variant[1]: matches the same as variant[0], so it is never reached"],
            id="the same reasons in another order",
        ),
        pytest.param(
            HEAD + ROW + edited(VARIANT, "lost", "Mailbox Full") + edited(VARIANT, "lost", "mailbox_full"),
            ["pager.toml:13: status.17.variant[1]: matches the same as variant[0], so it is never reached"],
            id="the same reason in another spelling",
        ),
        pytest.param(
            HEAD
            + ROW
            + edited(VARIANT, 'reason = "lost"', 'origin = "answer"')
            + edited(VARIANT, 'reason = "lost"', 'reason = []\norigin = "answer"'),
            ["pager.toml:13: status.17.variant[1]: matches the same as variant[0], so it is never reached"],
            id="the same origin beside no reasons",
        ),
        pytest.param(
            variant('reason = "lost"', 'origin = "reciept"'),
            ["pager.toml:11: status.17.variant[0].origin: 'reciept' is not an origin; did you mean 'receipt'?"],
            id="mistyped origin",
        ),
        pytest.param(
            variant('"blocked"', '"block"'),
            ["pager.toml:12: status.17.variant[0].category: 'block' is not a category; did you mean 'blocked'?"],
            id="mistyped category",
        ),
        pytest.param(
            variant("category", "categry"),
            ["pager.toml:12: status.17.variant[0].categry: 'categry' is not a key here; did you mean 'category'?"],
            id="mistyped key",
        ),
        pytest.param(
            variant('"lost"', "3"),
            ["pager.toml:11: status.17.variant[0].reason: 3 is not a text or a list of texts"],
            id="number for a reason",
        ),
        pytest.param(
            variant('"lost"', '["lost", ""]'),
            ["pager.toml:11: status.17.variant[0].reason: ['lost', ''] is not a text or a list of texts"],
            id="blank reason",
        ),
        pytest.param(
            variant('reason = "lost"', "delivery_status = true"),
            ["pager.toml:11: status.17.variant[0].delivery_status: True is not a text"],
            id="boolean for a delivery status",
        ),
        pytest.param(
            variant('reason = "lost"', f'delivery_status = "{"x" * 101}"'),
            ["pager.toml:11: status.17.variant[0].delivery_status: 101 characters long; expected at most 100"],
            id="long delivery status",
        ),
        pytest.param(
            HEAD + ROW + VARIANT + edited(VARIANT, '"lost"\n', '"stolen"\nadvice = 3\n'),
            ["pager.toml:15: status.17.variant[1].advice: 3 is not a text"],
            id="mistake in the second one",
        ),
        pytest.param(
            HEAD + ROW + "variant = 3\n",
            ["pager.toml:10: status.17.variant: 3 is not a list; write [[status.17.variant]]"],
            id="number for the list",
        ),
        pytest.param(
            HEAD + ROW + '[status.17.variant]\nreason = "lost"\n',
            ["pager.toml:10: status.17.variant: {'reason': 'lost'} is not a list; write [[status.17.variant]]"],
            id="table for the list",
        ),
    ],
)
def test_a_mistake_in_a_variant_is_explained(tmp_path: Path, text: str, problems: list[str]) -> None:
    assert problems_of_text(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            series('"100"', '"200"'),
            ["pager.toml:5: range[0]: from '200' to '199' is not a range: two numbers as text, with as many digits"],
            id="first after last",
        ),
        pytest.param(
            series('"100"', '"0"'),
            ["pager.toml:5: range[0]: from '0' to '199' is not a range: two numbers as text, with as many digits"],
            id="other number of digits",
        ),
        pytest.param(
            series('"100"', "100"),
            ["pager.toml:5: range[0]: from 100 to '199' is not a range: two numbers as text, with as many digits"],
            id="number that is not text",
        ),
        pytest.param(
            series('"199"', '"19x"'),
            ["pager.toml:5: range[0]: from '100' to '19x' is not a range: two numbers as text, with as many digits"],
            id="text that is no number",
        ),
        pytest.param(
            edited(series('"100"', f'"{"1" * 19}"'), '"199"', f'"{"2" * 19}"'),
            [
                f"pager.toml:5: range[0]: from '{'1' * 19}' to '{'2' * 19}' is not a range:"
                " two numbers as text, with as many digits"
            ],
            id="19 digits",
        ),
        pytest.param(
            series('"199"', '"199\\n"'),
            ["pager.toml:5: range[0]: from '100' to '199\\n' is not a range: two numbers as text, with as many digits"],
            id="number with a line break",
        ),
        pytest.param(
            series('last = "199"\n', ""),
            [
                "pager.toml:5: range[0].last: is missing",
                "pager.toml:5: range[0]: from '100' to None is not a range: two numbers as text, with as many digits",
            ],
            id="no last",
        ),
        pytest.param(
            HEAD + SERIES + 'advise = "Wait."',
            ["pager.toml:12: range[0].advise: 'advise' is not a key here; did you mean 'advice'?"],
            id="mistyped key beside all that are needed",
        ),
        pytest.param(
            series('severity = "WARN"\n', ""), ["pager.toml:5: range[0].severity: is missing"], id="no severity"
        ),
        pytest.param(
            series('"WARN"', '"EROR"'),
            ["pager.toml:11: range[0].severity: 'EROR' is not a severity; did you mean 'ERROR'?"],
            id="mistyped severity",
        ),
        pytest.param(
            HEAD + SERIES + edited(SERIES, "description", "describtion"),
            [
                "pager.toml:15: range[1].describtion: 'describtion' is not a key here; did you mean 'description'?",
                "pager.toml:12: range[1].description: is missing",
            ],
            id="mistyped key in the second one",
        ),
        pytest.param(
            series("[[range]]", "[range]"),
            [
                "pager.toml:5: range: {'first': '100', 'last': '199', 'description': 'Any other', 'outcome': 'unknown'…"
                " is not a list; write [[range]]"
            ],
            id="table for the list",
        ),
        pytest.param(
            HEAD + "range = 3\n", ["pager.toml:5: range: 3 is not a list; write [[range]]"], id="number for the list"
        ),
    ],
)
def test_a_mistake_in_a_range_is_explained(tmp_path: Path, text: str, problems: list[str]) -> None:
    assert problems_of_text(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("text", "start"),
    [
        pytest.param(HEAD + "[extra]\nx = 1\n", "pager.toml:5: extra: ", id="unknown table"),
        pytest.param(row("[status.17]", "[statuses.17]"), "pager.toml:5: statuses: ", id="mistyped table"),
        pytest.param(
            row("[status.17]", '[status."1.7"]') + "advice = 3\n",
            "pager.toml:10: status.1.7.advice: ",
            id="code with a dot",
        ),
        pytest.param(HEAD + "[status]\n17 = 3\n", "pager.toml:6: status.17: ", id="row that is no table"),
        pytest.param(HEAD + "range = [1]\n", "pager.toml:5: range[0]: ", id="range in its list on one line"),
    ],
)
def test_a_mistake_is_told_with_its_line_however_its_table_is_written(tmp_path: Path, text: str, start: str) -> None:
    assert problems_of_text(tmp_path, text)[0].startswith(start)


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (
            {"status": {17: tomllib.loads(ROW)["status"]["17"]}},
            "memory: status.17: the code 17 is not text; codes are text, always: write '17'",
        ),
        ({"status": {"17": 3}}, f"memory: status.17: 3 is not a table of {ROW_KEYS}"),
        ({"status": []}, "memory: status: [] is not a table; write [status.<code>] for each code"),
        ({"status": None}, "memory: status: None is not a table; write [status.<code>] for each code"),
        ({"range": [3]}, f"memory: range[0]: 3 is not a table of {SERIES_KEYS}"),
        ({"range": "all"}, "memory: range: 'all' is not a list; write [[range]]"),
        ({"aliases": [None]}, "memory: aliases: [None] is not a list of names"),
        ({"read": 20260908}, "memory: read: 20260908 is not a date; write it as 2026-09-08, without quotes"),
        ({1: 2}, f"memory: 1: 1 is not a key here; expected one of {HEAD_KEYS}"),
    ],
    ids=["code", "row", "status list", "status none", "range item", "range", "alias", "read", "key"],
)
def test_a_mistake_in_memory_is_explained_without_a_line(place: dict[Any, Any], problem: str) -> None:
    assert problems_of({**tomllib.loads(HEAD), **place})[0] == problem


def test_lines_inside_a_text_of_many_lines_are_not_taken_for_tables(tmp_path: Path) -> None:
    text = edited(HEAD, '"a handbook"', '"""\n[status.17]\nseverity = 3\n"""') + edited(ROW, "WARN", "warn")
    problem = "status.17.severity: 'warn' is not a severity; expected one of ERROR, FATAL, INFO, WARN"
    assert problems_of_text(tmp_path, text) == [f"pager.toml:12: {problem}"]


def test_a_variant_that_is_no_table_is_explained() -> None:
    document = tomllib.loads(HEAD + ROW)
    document["status"]["17"]["variant"] = ["lost", {"reason": "stolen"}]
    assert problems_of(document)[0] == f"memory: status.17.variant[0]: 'lost' is not a table of {VARIANT_KEYS}"


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = edited(HEAD, "acme", "Acme") + edited(ROW, "expired", "expird") + edited(VARIANT, "lost", "")
    text += edited(SERIES, "WARN", "warn") + edited(ROW, "[status.17]", "[status.18]") + "retryable = 0\n"
    assert problems_of_text(tmp_path, text) == [
        "pager.toml:1: system: 'Acme' is not a name: lower-case letters, digits and underscores",
        "pager.toml:8: status.17.category: 'expird' is not a category; did you mean 'expired'?",
        "pager.toml:11: status.17.variant[0].reason: '' is not a text or a list of texts",
        "pager.toml:25: status.18.retryable: 0 is not true or false; leave it out where one code cannot tell",
        "pager.toml:19: range[0].severity: 'warn' is not a severity; expected one of ERROR, FATAL, INFO, WARN",
    ]


class TestFiles:
    def test_a_missing_file_is_a_catalogue_error(self, tmp_path: Path) -> None:
        file = tmp_path / "pager.toml"
        problem = "pager.toml: cannot be read: No such file or directory"
        assert problems_of_file(file) == [problem]

    def test_a_directory_is_a_catalogue_error(self, tmp_path: Path) -> None:
        problem = f"{tmp_path.name}: cannot be read: Is a directory"
        assert problems_of_file(tmp_path) == [problem]

    def test_a_file_that_is_not_utf_8_is_a_catalogue_error(self, tmp_path: Path) -> None:
        file = tmp_path / "pager.toml"
        file.write_bytes(b'system = "\xff"')
        problem = "pager.toml: cannot be read: 'utf-8' codec can't decode byte 0xff in position 10: invalid start byte"
        assert problems_of_file(file) == [problem]

    def test_a_file_that_is_not_toml_is_a_catalogue_error_with_its_line(self, tmp_path: Path) -> None:
        text = edited(HEAD, '"pager"', "pager")
        assert problems_of_text(tmp_path, text) == ["pager.toml: not valid TOML: Invalid value (at line 2, column 11)"]

    @pytest.mark.parametrize(
        "value", ["1" * 5000, "0x" + "f" * 5000, "[" * 5000 + "]" * 5000], ids=["decimal", "hexadecimal", "nested"]
    )
    def test_a_value_beyond_all_measure_is_a_catalogue_error(self, tmp_path: Path, value: str) -> None:
        assert problems_of_text(tmp_path, f"{HEAD}{ROW}retryable = {value}\n")


def test_text_that_is_not_unicode_is_a_catalogue_error() -> None:
    document = tomllib.loads(HEAD + ROW)
    document["status"]["17"]["outcome"] = "\ud800"
    assert problems_of(document)[0].startswith("memory: status.17.outcome: '")


BASE = tomllib.loads(
    HEAD
    + 'aliases = ["beeper"]\nextends = ["common"]\n'
    + ROW
    + 'retryable = true\nfault = "sender"\nadvice = "Wait."\n'
    + VARIANT
    + edited(VARIANT, '"lost"', '["a", "b"]\norigin = "receipt"\ndelivery_status = "Failed"')
    + SERIES
)
KEYS = st.one_of(
    st.sampled_from(["status", "range", "variant", "description", "outcome", "first", "reason", "origin", "17"]),
    st.text(max_size=70),
    st.integers(),
)
JSON_LIKE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=120),
        st.dates(),
        st.datetimes(),
        st.sampled_from(["17", "sms", "failed", "expired", "WARN", "sender", "answer", "", " ", "100", "99"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each value inside a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def with_one_mistake(draw: st.DrawFn) -> dict[Any, Any]:
    """A valid document with one value replaced, taken away, or put beside another."""
    document = copy.deepcopy(BASE)
    *path, key = draw(st.sampled_from(list(places(document))))
    around: Any = document
    for step in path:
        around = around[step]
    change = draw(st.sampled_from(["replace", "take away", "add"]))
    if change == "take away":
        del around[key]
    elif change == "replace":
        around[key] = draw(JSON_LIKE)
    elif isinstance(around, list):
        around.append(draw(st.one_of(JSON_LIKE, st.just(copy.deepcopy(around[key])))))
    else:
        around[draw(KEYS)] = draw(JSON_LIKE)
    return document


def catalogue_or_problems(document: dict[Any, Any]) -> Catalogue | tuple[str, ...]:
    try:
        return parse_catalogue(document, where="memory")
    except CatalogueError as error:
        return error.problems


@settings(deadline=None, max_examples=400)
@given(with_one_mistake())
def test_any_change_of_a_valid_catalogue_is_accepted_or_explained(document: dict[Any, Any]) -> None:
    before = copy.deepcopy(document)
    found = catalogue_or_problems(document)
    assert repr(document) == repr(before)
    if isinstance(found, Catalogue):
        assert found.system == document["system"]
        assert [*found.rows] == [*document.get("status", {})]
    else:
        assert found
        assert all(problem.startswith("memory: ") and len(problem) > len("memory: ") for problem in found)


@settings(deadline=None)
@given(st.dictionaries(KEYS, JSON_LIKE, max_size=5))
def test_any_mapping_that_names_no_source_is_explained(document: dict[Any, Any]) -> None:
    document.pop("source", None)
    found = catalogue_or_problems(document)
    assert not isinstance(found, Catalogue)
    assert "memory: source: is missing" in found


@pytest.mark.parametrize("pattern", ["(", "no group", "", 3])
def test_a_parameter_is_a_regular_expression_with_a_group(pattern: object) -> None:
    document = tomllib.loads(HEAD + ROW)
    document["status"]["17"]["parameter"] = pattern
    problem = f"memory: status.17.parameter: {pattern!r} is not a regular expression with a group"
    assert problems_of(document) == [problem]


def test_a_text_is_a_regular_expression() -> None:
    document = tomllib.loads(HEAD + ROW)
    document["status"]["17"]["variant"] = [{"text": "(", "retryable": True}, {"text": "smtp;5", "retryable": False}]
    assert problems_of(document) == ["memory: status.17.variant[0].text: '(' is not a regular expression"]
