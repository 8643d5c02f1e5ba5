# SPDX-License-Identifier: Apache-2.0
"""SMPP's codes in every form that people write, and the PDUs and receipts that carry them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import Category, Document, Host, Outcome, RawStatus, Status
from messaging_status.testing import TestConformance
from messaging_status_smpp.documents import read_pdu

__all__ = ["TestConformance"]

CODES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data/smpp_codes.toml").read_text())
HOST = Host.load({}, strict=True)
CATALOGUES = {on.catalogue.channel: on.catalogue for on in HOST.channels if on.catalogue.system == "smpp"}
WEBEX_CONNECT = any(on.catalogue.system == "webex_connect" for on in HOST.channels)
FACTS = ("outcome", "category", "severity", "retryable", "fault")
NAMES = {int(number): name for number, name in CODES["names"].items()}
OLD_NAMES = {int(number): name for number, name in CODES["old_names"].items()}
MAP = {int(number): name for number, name in CODES["map"].items()}
WORDS, FULL_WORDS = CODES["states"]["words"], CODES["states"]["full"]
BOTH_WORDS = list(zip(WORDS, FULL_WORDS, strict=True))
SECRETS = ["447700900001", "493817", "Ann"]
RECEIPT = (
    "id:0a1b-77 sub:001 dlvrd:000 submit date:2611250410 done date:2611250411 stat:{stat} err:{err} "
    "text:Ann 493817 stat:DELIVRD err:001"
)


def written(number: int) -> str:
    return f"0x{number:08X}"


def decoded(code: str, channel: str | None = "sms", **more: Any) -> Status:
    return HOST.decode(RawStatus(code=code, system="smpp", channel=channel, **more))


def everything(body: Any, **attributes: str) -> dict[str, Any]:
    """All that is put on a log with that body, without the prefix."""
    found = HOST.enrich({f"messaging.{key}": value for key, value in attributes.items()}, body)
    assert not any(secret in str(value) for value in found.values() for secret in SECRETS)
    return {key.removeprefix("messaging.status."): value for key, value in found.items()}


def code_of(body: Any, **attributes: str) -> str | None:
    code: str | None = everything(body, **attributes).get("code")
    return code


def receipt(stat: str = "UNDELIV", err: str = "000") -> str:
    return RECEIPT.format(stat=stat, err=err)


def deliver(text: Any, **more: Any) -> dict[str, Any]:
    header = {"command": "deliver_sm", "command_status": 0, "sequence_number": 7, "esm_class": 4}
    return {**header, "source_addr": "447700900001", "short_message": text, **more}


class TestTables:
    def test_the_table_has_exactly_the_codes_of_the_standard(self) -> None:
        assert sorted(CATALOGUES["sms"].rows) == sorted([*map(written, NAMES), *WORDS])
        assert sorted(CATALOGUES["gsm"].rows) == sorted(f"gsm:{number}" for number in MAP)

    def test_vendors_numbers_mean_nothing(self) -> None:
        assert not CATALOGUES["sms"].series
        for number in (0x400, 0x411, 0x4FF):
            status = decoded(str(number))
            assert (status.is_known, status.category, status.outcome) == (False, Category.UNKNOWN, Outcome.UNKNOWN)

    @pytest.mark.parametrize("number", [*NAMES])
    def test_whether_a_resend_helps(self, number: int) -> None:
        helps = str(number) in CODES["resend"]["helps"]
        expected = None if str(number) in CODES["resend"]["left_open"] else helps
        assert decoded(written(number)).retryable is expected

    @pytest.mark.parametrize("code", [*WORDS, *(f"gsm:{number}" for number in MAP)])
    def test_whether_a_resend_helps_after_hand_off(self, code: str) -> None:
        expected = None if code in CODES["resend"]["left_open"] else code in CODES["resend"]["helps"]
        assert decoded(code).retryable is expected

    def test_outcomes(self) -> None:
        assert [decoded(word).outcome.value for word in WORDS] == CODES["states"]["outcomes"]
        for number in NAMES:
            outcome = decoded(written(number)).outcome
            if number in CODES["about"]["another_request"]:
                assert outcome is Outcome.UNKNOWN
            else:
                assert outcome is {0: Outcome.ACCEPTED, 254: Outcome.UNDELIVERED}.get(number, Outcome.FAILED)
        assert {row.outcome for row in CATALOGUES["gsm"].rows.values()} == {Outcome.UNDELIVERED}

    @pytest.mark.skipif(not WEBEX_CONNECT, reason="messaging-status-webex-connect is not installed")
    @pytest.mark.parametrize(
        ("code", "reason", "other"),
        [("gsm:1", None, "7203"), ("gsm:27", None, "7207"), ("gsm:32", "memory capacity exceeded", "7206")],
    )
    def test_a_cause_is_the_same_behind_webex_connect(self, code: str, reason: str | None, other: str) -> None:
        mine = decoded(code, reason=reason)
        theirs = HOST.decode(RawStatus(code=other, system="webex_connect", channel="sms"))
        assert mine.is_known
        assert [fact for fact in FACTS if getattr(mine, fact) != getattr(theirs, fact)] == []


class TestWrittenForms:
    @pytest.mark.parametrize(("number", "name"), [*NAMES.items(), *OLD_NAMES.items()])
    def test_of_a_command_status(self, number: int, name: str) -> None:
        expected = decoded(written(number))
        assert (expected.is_known, expected.code) == (True, written(number))
        java, rust = name.replace("ESME_R", "STATUS_", 1), name.replace("_", "").capitalize()
        forms = [
            str(number),
            f"0x{number:x}",
            f"0X{number:08x}",
            f"{number:08x}",
            f"{number:08X}",
            name,
            name.lower(),
            java,
            rust,
        ]
        for form in forms:
            assert decoded(form) == expected, form

    @pytest.mark.parametrize(("word", "full"), BOTH_WORDS)
    def test_of_a_state(self, word: str, full: str) -> None:
        for form in (word, word.lower(), full, full.capitalize()):
            assert decoded(form) == decoded(word), form
            assert decoded(form).is_known

    @pytest.mark.parametrize(("number", "name"), [*MAP.items()])
    def test_of_an_error_of_map(self, number: int, name: str) -> None:
        for form in (str(number), name, name.upper()):
            assert decoded(form, "gsm") == decoded(f"gsm:{number}", "gsm"), form
        assert decoded(f"gsm:{number}").channel == "sms"

    @pytest.mark.parametrize("code", ["088", "0058", "58h", "0x", "0x123456789", "4294967296", "ESME_R", "OKAY", "069"])
    def test_others_are_no_codes_of_the_tables(self, code: str) -> None:
        assert not decoded(code).is_known
        assert decoded(code).code == code

    def test_a_number_is_never_a_state_without_its_key(self) -> None:
        assert decoded("5").description == "Session already bound"
        assert decoded("2").outcome is Outcome.FAILED

    def test_numbers_mean_nothing_to_records_of_nobody(self) -> None:
        assert HOST.decode(RawStatus(code="88")).is_known is False
        assert HOST.decode(RawStatus(code=written(88))).is_known
        assert decoded("88", None).is_known

    def test_on_attributes(self) -> None:
        said = HOST.enrich({"messaging.system": "smpp", "messaging.channel": "sms", "messaging.delivery.code": 88})
        assert (said["messaging.status.code"], said["messaging.status.retryable"]) == ("0x00000058", True)

    def test_a_cause_and_a_delivery_status_hold_for_other_forms_too(self) -> None:
        cause = RawStatus(code="gsm:27", system="smpp", channel="sms")
        assert decoded("UNDELIVERABLE", upstream=cause) == decoded("UNDELIV", upstream=cause)
        assert decoded("UNDELIVERABLE", upstream=cause).retryable is True

    @pytest.mark.parametrize("form", ["EXPIRED", "expired", "Expired"])
    def test_what_has_expired_is_left_open_in_every_form(self, form: str) -> None:
        status = decoded(form, upstream=RawStatus(code="gsm:27", system="smpp", channel="sms"))
        assert (status.code, status.retryable, status.upstream_code) == ("EXPIRED", None, "gsm:27")
        assert status.advice == decoded("EXPIRED").advice

    def test_overlays_are_not_overruled(self, tmp_path: Path) -> None:
        overlay = tmp_path / "overlay.toml"
        lines = ['system = "smpp"', 'channel = "sms"', "[status.EXPIRED]", "retryable = true"]
        overlay.write_text("\n".join(lines))
        host = Host.load({"overlays": [str(overlay)]}, strict=True)
        assert host.decode(RawStatus(code="EXPIRED", system="smpp", channel="sms")).retryable is True


class TestReceipts:
    @pytest.mark.parametrize(("word", "full"), BOTH_WORDS)
    def test_the_state_in_a_text(self, word: str, full: str) -> None:
        for stat in (word, full, word.lower()):
            found = everything(deliver(receipt(stat)))
            assert (found["code"], found["channel"]) == (word, "sms")
            assert found["messaging.message.id"] == "0a1b-77"
            assert found["messaging.system"] == "smpp"

    @pytest.mark.parametrize(
        "key", ["short_message", "shortMessage", "message_payload", "messagePayload", "receipt", "dlr"]
    )
    def test_where_the_text_stands(self, key: str) -> None:
        assert code_of({key: receipt()}) == "UNDELIV"
        assert code_of(json.dumps({key: receipt()})) == "UNDELIV"
        assert code_of({"event": "dlr", "pdu": {key: receipt(), "command": "deliver_sm"}}) == "UNDELIV"
        assert code_of({key: {"message": receipt()}}) == "UNDELIV"

    def test_keys_in_any_case(self) -> None:
        assert code_of({"short_message": receipt().upper()}) == "UNDELIV"
        assert code_of({"short_message": receipt().replace("stat:", "Stat: ")}) == "UNDELIV"

    def test_what_the_message_says_is_never_believed(self) -> None:
        quoted = "id:1 sub:001 dlvrd:001 err:000 text:stat:UNDELIV"
        assert code_of({"short_message": quoted}, system="smpp", channel="sms") is None
        assert code_of(deliver(receipt(), esm_class=0)) is None
        assert code_of({"short_message": f"Hello {receipt()}"}, system="smpp") is None
        assert code_of({"short_message": "Your code is 493817"}, system="smpp") is None

    @pytest.mark.parametrize("quote", ["err:000text:", "err:000 Text :", "err:000 text=", "err:000\ttext: "])
    def test_what_is_quoted_is_cut_off_however_it_is_written(self, quote: str) -> None:
        body = f"id:1 sub:001 dlvrd:000 {quote}Ann stat:UNDELIV err:069"
        assert code_of({"short_message": body}, system="smpp", channel="sms") is None
        assert code_of({"short_message": body.replace("id:1", "id:1 stat:EXPIRED")}) == "EXPIRED"

    @pytest.mark.parametrize("kind", [0x08, 0x10, 0x18, "0x08", 0x43])
    def test_what_the_recipient_writes_is_no_receipt(self, kind: Any) -> None:
        assert code_of(deliver(receipt(), esm_class=kind)) is None

    @pytest.mark.parametrize("kind", [0x04, 0x44, 0x20, 0x07])
    def test_what_the_message_centre_reports_is_one(self, kind: int) -> None:
        assert code_of(deliver(receipt(), esm_class=kind)) == "UNDELIV"

    def test_an_id_stands_at_the_beginning(self) -> None:
        found = everything(deliver("id:a/b sub:001 stat:UNDELIV err:000 mobid:447700900001 id:447700900001"))
        assert (found["code"], "messaging.message.id" in found) == ("UNDELIV", False)

    def test_a_vendors_error_is_shown_and_not_guessed_at(self) -> None:
        found = everything(deliver(receipt(err="088")))
        assert (found["upstream.code"], found["upstream.system"]) == ("err:088", "smpp")
        assert (found["category"], "retryable" in found) == ("unknown", False)
        assert "upstream.code" not in everything(deliver(receipt(err="000")))
        assert "upstream.code" not in everything(deliver(receipt("DELIVRD", err="088")))

    def test_a_vendors_state_is_shown_as_it_is(self) -> None:
        found = everything(deliver(receipt("bounced")))
        assert (found["code"], found["outcome"]) == ("BOUNCED", "unknown")
        assert code_of(deliver(receipt("bounced"), message_state=5)) == "UNDELIV"

    @pytest.mark.parametrize(("number", "word"), [*enumerate(WORDS)])
    def test_message_state(self, number: int, word: str) -> None:
        for value in (number, str(number), f"0x{number:02x}", word, FULL_WORDS[number]):
            body = {"receipted_message_id": "77", "message_state": value}
            assert everything(body)["code"] == word
            assert everything(body)["messaging.message.id"] == "77"
            assert code_of({"messageState": value, "tlvs": {"receiptedMessageId": "77"}}) == word

    @pytest.mark.parametrize("value", [10, 255, -1, True, None, "5 ", "sent", [5], 2.5])
    def test_no_message_state(self, value: Any) -> None:
        expected = "UNDELIV" if value == "5 " else None
        assert code_of({"receipted_message_id": "77", "message_state": value}) == expected

    def test_the_answer_to_a_query(self) -> None:
        body = {
            "command": "query_sm_resp",
            "command_status": 0,
            "message_id": "77",
            "message_state": 5,
            "error_code": 0,
        }
        assert everything(body)["code"] == "UNDELIV"
        assert everything(body)["messaging.message.id"] == "77"
        assert code_of({**body, "command_status": 0x67}) == written(0x67)

    def test_fields_that_a_library_took_apart(self) -> None:
        found = everything(
            {"id": "77", "sub": "001", "dlvrd": "000", "stat": "REJECTD", "err": 12, "text": "Ann 493817"}
        )
        assert (found["code"], found["upstream.code"], found["messaging.message.id"]) == ("REJECTD", "err:12", "77")

    def test_an_id_may_be_a_number_but_no_endless_one(self) -> None:
        assert everything({"message_state": 5, "receipted_message_id": 77})["messaging.message.id"] == "77"
        endless: dict[str, Any] = {"message_state": 5, "receipted_message_id": 10**5_000}
        assert everything(endless)["code"] == "UNDELIV"
        assert "messaging.message.id" not in everything(endless)

    def test_a_receipt_of_another_system_is_not_ours(self) -> None:
        assert list(read_pdu(Document(content=deliver(receipt()), channel="email"))) == []
        assert code_of(deliver(receipt()), system="kafka") is None
        assert code_of({"stat": "EXPIRED", "id": "77"}) is None
        assert code_of({"message_state": 5}) is None
        assert code_of({"message_state": 5}, system="smpp") == "UNDELIV"


class TestNetworkErrors:
    FORMS = (
        "03001B",
        "0x03001b",
        "03 00 1b",
        [3, 0, 27],
        {"type": 3, "code": 27},
        {"networkType": 3, "errorCode": 27},
        0x03001B,
    )

    @pytest.mark.parametrize("form", FORMS)
    def test_an_error_of_gsm_decides(self, form: Any) -> None:
        found = everything(deliver(receipt(err="099"), network_error_code=form))
        assert (found["code"], found["upstream.code"], found["upstream.system"]) == ("UNDELIV", "gsm:27", "smpp")
        assert (found["category"], found["retryable"], found["fault"]) == ("recipient_unreachable", True, "recipient")

    def test_an_error_of_smpp_decides(self) -> None:
        found = everything(deliver(receipt(), network_error_code="07000B"))
        assert (found["upstream.code"], found["category"], found["retryable"]) == (
            written(11),
            "invalid_recipient",
            False,
        )
        found = everything(deliver(receipt(), network_error_code="070401"))
        assert (found["upstream.code"], found["category"]) == (written(0x401), "unknown")

    @pytest.mark.parametrize(
        ("octets", "code"),
        [
            ("010004", "ansi136:4"),
            ("020004", "is95:4"),
            ("060004", "ansi41:4"),
            ("080004", "mc:4"),
            ("030063", "gsm:99"),
        ],
    )
    def test_errors_without_a_row_are_shown(self, octets: str, code: str) -> None:
        found = everything(deliver(receipt(), network_error_code=octets))
        assert (found["upstream.code"], found["category"], "retryable" in found) == (code, "unknown", False)

    @pytest.mark.parametrize(
        "form", ["030000", "090001", "03", "", [3, 0], [3, 0, 27, 1], [3, 0, 256], {"type": 3}, 27, None, True]
    )
    def test_what_is_no_error(self, form: Any) -> None:
        assert "upstream.code" not in everything(deliver(receipt(), network_error_code=form))

    def test_a_message_that_is_still_tried_is_not_to_be_sent_again(self) -> None:
        found = everything(deliver(receipt("ENROUTE"), network_error_code="03001B"))
        assert (found["outcome"], found["retryable"]) == ("submitted", False)
        found = everything(deliver(receipt("UNKNOWN"), network_error_code="03001B"))
        assert "retryable" not in found

    def test_an_intermediate_report_gives_no_cause(self) -> None:
        found = everything(deliver(receipt("UNDELIV"), esm_class=0x20, network_error_code="03001B"))
        assert (found["code"], "retryable" in found, "upstream.code" in found) == ("UNDELIV", False, False)

    def test_what_has_expired_must_not_come_later(self) -> None:
        found = everything(deliver(receipt("EXPIRED"), network_error_code="03001B"))
        assert (found["category"], "retryable" in found) == ("recipient_unreachable", False)
        assert everything(deliver(receipt("EXPIRED"), network_error_code="030001"))["retryable"] is False

    def test_errors_of_gsm_can_be_left_out(self) -> None:
        host = Host.load({"plugins": {"blocked": ["smpp.gsm"]}}, strict=True)
        found = host.enrich({}, deliver(receipt(), network_error_code="03001B"))
        assert found["messaging.status.upstream.code"] == "gsm:27"
        assert (found["messaging.status.category"], "messaging.status.retryable" in found) == ("unknown", False)


class TestAnswers:
    @pytest.mark.parametrize(
        "value", [88, "88", "0x58", "00000058", "ESME_RTHROTTLED", "STATUS_THROTTLED", "EsmeRthrottled"]
    )
    def test_a_failure(self, value: Any) -> None:
        assert code_of({"command_status": value}) == written(88)
        assert code_of({"commandStatus": value, "command": "submit_sm_resp"}, channel="sms") == written(88)
        assert code_of({"pdu": {"header": {"command_status": value, "command_id": 0x80000004}}}) == written(88)

    def test_a_vendors_failure_is_one(self) -> None:
        assert code_of({"command_status": 0x411}) == written(0x411)

    @pytest.mark.parametrize(
        "command", ["submit_sm_resp", "SubmitSmResp", 0x80000004, "0x80000004", "80000021", "data_sm_resp"]
    )
    def test_a_success(self, command: Any) -> None:
        found = everything({"command_status": 0, "command_id": command, "message_id": "77"})
        assert (found["code"], found["outcome"], found["messaging.message.id"]) == (written(0), "accepted", "77")

    @pytest.mark.parametrize(
        "command",
        [
            "submit_sm",
            "deliver_sm",
            4,
            "enquire_link_resp",
            "bind_transceiver_resp",
            0x80000009,
            "deliver_sm_resp",
            0x80000005,
        ],
    )
    def test_success_of_a_request_or_of_another_answer_says_nothing(self, command: Any) -> None:
        assert code_of({"command_status": 0, "command_id": command, "message_id": "77"}) is None

    def test_without_a_command_a_success_names_the_message(self) -> None:
        assert code_of({"command_status": 0}) is None
        assert code_of({"command_status": 0, "message_id": "77"}) == written(0)

    @pytest.mark.parametrize(
        ("command", "code"),
        [
            ("bind_transmitter_resp", 14),
            ("generic_nack", 3),
            (0x80000000, 3),
            ("deliver_sm_resp", None),
            ("submit_sm", None),
        ],
    )
    def test_failures_of_other_answers(self, command: Any, code: int | None) -> None:
        assert code_of({"command_status": code or 100, "command": command}) == (code and written(code))

    def test_the_worst_of_many_destinations(self) -> None:
        one = {"dest_addr_ton": 1, "destination_addr": "447700900001", "error_status_code": 11}
        body = {"command": "submit_multi_resp", "command_status": 0, "message_id": "77", "unsuccess_sme": [one]}
        assert code_of(body) == written(11)

    def test_another_system_and_another_channel_are_not_ours(self) -> None:
        assert list(read_pdu(Document(content={"command_status": 88}, channel="email"))) == []
        assert list(read_pdu(Document(content={"command_status": 88}, system="acme", channel="sms"))) == []
        assert code_of({"command_status": 88}, system="kafka") is None


@given(st.text(max_size=80))
@settings(deadline=None)
def test_nothing_behind_text_counts(said: str) -> None:
    body = "id:1 sub:001 dlvrd:000 stat:UNDELIV err:000 text:"
    assert HOST.enrich({}, {"short_message": body + said}) == HOST.enrich({}, {"short_message": body})
