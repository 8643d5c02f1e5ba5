# SPDX-License-Identifier: Apache-2.0
"""Many plugins beside each other: no system's statuses, names or functions reach another one's records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import Host, PluginError, RawStatus

from .conftest import InstallPlugin

SYSTEMS = ("acme", "bell", "cord", "dove")
CODES = ("1", "2", "3", "4", "0x2", "SIX")
MODULE = """
from importlib.resources import files
import msgspec
from messaging_status import Channel, DocumentReader, RawStatus, TextReader, hookimpl, read_catalogue

SYSTEM = "{system}"
seen = []

def refine(raw, status):
    seen.append((raw.system, status.system))
    return msgspec.structs.replace(status, advice=SYSTEM)

def read(document):
    receipt = document.content.get("receipt")
    if not isinstance(receipt, dict) or (receipt.get("by") or document.system) != SYSTEM:
        return []
    return [RawStatus(code=receipt.get("code"), system=SYSTEM, channel="pager", message_id="m-1")]

def read_line(line):
    code = line.text.partition(f"{{SYSTEM}}-result:")[2][:1]
    return [RawStatus(code=code, system=SYSTEM, channel="pager")] if code else []

@hookimpl
def messaging_status_channels():
    return [
        Channel(catalogue=read_catalogue(files(__package__) / "pager.toml"), refine=refine),
        Channel(catalogue=read_catalogue(files(__package__) / "common.toml")),
    ]

@hookimpl
def messaging_status_documents():
    return [DocumentReader(keys=("receipt",), read=read), TextReader(marks=("result:",), read=read_line)]
"""
HEAD = 'system = "{system}"\nchannel = "{channel}"\naliases = {aliases}\nsource = "x"\nread = 2026-11-25\n'
ROW = """
[status.{code}]
description = "{code} of {system}"
outcome = "{outcome}"
category = "{category}"
severity = "{severity}"
retryable = {retryable}
"""
GOOD = {"outcome": "delivered", "category": "success", "severity": "INFO", "retryable": "false"}
BAD = {"outcome": "failed", "category": "provider_error", "severity": "ERROR", "retryable": "true"}


def rows(system: str, number: int) -> str:
    """A table in which a code means to one system the opposite of what it means to the next one."""
    codes = [code for index, code in enumerate("123456") if (index + number) % 4]
    return "".join(
        ROW.format(code=code, system=system, **(GOOD if (int(code) + number) % 2 else BAD)) for code in codes
    )


def put(install: InstallPlugin, system: str, number: int) -> None:
    pager = HEAD.format(system=system, channel="pager", aliases='["beeper"]') + rows(system, number)
    pager = pager.replace("[status.2]\n", '[status.2]\naliases = ["0x2"]\n')
    common = HEAD.format(system=system, channel="common", aliases="[]") + rows(system, number + 1)
    files = {"pager__toml": pager, "common__toml": common}
    install(
        f"{system}-plugin", MODULE.format(system=system), entry_points={f"{system}.all": f"{system}_plugin"}, **files
    )


def alone(system: str) -> Host:
    return Host.load({"plugins": {"allowed": [f"{system}.all"]}}, strict=True)


def together() -> Host:
    return Host.load({"plugins": {"allowed": [f"{system}.all" for system in SYSTEMS]}}, strict=True)


@pytest.fixture(params=[SYSTEMS, SYSTEMS[::-1]], ids=["in order", "the other way round"])
def every(request: pytest.FixtureRequest, install: InstallPlugin) -> Host:
    for system in request.param:
        put(install, system, SYSTEMS.index(system))
    return together()


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_record_that_names_its_system_gets_what_that_one_says_alone(every: Host, system: str) -> None:
    host = alone(system)
    for code in CODES:
        for channel in ("pager", "Beeper", "common", "pigeon", None):
            status = every.decode(RawStatus(code=code, system=system.upper(), channel=channel))
            assert status == host.decode(RawStatus(code=code, system=system, channel=channel))
            assert status.system == system


def test_what_several_systems_have_and_none_is_named_is_not_guessed(every: Host) -> None:
    assert every.decode(RawStatus(code="1", channel="pager")).is_known is False
    assert every.decode(RawStatus(code="1")).system is None
    assert "messaging.status.description" not in every.enrich(
        {"messaging.channel": "pager", "messaging.status.code": "1"}
    )


def test_a_reader_of_the_same_key_reads_its_own_documents_only(every: Host) -> None:
    for system in SYSTEMS:
        for attributes, body in (({}, {"by": system}), ({"messaging.system": system}, {})):
            said = every.enrich(attributes, {"receipt": {"code": "3", **body}})
            assert said == alone(system).enrich(attributes, {"receipt": {"code": "3", **body}})
            assert said["messaging.status.code"] == "3"
    assert every.enrich({}, {"receipt": {"code": "3", "by": "somebody"}}) == {}


def test_a_reader_of_the_same_mark_reads_its_own_lines_only(every: Host) -> None:
    for system in SYSTEMS:
        line = f"12:00 {system}-result:3"
        assert every.enrich({}, line) == alone(system).enrich({}, line) != {}
    assert every.enrich({}, "12:00 result:3") == {}


def test_a_channels_function_sees_its_own_statuses_only(every: Host, install: InstallPlugin) -> None:
    for system in SYSTEMS:
        every.decode(RawStatus(code="3", system=system, channel="pager"))
        every.decode(RawStatus(code="3", system=system, channel="common"))
    for system in SYSTEMS:
        assert set(import_module(f"{system}_plugin").seen) == {(system, system)}


def test_a_hook_for_all_statuses_sees_all(every: Host, install: InstallPlugin) -> None:
    source = "from messaging_status import hookimpl\nseen = []\n@hookimpl\n"
    install("watch-all", source + "def messaging_status_refine(status): seen.append(status.system)\n")
    host = Host.load({"plugins": {"allowed": [*(f"{system}.all" for system in SYSTEMS), "watch-all.plugin"]}})
    for system in SYSTEMS:
        host.decode(RawStatus(code="3", system=system, channel="pager"))
    assert import_module("watch_all").seen == list(SYSTEMS)


def test_a_second_claim_of_a_channel_is_an_error_that_names_both(every: Host, install: InstallPlugin) -> None:
    table = HEAD.format(system="acme", channel="buzzer", aliases='["PAGER"]') + rows("acme", 0)
    install("acme-other", MODULE.format(system="acme"), version="3.1", pager__toml=table, common__toml=table)
    with pytest.raises(PluginError) as caught:
        Host.load({"plugins": {"allowed": ["acme.all", "acme-other.plugin"]}}, strict=True)
    said = "\n".join(caught.value.problems)
    assert "acme-plugin 1.0" in said
    assert "acme-other 3.1" in said


values = st.sampled_from([*CODES, *map(int, "123"), "99", "pager", "beeper", "3"])
keys = st.sampled_from(
    [
        *("messaging.status.code", "messaging.delivery.code", "code", "status_code", "messaging.channel", "channel"),
        *("messaging.status.channel", "reason", "deliveryStatus", "other"),
    ]
)
bodies = st.one_of(
    st.none(),
    st.builds(lambda code: {"receipt": {"code": code}}, values),
    st.dictionaries(keys, values, max_size=3),
    st.sampled_from(["code=3 channel=pager", "acme-result:3", "bell-result:1", "result:1"]),
)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Host]]:
    """A host for each system alone, and one with all of them under an empty name."""
    with pytest.MonkeyPatch.context() as patched:
        site = tmp_path_factory.mktemp("site")
        patched.syspath_prepend(str(site))
        for number, system in enumerate(SYSTEMS):
            put(lambda name, source, **more: _write(site, name, source, **more), system, number)
        yield {**{system: alone(system) for system in SYSTEMS}, "": together()}


def _write(site: Path, name: str, source: str, *, entry_points: Mapping[str, str], **files: str) -> None:
    package, info = site / name.replace("-", "_"), site / f"{name.replace('-', '_')}-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text(source)
    for file, text in files.items():
        (package / file.replace("__", ".")).write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[messaging_status]\n{lines}")


@given(system=st.sampled_from(SYSTEMS), attributes=st.dictionaries(keys, values, max_size=4), body=bodies)
@settings(max_examples=300, deadline=None)
def test_whatever_a_record_of_a_system_holds_the_others_change_nothing(
    hosts: Mapping[str, Host], system: str, attributes: dict[str, Any], body: object
) -> None:
    named = {**attributes, "messaging.system": system}
    if body not in ("acme-result:3", "bell-result:1"):
        assert hosts[""].enrich(named, body) == hosts[system].enrich(named, body)
    own = {f"{system}.status.code": "3", f"{system}.channel": "pager", "other": "x"}
    assert hosts[""].enrich(own) == hosts[system].enrich(own)
