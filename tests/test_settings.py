# SPDX-License-Identifier: Apache-2.0
"""Settings: from a mapping, a file or the environment, and what is said of those that are wrong."""

from __future__ import annotations

import re
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli_w

from messaging_status import Settings, SettingsError
from messaging_status.settings import (
    CONFIG_VARIABLE,
    Capture,
    Gateway,
    Keys,
    PluginChoice,
    Receipts,
    load_settings,
    read_settings,
)

from .conftest import ROOT

DEFAULT_FILE = ROOT / "config/messaging-status.toml"

EVERY_SETTING: list[tuple[str, Any]] = [
    ("prefix", "acme.delivery_2"),
    ("default_system", "acme"),
    ("log_text", False),
    ("span_error_status", True),
    ("log_severity", True),
    ("exporters", ["my.exporters:MyExporter"]),
    ("overlays", ["/srv/sms.toml"]),
    ("keys.code", ["a.code", "b"]),
    ("keys.channel", ["a.channel"]),
    ("keys.system", ["a.system"]),
    ("keys.reason", ["a.reason"]),
    ("keys.delivery_status", []),
    ("keys.retry_after", ["a.header"]),
    ("plugins.allowed", ["acme.pager"]),
    ("capture.hosts", {"acme": ["api.acme.example"]}),
    ("plugins.blocked", ["acme.office", "webex_connect.sms"]),
    ("receipts.paths", ["/receipts", "/"]),
    ("receipts.secret_file", "/srv/receipts.secret"),
    ("gateway.grpc", "0.0.0.0:14317"),
    ("gateway.http", "[::1]:14318"),
    ("gateway.next_hop", "https://collector.example:4318/otlp"),
    ("gateway.protocol", "grpc"),
    ("gateway.compression", "gzip"),
    ("gateway.pass_headers", ["x-tenant"]),
    ("gateway.timeout", 2.5),
    ("gateway.workers", 2),
    ("gateway.certificate", "/srv/gateway.pem"),
    ("gateway.key", "/srv/gateway.key"),
    ("gateway.client_ca", "/srv/senders.pem"),
    ("gateway.next_hop_ca", "/srv/ca.pem"),
    ("gateway.next_hop_certificate", "/srv/to-collector.pem"),
    ("gateway.next_hop_key", "/srv/to-collector.key"),
    ("gateway.tokens_file", "/srv/tokens"),
    ("gateway.max_body", 1000),
    ("gateway.max_unpacked", 2000),
    ("gateway.max_in_flight", 3),
    ("gateway.max_headers", 4000),
    ("gateway.max_depth", 5),
    ("gateway.read_timeout", 1.5),
]
OTHER_KEYS = (
    "expected one of capture, default_system, exporters, gateway, keys, log_severity, log_text, overlays, plugins, prefix, "
    "receipts, span_error_status"
)
OTHER_IN_KEYS = "expected one of channel, code, delivery_status, reason, retry_after, system"
NO_PREFIX = "is not a prefix for attribute names, such as 'messaging.status', without the final dot"


def document(name: str, value: Any) -> dict[str, Any]:
    return reduce(lambda inner, key: {key: inner}, reversed(name.split(".")), value)


def plain(settings: Settings) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return values


def changed(name: str, value: Any) -> dict[str, Any]:
    """The default settings as plain values, but for one."""
    expected = plain(Settings())
    *tables, key = name.split(".")
    (expected[tables[0]] if tables else expected)[key] = value
    return expected


def problems_of_text(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "my.toml"
    file.write_text(text)
    return problems_of_file(file)


def problems_of_file(file: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(file)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.replace(str(file), file.name) for problem in caught.value.problems]


class TestSources:
    def test_each_setting_has_a_case_here(self) -> None:
        fields = [*Settings.__struct_fields__, *(f"keys.{key}" for key in Keys.__struct_fields__)]
        fields += [f"plugins.{key}" for key in PluginChoice.__struct_fields__]
        fields += [f"capture.{key}" for key in Capture.__struct_fields__]
        fields += [f"receipts.{key}" for key in Receipts.__struct_fields__]
        fields += [f"gateway.{key}" for key in Gateway.__struct_fields__]
        assert {name for name, _ in EVERY_SETTING} == {*fields} - {"keys", "plugins", "capture", "receipts", "gateway"}

    @pytest.mark.parametrize(("name", "value"), EVERY_SETTING)
    def test_a_mapping_sets_one_and_leaves_the_others(self, name: str, value: Any) -> None:
        assert plain(load_settings(document(name, value))) == changed(name, value)

    @pytest.mark.parametrize(("name", "value"), EVERY_SETTING)
    def test_a_file_sets_one_and_leaves_the_others(self, tmp_path: Path, name: str, value: Any) -> None:
        file = tmp_path / "my.toml"
        file.write_text(tomli_w.dumps(document(name, value)))
        assert plain(read_settings(file)) == changed(name, value)
        assert plain(read_settings(str(file))) == changed(name, value)

    def test_settings_are_used_as_they_are(self) -> None:
        mine = Settings(prefix="acme")
        assert load_settings(mine) == mine

    def test_the_environment_names_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "my.toml"
        file.write_text('prefix = "acme"')
        monkeypatch.setenv(CONFIG_VARIABLE, str(file))
        assert load_settings() == Settings(prefix="acme")

    def test_the_variable_is_called_as_documented(self) -> None:
        assert CONFIG_VARIABLE == "MESSAGING_STATUS_CONFIG"

    @pytest.mark.parametrize("value", [None, ""])
    def test_without_the_variable_all_is_at_its_default(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None
    ) -> None:
        if value is not None:
            monkeypatch.setenv(CONFIG_VARIABLE, value)
        assert load_settings() == Settings()

    def test_a_mapping_ignores_the_environment_even_if_it_is_empty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(CONFIG_VARIABLE, "/there/is/no/such/file.toml")
        assert load_settings({}) == Settings()
        assert load_settings(Settings()) == Settings()

    def test_a_missing_file_named_by_the_environment_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "none.toml"))
        with pytest.raises(SettingsError) as caught:
            load_settings()
        problem = f"{tmp_path / 'none.toml'}: cannot be read as TOML: No such file or directory"
        assert caught.value.problems == (problem,)


class TestDefaultFile:
    def test_it_says_the_defaults(self) -> None:
        assert read_settings(DEFAULT_FILE) == Settings()

    @pytest.mark.parametrize("name", [name for name, _ in EVERY_SETTING])
    def test_it_shows_each_setting_in_its_table(self, name: str) -> None:
        # The table of hosts is open: what it shows is a system's.
        table, _, key = name.rpartition(".") if name != "capture.hosts" else (name, "", "webex_connect")
        parts = re.split(r"(?m)^\[([\w.]+)\]\n", DEFAULT_FILE.read_text())
        tables = dict(zip(["", *parts[1::2]], parts[::2], strict=True))
        assert len(re.findall(rf"(?m)^(?:# )?{key} = ", tables[table])) == 1

    @pytest.mark.parametrize(
        "shown",
        [
            *(f"{name} =" for name in Settings.__struct_fields__[:5]),
            "[keys]",
            "[plugins]",
            "allowed =",
            "blocked =",
            "[receipts]",
            "paths =",
            "secret_file =",
        ],
    )
    def test_it_explains_each_setting_in_the_line_above(self, shown: str) -> None:
        found = re.search(rf"(?m)^(.*)\n(?:# )?{re.escape(shown)}", DEFAULT_FILE.read_text())
        assert found is not None
        assert re.fullmatch(r"# \w.*[.:]", found[1])

    def test_what_is_commented_out_can_be_used(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text(re.sub(r"(?m)^# (\w+ = )", r"\1", DEFAULT_FILE.read_text()))
        assert read_settings(file) == Settings(
            default_system="webex_connect",
            plugins=PluginChoice(allowed=("webex_connect.common", "webex_connect.sms")),
            capture=Capture(hosts={"webex_connect": ("sms-proxy.internal", "*.sandbox.example.com")}),
            receipts=Receipts(secret_file=str(tmp_path / "receipts.secret")),
            gateway=Gateway(
                next_hop="http://collector:4318",
                certificate=str(tmp_path / "gateway.pem"),
                key=str(tmp_path / "gateway.key"),
                client_ca=str(tmp_path / "senders-ca.pem"),
                next_hop_ca=str(tmp_path / "collector-ca.pem"),
                next_hop_certificate=str(tmp_path / "gateway.pem"),
                next_hop_key=str(tmp_path / "gateway.key"),
                tokens_file=str(tmp_path / "gateway.tokens"),
            ),
        )


class TestPluginChoice:
    @pytest.mark.parametrize(
        "choice", [{}, {"allowed": ["acme.pager"]}, {"blocked": ["acme.office"]}, {"allowed": None, "blocked": []}]
    )
    def test_a_plugin_is_admitted_where_it_is_allowed_and_not_blocked(self, choice: dict[str, Any]) -> None:
        assert load_settings({"plugins": choice}).plugins.admits("acme.pager") is True

    @pytest.mark.parametrize(
        "choice",
        [
            {"allowed": ["acme.office"]},
            {"allowed": []},
            {"blocked": ["acme.pager"]},
            {"allowed": ["acme.pager"], "blocked": ["acme.pager"]},
        ],
    )
    def test_any_other_plugin_is_not(self, choice: dict[str, Any]) -> None:
        assert load_settings({"plugins": choice}).plugins.admits("acme.pager") is False


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ('prefx = "a"', "my.toml:1: prefx: there is no such setting; did you mean 'prefix'?"),
            ("\n\nlogtext = true", "my.toml:3: logtext: there is no such setting; did you mean 'log_text'?"),
            ("zzz = 1", f"my.toml:1: zzz: there is no such setting; {OTHER_KEYS}"),
            ("[keys]\ncodes = ['a']", "my.toml:2: keys.codes: there is no such setting; did you mean 'code'?"),
            ("[keys]\nprefix = 'a'", f"my.toml:2: keys.prefix: there is no such setting; {OTHER_IN_KEYS}"),
            (
                "[plugins]\n\nblokked = []",
                "my.toml:3: plugins.blokked: there is no such setting; did you mean 'blocked'?",
            ),
            ("prefix = 'messaging.status.'", f"my.toml:1: prefix: 'messaging.status.' {NO_PREFIX}"),
            ("prefix = ''", f"my.toml:1: prefix: '' {NO_PREFIX}"),
            ("default_system = 7", "my.toml:1: default_system: 7 is not the name of a system, as text"),
            ("default_system = ' '", "my.toml:1: default_system: ' ' is not the name of a system, as text"),
            ("log_text = 'yes'", "my.toml:1: log_text: 'yes' is not true or false"),
            ("span_error_status = 1", "my.toml:1: span_error_status: 1 is not true or false"),
            ("log_severity = 'WARN'", "my.toml:1: log_severity: 'WARN' is not true or false"),
            ("keys = 3", "my.toml:1: keys: 3 is not a table; write [keys]"),
            ("receipts = []", "my.toml:1: receipts: [] is not a table; write [receipts]"),
            ("[receipts]\npath = []", "my.toml:2: receipts.path: there is no such setting; did you mean 'paths'?"),
            (
                "[receipts]\npaths = ['receipts']",
                "my.toml:2: receipts.paths: ['receipts'] is not a list of paths, each as '/receipts'",
            ),
            (
                "[receipts]\npaths = '/receipts'",
                "my.toml:2: receipts.paths: '/receipts' is not a list of paths, each as '/receipts'",
            ),
            ("[receipts]\nsecret_file = ''", "my.toml:2: receipts.secret_file: '' is not the path of a file, as text"),
            ("plugins = ['a']", "my.toml:1: plugins: ['a'] is not a table; write [plugins]"),
            ("[keys]\ncode = 'code'", "my.toml:2: keys.code: 'code' is not a list of texts"),
            ("[keys]\nchannel = [1]", "my.toml:2: keys.channel: [1] is not a list of texts"),
            ("[keys]\nsystem = ['']", "my.toml:2: keys.system: [''] is not a list of texts"),
            ("[keys]\nreason = true", "my.toml:2: keys.reason: True is not a list of texts"),
            ("[keys]\ndelivery_status = 1", "my.toml:2: keys.delivery_status: 1 is not a list of texts"),
            ("[plugins]\nallowed = 'a'", "my.toml:2: plugins.allowed: 'a' is not a list of texts"),
            ("[plugins]\nblocked = [[]]", "my.toml:2: plugins.blocked: [[]] is not a list of texts"),
        ],
    )
    def test_a_wrong_key_or_value_is_named_with_its_line(self, tmp_path: Path, text: str, problem: str) -> None:
        assert problems_of_text(tmp_path, text) == [problem]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("[key]\ncode = ['a']", "my.toml:1: key: there is no such setting; did you mean 'keys'?"),
            ("\nkeys.code = 3", "my.toml:2: keys.code: 3 is not a list of texts"),
            ("[[plugins]]\nblocked = []", "my.toml:1: plugins: [{'blocked': []}] is not a table; write [plugins]"),
            ("[prefix]\na = 1", f"my.toml:1: prefix: {{'a': 1}} {NO_PREFIX}"),
        ],
        ids=["unknown table", "dotted key", "list of tables", "table for a text"],
    )
    def test_a_wrong_table_is_named_with_its_line(self, tmp_path: Path, text: str, problem: str) -> None:
        assert problems_of_text(tmp_path, text) == [problem]

    def test_every_mistake_is_told_at_once(self, tmp_path: Path) -> None:
        text = """\
prefx = "a"
log_text = 1

# a comment
[plugins]
block = ["a"]

[keys]
code = 3
channel = ["fine"]
sistem = ["a"]
"""
        assert problems_of_text(tmp_path, text) == [
            "my.toml:1: prefx: there is no such setting; did you mean 'prefix'?",
            "my.toml:2: log_text: 1 is not true or false",
            "my.toml:6: plugins.block: there is no such setting; did you mean 'blocked'?",
            "my.toml:9: keys.code: 3 is not a list of texts",
            "my.toml:11: keys.sistem: there is no such setting; did you mean 'system'?",
        ]

    @pytest.mark.parametrize(
        ("mapping", "problem"),
        [
            ({"prefx": "a"}, "settings: prefx: there is no such setting; did you mean 'prefix'?"),
            ({"keys": {"code": "code"}}, "settings: keys.code: 'code' is not a list of texts"),
            ({"keys": None}, "settings: keys: None is not a table; write [keys]"),
            ({"log_text": None}, "settings: log_text: None is not true or false"),
            ({1: True}, f"settings: 1: there is no such setting; {OTHER_KEYS}"),
        ],
    )
    def test_a_mistake_in_a_mapping_is_told_without_a_line(self, mapping: dict[str, Any], problem: str) -> None:
        with pytest.raises(SettingsError) as caught:
            load_settings(mapping)
        assert caught.value.problems == (problem,)

    @pytest.mark.parametrize(
        "mapping",
        [{"prefix": "a\n"}, {"prefix": "messaging status"}, {"prefix": "1a"}, {"prefix": ".a"}, {"prefix": "a..b"}],
        ids=lambda mapping: repr(mapping["prefix"]),
    )
    def test_a_prefix_that_makes_no_attribute_names_is_refused(self, mapping: dict[str, Any]) -> None:
        with pytest.raises(SettingsError):
            load_settings(mapping)

    @pytest.mark.parametrize(
        ("mapping", "problem"),
        [
            ({"\ud800": 1}, f"settings: '\\ud800': there is no such setting; {OTHER_KEYS}"),
            ({"log_text": 16**5000}, None),
        ],
        ids=["lone surrogate", "integer of 5000 hexadecimal digits"],
    )
    def test_values_that_cannot_be_written_out_are_settings_errors_too(
        self, mapping: dict[str, Any], problem: str | None
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            load_settings(mapping)
        assert len(caught.value.problems) == 1
        assert problem in (None, caught.value.problems[0])


class TestFiles:
    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        problem = "none.toml: cannot be read as TOML: No such file or directory"
        assert problems_of_file(tmp_path / "none.toml") == [problem]

    def test_a_directory_is_an_error(self, tmp_path: Path) -> None:
        assert problems_of_file(tmp_path) == [f"{tmp_path.name}: cannot be read as TOML: Is a directory"]

    def test_a_file_that_is_not_toml_is_an_error_with_its_line(self, tmp_path: Path) -> None:
        problem = "my.toml: cannot be read as TOML: Invalid value (at line 2, column 12)"
        assert problems_of_text(tmp_path, "prefix = 'a'\nlog_text = yes\n") == [problem]

    def test_a_file_that_is_not_utf_8_is_an_error(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_bytes(b"prefix = '\xff'")
        problem = (
            "my.toml: cannot be read as TOML: 'utf-8' codec can't decode byte 0xff in position 10: invalid start byte"
        )
        assert problems_of_file(file) == [problem]

    def test_a_relative_path_starts_at_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text("overlays = ['a.toml', '/b.toml']\n[receipts]\nsecret_file = 'c'\n")
        settings = read_settings(file)
        assert settings.overlays == (str(tmp_path / "a.toml"), "/b.toml")
        assert settings.receipts.secret_file == str(tmp_path / "c")
        assert load_settings({"receipts": {"secret_file": "c"}}).receipts == Receipts(secret_file="c")  # noqa: S106 - a name

    def test_an_empty_file_is_all_defaults(self, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text("")
        assert read_settings(file) == Settings()


@pytest.mark.parametrize("source", ["some/path.toml", 5, ["prefix"]])
def test_what_is_neither_settings_nor_a_mapping_is_an_error(source: Any) -> None:
    with pytest.raises(SettingsError, match="is neither Settings nor a mapping; read a file with read_settings"):
        load_settings(source)


def test_settings_of_wrong_types_are_an_error() -> None:
    with pytest.raises(SettingsError, match="prefix"):
        load_settings(Settings(prefix="a b."))
