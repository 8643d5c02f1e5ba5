# SPDX-License-Identifier: Apache-2.0
"""Meta's codes on WhatsApp and Messenger, and the documents that carry them."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from messaging_status import Category, Host, Outcome, RawStatus, Severity, Status
from messaging_status.testing import TestConformance

__all__ = ["TestConformance"]

CODES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data/meta_codes.toml").read_text())
WITH = [
    entry.name for entry in entry_points(group="messaging_status") if entry.name.startswith(("meta.", "webex_connect."))
]
HOST = Host.load({"plugins": {"allowed": WITH}}, strict=True)
CATALOGUES = {on.catalogue.channel: on.catalogue for on in HOST.channels if on.catalogue.system == "meta"}
FACTS = ("outcome", "category", "severity", "retryable", "fault")
RETRYABLE = {"retryable": True, "not_retryable": False, "left_open": None}
SAID = [
    (channel, code, retryable)
    for channel in ("whatsapp", "messenger")
    for key, retryable in RETRYABLE.items()
    for code in CODES[channel][key]
]
PERSONAL = ["447700900001", "Ann", "ann@example.com", "https://short.example", "198.51.100.7"]
TEXT = "447700900001 Ann ann@example.com https://short.example/x 198.51.100.7"
ID = "wamid.T25lIG1lc3NhZ2U="


def decoded(channel: str | None, code: str) -> Status:
    """What a code, or a code and a subcode with a slash between them, means."""
    number, _, subcode = code.partition("/")
    return HOST.decode(RawStatus(code=number, system="meta", channel=channel, reason=subcode or None))


def everything(body: Any, **attributes: str) -> dict[str, Any]:
    """All that is put on a log with that body, without the prefix."""
    found = HOST.enrich({f"messaging.{key}": value for key, value in attributes.items()}, body)
    assert not any(word in str(value) for value in found.values() for word in PERSONAL)
    return {key.removeprefix("messaging.status."): value for key, value in found.items()}


def said(body: Any, **attributes: str) -> dict[str, Any]:
    """The heart of what is put on a log with that body; empty where nothing is."""
    found = everything(body, **attributes)
    return {key: found.get(key) for key in ("code", "channel", "category", "retryable")} if found else {}


def graph_error(code: Any, **more: Any) -> dict[str, Any]:
    return {"error": {"message": TEXT, "type": "OAuthException", "code": code, "fbtrace_id": "A1", **more}}


def cloud_error(code: Any, **more: Any) -> dict[str, Any]:
    return graph_error(code, error_data={"messaging_product": "whatsapp", "details": TEXT}, **more)


def status(*codes: Any, name: str = "failed") -> dict[str, Any]:
    errors = [
        {"code": code, "title": TEXT, "message": TEXT, "error_data": {"details": TEXT}, "href": "/docs/errors"}
        for code in codes
    ]
    found = {"id": ID, "status": name, "timestamp": "1790500100", "recipient_id": "447700900001"}
    return {**found, "errors": errors} if errors else found


def webhook(*statuses: Any, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "447700900001", "phone_number_id": "447700900001"}
    contacts = [{"profile": {"name": "Ann"}, "wa_id": "447700900001"}]
    content = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": contacts}
    change = {"field": "messages", "value": {**content, "statuses": list(statuses), **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "447700900001", "changes": [change]}]}


def on_premises(*codes: Any) -> dict[str, Any]:
    return {"errors": [{"code": code, "title": TEXT, "details": TEXT, "href": TEXT} for code in codes], "meta": {}}


class TestTables:
    def test_each_channel_has_exactly_its_codes(self) -> None:
        assert {channel: sorted(found.rows) for channel, found in CATALOGUES.items()} == {
            channel: sorted(codes) for channel, codes in CODES["codes"].items()
        }

    def test_messenger_has_exactly_its_subcodes(self) -> None:
        rows = CATALOGUES["messenger"].rows
        found = {
            code: [reason for v in row.variant for reason in v.reasons] for code, row in rows.items() if row.variant
        }
        assert found == CODES["subcodes"]

    def test_permissions_are_a_range(self) -> None:
        assert [series.label for series in CATALOGUES["whatsapp"].series] == ["200-299"]
        assert decoded("whatsapp", "237").description == "API permission not granted or removed"
        assert not decoded("whatsapp", "300").is_known

    @pytest.mark.parametrize(("channel", "code", "retryable"), SAID)
    def test_what_meta_says_about_resending(self, channel: str, code: str, retryable: bool | None) -> None:
        assert decoded(channel, code).is_known
        assert decoded(channel, code).retryable is retryable

    def test_of_every_code_it_is_known_what_meta_says(self) -> None:
        whatsapp = {code for channel, code, _ in SAID if channel == "whatsapp"}
        messenger = {code for channel, code, _ in SAID if channel == "messenger"}
        subcodes = {f"{code}/{subcode}" for code, all_of_it in CODES["subcodes"].items() for subcode in all_of_it}
        assert whatsapp == {*CODES["codes"]["whatsapp"], "200", "250", "299"}
        assert messenger == {*CODES["codes"]["messenger"], *subcodes}

    @pytest.mark.parametrize(("code", "other"), CODES["webex_connect"].items())
    def test_a_cause_is_the_same_behind_webex_connect(self, code: str, other: str) -> None:
        mine = decoded("whatsapp", code)
        theirs = HOST.decode(RawStatus(code=other, system="webex_connect", channel="whatsapp"))
        assert theirs.is_known
        unlike = [fact for fact in FACTS if getattr(mine, fact) != getattr(theirs, fact)]
        assert unlike == CODES["unlike"].get(code, {"facts": []})["facts"]

    def test_without_a_channel_a_code_means_what_it_means_on_each(self) -> None:
        for code in CODES["codes"]["common"]:
            common = decoded(None, code)
            assert (common.is_known, common.channel) == (True, None)
            # A subcode of 4 is no matter of waiting, and without a channel it is not told apart. 368 closes an
            # account on WhatsApp; without a channel it may be one call that is blocked.
            facts = [name for name in FACTS if (code, name) not in {("4", "retryable"), ("368", "severity")}]
            assert code != "4" or common.retryable is None
            for channel in ("whatsapp", "messenger"):
                on = decoded(channel, code)
                assert not on.is_known or all(getattr(on, name) == getattr(common, name) for name in facts), code

    def test_no_code_of_two_channels_is_left_out_of_the_common_ones(self) -> None:
        both = {*CODES["codes"]["whatsapp"]} & {*CODES["codes"]["messenger"]}
        assert both <= {*CODES["codes"]["common"]}

    @pytest.mark.parametrize("channel", CODES["codes"])
    def test_words_and_judgement_follow_the_definitions(self, channel: str) -> None:
        waits = {Category.RATE_LIMITED, Category.PROVIDER_ERROR, Category.EXPIRED}
        for code, row in CATALOGUES[channel].rows.items():
            labels = [row.description, *(variant.description for variant in row.variant)]
            sentences = [row.advice, *(variant.advice for variant in row.variant)]
            assert all(re.fullmatch(r"[A-Z].*[^.]", label or "") for label in labels), code
            assert all(re.fullmatch(r"[A-Z].*\.", sentence or "A.") for sentence in sentences), code
            assert "Connect" not in str([*labels, *sentences]), code
            assert row.outcome in {Outcome.FAILED, Outcome.UNDELIVERED}, code
            assert row.severity is not Severity.INFO, code
            assert row.retryable is not True or row.category in waits, code

    def test_a_subcode_takes_back_what_it_leaves_open(self) -> None:
        upload, bare = decoded("messenger", "100/2018047"), decoded("messenger", "100")
        assert (upload.category, upload.retryable, upload.fault) == (Category.MEDIA, None, None)
        assert (bare.category, bare.retryable, bare.fault) == (Category.INVALID_REQUEST, False, "sender")
        assert decoded("messenger", "100/1234567") == bare
        assert decoded("messenger", "4/2018354").retryable is None

    def test_a_message_that_may_have_been_sent_is_not_called_failed(self) -> None:
        status = decoded("messenger", "1/1357046")
        assert (status.outcome, status.retryable) == (Outcome.UNKNOWN, None)


class TestGraphErrors:
    @pytest.mark.parametrize("code", [131056, "131056", " 131056 ", 131056.0])
    def test_it_is_read_whatever_the_code_is_written_as(self, code: Any) -> None:
        assert said(cloud_error(code)) == {
            "code": "131056",
            "channel": "whatsapp",
            "category": "rate_limited",
            "retryable": True,
        }

    @pytest.mark.parametrize(
        "form", [json.dumps, lambda document: json.dumps(document).encode(), lambda document: [document]]
    )
    def test_it_is_read_in_every_form(self, form: Any) -> None:
        assert said(form(cloud_error(131047)))["category"] == "blocked"

    def test_everything_on_the_record_is_ours(self) -> None:
        assert everything(cloud_error(131049)) == {
            "code": "131049",
            "description": "Held back by Meta to spare the recipient",
            "severity": "WARN",
            "category": "blocked",
            "outcome": "undelivered",
            "channel": "whatsapp",
            "fault": "provider",
            "error.type": "blocked",
            "messaging.system": "meta",
        }

    def test_a_subcode_chooses_the_meaning(self) -> None:
        body = graph_error(100, error_subcode=2018001)
        found = everything(body, channel="Facebook Messenger")
        assert (found["description"], found["reason"]) == ("No matching user", "2018001")
        assert said(graph_error("10", error_subcode="2018278"), channel="fb")["category"] == "blocked"

    def test_a_subcode_of_any_kind_is_taken(self) -> None:
        host = Host.load({}, strict=True)
        subcodes: list[Any] = [None, True, -1, 10**5000, 1.5, [1], {}, "", "x" * 1000, TEXT]
        for subcode in subcodes:
            found = host.enrich({}, graph_error(190, error_subcode=subcode))
            assert (found["messaging.status.code"], "messaging.status.reason" in found) == ("190", False)
        assert host.plugin_failures == {}

    @pytest.mark.parametrize(
        ("attributes", "channel"),
        [
            ({}, None),
            ({"channel": "WhatsApp"}, "whatsapp"),
            ({"channel": "wa", "system": "meta"}, "whatsapp"),
            ({"channel": "fb"}, "messenger"),
            ({"channel": "wa", "system": "webex_connect"}, "whatsapp"),
        ],
    )
    def test_the_channel_is_the_records_where_the_error_names_none(
        self, attributes: dict[str, str], channel: str | None
    ) -> None:
        assert said(graph_error(190), **attributes) == {
            "code": "190",
            "channel": channel,
            "category": "authentication",
            "retryable": False,
        }

    def test_the_error_itself_knows_the_channel_best(self) -> None:
        assert said(cloud_error(131026), channel="messenger")["channel"] == "whatsapp"

    def test_on_a_channel_that_meta_does_not_have_here_common_codes_are_known(self) -> None:
        found = everything(graph_error(4, error_data={"messaging_product": "447700900001"}))
        assert (found["category"], found.get("channel")) == ("rate_limited", None)

    @pytest.mark.parametrize("code", [131026, "131026", 131026.0, 133010])
    def test_a_number_of_the_cloud_api_is_whatsapps(self, code: Any) -> None:
        assert said(graph_error(code))["channel"] == "whatsapp"

    @pytest.mark.parametrize("code", [1200, 400, 1310260, True, [131026], ""])
    def test_another_number_says_nothing_about_the_channel(self, code: Any) -> None:
        assert said(graph_error(code)).get("channel") is None

    @pytest.mark.parametrize(
        "error",
        [
            {"code": 190, "fbtrace_id": "A1"},
            {"code": 190, "type": "OAuthException"},
            {"code": 190, "error_data": {"messaging_product": "whatsapp"}},
        ],
    )
    def test_one_sign_of_meta_is_enough(self, error: dict[str, Any]) -> None:
        assert said({"error": error})["category"] == "authentication"

    def test_where_the_record_says_meta_no_sign_is_needed(self) -> None:
        assert said({"error": {"code": 190}}, system="Meta")["category"] == "authentication"

    @pytest.mark.parametrize(
        "body",
        [
            {
                "error": {
                    "code": 400,
                    "message": "The registration token is not a valid FCM registration token",
                    "status": "INVALID_ARGUMENT",
                    "details": [
                        {
                            "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                            "errorCode": "INVALID_ARGUMENT",
                        }
                    ],
                }
            },
            {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}},
            {"error": {"code": 500, "type": "NullPointerException", "message": "null"}},
            {"error": {"status": 429, "code": "TOO_MANY_REQUESTS", "target": "whatsappApiError", "requestId": "r-1"}},
            {"error": {"code": "rate_limit_exceeded", "type": "requests", "message": TEXT, "param": None}},
            {"error": "invalid_grant", "error_description": TEXT},
            {"error": {"fbtrace_id": "A1", "type": "OAuthException"}},
        ],
    )
    @pytest.mark.parametrize("channel", [None, "push", "whatsapp"])
    def test_errors_of_others_are_left_alone(self, body: dict[str, Any], channel: str | None) -> None:
        assert said(body, **({"channel": channel} if channel else {})) == {}


class TestWebhooks:
    def test_a_failed_message_is_told(self) -> None:
        assert everything(webhook(status(131026))) == {
            "code": "131026",
            "description": "Message undeliverable",
            "severity": "WARN",
            "category": "recipient_unreachable",
            "outcome": "undelivered",
            "channel": "whatsapp",
            "error.type": "recipient_unreachable",
            "messaging.system": "meta",
        }

    @pytest.mark.parametrize("name", ["sent", "delivered", "read", "failed"])
    def test_a_status_without_errors_carries_no_code(self, name: str) -> None:
        assert said(webhook(status(name=name))) == {}

    def test_the_worst_of_a_batch_is_told(self) -> None:
        body = webhook(status(name="read"), status(131026), status("131031", 131056), status(131047))
        body["entry"].append(webhook(status(131049))["entry"][0])
        assert said(body)["code"] == "131031"

    def test_an_error_of_the_account_has_no_message(self) -> None:
        found = everything(webhook(errors=[{"code": 130429, "title": TEXT}]))
        assert (found["code"], found.get("messaging.message.id")) == ("130429", None)

    def test_an_error_of_an_inbound_message_is_nobodys_failure(self) -> None:
        inbound = {"from": "447700900001", "id": ID, "type": "unsupported", "errors": [{"code": 131051, "title": TEXT}]}
        assert said(webhook(messages=[inbound])) == {}

    def test_delivered_with_an_error_is_a_conflict(self) -> None:
        assert everything(webhook(status(131026, name="delivered")))["conflict"] is True

    def test_it_is_known_by_its_value_where_the_envelope_says_nothing(self) -> None:
        assert said({"entry": webhook(status(131026))["entry"]})["code"] == "131026"

    @pytest.mark.parametrize(
        "body",
        [
            {"resourceType": "Bundle", "entry": [{"changes": [{"value": {"statuses": [status(131026)]}}]}]},
            {"object": "page", "entry": [{"id": "1", "messaging": [{"delivery": {"mids": ["m-1"]}}]}]},
            {"object": "instagram", "entry": [{"changes": [{"value": {"errors": [{"code": 190}]}}]}]},
        ],
    )
    def test_entries_of_others_are_left_alone(self, body: dict[str, Any]) -> None:
        assert said(body) == {}


class TestOnPremises:
    @pytest.mark.parametrize(
        "attributes", [{"channel": "WhatsApp"}, {"system": "meta"}, {"system": "meta", "channel": "wa"}]
    )
    @pytest.mark.parametrize("code", [1013, "1013"])
    def test_it_is_read_where_the_record_says_so(self, attributes: dict[str, str], code: Any) -> None:
        assert said(on_premises(code), **attributes) == {
            "code": "1013",
            "channel": "whatsapp",
            "category": "invalid_recipient",
            "retryable": False,
        }

    def test_its_webhooks_have_nothing_around_them(self) -> None:
        error = {"code": 470, "title": TEXT, "href": "/docs/whatsapp/api/errors"}
        body = {"statuses": [{**status(), "errors": [error]}]}
        assert "messaging.message.id" not in everything(body, channel="whatsapp")
        assert said(body) == {}

    @pytest.mark.parametrize(
        "attributes",
        [{}, {"channel": "sms"}, {"channel": "fb", "system": "meta"}, {"channel": "wa", "system": "webex_connect"}],
    )
    def test_without_evidence_it_may_be_anybodys(self, attributes: dict[str, str]) -> None:
        assert said(on_premises(1013), **attributes) == {}

    @pytest.mark.parametrize(
        "errors",
        [
            [{"code": 2, "description": "Request not allowed", "parameter": "access_key"}],
            [{"code": "1001", "title": "Invalid", "detail": TEXT, "status": "422"}],
            {"code": 1013, "title": TEXT, "details": TEXT},
            ["1013"],
        ],
    )
    def test_errors_of_others_on_the_same_channel_are_left_alone(self, errors: Any) -> None:
        assert said({"errors": errors}, channel="whatsapp") == {}

    def test_the_worst_is_told(self) -> None:
        assert said(on_premises(429, 1031, 470), channel="whatsapp")["code"] == "1031"


class TestBehindWebexConnect:
    def test_metas_code_decides_what_the_platforms_hides(self) -> None:
        info = {
            "code": "7200",
            "deliveryChannel": "whatsapp",
            "deliveryStatus": "Failed",
            "additionalInfo": f"(#131049)  | {TEXT}",
            "destination": "447700900001",
        }
        found = everything({"deliveryInfoNotification": {"deliveryInfo": info, "transid": "t-1"}})
        assert (found["code"], found["upstream.code"], found["upstream.system"]) == ("7200", "131049", "meta")
        assert (found["category"], found.get("retryable"), found["messaging.system"]) == (
            "blocked",
            None,
            "webex_connect",
        )

    def test_a_code_alone_is_decoded_as_it_would_be_by_itself(self) -> None:
        for code in CODES["codes"]["whatsapp"]:
            nested = RawStatus(code=code, system="meta", channel="whatsapp")
            found = HOST.decode(RawStatus(code="7010", system="webex_connect", channel="whatsapp", upstream=nested))
            alone = HOST.decode(nested)
            assert (found.category, found.retryable, found.upstream_code) == (alone.category, alone.retryable, code)


def test_the_host_of_the_graph_api_is_known() -> None:
    assert ("meta", ("graph.facebook.com",)) in [(hosts.system, hosts.hosts) for hosts in HOST.api_hosts]


def test_an_unknown_code_behind_another_platform_is_counted_by_its_own_system() -> None:
    host = Host.load({}, strict=True)
    info = {
        "code": "7200",
        "deliveryChannel": "whatsapp",
        "deliveryStatus": "Failed",
        "additionalInfo": "(#987654)  | x",
    }
    host.enrich({}, {"deliveryInfoNotification": {"deliveryInfo": info}})
    assert {(code.system, code.channel, code.code) for code in host.unknown_codes.counts} == {
        ("meta", "whatsapp", "987654")
    }
