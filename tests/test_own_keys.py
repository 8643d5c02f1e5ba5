# SPDX-License-Identifier: Apache-2.0
"""A system's own keys: ``acme.status.code`` and ``acme.channel`` name the system, whoever wrote its plugin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging_status import Host

from .conftest import SIM_FULL, InstallPlugin
from .test_plugins import MODULE, table

OURS = {"webex_connect.status.code": "7206", "webex_connect.channel": "sms"}


@pytest.fixture
def both(install: InstallPlugin) -> Host:
    install("acme", MODULE, table__toml=table())
    return Host.load({"plugins": {"allowed": ["acme.plugin", "webex_connect.sms", "webex_connect.voice_logbook"]}})


def system_of(host: Host, attributes: dict[str, Any], body: object = None) -> tuple[object, object, object]:
    said = host.enrich(attributes, body)
    return (
        said.get("messaging.system", attributes.get("messaging.system")),
        said.get("messaging.status.channel"),
        said.get("messaging.status.code"),
    )


class TestWhereTheyAreFound:
    @pytest.mark.parametrize(
        ("attributes", "body"),
        [
            (OURS, None),
            ({}, OURS),
            ({}, json.dumps(OURS)),
            ({}, {"webex_connect": {"status": {"code": "7206"}, "channel": "sms"}}),
            ({"webex_connect.channel": "sms"}, {"webex_connect": {"status.code": "7206"}}),
            ({}, "sent webex_connect.status.code=7206 webex_connect.channel=sms"),
            ({"webex_connect.channel": "sms"}, "failed code=7206."),
            ({"webex_connect.channel": "SMS", "code": 7206}, None),
        ],
    )
    def test_in_attributes_and_bodies(self, host: Host, attributes: dict[str, Any], body: object) -> None:
        assert host.enrich(attributes, body) == {**SIM_FULL, "messaging.system": "webex_connect"}

    def test_in_a_spans_event(self, host: Host) -> None:
        assert host.enrich({}, events=[OURS]) == {**SIM_FULL, "messaging.system": "webex_connect"}


class TestWhatTheyName:
    def test_each_system_has_its_own(self, both: Host) -> None:
        assert system_of(both, OURS) == ("webex_connect", "sms", "7206")
        assert system_of(both, {"acme.status.code": "1", "acme.channel": "pager"}) == ("acme", "pager", "1")

    def test_a_code_alone_names_the_system(self, both: Host) -> None:
        assert system_of(both, {"acme.status.code": "1"}) == ("acme", "pager", "1")

    def test_beside_another_systems_name_they_say_nothing(self, both: Host) -> None:
        assert system_of(both, {"messaging.system": "kafka", **OURS}) == ("kafka", None, None)
        assert both.enrich({"messaging.system": "acme", **OURS}) == {}

    def test_of_two_systems_keys_those_of_the_named_one_count(self, both: Host) -> None:
        mixed = {**OURS, "acme.status.code": "1", "acme.channel": "pager"}
        assert system_of(both, mixed) == ("webex_connect", "sms", "7206")
        assert system_of(both, {**mixed, "messaging.system": "Acme"}) == ("Acme", "pager", "1")

    def test_those_of_a_system_that_is_not_installed_say_nothing(self, host: Host) -> None:
        assert host.enrich({"acme.status.code": "1", "acme.channel": "sms"}) == {}
        assert host.enrich({}, "acme.status.code=7206 acme.channel=sms") == {}

    def test_what_everybodys_keys_say_comes_first(self, host: Host) -> None:
        said = host.enrich({**OURS, "messaging.delivery.code": "7208", "messaging.channel": "sms"})
        assert said["messaging.status.code"] == "7208"

    def test_they_are_among_the_keys_that_a_host_looks_at(self, both: Host) -> None:
        assert {"acme.status.code", "webex_connect.status.code"} <= both.code_keys
        assert {"acme.channel", "webex_connect.channel"} <= both.attribute_keys


@given(
    st.sampled_from(["7206", " 7206 ", 7206, 7206.0, "99999", "", None, ["7206"], True]),
    st.sampled_from(["sms", "In-App", "pigeon", "", None, 7]),
)
def test_a_record_in_own_keys_says_what_it_says_in_everybodys(host: Host, code: object, channel: object) -> None:
    own = {"webex_connect.status.code": code, "webex_connect.channel": channel}
    everybodys = {"messaging.delivery.code": code, "messaging.channel": channel}
    system = {"messaging.system": "webex_connect"}
    assert host.enrich({**own, **system}) == host.enrich({**everybodys, **system})
    said = host.enrich(own)
    assert {**said, **system} == {**host.enrich(everybodys), **system}
