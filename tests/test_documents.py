# SPDX-License-Identifier: Apache-2.0
"""The documents of Webex Connect in log bodies, as they are published."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import Host, Origin, RawStatus

from .conftest import InstallPlugin

HOST = Host.load({}, strict=True)
PERSONAL = {
    "destination": "447700900001",
    "destinationType": "msisdn",
    "callbackData": "ann@example.com",
    "additionalInfo": "https://short.example/x|198.51.100.7",
}


SECRETS = ("4477", "example", "198.51", "ann@", "john", "Smith", "Ann")
FORMS = [
    "mapping",
    "proxy",
    "text",
    "bytes",
    "list",
    "wrapped",
    "encoded twice",
    "bytes encoded twice",
    "text in a mapping",
    "bytes in a mapping",
    "mapping in a mapping",
    "list in a mapping",
    "text in a text",
    "twice under a key",
    "spaces under a key",
    "tuple in a mapping",
]


def receipt(
    code: Any, channel: Any = "SMS", status: Any = "Failed", description: Any = "", **more: Any
) -> dict[str, Any]:
    info = {
        "timeStamp": "2024-10-10T13:53:13.749+01:00",
        "Description": description,
        "code": code,
        "deliveryChannel": channel,
        "deliveryStatus": status,
        **PERSONAL,
        **more,
    }
    envelope = {"deliveryInfo": info, "subtid": "", "transid": "t-1_0", "callbackData": "ann@example.com"}
    return {"deliveryInfoNotification": {**envelope, "correlationid": "447700900001"}}


def said(body: Any, **attributes: Any) -> dict[str, Any]:
    """What is put on a log with that body, without the prefix, and never anything of what is personal in it."""
    found = HOST.enrich({f"messaging.{key}": value for key, value in attributes.items()}, body)
    words = json.dumps(found)
    assert not [secret for secret in SECRETS if secret in words]
    return {key.removeprefix("messaging.status."): value for key, value in found.items()}


class TestReceipts:
    @pytest.mark.parametrize(
        ("written", "channel"),
        [
            ("SMS", "sms"),
            ("sms", "sms"),
            ("rt", "in_app"),
            ("fb", "messenger"),
            ("gbm", "google_business_messages"),
            ("whatsapp", "whatsapp"),
            ("rcs", "rcs"),
            ("push", "push"),
            ("voice", "voice"),
            ("email", "email"),
        ],
    )
    def test_one_envelope_serves_every_channel(self, written: str, channel: str) -> None:
        found = said(receipt("9002", written))
        assert (found["channel"], found["category"]) == (channel, "blocked")
        assert (found["messaging.system"], found["messaging.message.id"]) == ("webex_connect", "t-1_0")

    @pytest.mark.parametrize("form", FORMS)
    def test_it_is_read_in_every_form(self, form: str) -> None:
        document = receipt("7206", status="Un-Delivered")
        wrapped = {"x-wx-gtrid": "1", **document, "dataIntegration": {"context": {"messagingAPI": "true"}}}
        forms: dict[str, Any] = {
            "mapping": document,
            "proxy": MappingProxyType(document),
            "text": json.dumps(document),
            "bytes": json.dumps(document).encode(),
            "list": [document],
            "wrapped": wrapped,
            "encoded twice": json.dumps(json.dumps(document)),
            "bytes encoded twice": json.dumps(json.dumps(document)).encode(),
            "text in a mapping": {"event": "receipt", "payload": json.dumps(document)},
            "bytes in a mapping": {"event": "receipt", "payload": json.dumps(document).encode()},
            "mapping in a mapping": {"event": "receipt", "payload": document},
            "list in a mapping": {"event": "receipt", "payload": [document]},
            "text in a text": json.dumps({"event": "receipt", "payload": json.dumps(document)}),
            "twice under a key": {"event": "receipt", "payload": json.dumps(json.dumps(document))},
            "spaces under a key": {"event": "receipt", "payload": f" \n {json.dumps(document)}"},
            "tuple in a mapping": {"event": "receipt", "payload": (document,)},
        }
        assert said(forms[form])["description"] == "Recipient's SIM is full"

    def test_it_is_read_in_the_attributes_place_too(self) -> None:
        assert HOST.enrich(receipt("7206", status="Un-Delivered"))["messaging.status.code"] == "7206"

    def test_the_worst_of_a_batch_is_told(self) -> None:
        batch = [receipt("7500", status="Delivered"), receipt("7101"), receipt("7206", status="Un-Delivered")]
        assert said(batch)["code"] == "7101"

    @pytest.mark.parametrize(
        ("code", "channel", "status", "outcome", "conflict"),
        [
            ("7501", "fb", "Read", "read", True),
            ("7501", "rcs", "Delivered", "delivered", True),
            ("7501", "fb", "Submited", "submitted", None),
            ("7500", "gbm", "Submitted", "delivered", True),
            ("7500", "sms", "Delivered", "delivered", None),
            ("7206", "sms", "Delivered", "undelivered", True),
            ("7500", "sms", "Failed", "delivered", True),
            ("7206", "sms", "Failed", "undelivered", None),
            ("7101", "sms", "Failed", "failed", None),
            ("7101", "sms", "Un-Delivered", "undelivered", None),
            ("7203", "sms", "Failed", "failed", None),
            ("7200", "whatsapp", "Failed", "failed", None),
            ("7501", "sms", "no such thing", "submitted", None),
        ],
    )
    def test_the_code_decides_and_the_further_step_wins(
        self, code: str, channel: str, status: str, outcome: str, conflict: bool | None
    ) -> None:
        found = said(receipt(code, channel, status))
        assert (found["outcome"], found.get("conflict")) == (outcome, conflict)

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [("Un-Delivered", "undelivered"), ("Failed", "failed"), ("Read", "read"), ("", "unknown")],
    )
    def test_an_unknown_code_keeps_the_class_of_its_delivery_status(self, status: str, outcome: str) -> None:
        found = said(receipt("4242", status=status))
        assert (found["outcome"], found["category"]) == (outcome, "unknown")
        assert not {"severity", "retryable", "description"} & set(found)
        assert ("error.type" in found) == (outcome in ("failed", "undelivered"))


class TestOthers:
    """What looks a little like one of ours, in the logs of services that send no messages."""

    @pytest.mark.parametrize(
        "body",
        [
            {"event": "http", "data": {"response": {"code": 404}}},
            {"event": "bank", "data": {"response": {"code": 1001, "description": "ok"}}},
            {"calls": [{"response": {"code": 200}}, {"response": {"code": 503, "description": "busy"}}]},
            {"req": '{"response":{"code":"ECONNRESET"}}'},
            {"event": "payment", "result": {"transid": "88", "code": "1001"}},
            {"event": "payment", "response": {"code": 51, "description": "declined"}},
            {"response": {"code": 404}},
            {"response": {"code": "ECONNRESET", "description": "x"}},
            {"transid": "abc", "code": "51"},
            {"message": "boom", "code": 500, "channel": "web"},
        ],
    )
    def test_they_are_left_alone(self, body: Any) -> None:
        assert said(body) == {}
        assert HOST.enrich(body) == {}

    def test_an_inner_answer_that_shows_what_it_is_is_read(self) -> None:
        found = said({"event": "sent", "answer": {"response": [{"code": "1001", "transid": "t-1"}]}}, channel="voice")
        assert (found["description"], found["messaging.message.id"]) == ("Queued", "t-1")

    def test_what_many_documents_hold_together_is_bounded(self) -> None:
        many = {f"key {number}": [{"response": [0] * 19_000}] * 4 for number in range(64)}
        receipts = [receipt("7206", status="Un-Delivered")] * 1000
        assert said(many) == {}
        assert len(HOST.find({}, receipts)) == 1000


class TestAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            {"response": [{"code": "1001", "transid": "t-1", "description": "Queued"}]},
            {"response": {"code": 1001, "transid": "t-1", "description": "Queued"}},
            [{"code": "1001", "transid": "t-1", "description": "Queued"}],
        ],
    )
    @pytest.mark.parametrize("channel", ["voice", "logbook", "sms", "apple_messages"])
    def test_1001_is_queued_on_every_channel(self, body: Any, channel: str) -> None:
        found = said(body, channel=channel)
        assert (found["description"], found["outcome"], found["messaging.message.id"]) == ("Queued", "accepted", "t-1")

    @pytest.mark.parametrize("around", [{}, {"channel": "carrier pigeon"}])
    def test_1001_is_queued_where_the_record_names_no_channel_of_ours(self, around: dict[str, str]) -> None:
        found = said({"response": [{"code": "1001"}]}, **around)
        assert (found["description"], found.get("channel")) == ("Queued", None)

    def test_a_receipts_1001_is_the_channels_own(self) -> None:
        assert HOST.decode(RawStatus(code="1001", channel="voice", origin=Origin.RECEIPT)).description != "Queued"
        assert HOST.decode(RawStatus(code="1001", channel="voice")).description != "Queued"

    def test_a_failure_is_a_bare_object(self) -> None:
        found = said({"response": {"code": "7000", "description": "Invalid JSON"}})
        assert (found["category"], found["outcome"]) == ("invalid_request", "failed")

    def test_the_worst_of_a_batch_is_told(self) -> None:
        found = said({"response": [{"code": "1001"}, {"code": "7001"}, {"code": "1001"}]})
        assert found["code"] == "7001"

    def test_a_v2_error_is_ours_only_where_the_record_says_so(self) -> None:
        error = {"code": "7004", "message": "Invalid parameter - sendAt"}
        assert said(error) == {}
        assert said(error, system="kafka") == {}
        assert said(error, channel="sms")["parameter"] == "sendAt"
        assert said(error, system="webex_connect")["category"] == "invalid_request"

    def test_the_sibling_apis_are_told_apart_by_what_the_record_names(self) -> None:
        answer = {"response": {"code": "1002"}}
        assert said(answer, channel="event_api")["outcome"] == "accepted"
        assert said(answer, channel="Profile API")["outcome"] == "partial"
        assert said(answer)["outcome"] == "unknown"
        assert said({"response": {"code": "1000"}})["outcome"] == "unknown"


class TestEmail:
    @pytest.mark.parametrize(
        ("description", "reason"),
        [
            ("Transient_MailboxFull", "Transient_MailboxFull"),
            ("Transient (mail box full)", "Transient_MailboxFull"),
            ("Permanent/NoEmail", "Permanent_NoEmail"),
            ("Permanent_NoEmail/Permanent_General", "Permanent_NoEmail"),
            ("Permanent_NoEmail/Transient_General", None),
            ("Transient_General/Permanent_NoEmail", None),
            ("no type of ours/Transient_MailboxFull", "Transient_MailboxFull"),
            ("something else", None),
        ],
    )
    def test_a_bounce_is_what_its_description_says(self, description: str, reason: str | None) -> None:
        assert said(receipt("7520", "email", "Bounce", description)).get("reason") == reason

    @pytest.mark.parametrize(
        ("reply", "retryable"),
        [
            ("5.1.1|failed|smtp; 550-5.1.1 no such user", False),
            ("2023-06-21 05:14:28.293Z - 4.4.7|failed|smtp; 550 4.4.7 Message expired", False),
            ("5.7.1|failed|smtp;550", False),
            ("|failed|SMTP ;  550-5.7.1", False),
            ("5.1.1|failed|", False),
            ("5.1.1|failed|X-Notes; user unknown", False),
            ("2023-06-21 05:14:28.293Z - 5.3.0|failed|", False),
            ("4.2.2|failed|smtp; 452 4.2.2 over quota", True),
            ("4.4.7|failed|", True),
            ("5.1.1 |failed|x", False),
            ("4.0.0|failed|x-mta; 550 5.1.1 unknown", False),
            ("4.2.2|failed|smtp; 452 host 10.5.1.1 over quota", True),
            ("", True),
            ("||", True),
        ],
    )
    def test_a_permanent_reply_settles_a_transient_bounce(self, reply: str, retryable: bool) -> None:
        found = said(receipt("7520", "email", "Bounce", "Transient_General", additionalInfo=reply))
        assert found["retryable"] is retryable

    @pytest.mark.parametrize(
        ("reply", "retryable"),
        [
            ("421 4.3.2 try later", True),
            ("421", True),
            ("host said: 451 4.7.1 greylisted", True),
            ("smtp; 554 rejected", False),
            ("450 4.2.0 deferred: host said: 550 User unknown", False),
            ("421 4.7.0 try; SMTP error 550: no", False),
            ("smtp; 450 x (550 User unknown)", False),
            ("450 5.1.1 unknown", False),
            ("smtp; 421 4.7.0 try later", True),
            ("429 Too Many Requests", None),
            ("503 Service Unavailable", None),
            ("550-5.1.1 no such user", False),
            ("no class in it", None),
            ("no answer at port 465 after 21 ms", None),
            ("no answer at port 587 after 21 ms", None),
            ("HTTP 503 Service Unavailable", None),
            ("HTTP 401 Unauthorized", None),
            ("+44 470 090 000", None),
            ("too big: 450 KB", None),
            ("", None),
        ],
    )
    def test_an_smtp_failure_is_what_its_class_says(self, reply: str, retryable: bool | None) -> None:
        assert said(receipt("7554", "email", "Failed", reply)).get("retryable") is retryable


class TestParameters:
    @pytest.mark.parametrize(
        ("code", "channel", "description", "parameter"),
        [
            ("7003", "voice", "Mandatory parameter missing: tts.text", "tts.text"),
            ("7004", "voice", "Invalid parameter: callerid", "callerid"),
            ("7003", "sms", "param 'text' is missing for android", "text"),
            ("7003", "voice", "Mandatory parameters missing.", None),
            ("7004", "voice", "Invalid parameter: +447700900001", None),
            ("7237", "mms", "Image in slide 3 is too big", "3"),
            ("7232", "mms", "Bad 12 slide duration", "12"),
            ("7236", "mms", "Slide 2 is empty", "2"),
            ("7215", "mms", "You can call API every 5 seconds", "5"),
            ("7230", "mms", "Text more than 160 characters", "160"),
            ("7328", "rcs", "contentMessage.text", "contentMessage.text"),
            ("7330", "rcs", "Includes: fileUrl", "fileUrl"),
            ("7330", "rcs", "Includes: the user at +447700900001 is gone", None),
            ("7330", "rcs", "Includes:\nAnn", None),
            ("7328", "rcs", "Ann", None),
            ("7328", "rcs", "tel-447700900001", None),
            ("7328", "rcs", "johnSmith", None),
            ("7330", "rcs", "Includes: deSouza", None),
            ("7328", "rcs", "mail.exampleHost.com", None),
            ("7328", "rcs", "failed\nfileUrl", None),
            ("7004", "voice", "Invalid parameter: Ann", None),
            ("7004", "voice", "Invalid parameter: smith, Ann", None),
            ("7004", "voice", "Invalid parameter: mail.example.com", None),
            ("7328", "rcs", "suggestions[0].openUrl", "suggestions[0].openUrl"),
            ("7003", "voice", "Mandatory parameter missing: tts.text.", "tts.text"),
            ("7004", "voice", "Invalid parameter: john.doe@example.com", None),
            ("7004", "voice", "Invalid parameter: msisdn[447700900001]", None),
            ("7004", "voice", "Invalid parameter: to.447700900001", None),
            ("7004", "voice", "Invalid parameter:\nUnable to reach Ann", None),
            ("7004", "voice", "Invalid parameter: Ann Smith, 12 Elm Road", None),
        ],
    )
    def test_what_a_dynamic_text_names_is_shown_and_the_description_stays(
        self, code: str, channel: str, description: str, parameter: str | None
    ) -> None:
        found = said(receipt(code, channel, description=description, additionalInfo=""))
        assert found.get("parameter") == parameter
        assert found["description"] == HOST.decode(RawStatus(code=code, channel=channel)).description


class TestUpstream:
    def test_the_code_behind_a_whatsapp_receipt_is_shown(self) -> None:
        more = "(#131049)  | In order to maintain a healthy ecosystem engagement, the message failed."
        found = said(receipt("7200", "whatsapp", additionalInfo=more))
        assert (found["upstream.code"], found["upstream.system"]) == ("131049", "meta")

    def test_the_graph_error_behind_a_messenger_receipt_is_shown(self) -> None:
        error = {"message": "token of ann@example.com", "type": "OAuthException", "code": 190, "error_subcode": 460}
        found = said(receipt("7010", "fb", additional_info={"error": error}))
        assert (found["upstream.code"], found["upstream.system"]) == ("190", "meta")

    @pytest.mark.parametrize("subcode", [16**5000, -1, True, None, [], "460"], ids=range(6))
    def test_a_subcode_of_any_kind_is_harmless(self, subcode: Any) -> None:
        error = {"code": 190, "error_subcode": subcode}
        assert said(receipt("7010", "fb", additional_info={"error": error}))["upstream.code"] == "190"
        assert HOST.plugin_failures == {}

    def test_other_channels_have_no_meta_code(self) -> None:
        assert "upstream.code" not in said(receipt("7206", "sms", additionalInfo="(#131049) | x"))


def test_nothing_personal_gets_onto_a_record() -> None:
    documents = [
        receipt(code, channel, status, description)
        for code in ("7528", "7240", "7521", "7010", "7004", "4242", "7206")
        for channel in ("email", "sms", "whatsapp", "rt")
        for status in ("Clicked", "Failed")
        for description in ("https://x.example/?u=ann|198.51.100.7", "already bounced : ann@example.com", "abuse")
    ]
    assert all("code" in said(document) for document in documents)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
receipts = st.fixed_dictionaries(
    {},
    optional={
        "code": values | st.sampled_from(["7520", "7554", "7010", "7004"]),
        "Description": values | st.sampled_from(["Transient_General", "Invalid parameter: x"]),
        "deliveryChannel": values | st.sampled_from(["email", "whatsapp", "fb"]),
        "deliveryStatus": values | st.sampled_from(["Read", "Failed"]),
        "additionalInfo": values | st.sampled_from(["(#131049) |", "x|y|smtp; 550"]),
        "additional_info": values | st.fixed_dictionaries({"error": values | st.dictionaries(st.just("code"), values)}),
    },
)
documents = st.one_of(
    st.fixed_dictionaries(
        {"deliveryInfoNotification": values | st.fixed_dictionaries({"deliveryInfo": values | receipts})}
    ),
    st.fixed_dictionaries({"response": values | receipts | st.lists(receipts, max_size=3)}),
    st.fixed_dictionaries({"code": values, "message": values, "transid": values}),
)


@given(body=documents | st.lists(documents, max_size=3), channel=st.sampled_from(["sms", "email", "nowhere"]))
@settings(max_examples=400, deadline=None)
def test_no_document_makes_a_reader_fail(body: Any, channel: str) -> None:
    before = repr(body)
    found = HOST.enrich({"messaging.channel": channel}, body)
    assert repr(body) == before
    assert all(type(value) in (str, bool) for value in found.values())
    assert HOST.plugin_failures == {}


SHARED = """
from messaging_status import DocumentReader, RawStatus, hookimpl


def ruin(document):
    document.content["shared"]["code"] = "7500"
    return []


def read(document):
    return [RawStatus(code=document.content["shared"]["code"], system="webex_connect", channel="sms")]


@hookimpl
def messaging_status_documents():
    return [DocumentReader(keys=("shared",), read=ruin), DocumentReader(keys=("shared",), read=read)]
"""


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_a_reader_that_changes_a_document_harms_no_other_one(install: InstallPlugin, form: Any) -> None:
    install("two-readers", SHARED)
    host = Host.load({}, strict=True)
    assert host.enrich({}, form({"shared": {"code": "7206"}}))["messaging.status.code"] == "7206"
    assert host.plugin_failures == {"two-readers.plugin": 1}
