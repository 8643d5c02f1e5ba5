# SPDX-License-Identifier: Apache-2.0
"""The codes of FCM, APNs and Huawei Push Kit, and the documents that carry them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from messaging_status import Category, Host, Outcome, RawStatus, Severity, Status, is_retryable
from messaging_status.testing import TestConformance

__all__ = ["TestConformance"]

CODES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data/push_codes.toml").read_text())
HOST = Host.load({}, strict=True)
SYSTEMS = ("apns", "fcm", "hms")
CATALOGUES = {on.catalogue.system: on.catalogue for on in HOST.channels if on.catalogue.system in SYSTEMS}
FACTS = ("outcome", "category", "severity", "retryable", "fault")
RETRYABLE = {"retryable": True, "not_retryable": False, "left_open": None}
SAID = [
    (system, code, retryable)
    for system in SYSTEMS
    for key, retryable in RETRYABLE.items()
    for code in CODES[system][key]
]
TOKEN = "IQAAAACy0dGVAAB-447700900001:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"  # noqa: S105 - nobody's
PERSONAL = [TOKEN, "447700900001", "ann@example.com"]
TEXT = f"447700900001 ann@example.com {TOKEN}"
NAME = "projects/shop/messages/0:1500415314455276%31bd1c9631bd1c96"
TYPE = "type.googleapis.com/google."


def decoded(system: str, code: str, **more: Any) -> Status:
    return HOST.decode(RawStatus(code=code, system=system, channel="push", **more))


def everything(body: Any, **attributes: str) -> dict[str, Any]:
    """All that is put on a log with that body, without the prefix."""
    found = HOST.enrich({f"messaging.{key}": value for key, value in attributes.items()}, body)
    assert not any(word in str(value) for value in found.values() for word in PERSONAL)
    return {key.removeprefix("messaging.status."): value for key, value in found.items()}


def code_of(body: Any, **attributes: str) -> str | None:
    code: str | None = everything(body, **attributes).get("code")
    return code


def fcm_error(status: Any, *details: Any, code: Any = 400) -> dict[str, Any]:
    return {"error": {"code": code, "message": TEXT, "status": status, "details": list(details)}}


def fcm(error_code: Any) -> dict[str, Any]:
    return {"@type": f"{TYPE}firebase.fcm.v1.FcmError", "errorCode": error_code}


def apns(reason: Any, status: int = 410) -> dict[str, Any]:
    return {"@type": f"{TYPE}firebase.fcm.v1.ApnsError", "statusCode": status, "reason": reason}


def violation(field: Any) -> dict[str, Any]:
    return {"@type": f"{TYPE}rpc.BadRequest", "fieldViolations": [{"field": field, "description": TEXT}]}


def info(reason: Any, service: str = "fcm.googleapis.com") -> dict[str, Any]:
    return {"@type": f"{TYPE}rpc.ErrorInfo", "reason": reason, "metadata": {"service": service}}


def batch(*results: Any) -> dict[str, Any]:
    good = [result for result in results if isinstance(result, dict) and result.get("success") is True]
    return {"responses": list(results), "successCount": len(good), "failureCount": len(results) - len(good)}


def sent(name: str = NAME) -> dict[str, Any]:
    return {"success": True, "messageId": name}


def unsent(code: str) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": TEXT}}


def hms(code: Any, message: Any = TEXT) -> dict[str, Any]:
    return {"code": code, "msg": message, "requestId": "171940139548091751028001"}


def refused(*causes: str, failure: Any = 1) -> str:
    return json.dumps({"success": 3, "failure": failure, "illegalTokens": {cause: [TOKEN] for cause in causes}})


class TestTables:
    @pytest.mark.parametrize("system", SYSTEMS)
    def test_each_system_has_exactly_its_codes(self, system: str) -> None:
        catalogue = CATALOGUES[system]
        numbers = [str(number) for one in catalogue.series for number in range(int(one.first), int(one.last) + 1)]
        listed = [code for of_system, code, _ in SAID if of_system == system]
        assert sorted([*catalogue.rows, *numbers]) == sorted(listed)

    @pytest.mark.parametrize(("system", "code", "retryable"), SAID)
    def test_what_the_owner_says_about_resending(self, system: str, code: str, retryable: bool | None) -> None:
        assert decoded(system, code).is_known
        assert decoded(system, code).retryable is retryable

    @pytest.mark.parametrize(("code", "causes"), CODES["causes"].items())
    def test_tokens_are_refused_for_exactly_these_causes(self, code: str, causes: list[str]) -> None:
        found = [reason for variant in CATALOGUES["hms"].rows[code].variant for reason in variant.reasons]
        assert found == causes
        for cause in causes:
            assert decoded("hms", code, reason=cause).reason == cause

    @pytest.mark.parametrize(("code", "behind"), CODES["webex_connect"].items())
    def test_a_cause_is_the_same_behind_webex_connect(self, code: str, behind: str) -> None:
        system, _, own = behind.partition("/")
        mine, theirs = decoded(system, own), decoded("webex_connect", code)
        assert mine.is_known
        assert theirs.is_known
        unlike = [fact for fact in FACTS if getattr(mine, fact) != getattr(theirs, fact)]
        assert unlike == CODES["unlike"].get(code, {"facts": []})["facts"]

    @pytest.mark.parametrize("system", SYSTEMS)
    def test_words_and_judgement_follow_the_definitions(self, system: str) -> None:
        waits = {Category.RATE_LIMITED, Category.PROVIDER_ERROR}
        for code, row in CATALOGUES[system].rows.items():
            labels = [row.description, *(variant.description for variant in row.variant)]
            sentences = [row.advice, *(variant.advice for variant in row.variant)]
            assert all(re.fullmatch(r"[A-Z].*[^.]", label or "") for label in labels), code
            assert all(re.fullmatch(r"[A-Z].*\.", sentence or "A.") for sentence in sentences), code
            assert row.retryable is not True or row.category in waits, code
            if row.category is Category.SUCCESS:
                facts = (row.outcome, row.severity, row.retryable)
                assert facts == (Outcome.ACCEPTED, Severity.INFO, False)
            else:
                assert row.outcome in {Outcome.FAILED, Outcome.PARTIAL, Outcome.UNKNOWN}, code
                assert row.severity is not Severity.INFO, code

    def test_two_spellings_of_one_reason_are_alike(self) -> None:
        rows = CATALOGUES["apns"].rows
        assert rows["BadEnvironmentKeyIdInToken"] == rows["BadEnvironmentKeyInToken"]

    def test_a_message_that_may_have_been_sent_is_not_called_failed(self) -> None:
        for code in ("CANCELLED", "DEADLINE_EXCEEDED"):
            assert (decoded("fcm", code).outcome, decoded("fcm", code).retryable) == (Outcome.UNKNOWN, None)

    def test_an_app_that_is_not_known_may_be_new(self) -> None:
        assert decoded("hms", "80300007", reason="appinfoError").retryable is None
        assert decoded("hms", "80300007", reason="noRight").retryable is False
        assert decoded("hms", "80100000", reason="appinfoError").retryable is False

    @pytest.mark.parametrize("code", ["200", "410", "503"])
    def test_a_number_of_http_is_nobodys_where_no_system_is_named(self, code: str) -> None:
        ours = [one.description for catalogue in CATALOGUES.values() for one in catalogue.series]
        assert HOST.enrich({"messaging.status.code": code}).get("messaging.status.description") not in ours

    @pytest.mark.parametrize("code", ["BadDeviceToken", "UNREGISTERED", "80300007"])
    def test_a_name_that_one_system_has_needs_no_system(self, code: str) -> None:
        found = HOST.enrich({"messaging.channel": "Mobile Push", "messaging.status.code": code})
        assert found["messaging.status.category"] == "invalid_recipient"


class TestFcmErrors:
    def test_everything_on_the_record_is_ours(self) -> None:
        assert everything(fcm_error("NOT_FOUND", fcm("UNREGISTERED"), code=404)) == {
            "code": "UNREGISTERED",
            "description": "Token no longer registered",
            "severity": "WARN",
            "retryable": False,
            "category": "invalid_recipient",
            "outcome": "failed",
            "channel": "push",
            "fault": "sender",
            "error.type": "invalid_recipient",
            "messaging.system": "fcm",
        }

    def test_not_found_alone_is_no_token_that_went_away(self) -> None:
        body = fcm_error("NOT_FOUND", code=404)
        for around in ({"system": "fcm"}, {"channel": "push"}):
            found = everything(body, **around)
            assert (found["code"], found["category"]) == ("NOT_FOUND", "configuration")

    @pytest.mark.parametrize("error_code", [None, "", 5, ["UNREGISTERED"]])
    def test_without_an_error_code_googles_status_counts(self, error_code: Any) -> None:
        assert code_of(fcm_error("UNAVAILABLE", fcm(error_code))) == "UNAVAILABLE"

    def test_another_detail_with_an_error_code_is_not_believed(self) -> None:
        other = {"@type": f"{TYPE}rpc.Other", "errorCode": "UNREGISTERED"}
        assert code_of(fcm_error("INTERNAL", other), system="fcm") == "INTERNAL"

    def test_a_code_that_is_new_is_unknown_but_told(self) -> None:
        found = everything(fcm_error("INTERNAL", fcm("BRAND_NEW")))
        assert (found["code"], found["category"]) == ("BRAND_NEW", "unknown")

    @pytest.mark.parametrize(
        "form", [json.dumps, lambda document: json.dumps(document).encode(), lambda document: [document]]
    )
    def test_it_is_read_in_every_form(self, form: Any) -> None:
        assert code_of(form(fcm_error("UNAVAILABLE", fcm("UNAVAILABLE")))) == "UNAVAILABLE"

    def test_a_bad_token_is_told_from_a_bad_message(self) -> None:
        token = everything(fcm_error("INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), violation("message.token")))
        assert (token["category"], token["parameter"]) == ("invalid_recipient", "message.token")
        data = everything(fcm_error("INVALID_ARGUMENT", violation("message.data[0].value")), system="fcm")
        assert (data["category"], data["parameter"]) == ("invalid_request", "message.data[0].value")

    def test_a_field_that_may_be_personal_is_not_told(self) -> None:
        for field in (TOKEN, "ann.smith"):
            body = fcm_error("INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), violation(field))
            assert "parameter" not in everything(body)

    def test_what_has_not_the_form_of_a_code_is_none(self) -> None:
        device = "0123456789abcdef" * 4
        for other in ("447700900001", device, "Ann"):
            assert everything(fcm_error(other, fcm(other), apns(other[:2]))) == {}
            assert everything(batch(sent(), unsent(f"messaging/{other}"))) == {}
        body = fcm_error("NOT_FOUND", fcm("UNREGISTERED"), apns(device))
        assert "upstream.code" not in everything(body)

    @pytest.mark.parametrize(
        ("status", "reason", "expected"),
        [
            ("PERMISSION_DENIED", "SERVICE_DISABLED", ("configuration", False)),
            ("PERMISSION_DENIED", "IAM_PERMISSION_DENIED", ("permission", False)),
            ("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", ("authentication", None)),
            ("UNAUTHENTICATED", "CREDENTIALS_MISSING", ("authentication", False)),
        ],
    )
    def test_googles_reason_chooses_the_meaning(self, status: str, reason: str, expected: tuple[str, Any]) -> None:
        found = everything(fcm_error(status, info(reason)))
        assert (found["category"], found.get("retryable")) == expected

    def test_apples_reason_behind_it_decides(self) -> None:
        found = everything(fcm_error("INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), apns("Unregistered")))
        assert (found["code"], found["upstream.code"], found["upstream.system"]) == (
            "INVALID_ARGUMENT",
            "Unregistered",
            "apns",
        )
        assert (found["category"], found["severity"]) == ("invalid_recipient", "WARN")

    @pytest.mark.parametrize(
        "body",
        [
            {"error": {"code": 190, "message": TEXT, "type": "OAuthException", "fbtrace_id": "A1"}},
            {"error": {"code": "UNAVAILABLE", "message": TEXT, "status": 503}},
            {"error": {"code": 503, "message": TEXT}},
            {"error": {"code": 503, "status": "Service Unavailable"}},
            {"error": {"code": True, "status": "UNAVAILABLE"}},
            {"error": "UNAVAILABLE"},
        ],
    )
    def test_errors_of_others_are_left_alone(self, body: dict[str, Any]) -> None:
        for around in ({}, {"system": "fcm"}, {"channel": "push"}):
            assert everything(body, **around).get("messaging.system") != "fcm"

    @pytest.mark.parametrize(
        "around", [{}, {"channel": "sms"}, {"channel": "push"}, {"system": "webex_connect", "channel": "push"}]
    )
    def test_googles_other_apis_are_left_alone(self, around: dict[str, str]) -> None:
        assert everything(fcm_error("UNAVAILABLE", info("X", "pubsub.googleapis.com")), **around) == {}


class TestFcmSuccess:
    def test_a_message_was_accepted(self) -> None:
        found = everything({"name": "projects/shop/messages/6746731264018742"})
        assert (found["code"], found["outcome"], found["retryable"]) == ("OK", "accepted", False)
        assert found["messaging.message.id"] == "6746731264018742"

    @pytest.mark.parametrize("around", [{}, {"system": "FCM"}, {"channel": "push"}])
    def test_it_shows_by_itself_what_it_is(self, around: dict[str, str]) -> None:
        assert code_of({"name": NAME}, **around) == "OK"

    @pytest.mark.parametrize("around", [{"channel": "sms"}, {"system": "webex_connect"}, {"system": "hms"}])
    def test_where_the_record_names_something_else_it_is_not_believed(self, around: dict[str, str]) -> None:
        assert everything({"name": NAME}, **around) == {}

    @pytest.mark.parametrize(
        "name",
        [
            "projects/shop/messages/fake_message_id",
            "projects/shop/locations/eu/messages/1",
            "projects/shop/topics/1",
            "Ann",
            NAME + "/x",
            7,
            None,
        ],
    )
    def test_a_dry_run_and_other_names_say_nothing(self, name: Any) -> None:
        assert everything({"name": name}) == {}


class TestFcmBatches:
    def test_the_worst_is_told(self) -> None:
        body = batch(sent(), unsent("messaging/registration-token-not-registered"), unsent("messaging/internal-error"))
        assert code_of(body) == "internal-error"

    def test_a_batch_is_retryable_only_as_a_whole(self) -> None:
        mixed = batch(sent(), unsent("messaging/internal-error"))
        found = HOST.find({}, mixed)
        assert not is_retryable([HOST.decode(raw) for raw in found])
        assert all(raw.message_id is None for raw in found)

    def test_all_went_well(self) -> None:
        assert code_of(batch(sent(), sent())) == "OK"

    @pytest.mark.parametrize(
        "result",
        [
            unsent("messaging/server-unavailable"),
            {"success": False, "error": {"errorInfo": {"code": "messaging/server-unavailable"}}},
            {"success": False, "error": fcm_error("UNAVAILABLE", fcm("UNAVAILABLE"))["error"]},
            {"success": False, "error": fcm_error("UNAVAILABLE", fcm("UNAVAILABLE"))},
        ],
    )
    def test_an_error_is_read_in_every_form(self, result: dict[str, Any]) -> None:
        assert everything(batch(sent(), result))["category"] == "provider_error"

    @pytest.mark.parametrize("result", [unsent("app/no-network"), {"success": False}, {}, None, "failed", 7])
    def test_where_one_result_has_no_name_nothing_is_told(self, result: Any) -> None:
        assert everything(batch(sent(), result)) == {}

    @pytest.mark.parametrize(
        "body", [{"responses": []}, {"responses": "x"}, batch({"success": True}), {"responses": {}}]
    )
    def test_responses_of_others_are_left_alone(self, body: dict[str, Any]) -> None:
        assert everything(body) == {}

    @pytest.mark.parametrize("responses", [5, None, True, "x", {}, 1.5])
    def test_what_is_no_list_is_no_batch(self, responses: Any) -> None:
        body = {"responses": responses, "successCount": 1, "failureCount": 0}
        assert everything(body, system="fcm") == {}
        assert "fcm.documents" not in HOST.plugin_failures

    def test_a_dry_run_says_nothing(self) -> None:
        dry = sent("projects/shop/messages/fake_message_id")
        assert everything(batch(dry, unsent("messaging/invalid-argument")), system="fcm") == {}

    def test_a_record_may_say_whose_it_is(self) -> None:
        assert code_of(batch({"success": True}), system="fcm") == "OK"

    def test_deeper_in_a_log_no_success_hides_a_failure(self) -> None:
        assert everything({"event": "sent", "answer": batch(sent(), unsent("messaging/internal-error"))}) == {}


class TestApns:
    @pytest.mark.parametrize("around", [{"system": "apns"}, {"channel": "push"}, {"system": "APNs", "channel": "push"}])
    @pytest.mark.parametrize("more", [{}, {"timestamp": 1790500100000}])
    def test_it_is_read_where_the_record_says_so(self, around: dict[str, str], more: dict[str, Any]) -> None:
        found = everything({"reason": "Unregistered", **more}, **around)
        assert (found["code"], found["category"], found["severity"]) == ("Unregistered", "invalid_recipient", "WARN")
        assert (found["channel"], found.get("messaging.system", "apns")) == ("push", "apns")

    @pytest.mark.parametrize("around", [{}, {"channel": "sms"}, {"system": "fcm"}, {"system": "webex_connect"}])
    def test_by_itself_it_may_be_anybodys(self, around: dict[str, str]) -> None:
        assert everything({"reason": "BadDeviceToken"}, **around).get("code") is None

    @pytest.mark.parametrize(
        "body", [{"reason": "Timeout"}, {"reason": "BadDeviceToken", "status": "x"}, {"reason": "badDeviceToken"}]
    )
    def test_on_push_it_has_to_look_like_apples(self, body: dict[str, Any]) -> None:
        assert everything(body, channel="push") == {}

    def test_a_known_reason_may_stand_among_others_where_the_record_says_apns(self) -> None:
        assert code_of({"reason": "BadTopic", "status": 400}, system="apns") == "BadTopic"
        assert everything({"reason": "Smith", "customer": 1}, system="apns") == {}

    def test_where_the_record_says_apns_a_new_reason_is_told(self) -> None:
        found = everything({"reason": "BadMoonPhase"}, system="apns")
        assert (found["code"], found["category"]) == ("BadMoonPhase", "unknown")

    @pytest.mark.parametrize("reason", ["", None, 7, True, ["BadTopic"], {}, TEXT, "x" * 1000, "Not Found"])
    def test_what_is_no_reason_says_nothing(self, reason: Any) -> None:
        assert everything({"reason": reason}, system="apns") == {}

    @pytest.mark.parametrize(
        ("code", "category"), [("200", "success"), (410, "invalid_recipient"), (429, "rate_limited")]
    )
    def test_without_a_reason_the_number_of_http_counts(self, code: Any, category: str) -> None:
        found = HOST.enrich({"messaging.system": "apns", "messaging.channel": "push", "messaging.status.code": code})
        assert found["messaging.status.category"] == category


class TestHms:
    @pytest.mark.parametrize("around", [{}, {"system": "hms"}, {"channel": "push"}])
    @pytest.mark.parametrize("code", ["80000000", 80000000, " 80000000 "])
    def test_an_answer_shows_by_itself_what_it_is(self, around: dict[str, str], code: Any) -> None:
        found = everything(hms(code, "Success"), **around)
        assert (found["code"], found["outcome"], found["channel"]) == ("80000000", "accepted", "push")
        assert found["messaging.message.id"] == "171940139548091751028001"

    @pytest.mark.parametrize(
        ("body", "around"),
        [
            ({"code": "80000000", "msg": "Success"}, {}),
            ({"code": "80000000", "requestId": "r-1"}, {}),
            (hms("200"), {}),
            (hms("90000000"), {}),
            (hms("86012345"), {}),
            (hms("80012345"), {"channel": "push"}),
            ({**hms("80000000"), "data": {}}, {}),
            (hms("8000000"), {}),
            (hms(True), {}),
            (hms("200"), {"channel": "push"}),
            (hms("80000000"), {"channel": "sms"}),
            ({"msg": "Success", "requestId": "r-1"}, {"system": "hms"}),
            (hms("80000000"), {"system": "fcm"}),
        ],
    )
    def test_answers_of_others_are_left_alone(self, body: dict[str, Any], around: dict[str, str]) -> None:
        assert everything(body, **around).get("description") is None

    @pytest.mark.parametrize("form", [str, json.loads])
    def test_a_part_of_the_tokens_was_refused(self, form: Any) -> None:
        message = json.dumps({"success": 3, "failure": 1, "illegal_tokens": [TOKEN]})
        assert everything(hms("80100000", form(message))) == {
            "code": "80100000",
            "description": "Sent to some tokens only",
            "severity": "WARN",
            "retryable": False,
            "category": "invalid_recipient",
            "outcome": "partial",
            "channel": "push",
            "fault": "sender",
            "parameter": "1",
            "messaging.system": "hms",
            "messaging.message.id": "171940139548091751028001",
        }

    def test_the_cause_chooses_the_meaning(self) -> None:
        found = everything(hms("80300007", refused("noPushTypeRight", "noRight", failure=2)))
        assert (found["reason"], found["category"], found["parameter"]) == ("noPushTypeRight", "permission", "2")
        assert everything(hms("80300007", refused(" tokenFormatError ")))["reason"] == "tokenFormatError"
        penalty = everything(hms("80300007", refused("somethingNew", "disableSendHuaweiMsgBecauseOfPenalty")))
        assert penalty["severity"] == "FATAL"

    def test_a_cause_that_is_not_known_is_not_told(self) -> None:
        found = everything(hms("80300007", refused(TOKEN, "ann@example.com", failure="447700900001")))
        assert (found["category"], "reason" in found, "parameter" in found) == ("invalid_recipient", False, False)

    def test_nothing_of_the_message_is_passed_on(self) -> None:
        for message in (TEXT, refused("noRight", TOKEN), {"failure": 1, "illegal_tokens": [TOKEN]}):
            for raw in HOST.find({}, hms("80100000", message)):
                assert not any(word in repr(raw) for word in PERSONAL)

    @pytest.mark.parametrize(("code", "category"), [("502", "provider_error"), (503, "rate_limited")])
    def test_without_a_code_the_number_of_http_counts(self, code: Any, category: str) -> None:
        found = HOST.enrich({"messaging.system": "hms", "messaging.channel": "push", "messaging.status.code": code})
        assert (found["messaging.status.category"], found["messaging.status.retryable"]) == (category, True)


def test_the_hosts_of_the_apis_are_known() -> None:
    known = {hosts.system: hosts.hosts for hosts in HOST.api_hosts}
    assert known["fcm"] == ("fcm.googleapis.com",)
    assert "api.push.apple.com" in known["apns"]
    assert known["hms"] == ("push-api.cloud.huawei.com",)
