# SPDX-License-Identifier: Apache-2.0
"""The codes of SMTP and Amazon SES, and the replies, reports and events that carry them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import Category, Host, Outcome, RawStatus, Severity, Status, is_retryable
from messaging_status.testing import TestConformance
from messaging_status_smtp import statuses_in

__all__ = ["TestConformance"]

CODES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "data/smtp_codes.toml").read_text())
HOST = Host.load({}, strict=True)
CATALOGUES = {on.catalogue.full_name: on.catalogue for on in HOST.channels}
SMTP, SES = CATALOGUES["smtp.email"].rows, CATALOGUES["aws_ses.email"].rows
FACTS = ("outcome", "category", "severity", "retryable", "fault")
PERSONAL = ["ann@example.com", "Ann", "198.51.100.7", "mx.example.net"]
TEXT = "Ann <ann@example.com>, host mx.example.net[198.51.100.7]"
ID = "0000014644fe5ef6-9a483358-9170-4cb4-a269-f5dcdf415321-000000"
REPORT = f"""Reporting-MTA: dns; mx.example.net
Arrival-Date: Tue, 24 Nov 2026 09:00:00 +0000

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550-5.1.1 The address was not found.
 550 5.1.1 {TEXT}

Final-Recipient: rfc822; ann@example.com
Action: delayed
Status: 4.4.1
"""


def decoded(code: str, **more: Any) -> Status:
    return HOST.decode(RawStatus(code=code, **{"system": "smtp", "channel": "email", **more}))


def codes_in(text: str) -> list[tuple[str, str | None]]:
    """The codes in a text, with the other ones beside them."""
    found = statuses_in(text)
    assert all(raw.text is None and raw.message_id is None for raw in found)
    return [(raw.code, raw.reason) for raw in found]


def everything(body: Any, **attributes: str) -> dict[str, Any]:
    """All that is put on a log with that body, without the prefix."""
    found = HOST.enrich({f"messaging.{key}": value for key, value in attributes.items()}, body)
    assert not any(word in str(value) for value in found.values() for word in PERSONAL)
    return {key.removeprefix("messaging.status."): value for key, value in found.items()}


def event(kind: str, key: str = "eventType", **details: Any) -> dict[str, Any]:
    mail = {
        "messageId": ID,
        "source": "ann@example.com",
        "destination": ["ann@example.com"],
        "headers": [{"name": "To"}],
    }
    return {key: kind, "mail": mail, **details}


def bounce(kind: Any, subtype: Any, *recipients: Any) -> dict[str, Any]:
    of = [{"emailAddress": "ann@example.com", **recipient} for recipient in recipients]
    details = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": of, "reportingMTA": TEXT}
    return event("Bounce", bounce=details)


def delay(kind: Any, *recipients: Any) -> dict[str, Any]:
    return event("DeliveryDelay", deliveryDelay={"delayType": kind, "delayedRecipients": list(recipients)})


def by_sns(document: Any) -> dict[str, Any]:
    message = document if isinstance(document, str) else json.dumps(document)
    return {"Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:x", "Message": message}


class TestTables:
    def test_every_code_of_the_registries_has_a_row(self) -> None:
        success = [f"2.{detail}" for detail in CODES["success"]]
        both = [f"{number}.{detail}" for number in "45" for detail in CODES["details"]]
        only = [f"5.{detail}" for detail in CODES["permanent_only"]]
        assert sorted(SMTP) == sorted([*CODES["basic"], *success, *both, *only, *CODES["classes"]])

    def test_every_event_of_ses_has_a_row(self) -> None:
        reasons = {code: [reason for v in row.variant for reason in v.reasons] for code, row in SES.items()}
        assert sorted(reasons) == CODES["ses"]["events"]
        assert reasons["Complaint"] == CODES["ses"]["complaints"]
        assert reasons["DeliveryDelay"] == CODES["ses"]["delays"]
        assert sorted(reasons["Bounce"]) == sorted(r for listed in CODES["ses"]["bounces"].values() for r in listed)

    @pytest.mark.parametrize("code", [code for code in SMTP if code[0] in "23"])
    def test_success_and_progress_are_nothing_to_resend(self, code: str) -> None:
        row = SMTP[code]
        assert (row.category, row.severity, row.retryable) == (Category.SUCCESS, Severity.INFO, False)
        assert row.outcome in {Outcome.ACCEPTED, Outcome.SUBMITTED, Outcome.UNKNOWN}

    @pytest.mark.parametrize("code", [code for code in SMTP if code[0] == "4"])
    def test_a_transient_code_may_succeed_later(self, code: str) -> None:
        expected = None if code in CODES["transient"]["left_open"] else code not in CODES["transient"]["not_retryable"]
        assert SMTP[code].retryable is expected
        assert SMTP[code].outcome in {Outcome.FAILED, Outcome.UNDELIVERED}

    @pytest.mark.parametrize("code", [code for code in SMTP if code[0] == "5"])
    def test_a_permanent_code_does_not_but_where_it_passes(self, code: str) -> None:
        expected = None if code in CODES["permanent"]["left_open"] else code in CODES["permanent"]["retryable"]
        assert SMTP[code].retryable is expected
        assert SMTP[code].outcome in {Outcome.FAILED, Outcome.UNDELIVERED}

    @pytest.mark.parametrize("detail", CODES["details"])
    def test_the_two_classes_of_a_detail_do_not_contradict_each_other(self, detail: str) -> None:
        transient, permanent = SMTP[f"4.{detail}"], SMTP[f"5.{detail}"]
        assert not (permanent.retryable is True and transient.retryable is not True)
        assert not (transient.retryable is False and permanent.retryable is not False)
        order = list(Severity)
        assert order.index(transient.severity) <= order.index(permanent.severity)

    @pytest.mark.parametrize(
        ("code", "like"),
        [
            ("5.1.99", "5.1.x"),
            ("4.7.650", "4.7.x"),
            ("5.7.509", "5.7.x"),
            ("5.0.1", "5.x.x"),
            ("4.9.1", "4.x.x"),
            ("2.5.0", "2.x.x"),
            ("571", "5xx"),
            ("499", "4xx"),
            ("355", "3xx"),
            ("299", "2xx"),
        ],
    )
    def test_a_code_without_a_row_means_what_its_class_means(self, code: str, like: str) -> None:
        status = decoded(code)
        assert status.code == code
        assert all(getattr(status, fact) == getattr(SMTP[like], fact) for fact in (*FACTS, "description"))

    @pytest.mark.parametrize(
        "code", ["", "99", "600", "199", "5500", "5.1", "6.1.1", "5.1.1.1", "5.1.1111", "x", "5.x"]
    )
    def test_what_is_no_code_stays_unknown(self, code: str) -> None:
        assert not decoded(code).is_known

    @pytest.mark.parametrize("code", [code for code in SMTP if "x" not in code])
    def test_without_a_channel_a_code_is_the_same(self, code: str) -> None:
        assert decoded(code, channel=None) == decoded(code)

    @pytest.mark.parametrize(("ours", "theirs"), [("Bounce", "7520"), ("Complaint", "7521")])
    def test_bounces_are_the_same_behind_webex_connect(self, ours: str, theirs: str) -> None:
        for variant in SES[ours].variant:
            mine = HOST.decode(RawStatus(code=ours, system="aws_ses", channel="email", reason=variant.reasons[0]))
            other = HOST.decode(
                RawStatus(code=theirs, system="webex_connect", channel="email", reason=variant.reasons[0])
            )
            if other.is_known and other.reason is not None:
                assert all(getattr(mine, fact) == getattr(other, fact) for fact in FACTS), variant.reasons


class TestTwoCodes:
    def test_the_enhanced_code_beside_a_reply_code_says_more(self) -> None:
        status = decoded("550", reason="5.7.26")
        assert (status.code, status.reason, status.category) == ("550", "5.7.26", "authentication")
        assert decoded("550", reason="5.4.5").retryable is True
        assert decoded("552", reason="5.3.4").retryable is False
        assert decoded("552", reason="5.2.2").retryable is None

    def test_it_is_found_in_the_reply_too(self) -> None:
        for more in ({"text": f"552 5.3.4 {TEXT}"}, {"text": f"smtp; 552-5.3.4 {TEXT}"}, {"reason": "552 5.3.4 x"}):
            status = decoded("552", **more)
            assert (status.reason, status.retryable) == ("5.3.4", False)

    @pytest.mark.parametrize("reason", ["5.0.0", "4.1.1", "Ann", "511", "5.1.1.1", "550 5.2.2 x", None])
    def test_one_that_says_less_or_is_none_changes_nothing(self, reason: str | None) -> None:
        status, plain = decoded("552", reason=reason), decoded("552")
        assert (status.description, status.reason) == (plain.description, None)

    @pytest.mark.parametrize(
        ("code", "reason"), [("550", "4.1.1"), ("5.1.1", "450"), ("4.1.1", "550"), ("421", "5.7.0")]
    )
    def test_where_they_contradict_each_other_nothing_is_known_of_resending(self, code: str, reason: str) -> None:
        status = decoded(code, reason=reason)
        assert (status.is_known, status.retryable, is_retryable(status)) == (True, None, False)

    def test_a_server_that_has_given_up_does_not_contradict_itself(self) -> None:
        assert decoded("4.4.7", reason="550").retryable is True

    @pytest.mark.parametrize("action", ["delayed", "Delayed", "deferred"])
    def test_while_the_server_goes_on_trying_a_resend_would_arrive_twice(self, action: str) -> None:
        status = decoded("4.4.1", delivery_status=action)
        assert (status.outcome, status.retryable, status.severity) == (Outcome.SUBMITTED, False, Severity.WARN)
        assert not status.is_failure

    @pytest.mark.parametrize(
        ("action", "outcome"), [("delivered", "delivered"), ("relayed", "submitted"), ("expanded", "delivered")]
    )
    @pytest.mark.parametrize("code", ["2.0.0", "2.1.5", "250", "2.9.9"])
    def test_a_report_of_success_says_how_far_it_came(self, code: str, action: str, outcome: str) -> None:
        status = decoded(code, delivery_status=action)
        assert (status.outcome, status.conflict) == (outcome, False)

    def test_a_failure_that_was_delivered_is_a_conflict(self) -> None:
        assert decoded("5.1.1", delivery_status="delivered").conflict
        assert decoded("2.0.0", delivery_status="failed").conflict
        assert not decoded("5.1.1", delivery_status="failed").conflict


class TestReplies:
    @pytest.mark.parametrize(
        ("text", "code", "other"),
        [
            (f"550 5.1.1 <ann@example.com>: {TEXT}", "5.1.1", "550"),
            ("550-5.1.1 The account does not exist. Please try\r\n550-5.1.1 again\r\n550 5.1.1 now", "5.1.1", "550"),
            ("550-5.7.26 Not authenticated\n550 https://mx.example.net", "5.7.26", "550"),
            ("550", "550", None),
            ("  421 mx.example.net closing", "421", None),
            ("421-mx.example.net\n421 closing", "421", None),
            ("250 2.0.0 Ok: queued as 4F3A1200", "250", "2.0.0"),
            ("250 OK", "250", None),
            ("550 5.0.0 no", "550", "5.0.0"),
            ("smtp; 550 5.1.1 user unknown", "5.1.1", "550"),
            ("SMTP;550", "550", None),
            ("smtp; 571 Message refused", "571", None),
            ("571 5.7.1 Message refused", "5.7.1", "571"),
            ("smtp;5.1.0 - Unknown address error 550-'5.7.1 no'", "5.1.0", None),
            ("550 #5.1.0 Address rejected.", "5.1.0", "550"),
            ("550 sorry, no mailbox here by that name (#5.1.1)", "5.1.1", "550"),
            ("smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.0 no DNS>", "4.4.7", "550"),
            (
                f"X-Postfix; host mx.example.net[198.51.100.7] said: 550 5.1.1 {TEXT} (in reply to RCPT TO command)",
                "5.1.1",
                "550",
            ),
            ("SMTP error from remote mail server after RCPT TO:<ann@example.com>: 452 4.2.2 full", "4.2.2", "452"),
            ("{'ann@example.com': (550, b'5.1.1 <ann@example.com>: Recipient address rejected')}", "5.1.1", "550"),
            ("(535, b'5.7.8 Username and Password not accepted')", "5.7.8", "535"),
            ("(554, b'Message refused')", "554", None),
            ("Can't send mail - all recipients were rejected: 550 5.7.1 no", "5.7.1", "550"),
            ("421 4.7.0 later\n550 5.7.1 never", "5.7.1", "550"),
            ("220 mx ESMTP\n250 2.1.0 Ok\n550 5.1.1 no\n221 2.0.0 Bye", "5.1.1", "550"),
        ],
    )
    def test_a_reply_is_read(self, text: str, code: str, other: str | None) -> None:
        assert codes_in(text) == [(code, other)]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "connect to mx.example.net[198.51.100.7]:550: Connection refused",
            "550.12.1.4 is blocked",
            "451.5.1.1",
            "4.5.1.1 is on a block list",
            "host 198.51.100.7 port 587",
            "587 5.7.0",
            "550:5.1.1",
            "Exim 4.97.1 said nothing",
            "4.97.1",
            "5.1.1",
            "version 5.2.2",
            "smtp; 250.1.2.3",
            "smtp; 5.1.1.9 is blocked",
            "HTTP/1.1 503 Service Unavailable",
            "503 Service Unavailable",
            "500 Internal Server Error",
            "502 Bad Gateway",
            "451 Unavailable For Legal Reasons",
            "404 Not Found",
            "429 Too Many Requests",
            "200 OK",
            "(503, b'Service Unavailable')",
            "(554, 'oops')",
            "(550, '5.1.1')",
            "proxy server: 550 5.1.1",
            "Ann said: 500 people came",
            "smtp; 5.10.24",
            "Status: 5.10.24",
            "(550, 2)",
            "the message has 552 bytes",
            "552 bytes",
            "554 MB are too much",
            "250 recipients",
            "line one\n550 is a number",
            "status: 550",
            "code 550",
            "ann550@example.com",
            "550@example.com",
            "5505.1.1",
            "1550 5.1.1",
            "650 5.1.1",
            "2026-11-25 04:14:20 550 5.1.1",
            "Status: RO",
            "Status: 5.1",
            "Status: 5.1.1.2",
        ],
    )
    def test_other_numbers_are_none(self, text: str) -> None:
        assert codes_in(text) == []

    def test_an_address_behind_the_code_is_no_enhanced_code(self) -> None:
        for rest in (
            "5.11.26",
            "5.97.1 Exim",
            "5.1.1.7 blocked",
            "[5.1.1.7] blocked",
            "5.1.1a",
            "5.1.1.example",
            "5.1.1111",
        ):
            assert codes_in(f"550 {rest}") == [("550", None)]


class TestReports:
    def test_each_recipient_has_a_status(self) -> None:
        assert codes_in(REPORT) == [("5.1.1", "550"), ("4.4.1", None)]
        assert [raw.delivery_status for raw in statuses_in(REPORT)] == ["failed", "delayed"]
        assert codes_in(REPORT.replace("\n", "\r\n")) == codes_in(REPORT)

    @pytest.mark.parametrize(
        ("status", "diagnostic", "code", "other"),
        [
            ("5.1.1", "smtp; 550 5.1.1 no", "5.1.1", "550"),
            ("5.0.0", "smtp; 550 5.7.1 no", "5.7.1", "550"),
            ("5.0.0", "smtp; 554 no", "554", "5.0.0"),
            ("5.0.0", "x-unix; exit 5", "5.0.0", None),
            ("5.0.0", None, "5.0.0", None),
            ("4.4.7", "smtp; 421 4.4.1 timed out", "4.4.7", "421"),
            ("5.1.1 (bad destination mailbox)", None, "5.1.1", None),
            (None, "smtp; 550 5.7.1 no", "5.7.1", "550"),
            ("Ann", "smtp; 550 5.7.1 no", "5.7.1", "550"),
        ],
    )
    @pytest.mark.parametrize(
        "names", [("Status", "Diagnostic-Code"), ("status", "diagnosticCode"), ("status", "diagnostic_code")]
    )
    def test_its_fields_are_a_document(
        self, names: tuple[str, str], status: str | None, diagnostic: str | None, code: str, other: str | None
    ) -> None:
        fields = {names[0]: status, names[1]: diagnostic, "Action": "failed", "Final-Recipient": TEXT}
        found = everything({key: value for key, value in fields.items() if value is not None})
        assert (found["code"], found["channel"], found["messaging.system"]) == (code, "email", "smtp")
        assert found["outcome"] in {"undelivered", "failed"}
        assert other is None or decoded(code, reason=other).is_known

    def test_its_text_is_one_under_its_media_type(self) -> None:
        found = everything({"message/delivery-status": REPORT})
        assert (found["code"], found["category"], found["retryable"]) == ("5.1.1", "invalid_recipient", False)

    def test_a_report_of_delay_is_no_failure(self) -> None:
        found = everything({"Action": "delayed", "Status": "4.4.1", "Diagnostic-Code": "smtp; 451 4.4.1 later"})
        assert (found["outcome"], found["retryable"], found.get("error.type")) == ("submitted", False, None)

    @pytest.mark.parametrize(
        "body",
        [
            {"Action": "sts:AssumeRole", "Status": "5.1.1"},
            {"Action": "failed", "Status": "5.1"},
            {"Action": "failed", "Status": 5.1},
            {"Action": "failed"},
            {"Diagnostic-Code": "x-unix; 550 files"},
            {"diagnostic_code": "250 diabetes"},
            {"diagnosticCode": "550", "status": "active"},
            {"diagnosticCode": "P0300", "status": "5.1.1"},
            {"responseCode": 500, "response": "500 Internal error encountered."},
            {"responseCode": 503, "response": "503 backend is down"},
            {"responseCode": 250, "response": "250 items"},
            {"Status": "5.1.1"},
            {"smtpResponse": "200 OK"},
            {"responseCode": 550, "response": "no"},
            {"responseCode": 200, "response": "200 OK"},
            {"responseCode": True, "response": "550 5.1.1"},
            {"responseCode": 10**5000, "response": "550 5.1.1"},
            {"responseCode": 550, "response": {"status": 550}},
        ],
    )
    def test_documents_of_others_are_left_alone(self, body: dict[str, Any]) -> None:
        assert everything(body) == {}

    @pytest.mark.parametrize(
        "body",
        [
            {"smtpResponse": f"550 5.1.1 {TEXT}"},
            {"smtp_reply": "550 5.1.1 no", "relay": TEXT},
            {"code": "EENVELOPE", "responseCode": 550, "response": f"550 5.1.1 {TEXT}", "command": "RCPT TO"},
            {"responseCode": "550", "response": "550-5.1.1 no\n550 5.1.1 no"},
            {"diagnosticCode": "smtp; 550 5.1.1 no"},
            {"diagnosticCode": "550 no", "status": "5.1.1"},
        ],
    )
    @pytest.mark.parametrize("form", [dict, json.dumps, lambda body: json.dumps(body).encode(), lambda body: [body]])
    def test_a_reply_is_read_in_every_form(self, form: Callable[[Any], Any], body: dict[str, Any]) -> None:
        assert everything(form(body))["code"] == "5.1.1"


class TestSes:
    @pytest.mark.parametrize("kind", CODES["ses"]["events"])
    def test_every_event_is_read(self, kind: str) -> None:
        found = everything(event(kind))
        assert (found["code"], found["channel"], found["messaging.system"]) == (kind, "email", "aws_ses")
        assert found["messaging.message.id"] == ID
        assert everything(event(kind, "notificationType")) == found

    def test_the_one_that_is_written_with_a_space(self) -> None:
        assert everything(event("Rendering Failure"))["category"] == "template"

    @pytest.mark.parametrize(
        ("kind", "outcome", "severity"),
        [
            ("Send", "accepted", "INFO"),
            ("Delivery", "delivered", "INFO"),
            ("Open", "read", "INFO"),
            ("Click", "clicked", "INFO"),
            ("Subscription", "delivered", "INFO"),
            ("DeliveryDelay", "submitted", "WARN"),
            ("Reject", "failed", "ERROR"),
            ("RenderingFailure", "failed", "ERROR"),
            ("Bounce", "undelivered", "WARN"),
            ("Complaint", "complained", "WARN"),
        ],
    )
    def test_how_far_it_came(self, kind: str, outcome: str, severity: str) -> None:
        found = everything(event(kind))
        assert (found["outcome"], found["severity"]) == (outcome, severity)
        assert found.get("retryable") in ({None} if kind == "Bounce" else {False})

    @pytest.mark.parametrize("key", CODES["ses"]["bounces"])
    def test_the_subtype_decides_on_a_resend(self, key: str) -> None:
        expected = {"retryable": True, "not_retryable": False, "left_open": None}[key]
        for reason in CODES["ses"]["bounces"][key]:
            kind, _, subtype = reason.partition("_")
            found = everything(bounce(kind, subtype))
            assert (found["reason"].startswith(kind), found.get("retryable")) == (True, expected), reason

    @pytest.mark.parametrize(("kind", "expected"), [("Permanent", False), ("Transient", None), ("New", None)])
    def test_a_subtype_that_is_new_has_its_type_at_least(self, kind: str, expected: bool | None) -> None:
        found = everything(bounce(kind, "SomethingNew"))
        assert (found["code"], found.get("retryable")) == ("Bounce", expected)

    def test_behind_a_subtype_that_is_new_the_servers_code_decides(self) -> None:
        found = everything(bounce("Permanent", "SomethingNew", {"status": "5.4.5"}))
        assert (found["upstream.code"], found["retryable"]) == ("5.4.5", False)

    def test_a_subtype_of_a_complaint_that_is_new_does_not_hide_its_kind(self) -> None:
        body = event("Complaint", complaint={"complaintSubType": "New", "complaintFeedbackType": "not-spam"})
        assert everything(body)["severity"] == "INFO"

    @pytest.mark.parametrize(
        ("kind", "subtype", "recipient", "category", "retryable"),
        [
            (
                "Transient",
                "General",
                {"status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no"},
                "invalid_recipient",
                False,
            ),
            ("Transient", "General", {"status": "4.4.7", "diagnosticCode": "smtp; 550 4.4.7 expired"}, "expired", True),
            ("Transient", "General", {"diagnosticCode": "smtp; 421 4.7.0 slow down"}, "blocked", True),
            ("Transient", "General", {"status": "4.0.0"}, "recipient_unreachable", True),
            ("Transient", "General", {"status": "5.0.0"}, "unknown", False),
            ("Transient", "General", {"status": "2.1.5"}, "recipient_unreachable", True),
            ("Permanent", "General", {"status": "5.0.0"}, "invalid_recipient", False),
            ("Undetermined", "Undetermined", {"status": "5.7.26"}, "authentication", False),
            (
                "Permanent",
                "General",
                {"status": "5.7.1", "diagnosticCode": f"smtp; 554 5.7.1 {TEXT}"},
                "blocked",
                False,
            ),
            ("Permanent", "General", {"status": "5.2.2"}, "recipient_unreachable", False),
            ("Permanent", "OnAccountSuppressionList", {"status": "5.1.1"}, "blocked", False),
            (
                "Transient",
                "MailboxFull",
                {"status": "5.0.0", "diagnosticCode": "smtp; 550 x"},
                "recipient_unreachable",
                True,
            ),
        ],
    )
    def test_the_servers_code_decides_what_ses_leaves_open(
        self, kind: str, subtype: str, recipient: dict[str, str], category: str, retryable: bool
    ) -> None:
        found = everything(bounce(kind, subtype, recipient))
        assert (found["code"], found["category"], found["retryable"]) == ("Bounce", category, retryable)

    def test_the_servers_code_is_shown(self) -> None:
        found = everything(
            bounce("Permanent", "General", {"status": "5.1.1", "diagnosticCode": f"smtp; 550 5.1.1 {TEXT}"})
        )
        assert (found["upstream.code"], found["upstream.system"]) == ("5.1.1", "smtp")

    def test_the_worst_of_several_recipients_is_told(self) -> None:
        found = everything(bounce("Undetermined", "Undetermined", {}, {"status": "4.2.2"}, {"status": "5.7.26"}))
        assert found["upstream.code"] == "5.7.26"

    @pytest.mark.parametrize("kind", CODES["ses"]["delays"])
    def test_a_delay_is_never_a_reason_for_a_resend(self, kind: str) -> None:
        recipient = {"emailAddress": "ann@example.com", "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 full"}
        found = everything(delay(kind, recipient))
        assert (found["outcome"], found["retryable"], found["reason"]) == ("submitted", False, kind)
        assert "error.type" not in found

    @pytest.mark.parametrize("kind", ["abuse", "auth-failure", "fraud", "not-spam", "other", "virus", None])
    def test_a_complaint_has_its_kind(self, kind: str | None) -> None:
        found = everything(event("Complaint", complaint={"complaintFeedbackType": kind, "complaintSubType": None}))
        assert (found.get("reason"), found["outcome"], found["retryable"]) == (kind, "complained", False)
        assert found["severity"] == {"not-spam": "INFO"}.get(str(kind), found["severity"])

    def test_a_complaint_that_kept_a_mail_back_is_none_about_it(self) -> None:
        body = event("Complaint", complaint={"complaintSubType": "OnAccountSuppressionList"})
        assert everything(body)["outcome"] == "undelivered"

    @pytest.mark.parametrize(("all_of_it", "reason"), [(True, "UnsubscribeAll"), (False, None), ("true", None)])
    def test_a_recipient_who_wants_nothing_more_is_told(self, all_of_it: Any, reason: str | None) -> None:
        body = event("Subscription", subscription={"newTopicPreferences": {"unsubscribeAll": all_of_it}})
        assert everything(body).get("reason") == reason

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda document: document,
            json.dumps,
            by_sns,
            lambda document: json.dumps(by_sns(document)),
            lambda document: {"version": "0", "source": "aws.ses", "detail-type": "Email Bounced", "detail": document},
            lambda document: {"Records": [{"EventSource": "aws:sns", "Sns": by_sns(document)}]},
            lambda document: {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(by_sns(document))}]},
            lambda document: {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(document)}]},
            lambda document: {"message": "bounce", "event": document},
            lambda document: {"message": "bounce", "event": json.dumps(document)},
        ],
    )
    def test_it_is_read_however_it_comes(self, wrap: Callable[[Any], Any]) -> None:
        assert everything(wrap(bounce("Permanent", "NoEmail")))["reason"] == "Permanent_NoEmail"

    @pytest.mark.parametrize(
        "body",
        [
            {"eventType": "Bounce"},
            {"eventType": "Bounce", "mail": {}},
            {"eventType": "Bounce", "mail": {"messageId": 5}},
            {"eventType": "Delete", "mail": {"messageId": ID}},
            {"eventType": "open", "mail": {"messageId": ID}},
            {"eventType": "delivery", "mail": {"messageId": ID}},
            {"notificationType": "Received", "mail": {"messageId": ID}, "receipt": {}},
            {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "x"},
            {"eventType": ["Bounce"], "mail": {"messageId": ID}},
            {"Message": "Hello"},
            {"Message": "{"},
            {"Message": "[" * 10_000},
            {"Message": '{"a": ' * 5_000},
            {"Records": [{"s3": {"bucket": {}}}], "Message": None},
            {"Records": "x"},
            {"detail": "not found"},
        ],
    )
    def test_documents_of_others_are_left_alone(self, body: dict[str, Any]) -> None:
        assert everything(body) == {}

    def test_envelopes_within_envelopes_come_to_an_end(self) -> None:
        document: Any = bounce("Permanent", "NoEmail")
        for _ in range(10):
            document = by_sns(document)
        assert everything(document) == {}


pieces = st.sampled_from(
    [
        "550",
        "5.1.1",
        "421",
        "4.4.7",
        "250",
        " ",
        "-",
        "\n",
        "\r\n ",
        "smtp;",
        "said: ",
        "(",
        ", b'",
        "#",
        ".",
        "<",
        "198.51.100.7",
    ]
) | st.sampled_from(["Status: ", "Action: failed", "Diagnostic-Code: ", "5.0.0", "\n\n", TEXT, "MB", "server: ", ":"])
texts = st.lists(pieces | st.text(max_size=4), max_size=40).map("".join) | st.text(max_size=200)
basics = st.sampled_from(CODES["basic"])
enhanced = st.builds("{}.{}.{}".format, st.sampled_from("45"), st.integers(0, 9), st.integers(0, 999))


@given(text=texts)
@settings(max_examples=1000, deadline=None)
def test_of_any_text_nothing_but_codes_is_told(text: str) -> None:
    for raw in statuses_in(text):
        assert re.fullmatch(r"[2-5]\d\d|[245]\.\d{1,3}\.\d{1,3}", raw.code)
        assert raw.reason is None or re.fullmatch(r"[2-5]\d\d|[245]\.\d{1,3}\.\d{1,3}", raw.reason)
        assert raw.code in text
        assert HOST.decode(raw).is_known
    for code in ("550", "5.1.1"):
        found = HOST.decode(RawStatus(code=code, system="smtp", channel="email", reason=text[:128], text=text))
        assert found.reason is None or re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", found.reason)
    assert HOST.plugin_failures == {}


@given(basic=basics.filter(lambda code: code[0] in "45"), code=enhanced, rest=st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_reply_with_an_enhanced_code_is_read_whatever_follows(basic: str, code: str, rest: str) -> None:
    (raw,) = statuses_in(f"{basic} {code} {' '.join(re.findall('[A-Za-z<>@. ]+', rest))}")
    assert {raw.code, raw.reason} == {basic, code}
    assert HOST.decode(raw).is_known


@given(parts=st.lists(st.integers(0, 255), min_size=4, max_size=4), port=st.integers(1, 65535))
@settings(max_examples=300, deadline=None)
def test_no_address_and_no_port_is_a_code(parts: list[int], port: int) -> None:
    address = ".".join(map(str, parts))
    for text in (
        address,
        f"[{address}]:{port}",
        f"{address}:{port}",
        f"connect to {address}[{address}]:{port}: refused",
    ):
        assert statuses_in(text) == []
        assert codes_in(f"550 {text}") == [("550", None)]
        assert codes_in(f"smtp; 550 {text}") == [("550", None)]
