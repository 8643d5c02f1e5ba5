# SPDX-License-Identifier: Apache-2.0
"""What ``host.enrich`` finds in a record, and what it answers."""

from __future__ import annotations

import json
import threading
from types import MappingProxyType
from typing import Any

import pytest

from messaging_status import Host, RawStatus

from .conftest import SIM_FULL


def without(*names: str) -> dict[str, Any]:
    return {key: value for key, value in SIM_FULL.items() if key not in names}


class TestAttributes:
    def test_a_status_is_put_into_words(self, host: Host) -> None:
        assert host.enrich({"messaging.channel": "sms", "messaging.delivery.code": "7206"}) == SIM_FULL

    def test_what_is_there_is_not_answered(self, host: Host) -> None:
        mine = {"messaging.status.code": "7206", "messaging.status.channel": "SMS", "error.type": "mine"}
        expected = without("messaging.status.code", "messaging.status.channel", "error.type")
        assert host.enrich(mine) == expected

    def test_a_record_that_has_its_meaning_is_left_alone(self, host: Host) -> None:
        record = {"messaging.channel": "sms", "messaging.delivery.code": "7206"}
        assert host.enrich({**record, **host.enrich(record)}) == {}

    @pytest.mark.parametrize("code", [7206, " 7206 ", 7206.0, "7206"])
    def test_a_code_is_text_an_integer_or_a_whole_float(self, host: Host, code: object) -> None:
        assert host.enrich({"messaging.channel": "sms", "messaging.delivery.code": code}) == SIM_FULL

    @pytest.mark.parametrize(
        "code", [True, False, "", "  ", "7" * 65, 7206.5, float("nan"), float("inf"), 10**70, None, b"7206", ["7206"]]
    )
    def test_anything_else_is_no_code(self, host: Host, code: object) -> None:
        assert host.enrich({"messaging.channel": "sms", "messaging.delivery.code": code}) == {}

    @pytest.mark.parametrize(
        ("written", "channel"),
        [
            ("SMS", "sms"),
            ("text", "sms"),
            ("In-App", "in_app"),
            ("in app", "in_app"),
            ("in_app", "in_app"),
            ("rt", "in_app"),
            ("RT", "in_app"),
            ("live chat", "in_app"),
            ("Live-Chat", "in_app"),
            ("fb", "messenger"),
            ("Facebook", "messenger"),
            ("wa", "whatsapp"),
            ("Whats App", "whatsapp"),
            ("gbm", "google_business_messages"),
            ("AppleMessagesforBusiness", "apple_messages"),
            ("amb", "apple_messages"),
            ("abc", "apple_messages"),
            ("ig", "instagram"),
            ("Voice - Logbook", "voice_logbook"),
            ("contact policy", "contact_policy"),
            ("E-Mail", "email"),
        ],
    )
    def test_a_channel_is_found_however_it_is_written(self, host: Host, written: str, channel: str) -> None:
        found = host.enrich({"messaging.channel": written, "messaging.delivery.code": "7000"})
        assert found["messaging.status.channel"] == channel

    def test_an_unknown_code_is_unknown(self, host: Host) -> None:
        assert host.enrich({"messaging.channel": "sms", "messaging.delivery.code": "4242"}) == {
            "messaging.status.code": "4242",
            "messaging.status.category": "unknown",
            "messaging.status.outcome": "unknown",
            "messaging.status.channel": "sms",
        }

    def test_common_codes_hold_on_a_channel_that_does_not_list_them(self, host: Host) -> None:
        found = host.enrich({"messaging.channel": "sms", "messaging.delivery.code": "7001"})
        assert found["messaging.status.category"] == "authentication"
        assert found["messaging.status.channel"] == "sms"

    def test_voice_falls_back_to_its_logbook(self, host: Host) -> None:
        found = host.enrich({"messaging.channel": "voice", "messaging.delivery.code": "2003"})
        assert found["messaging.status.description"] == "Line busy"
        assert found["messaging.status.channel"] == "voice"

    def test_contact_policy_codes_arrive_on_any_channel(self, host: Host) -> None:
        found = host.enrich({"messaging.channel": "whatsapp", "messaging.delivery.code": "9002"})
        assert found["messaging.status.category"] == "blocked"

    @pytest.mark.parametrize(
        ("code", "channel"), [("7001", None), ("7206", "sms"), ("9002", "contact_policy"), ("7501", None)]
    )
    def test_without_a_channel_only_what_is_certain_is_decoded(
        self, host: Host, code: str, channel: str | None
    ) -> None:
        found = host.enrich({"messaging.delivery.code": code})
        assert found.get("messaging.status.channel") == channel
        assert ("messaging.status.description" in found) == (code != "7501")

    def test_on_a_channel_that_nobody_has_only_common_codes_are_decoded(self, host: Host) -> None:
        pigeon = {"messaging.channel": "carrier pigeon"}
        common = host.enrich({**pigeon, "messaging.delivery.code": "7001"})
        assert common["messaging.status.description"] == "Authentication failed"
        assert "messaging.status.channel" not in common
        assert "messaging.status.description" not in host.enrich({**pigeon, "messaging.delivery.code": "7206"})

    def test_another_systems_record_is_left_alone(self, host: Host) -> None:
        record = {"messaging.channel": "sms", "messaging.delivery.code": "7206"}
        assert host.enrich({**record, "messaging.system": "kafka"}) == {}
        assert host.enrich({**record, "messaging.system": "kafka"}, '{"channel": "sms", "code": "7206"}') == {}
        assert host.enrich(record, resource={"messaging.system": "kafka"}) == {}
        ours = {"messaging.system": "webex_connect", "channel": "sms", "code": "7206"}
        assert host.enrich({"messaging.system": "kafka"}, ours) == {}
        assert host.enrich({"messaging.system": "kafka"}, events=[ours]) == {}
        assert host.enrich({**record, "messaging.system": "Webex Connect"}) == SIM_FULL
        assert host.enrich({**record, "system": "billing"}) == SIM_FULL

    def test_a_key_without_a_dot_needs_company(self, host: Host) -> None:
        assert host.enrich({"code": 404}) == {}
        assert host.enrich({"code": "7206", "channel": "general"}) == {}
        assert host.enrich({"code": "7206", "channel": "sms"}) == SIM_FULL
        assert host.enrich({"code": "7206", "messaging.system": "webex_connect"}) == SIM_FULL
        assert host.enrich({"code": "7206"}, resource={"messaging.channel": "sms"}) == SIM_FULL

    def test_a_value_that_is_no_code_gives_way_to_the_next_key(self, host: Host) -> None:
        attributes = {"messaging.status.code": "", "code": "7206", "channel": "sms"}
        assert host.enrich(attributes) == without("messaging.status.code")

    def test_the_reason_chooses_a_variant(self, host: Host) -> None:
        bounce = {"messaging.channel": "email", "messaging.delivery.code": "7520"}
        full = host.enrich({**bounce, "reason": "transient mailbox-full"})
        named = {**bounce, "messaging.system": "webex_connect", "reason": "Transient_MailboxFull"}
        assert host.enrich(named) == full
        assert full["messaging.status.reason"] == "Transient_MailboxFull"
        assert full["messaging.status.retryable"] is True
        assert "messaging.status.retryable" not in host.enrich(bounce)

    def test_a_reason_that_no_variant_knows_stays_off_the_record(self, host: Host) -> None:
        bounce = {"messaging.channel": "email", "messaging.delivery.code": "7520", "reason": "ann@example.com refused"}
        assert "example.com" not in str(host.enrich(bounce))


class TestEvents:
    def test_a_status_in_an_event_counts_where_the_span_has_none(self, host: Host) -> None:
        assert host.enrich({"messaging.channel": "sms"}, events=[{}, {"messaging.delivery.code": "7206"}]) == SIM_FULL

    def test_the_spans_own_status_comes_first(self, host: Host) -> None:
        own = {"messaging.channel": "sms", "messaging.delivery.code": "7500"}
        found = host.enrich(own, events=[{"messaging.delivery.code": "7206"}])
        assert found["messaging.status.code"] == "7500"

    def test_the_worst_of_several_is_told_and_of_equals_the_first(self, host: Host) -> None:
        codes = ["7500", "7207", "7206", "4242"]
        found = host.enrich({"messaging.channel": "sms"}, events=[{"messaging.delivery.code": code} for code in codes])
        assert found["messaging.status.code"] == "7207"

    def test_an_unknown_code_is_worse_than_a_success(self, host: Host) -> None:
        codes = ["7500", "4242"]
        found = host.enrich({"messaging.channel": "sms"}, events=[{"messaging.delivery.code": code} for code in codes])
        assert found["messaging.status.code"] == "4242"


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            {"channel": "sms", "code": "7206"},
            MappingProxyType({"channel": "sms", "code": 7206}),
            {"messaging": {"channel": "sms", "delivery": {"code": 7206}}},
            '{"channel": "sms", "code": "7206"}',
            '"{\\"channel\\": \\"sms\\", \\"code\\": 7206}"',
            b' {"channel": "sms", "code": 7206, "text": "\xc3\xa4"}',
            '[{"channel": "sms", "code": 7500}, {"channel": "sms", "code": 7206}]',
            [{"channel": "sms", "code": "7206"}, "else"],
            "channel=sms code=7206",
            b"delivery report channel=sms code=7206 took=12ms",
            'code="7206" channel="sms"',
            "(channel=sms, code=7206)",
            "channel=text code=7206",
            "messaging.delivery.code=7206 to=+447700900001",
            "delivery report channel=sms code=7206.",
            "channel=sms code=7206: sim full",
            "<channel=sms code=7206>",
            "channel='sms' code='7206'",
            {"channel": "sms", "status_code": 200, "code": "7206"},
        ],
    )
    def test_a_status_in_a_body_is_found(self, host: Host, body: object) -> None:
        assert host.enrich({}, body) == SIM_FULL

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "SMS to 447700900001 failed with 7206 after 3 tries",
            "code=7206",
            "code = 7206 channel = sms",
            "xcode=7206 channel=sms",
            "error.code=7206 channel=sms",
            "channel=sms",
            '{"channel": "sms", "code": ',
            '{"code": "7206"}',
            '{"channel": "sms", "code": true}',
            '"channel=sms"',
            '"[7206]"',
            {"channel": "sms", "status_code": 200},
            {"channel": "sms", "status_code": 429},
            {"channel": "sms", "statusCode": "404"},
            "[1, 2, 7206]",
            "null",
            b"\xff\xfe\x00",
            7206,
            True,
            None,
            object(),
            ["sms", "7206"],
            {"channel": ["sms"], "code": {"value": "7206"}},
            "sent OTP channel=sms code=482913",
            "login channel=sms code=alice@example.com",
            {"channel": "sms", "code": "alice@example.com"},
        ],
    )
    def test_what_is_no_status_is_none(self, host: Host, body: object) -> None:
        assert host.enrich({}, body) == {}

    def test_what_the_body_does_not_say_the_record_says(self, host: Host) -> None:
        assert host.enrich({"messaging.channel": "sms"}, "code=7206") == SIM_FULL
        assert host.enrich({}, {"code": "7206"}, resource={"messaging.channel": "sms"}) == SIM_FULL

    def test_attributes_come_before_the_body(self, host: Host) -> None:
        found = host.enrich({"channel": "sms", "code": "7500"}, "channel=sms code=7206")
        assert found["messaging.status.code"] == "7500"

    def test_a_text_of_64_kib_is_searched_and_a_longer_one_is_not(self, host: Host) -> None:
        said = "channel=sms code=7206 "
        assert host.enrich({}, said + "x" * (64 * 1024 - len(said))) == SIM_FULL
        assert host.enrich({}, said + "x" * (64 * 1024 - len(said) + 1)) == {}

    def test_json_nested_32_deep_is_read_and_deeper_is_not(self, host: Host) -> None:
        def nested(depth: int) -> str:
            inner = "[" * (depth - 1) + "]" * (depth - 1)
            return f'{{"channel": "sms", "code": "7206", "more": {inner}}}'

        assert host.enrich({}, nested(32)) == SIM_FULL
        assert host.enrich({}, nested(33)) == {}
        assert host.enrich({}, "[" * 60_000) == {}

    def test_log_text_can_be_switched_off(self) -> None:
        quiet = Host.load({"log_text": False}, strict=True)
        assert quiet.enrich({}, "channel=sms code=7206") == {}
        assert quiet.enrich({}, '{"channel": "sms", "code": "7206"}') == SIM_FULL


class TestSettings:
    def test_the_prefix_moves_every_attribute_of_ours(self) -> None:
        moved = Host.load({"prefix": "acme.message"}, strict=True)
        record = {"messaging.channel": "sms", "messaging.status.code": "7206"}
        expected = {key.replace("messaging.status", "acme.message"): value for key, value in SIM_FULL.items()}
        assert moved.enrich(record) == expected
        assert moved.enrich({**record, **expected}) == {}
        assert moved.enrich({"acme.message.code": "7206"})["acme.message.channel"] == "sms"

    def test_keys_can_be_chosen(self) -> None:
        chosen = Host.load(
            {"keys": {"code": ["result"], "channel": ["via"], "system": ["vendor"], "reason": ["why"]}}, strict=True
        )
        assert chosen.enrich({"result": "7206", "via": "sms"}) == SIM_FULL
        assert chosen.enrich({"messaging.delivery.code": "7206", "messaging.channel": "sms"}) == {}
        assert chosen.enrich({"result": "7206", "via": "sms", "vendor": "other"}) == {}
        bounce = chosen.enrich({"result": "7520", "via": "email", "why": "Permanent_NoEmail"})
        assert bounce["messaging.status.reason"] == "Permanent_NoEmail"

    def test_a_delivery_status_key_chooses_a_variant(self) -> None:
        chosen = Host.load({"keys": {"delivery_status": ["state"]}}, strict=True)
        record = {"messaging.channel": "sms", "messaging.delivery.code": "7101"}
        assert chosen.enrich({**record, "state": "Un-Delivered"})["messaging.status.outcome"] == "undelivered"
        assert chosen.enrich(record)["messaging.status.outcome"] == "failed"


class TestAnyInput:
    @pytest.mark.parametrize("raw", [None, 5, "7206", object(), RawStatus(code=None)])  # type: ignore[arg-type]
    def test_decode_answers_unknown_for_what_is_no_raw_status(self, host: Host, raw: Any) -> None:
        assert not host.decode(raw).is_known

    def test_decode_never_raises_whatever_a_field_is(self) -> None:
        class Hostile:
            def __getattr__(self, name: str) -> Any:
                raise RuntimeError(name)

        class Odd(int):
            def bit_length(self) -> int:
                raise RuntimeError

        fresh = Host.load({}, strict=True)
        assert fresh.decode(Hostile()).code == ""  # type: ignore[arg-type]
        assert fresh.decode(RawStatus(code=Odd(7206), channel="sms")).code == "7206"  # type: ignore[arg-type]

    def test_decode_takes_what_types_forbid(self, host: Host) -> None:
        raw = RawStatus(code=7206, channel="sms", system=5, reason=[], delivery_status=b"")  # type: ignore[arg-type]
        assert host.decode(raw).description == "Recipient's SIM is full"

    @pytest.mark.parametrize("attributes", [None, 5, "messaging.status.code", [], object()])
    def test_enrich_answers_nothing_for_what_is_no_mapping(self, host: Host, attributes: Any) -> None:
        assert host.enrich(attributes) == {}

    def test_a_mapping_that_raises_costs_nobody_anything(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        class Trap(dict[str, Any]):
            def __getitem__(self, key: str) -> Any:
                raise RuntimeError(key)

        fresh = Host.load({}, strict=True)
        for _ in range(3):
            assert fresh.enrich(Trap({"messaging.status.code": "7206"})) == {}
        messages = [record.getMessage() for record in caplog.records]
        assert len(messages) == 1
        assert "goes on as it is: RuntimeError at test_enrich.py" in messages[0]

    def test_the_input_is_not_changed(self, host: Host) -> None:
        attributes = {"messaging.channel": "sms"}
        body = {"code": "7206", "more": [{"a": 1}]}
        before = json.dumps([attributes, body])
        host.enrich(attributes, body)
        assert json.dumps([attributes, body]) == before

    def test_answers_are_the_callers_to_keep(self, host: Host) -> None:
        record = {"messaging.channel": "sms", "messaging.delivery.code": "7206"}
        host.enrich(record).clear()
        assert host.enrich(record) == SIM_FULL


def test_many_threads_get_the_same_answers(host: Host) -> None:
    wrong: list[object] = []

    def work() -> None:
        for _ in range(500):
            found = host.enrich({"messaging.channel": "sms", "messaging.delivery.code": "7206"})
            if found != SIM_FULL:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
