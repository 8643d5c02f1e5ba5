# SPDX-License-Identifier: Apache-2.0
"""What a row can say beside its meaning: other ways to write its code, a time to wait, the code behind it."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging_status import CatalogueError, Host, PluginError, RawStatus, parse_catalogue
from messaging_status.cli.commands import cli

from .conftest import InstallPlugin

MODULE = """
from importlib.resources import files
from messaging_status import Channel, LogText, RawStatus, TextReader, hookimpl, read_catalogue

@hookimpl
def messaging_status_channels():
    return [Channel(catalogue=read_catalogue(files(__package__) / "pager.toml"))]

seen = []

def read(line):
    assert type(line) is LogText
    seen.append(line.text)
    if "page=lost" in line.text:
        raise ValueError(line.text)
    code = line.text.partition("PAGER/")[2][:2]
    return [RawStatus(code=code, system="acme", channel="pager", message_id="m-1", retry_after=7)] if code else []

@hookimpl
def messaging_status_documents():
    return [TextReader(marks=("PAGER/", "page="), read=read)]
"""
TABLE = """
system = "acme"
channel = "pager"
source = "the handbook"
read = 2026-11-25

[status.0x58]
aliases = ["88", "THROTTLED"]
description = "Too many pages"
outcome = "failed"
category = "rate_limited"
severity = "WARN"
retryable = true
retry_after = 60

[status.17]
description = "Pager off"
outcome = "undelivered"
category = "recipient_unreachable"
severity = "WARN"
retryable = true
retry_after = 600
upstream = { system = "radio", code = "E-17" }

[[status.17.variant]]
reason = "stolen"
description = "Pager stolen"
retryable = false
upstream = { system = "radio", code = "E-18" }

[[status.17.variant]]
reason = "new"
description = "Pager not known yet"
retryable = "unknown"

[status.99]
description = "Pager network down"
outcome = "failed"
category = "provider_error"
severity = "ERROR"
"""
PAGER = {"messaging.system": "acme", "messaging.channel": "pager"}


@pytest.fixture
def acme(install: InstallPlugin) -> Host:
    install("acme", MODULE, pager__toml=TABLE)
    return Host.load({"plugins": {"allowed": ["acme.plugin"]}}, strict=True)


def said(host: Host, code: object, body: object = None, **more: object) -> dict[str, Any]:
    """What is put on a record of the pager, without the prefix."""
    attributes = {**PAGER, **({"messaging.delivery.code": code} if code is not None else {}), **more}
    return {key.removeprefix("messaging.status."): value for key, value in host.enrich(attributes, body).items()}


class TestOtherWaysToWriteACode:
    @pytest.mark.parametrize("written", ["0x58", "88", 88, " 88 ", "THROTTLED"])
    def test_each_one_means_the_same_and_gives_the_code_of_the_row(self, acme: Host, written: object) -> None:
        found = said(acme, written)
        assert (found["code"], found["description"]) == ("0x58", "Too many pages")

    def test_a_code_of_a_channel_is_none_of_what_it_extends(self, install: InstallPlugin) -> None:
        big = (
            TABLE.replace('"pager"', '"big"')
            .replace("[status.0x58]", "[status.88]")
            .replace('aliases = ["88", "THROTTLED"]', "")
        )
        second = '"pager.toml")), Channel(catalogue=read_catalogue(files(__package__) / "big.toml"))]'
        both = MODULE.replace('"pager.toml"))]', second)
        big = big.replace("read = ", 'extends = ["pager"]\nread = ').replace("Too many pages", "Too many big pages")
        install("acme", both, pager__toml=TABLE, big__toml=big)
        host = Host.load({"plugins": {"allowed": ["acme.plugin"]}}, strict=True)
        on_big = [host.decode(RawStatus(code=code, system="acme", channel="big")) for code in ("88", "THROTTLED")]
        assert [(status.code, status.description) for status in on_big] == [
            ("88", "Too many big pages"),
            ("0x58", "Too many pages"),
        ]

    @pytest.mark.parametrize("written", ["0X58", "throttled", "888"])
    def test_others_are_not_known(self, acme: Host, written: str) -> None:
        assert said(acme, written)["category"] == "unknown"

    def test_without_a_channel_it_is_found_where_one_channel_has_it(self, acme: Host) -> None:
        status = acme.decode(RawStatus(code="88", system="acme"))
        assert (status.code, status.channel) == ("0x58", "pager")

    def test_where_several_systems_may_be_meant_it_is_not_enough(self, install: InstallPlugin) -> None:
        install("acme", MODULE, pager__toml=TABLE)
        host = Host.load({"plugins": {"allowed": ["acme.plugin", "webex_connect.sms"]}})
        assert host.decode(RawStatus(code="0x58")).system == "acme"
        assert host.decode(RawStatus(code="88")).system is None
        assert host.decode(RawStatus(code="88", channel="pager")).system == "acme"

    def test_in_log_text_it_is_known(self, acme: Host) -> None:
        assert acme.enrich(PAGER, "page failed code=88")["messaging.status.code"] == "0x58"

    def test_a_record_that_has_the_attribute_keeps_it(self, acme: Host) -> None:
        found = acme.enrich({**PAGER, "messaging.status.code": "88"})
        assert "messaging.status.code" not in found
        assert found["messaging.status.description"] == "Too many pages"

    def test_an_overlay_may_use_it(self, install: InstallPlugin, tmp_path: Path) -> None:
        install("acme", MODULE, pager__toml=TABLE)
        overlay = tmp_path / "mine.toml"
        overlay.write_text('system = "acme"\nchannel = "pager"\n[status.88]\nretry_after = 5\n')
        host = Host.load({"overlays": [str(overlay)], "plugins": {"allowed": ["acme.plugin"]}}, strict=True)
        assert [str(edit) for edit in host.edits] == [f"{overlay}:4: pager 0x58: retry_after: 60 → 5"]
        assert [said(host, code)["retry_after"] for code in ("0x58", "88", "THROTTLED")] == [5, 5, 5]

    def test_an_overlay_with_two_ways_of_one_code_is_a_mistake(self, install: InstallPlugin, tmp_path: Path) -> None:
        install("acme", MODULE, pager__toml=TABLE)
        overlay = tmp_path / "mine.toml"
        overlay.write_text(
            'system = "acme"\nchannel = "pager"\n[status.88]\nretry_after = 5\n[status.0x58]\nretry_after = 6\n'
        )
        with pytest.raises(PluginError) as caught:
            Host.load({"overlays": [str(overlay)]}, strict=True)
        what = "status.0x58: is another way to write 0x58, which stands here, too; keep one of the two"
        assert caught.value.problems == (f"{overlay}:5: {what}",)

    @pytest.mark.parametrize(
        ("aliases", "problem"),
        [
            ('["17"]', "pager.toml:8: status.0x58.aliases: '17' is a code of status.17, too"),
            ('["0x58"]', "pager.toml:8: status.0x58.aliases: '0x58' is a code of status.0x58, too"),
            ('"88"', "pager.toml:8: status.0x58.aliases: '88' is not a list of codes"),
            ('["8 8"]', "pager.toml:8: status.0x58.aliases: ['8 8'] is not a list of codes"),
        ],
    )
    def test_one_that_is_taken_or_no_code_is_a_mistake(self, aliases: str, problem: str) -> None:
        assert problems(TABLE.replace('["88", "THROTTLED"]', aliases)) == [problem]

    def test_two_rows_cannot_share_one(self) -> None:
        text = TABLE.replace("[status.17]", '[status.17]\naliases = ["88"]')
        assert problems(text) == ["pager.toml:17: status.17.aliases: '88' is a code of status.0x58, too"]


def problems(text: str) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(tomllib.loads(text), where="pager.toml", text=text)
    return list(caught.value.problems)


class TestTimeToWait:
    def test_it_is_that_of_the_row(self, acme: Host) -> None:
        assert said(acme, "88")["retry_after"] == 60

    @pytest.mark.parametrize("key", ["http.response.header.retry-after", "http.response.header.retry_after"])
    @pytest.mark.parametrize("value", [["120"], ("120",), "120", 120, 119.5, [120], " 120 "])
    def test_the_answers_header_comes_first(self, acme: Host, key: str, value: object) -> None:
        assert said(acme, "88", **{key: value})["retry_after"] == 120

    @pytest.mark.parametrize(
        "value", ["Wed, 25 Nov 2026 10:00:00 GMT", "-1", "1e3", "", [], None, True, 604_801, "9" * 200, float("nan")]
    )
    def test_a_header_that_is_no_number_of_seconds_says_nothing(self, acme: Host, value: object) -> None:
        assert said(acme, "88", **{"http.response.header.retry-after": value})["retry_after"] == 60

    def test_the_header_counts_for_a_code_in_the_body_too(self, acme: Host) -> None:
        found = said(acme, None, {"code": "99"}, **{"http.response.header.retry-after": ["30"]})
        assert (found["code"], found["retry_after"]) == ("99", 30)

    def test_where_resending_does_not_help_there_is_none(self, acme: Host) -> None:
        more = {"messaging.status.reason": "stolen", "http.response.header.retry-after": ["30"]}
        found = said(acme, "17", **more)
        assert (found["retryable"], "retry_after" in found) == (False, False)
        named = RawStatus(code="17", system="acme", channel="pager", retry_after=30)
        assert acme.decode(named).retry_after == 30
        stolen = acme.decode(msgspec.structs.replace(named, reason="stolen"))
        assert (stolen.retryable, stolen.retry_after) == (False, None)

    def test_where_it_is_not_known_whether_resending_helps_the_header_is_shown(self, acme: Host) -> None:
        assert "retry_after" not in said(acme, "99")
        assert said(acme, "99", **{"http.response.header.retry-after": "30"})["retry_after"] == 30

    @pytest.mark.parametrize("value", ["-1", "604801", "1.5", "true", '"60"'])
    def test_in_a_table_it_is_a_number_of_seconds(self, value: str) -> None:
        (problem,) = problems(TABLE.replace("retry_after = 60\n", f"retry_after = {value}\n"))
        assert problem.startswith("pager.toml:14: status.0x58.retry_after: ")
        assert problem.endswith("is not a number of seconds, 0 to 604800")

    def test_in_a_table_it_contradicts_a_retryable_of_false(self) -> None:
        text = TABLE.replace("retryable = true\nretry_after = 60", "retryable = false\nretry_after = 60", 1)
        what = "status.0x58.retry_after: says how long to wait, but retryable is false"
        assert problems(text) == [f"pager.toml:14: {what}"]

    def test_the_command_line_says_it(self, acme: Host, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            cli(["decode", "pager", "88"])
        assert ended.value.code == 0
        assert "  wait       60 s before sending again" in capsys.readouterr().out.splitlines()

    @given(st.one_of(st.floats(), st.integers(), st.text(max_size=10), st.lists(st.integers(0, 9), max_size=2)))
    def test_whatever_a_raw_status_says_it_is_a_number_of_seconds_or_none(self, value: Any) -> None:
        host = Host.load({}, strict=True) if not _HOSTS else _HOSTS[0]
        _HOSTS[:] = [host]
        status = host.decode(RawStatus(code="7206", system="webex_connect", channel="sms", retry_after=value))
        assert status.retry_after is None or (type(status.retry_after) is int and 0 <= status.retry_after <= 604_800)


_HOSTS: list[Host] = []


class TestRetryableTakenBack:
    def test_a_variant_may_leave_open_what_the_row_says(self, acme: Host) -> None:
        found = said(acme, "17", **{"messaging.status.reason": "new"})
        assert (found["description"], "retryable" in found) == ("Pager not known yet", False)

    def test_so_may_an_overlay(self, install: InstallPlugin, tmp_path: Path) -> None:
        install("acme", MODULE, pager__toml=TABLE)
        overlay = tmp_path / "mine.toml"
        overlay.write_text('system = "acme"\nchannel = "pager"\n[status.88]\nretryable = "unknown"\n')
        host = Host.load({"overlays": [str(overlay)], "plugins": {"allowed": ["acme.plugin"]}}, strict=True)
        assert [str(edit) for edit in host.edits] == [f"{overlay}:4: pager 0x58: retryable: true → 'unknown'"]
        assert "retryable" not in said(host, "88")

    def test_an_overlay_that_forbids_a_resend_takes_the_time_with_it(
        self, install: InstallPlugin, tmp_path: Path
    ) -> None:
        install("acme", MODULE, pager__toml=TABLE)
        overlay = tmp_path / "mine.toml"
        overlay.write_text('system = "acme"\nchannel = "pager"\n[status.88]\nretryable = false\n')
        host = Host.load({"overlays": [str(overlay)], "plugins": {"allowed": ["acme.plugin"]}}, strict=True)
        status = host.decode(RawStatus(code="88", system="acme", channel="pager"))
        assert (status.retryable, status.retry_after) == (False, None)

    def test_a_row_leaves_it_out_instead(self) -> None:
        text = TABLE.replace("retryable = true\nretry_after = 60", 'retryable = "unknown"', 1)
        what = "status.0x58.retryable: 'unknown' is not true or false; leave it out where one code cannot tell"
        assert problems(text) == [f"pager.toml:13: {what}"]


class TestCodeBehind:
    def test_that_of_the_row_is_shown(self, acme: Host) -> None:
        found = said(acme, "17")
        assert (found["upstream.code"], found["upstream.system"]) == ("E-17", "radio")
        assert found["retryable"] is True

    def test_a_variant_has_its_own(self, acme: Host) -> None:
        assert said(acme, "17", **{"messaging.status.reason": "stolen"})["upstream.code"] == "E-18"

    def test_one_that_came_with_the_status_is_shown_instead(self, acme: Host) -> None:
        behind = RawStatus(code="E-19", system="radio")
        status = acme.decode(RawStatus(code="17", system="acme", channel="pager", upstream=behind))
        assert (status.upstream_code, status.upstream_system) == ("E-19", "radio")

    def test_one_that_is_known_decides_but_for_what_is_not_sent_again(self, acme: Host) -> None:
        behind = RawStatus(code="88", system="acme", channel="pager")
        of_pager = RawStatus(code="99", system="acme", channel="pager", upstream=behind)
        open_one = acme.decode(of_pager)
        assert (open_one.retryable, open_one.retry_after, open_one.category.value) == (True, 60, "rate_limited")
        closed = acme.decode(msgspec.structs.replace(of_pager, code="17", reason="stolen"))
        assert (closed.retryable, closed.retry_after, closed.category.value) == (False, None, "rate_limited")

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ('"E-17"', "'E-17' is not a system and its code; write { system = 'apns', code = 'BadTopic' }"),
            (
                '{ system = "radio" }',
                "{'system': 'radio'} is not a system and its code; write { system = 'apns', code = 'BadTopic' }",
            ),
            (
                '{ system = "Radio", code = "1" }',
                "'Radio' is not a name: lower-case letters, digits and underscores",
            ),
            ('{ system = "radio", code = "E 17" }', "'E 17' is not a code: 1 to 64 letters, digits and ._:-"),
        ],
    )
    def test_it_is_a_system_and_a_code(self, written: str, problem: str) -> None:
        text = TABLE.replace('{ system = "radio", code = "E-17" }', written)
        assert problems(text) == [f"pager.toml:23: status.17.upstream: {problem}"]


class TestLogText:
    def test_a_reader_gets_what_holds_one_of_its_marks(self, acme: Host) -> None:
        found = acme.enrich({}, "12:00 PAGER/17 m-1")
        assert found["messaging.status.code"] == "17"
        assert found["messaging.status.retry_after"] == 7
        assert (found["messaging.system"], found["messaging.message.id"]) == ("acme", "m-1")

    @pytest.mark.parametrize("body", ["PAGER 17", "nothing", "", b"page"])
    def test_it_gets_nothing_else(self, acme: Host, body: object) -> None:
        assert acme.enrich({}, body) == {}
        assert import_module("acme").seen == []

    def test_what_it_finds_nothing_in_says_nothing(self, acme: Host) -> None:
        assert acme.enrich({}, "page=17 and no code") == {}
        assert import_module("acme").seen == ["page=17 and no code"]

    def test_what_it_says_of_the_time_to_wait_comes_before_the_header(self, acme: Host) -> None:
        found = acme.enrich({"http.response.header.retry-after": ["30"]}, "PAGER/17")
        assert found["messaging.status.retry_after"] == 7

    def test_a_text_of_bytes_is_read_too(self, acme: Host) -> None:
        assert acme.enrich({}, b"PAGER/17")["messaging.status.code"] == "17"

    def test_a_pair_that_names_the_code_comes_first(self, acme: Host) -> None:
        assert acme.enrich(PAGER, "PAGER/17 messaging.status.code=99")["messaging.status.code"] == "99"

    def test_a_record_of_another_system_is_left_alone(self, acme: Host) -> None:
        assert acme.enrich({"messaging.system": "kafka"}, "PAGER/17") == {}

    def test_one_that_fails_costs_the_record_nothing_and_is_counted(
        self, acme: Host, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert acme.enrich({}, "page=lost ann@example.com") == {}
        assert acme.plugin_failures == {"acme.plugin": 1}
        assert "a text reader failed: ValueError at __init__.py" in caplog.text
        assert "ann@example.com" not in caplog.text

    def test_the_settings_turn_it_off(self, install: InstallPlugin) -> None:
        install("acme", MODULE, pager__toml=TABLE)
        host = Host.load({"log_text": False, "plugins": {"allowed": ["acme.plugin"]}}, strict=True)
        assert host.enrich({}, "PAGER/17") == {}
        assert host.text_marks == frozenset()

    def test_its_marks_are_what_a_request_is_searched_for(self, acme: Host) -> None:
        assert acme.text_marks == {"PAGER/", "page="}

    def test_marks_that_are_none_are_a_mistake(self, install: InstallPlugin) -> None:
        install("acme", MODULE.replace('("PAGER/", "page=")', '("",)'), pager__toml=TABLE)
        with pytest.raises(PluginError, match=r"TextReader whose marks are \(''.*\); expected a tuple of texts"):
            Host.load({}, strict=True)
