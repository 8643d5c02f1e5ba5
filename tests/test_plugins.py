# SPDX-License-Identifier: Apache-2.0
"""Plugins: installed ones, broken ones, and ones that misbehave while records pass."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import pytest

from messaging_status import Host, PluginError, RawStatus, SettingsError

from .conftest import InstallPlugin

TABLE = """
system = "{system}"
channel = "{channel}"
aliases = {aliases}
extends = {extends}
source = "a test"
read = 2026-09-08
[status.1]
description = "One"
outcome = "failed"
category = "unknown"
severity = "WARN"
"""
MODULE = """
from importlib.resources import files
from messaging_status import *
from messaging_status import hookimpl
@hookimpl
def messaging_status_channels():
    return [Channel(catalogue=read_catalogue(files(__package__) / "table.toml"))]
"""
HOOK = """
from messaging_status import *
from messaging_status import hookimpl
import msgspec
@hookimpl
"""
DOCUMENTS = "def messaging_status_documents(): return [DocumentReader(keys=('{key}',), read=read)]\n"
SMS = {"messaging.channel": "sms", "messaging.delivery.code": "7206"}


def table(system: str = "acme", channel: str = "pager", aliases: str = "[]", extends: str = "[]") -> str:
    return TABLE.format(system=system, channel=channel, aliases=aliases, extends=extends)


def problems(settings: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(PluginError) as caught:
        Host.load(settings or {}, strict=True)
    return list(caught.value.problems)


class TestThirdParty:
    """The plugin of tests/installed, installed with pip."""

    def test_it_is_loaded_with_where_it_came_from(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        found = {plugin.name: (plugin.distribution, plugin.version) for plugin in host.plugins}
        assert found["acme.pager"] == found["acme.office"] == ("acme-pager", "2.1.0")
        assert len(found) == 21

    def test_its_channel_decodes_beside_ours(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        found = host.enrich({"messaging.system": "acme", "messaging.channel": "beeper", "messaging.status.code": 17})
        assert found["messaging.status.description"] == "Pager switched off"
        assert found["messaging.status.channel"] == "pager"
        assert host.decode(RawStatus(code="17", channel="pager", reason="LOST")).retryable is False

    def test_without_a_system_the_channel_tells_it_and_a_shared_channel_the_settings(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        assert host.decode(RawStatus(code="17", channel="pager")).system == "acme"
        assert host.decode(RawStatus(code="7206", channel="sms")).system == "webex_connect"
        assert host.decode(RawStatus(code="7206")).channel == "sms"
        assert host.decode(RawStatus(code="17")).channel == "pager"
        assert host.decode(RawStatus(code="4242")).system is None
        chosen = Host.load({"default_system": "webex_connect"}, strict=True)
        assert chosen.decode(RawStatus(code="7206")).channel == "sms"
        assert not chosen.decode(RawStatus(code="17", channel="pager")).is_known

    def test_its_refine_decodes_what_the_table_does_not_say(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        status = host.decode(RawStatus(code="911", system="acme", channel="pager"))
        assert (status.description, status.category.value) == ("Pager network error", "provider_error")
        assert host.decode(RawStatus(code="899", system="acme", channel="pager")).description is None

    def test_a_code_behind_anothers_code_decides_what_to_do(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        behind = RawStatus(code="17", system="acme", channel="pager")
        status = host.decode(RawStatus(code="7010", channel="whatsapp", upstream=behind))
        assert (status.description, status.outcome.value) == ("Service provider exception", "failed")
        assert (status.category.value, status.retryable) == ("recipient_unreachable", True)
        assert (status.upstream_code, status.upstream_system) == ("17", "acme")
        unknown = host.decode(RawStatus(code="7010", channel="whatsapp", upstream=RawStatus(code="99", system="acme")))
        assert (unknown.retryable, unknown.upstream_code) == (None, "99")

    def test_its_refine_hook_has_the_last_word(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        assert host.decode(RawStatus(code="18", channel="pager")).retryable is True
        alone = Host.load({"plugins": {"blocked": ["acme.office"]}}, strict=True)
        assert alone.decode(RawStatus(code="18", channel="pager")).retryable is None

    @pytest.mark.parametrize("as_text", [False, True])
    def test_its_reader_reads_documents(self, acme: ModuleType, as_text: bool) -> None:
        host = Host.load({}, strict=True)
        body: Any = {"pagerReceipt": {"result": "17", "why": "stolen", "id": "m-1", "owner": "ann@example.com"}}
        found = host.enrich({}, str(body).replace("'", '"') if as_text else body)
        assert found["messaging.status.description"] == "Pager reported stolen"
        assert found["messaging.status.reason"] == "stolen"
        assert found["messaging.system"] == "acme"
        assert found["messaging.message.id"] == "m-1"
        assert "example.com" not in str(found)

    def test_the_worst_of_a_document_is_told(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        found = host.enrich({}, {"pagerReceipt": [{"result": "0"}, {"result": "17"}, {"result": "18"}]})
        assert found["messaging.status.code"] == "17"

    def test_its_watcher_sees_each_status_that_is_put_on_a_record_once(self, acme: ModuleType) -> None:
        host = Host.load({}, strict=True)
        found = host.enrich(SMS)
        host.enrich({**SMS, **found})
        host.enrich({"messaging.status.code": ""})
        host.decode(RawStatus(code="7206", channel="sms"))
        assert acme.seen == {("sms", "undelivered"): 1}


class TestBroken:
    """What is wrong is said with plugin, distribution, version, file and key; the others work."""

    def test_one_that_cannot_be_imported(self, install: InstallPlugin, caplog: pytest.LogCaptureFixture) -> None:
        install("broken", "import no_such_module")
        expected = (
            "plugin 'broken.plugin' (broken 1.0): cannot be imported from 'broken': "
            "ModuleNotFoundError: No module named 'no_such_module'"
        )
        assert problems() == [expected]
        host = Host.load({})
        assert host.enrich(SMS)["messaging.status.retryable"] is True
        assert [record.getMessage() for record in caplog.records] == [f"left out: {expected}"]
        assert [failure.plugin for failure in host.failures] == ["broken.plugin"]

    def test_one_with_a_broken_catalogue(self, install: InstallPlugin) -> None:
        install("broken", MODULE, table__toml=table().replace('"unknown"', '"unreachable"'))
        assert problems() == [
            "plugin 'broken.plugin' (broken 1.0): table.toml:11: status.1.category: 'unreachable' is not a category; "
            "did you mean 'recipient_unreachable'?"
        ]

    def test_one_with_many_problems_is_logged_once(
        self, install: InstallPlugin, caplog: pytest.LogCaptureFixture
    ) -> None:
        install("broken", MODULE, table__toml=table().replace('"unknown"', '"x"').replace('"WARN"', '"x"'))
        assert len(problems()) == 2
        Host.load({})
        assert [record.getMessage().count("\n") for record in caplog.records] == [1]

    def test_a_channel_claimed_twice_is_neithers(
        self, install: InstallPlugin, caplog: pytest.LogCaptureFixture
    ) -> None:
        install("first", MODULE, version="1.2", table__toml=table())
        install("second", MODULE, version="3.4", table__toml=table(channel="beeper", aliases='["Pager"]'))
        assert problems() == [
            "plugin 'second.plugin' (second 3.4): table.toml: 'Pager' of acme is claimed by "
            "plugin 'first.plugin' (first 1.2) in table.toml, too; neither is used: block one of them in the settings"
        ]
        host = Host.load({})
        assert not host.decode(RawStatus(code="1", system="acme", channel="pager")).is_known
        assert host.decode(RawStatus(code="7206", channel="sms")).is_known
        assert len(caplog.records) == 1
        chosen = Host.load({"plugins": {"blocked": ["second.plugin"]}}, strict=True)
        assert chosen.decode(RawStatus(code="1", system="acme", channel="pager")).description == "One"

    def test_the_same_channel_of_another_system_is_no_claim(self, install: InstallPlugin) -> None:
        install("other", MODULE, table__toml=table(system="other", channel="sms"))
        host = Host.load({}, strict=True)
        assert host.decode(RawStatus(code="1", system="other", channel="sms")).description == "One"
        assert host.decode(RawStatus(code="7206", system="webex_connect", channel="sms")).retryable is True

    def test_a_code_that_two_systems_have_on_a_channel_is_not_guessed(self, install: InstallPlugin) -> None:
        rows = table(system="other", channel="sms")
        install(
            "other",
            MODULE,
            table__toml=rows.replace("[status.1]", "[status.7206]") + rows.partition("read = 2026-09-08")[2],
        )
        host = Host.load({}, strict=True)
        assert not host.decode(RawStatus(code="7206", channel="sms")).is_known
        assert host.decode(RawStatus(code="1", channel="sms")).system == "other"
        assert host.decode(RawStatus(code="7207", channel="sms")).system == "webex_connect"

    def test_a_channel_that_extends_one_that_is_not_there(self, install: InstallPlugin) -> None:
        install("broken", MODULE, table__toml=table(system="webex_connect", channel="fax", extends='["comon"]'))
        assert problems() == [
            "plugin 'broken.plugin' (broken 1.0): table.toml: extends: 'comon' is not a channel of webex_connect; "
            "did you mean 'common'?"
        ]
        assert not Host.load({}).decode(RawStatus(code="1", channel="fax")).is_known

    def test_channels_that_extend_each_other(self, install: InstallPlugin) -> None:
        install("one", MODULE, table__toml=table(channel="one", extends='["two"]'))
        install("two", MODULE, table__toml=table(channel="two", extends='["one"]'))
        assert [line.partition("extends: ")[2] for line in problems()] == [
            "'one' extends itself, by way of two",
            "'two' extends itself, by way of one",
        ]

    def test_one_name_for_two_plugins(self, install: InstallPlugin) -> None:
        install("one", MODULE, entry_points={"acme.pager": "one"}, table__toml=table())
        install("two", MODULE, entry_points={"acme.pager": "two"}, table__toml=table(channel="fax"))
        assert problems() == [
            "plugin 'acme.pager' (two 1.0): its name is taken by plugin 'acme.pager' (one 1.0); "
            "uninstall one of the two"
        ]

    @pytest.mark.parametrize(
        ("source", "problem"),
        [
            (
                HOOK + "def messaging_status_channel(): return []",
                "'messaging_status_channel' is not a hook; did you mean 'messaging_status_channels'?",
            ),
            (
                HOOK + "def messaging_status_channels(): return [Channel(catalogue=None)]",
                "TypeError: messaging_status_channels answered a Channel whose catalogue is None; expected",
            ),
            (
                HOOK + "def messaging_status_documents(): return [DocumentReader(keys='receipt', read=print)]",
                "answered a DocumentReader whose keys are 'receipt'; expected a tuple of texts",
            ),
            (
                HOOK + "def messaging_status_documents(): return [DocumentReader(keys=('receipt',), read=5)]",
                "answered a DocumentReader whose read is not a function",
            ),
            ("import sys; sys.exit('no licence')", "cannot be imported from 'broken': SystemExit: no licence"),
            (HOOK + "def messaging_status_channels(): raise SystemExit('no table')", "SystemExit: no table"),
            ("x = 1", "answers no hook; mark a function named messaging_status_channels or"),
            (
                HOOK + "def messaging_status_channels(): return 5",
                "TypeError: messaging_status_channels answered 5; expected a list of Channel",
            ),
            (
                HOOK + "def messaging_status_documents(): return ['x']",
                "TypeError: messaging_status_documents answered a list with ['x']; expected a list of DocumentReader",
            ),
            (HOOK + "def messaging_status_channels(): raise OSError('no table')", "OSError: no table"),
            (
                HOOK + "def messaging_status_refine(raw, stauts): pass",
                "Argument(s) {'stauts'} are declared in the hookimpl",
            ),
            (
                HOOK.replace("@hookimpl", "@hookimpl(wrapper=True)")
                + "def messaging_status_refine(raw, status):\n    return (yield)",
                "messaging_status_refine cannot be wrapped; answer it with a plain function",
            ),
        ],
    )
    def test_one_that_answers_wrongly(self, install: InstallPlugin, source: str, problem: str) -> None:
        install("broken", source)
        assert len(problems()) == 1
        assert problem in problems()[0]
        assert Host.load({}).enrich(SMS)["messaging.status.retryable"] is True

    def test_all_problems_are_told_at_once(self, install: InstallPlugin) -> None:
        install("one", "1/0")
        install("two", "x = 1")
        assert [line.split(":")[0] for line in problems()] == [
            "plugin 'one.plugin' (one 1.0)",
            "plugin 'two.plugin' (two 1.0)",
        ]


class TestChoice:
    def test_only_allowed_plugins_are_loaded_and_what_they_extend_may_be_missing(self) -> None:
        host = Host.load({"plugins": {"allowed": ["webex_connect.sms"]}}, strict=True)
        assert [plugin.name for plugin in host.plugins] == ["webex_connect.sms"]
        assert host.decode(RawStatus(code="7206", channel="sms")).retryable is True
        assert not host.decode(RawStatus(code="7001", channel="sms")).is_known

    def test_blocked_plugins_are_not_loaded(self) -> None:
        host = Host.load({"plugins": {"blocked": ["webex_connect.sms"]}}, strict=True)
        assert not host.decode(RawStatus(code="7206", channel="sms")).is_known
        assert host.decode(RawStatus(code="7513", channel="push")).is_known

    def test_a_name_that_is_not_installed_is_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        blocked = {"plugins": {"blocked": ["webex_connect.smss"]}}
        expected = (
            "plugin 'webex_connect.smss' (not installed): the settings name it, but it is not installed; "
            "did you mean 'webex_connect.sms'?"
        )
        assert problems(blocked) == [expected]
        assert Host.load(blocked).enrich(SMS)
        assert [record.getMessage() for record in caplog.records] == [f"left out: {expected}"]

    def test_a_default_system_that_is_not_installed_is_an_error(self) -> None:
        assert problems({"default_system": "webex"}) == [
            "settings: default_system: 'webex' is not installed; did you mean 'webex_connect'?"
        ]

    def test_with_nothing_installed_codes_stay_unknown(self) -> None:
        host = Host.load({"plugins": {"allowed": []}}, strict=True)
        assert host.plugins == ()
        assert host.enrich(SMS) == {
            "messaging.status.code": "7206",
            "messaging.status.category": "unknown",
            "messaging.status.outcome": "unknown",
        }

    def test_wrong_settings_stop_a_sender_at_start_up(self) -> None:
        with pytest.raises(SettingsError, match=r"settings: prefx: there is no such setting; did you mean 'prefix'"):
            Host.load({"prefx": "x"})


class TestMisbehaving:
    """On the path of a record: counted, logged once with the plugin's name, off after five failures in a row."""

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("raise RuntimeError('+447700900001')", "RuntimeError at __init__.py"),
            ("return 'fine'", "TypeError"),
            ("raise SystemExit", "SystemExit at __init__.py"),
            ("return msgspec.structs.replace(status, retryable='yes')", "TypeError"),
            ("return msgspec.structs.replace(status, category=5)", "TypeError"),
            ("msgspec.structs.force_setattr(status, 'retryable', False)", "TypeError"),
            ("msgspec.structs.force_setattr(raw, 'code', '1')", "TypeError"),
            ("status.retryable = False", "AttributeError at __init__.py"),
            ("return messaging_status_refine(raw, status)", "RecursionError"),
        ],
    )
    def test_a_refine_hook(
        self, install: InstallPlugin, caplog: pytest.LogCaptureFixture, body: str, said: str
    ) -> None:
        install("bad", HOOK + f"def messaging_status_refine(raw, status):\n    {body}")
        expected = Host.load({"plugins": {"blocked": ["bad.plugin"]}}, strict=True).enrich(SMS)
        host = Host.load({}, strict=True)
        assert [host.enrich(SMS) for _ in range(7)] == [expected] * 7
        assert host.plugin_failures == {"bad.plugin": 5}
        first, last = (record.getMessage() for record in caplog.records)
        assert first.startswith(f"plugin 'bad.plugin': messaging_status_refine failed: {said}")
        assert last == "plugin 'bad.plugin': messaging_status_refine is switched off after 5 failures in a row"
        assert "447700900001" not in caplog.text

    def test_failures_that_are_not_in_a_row_switch_nothing_off(self, install: InstallPlugin) -> None:
        source = "def messaging_status_refine(raw, status):\n    if raw.code == '7206': raise ValueError"
        install("bad", HOOK + source)
        host = Host.load({}, strict=True)
        for _ in range(7):
            host.decode(RawStatus(code="7206", channel="sms"))
            host.decode(RawStatus(code="7207", channel="sms"))
        assert host.plugin_failures == {"bad.plugin": 7}

    def test_a_channels_refine(self, install: InstallPlugin) -> None:
        source = MODULE.replace('table.toml"))', 'table.toml"), refine=lambda raw, status: None)')
        install("bad", source, table__toml=table())
        host = Host.load({}, strict=True)
        assert host.decode(RawStatus(code="1", system="acme", channel="pager")).description == "One"
        assert host.plugin_failures == {"bad.plugin": 1}

    @pytest.mark.parametrize("body", ["raise RuntimeError", "return status"])
    def test_a_watcher(self, install: InstallPlugin, body: str) -> None:
        install("bad", HOOK + f"def messaging_status_decoded(raw, status):\n    {body}")
        host = Host.load({}, strict=True)
        assert all(host.enrich(SMS)["messaging.status.retryable"] is True for _ in range(7))
        assert host.plugin_failures == {"bad.plugin": 5}

    @pytest.mark.parametrize(
        "body",
        [
            "raise RuntimeError",
            "return 5",
            "return ['7206']",
            "document.content['receipt']['code'] = '1'; return []",
            "document.content.clear(); return [RawStatus(code='1')]",
        ],
    )
    def test_a_document_reader(self, install: InstallPlugin, body: str) -> None:
        install("bad", HOOK + DOCUMENTS.format(key="receipt") + f"def read(document):\n    {body}")
        host = Host.load({}, strict=True)
        record = {"receipt": {"code": "9"}, "channel": "sms", "code": "7206"}
        before = copy.deepcopy(record)
        assert all(host.enrich({}, record)["messaging.status.code"] == "7206" for _ in range(7))
        assert record == before
        assert host.plugin_failures == {"bad.plugin": 5}

    @pytest.mark.parametrize("code", ["None", "''", "True", "['7206']", "'two words'"])
    def test_a_document_whose_code_is_no_code_carries_no_status(self, install: InstallPlugin, code: str) -> None:
        read = f"def read(document): return [RawStatus(code={code}, channel='sms', system=5, message_id=b'x')]"
        install("odd", HOOK + DOCUMENTS.format(key="receipt") + read)
        assert Host.load({}, strict=True).enrich({}, {"receipt": 1}) == {}

    def test_a_status_among_others_is_refined_once(self, install: InstallPlugin) -> None:
        install("bad", HOOK + "def messaging_status_refine(raw, status): raise ValueError")
        host = Host.load({}, strict=True)
        host.enrich({"messaging.channel": "sms"}, events=[{"messaging.delivery.code": "7206"}] * 2)
        assert host.plugin_failures == {"bad.plugin": 2}

    def test_the_next_reader_of_a_key_is_asked_where_the_first_finds_nothing(self, install: InstallPlugin) -> None:
        install("first", HOOK + DOCUMENTS.format(key="receipt") + "def read(document): return []")
        good = "def read(document): return [RawStatus(code=document.content['receipt'])]"
        install("second", HOOK + DOCUMENTS.format(key="receipt") + good)
        host = Host.load({}, strict=True)
        assert host.enrich({"messaging.channel": "sms"}, {"receipt": "7206"})["messaging.status.retryable"] is True

    @pytest.mark.parametrize("depth", [33, 5000])
    def test_a_document_nested_too_deep_reaches_no_reader(self, install: InstallPlugin, depth: int) -> None:
        install("good", HOOK + DOCUMENTS.format(key="receipt") + "def read(document): return [RawStatus(code='7206')]")
        host = Host.load({}, strict=True)
        inner: list[Any] = []
        for _ in range(depth):
            inner = [inner]
        assert host.enrich({"messaging.channel": "sms"}, {"receipt": inner}) == {}
        assert host.enrich({"messaging.channel": "sms"}, {"receipt": list(range(30_000))}) == {}
        assert host.enrich({"messaging.channel": "sms"}, {"receipt": [1]})["messaging.status.code"] == "7206"
