# SPDX-License-Identifier: Apache-2.0
"""The catalogues of Webex Connect: complete, and true to the definitions of their words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from messaging_status import Category, Host, Outcome, RawStatus, Row, Severity

CODES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data/codes.toml").read_text())
CHANNELS = list(CODES["published"])
HOST = Host.load({}, strict=True)
ROWS = {channel.catalogue.channel: channel.catalogue.rows for channel in HOST.channels}

PROGRESS = {Outcome.ACCEPTED, Outcome.SUBMITTED, Outcome.DELIVERED, Outcome.READ, Outcome.CLICKED}
OUTCOMES = {
    "Delivered": Outcome.DELIVERED,
    "Submitted": Outcome.SUBMITTED,
    "Failed": Outcome.FAILED,
    "Un-Delivered": Outcome.UNDELIVERED,
}
NOBODY_CAN_WAIT_FOR = {
    Category.INVALID_REQUEST,
    Category.PERMISSION,
    Category.CONFIGURATION,
    Category.INVALID_RECIPIENT,
    Category.CONTENT_REJECTED,
    Category.TEMPLATE,
    Category.DUPLICATE,
}
"""Categories in which the same message fails the same way until somebody changes something."""


def every_meaning(channel: str) -> Iterator[tuple[str, Row]]:
    """The rows of a channel, and for each variant the row that it makes."""
    for code, row in ROWS[channel].items():
        yield code, row
        for variant in row.variant:
            said = None if variant.retryable == "unknown" else variant.retryable
            yield (
                f"{code} {variant.reasons or variant.delivery_status or variant.origin}",
                Row(
                    description=variant.description or row.description,
                    outcome=variant.outcome or row.outcome,
                    category=variant.category or row.category,
                    severity=variant.severity or row.severity,
                    retryable=row.retryable if variant.retryable is None else said,
                    fault=variant.fault or row.fault,
                ),
            )


def test_fifteen_channels_are_installed() -> None:
    assert sorted(ROWS) == sorted([*CHANNELS, *CODES["apis"]])
    assert len(CHANNELS) == 15
    assert sum(CODES["rows_published"].values()) == 401


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_has_exactly_the_published_codes_and_the_additions(channel: str) -> None:
    assert set(ROWS[channel]) == {*CODES["published"][channel], *CODES["added"].get(channel, [])}


@pytest.mark.parametrize(("channel", "codes"), CODES["apis"].items())
def test_the_answers_of_an_api_have_exactly_its_codes(channel: str, codes: list[str]) -> None:
    assert sorted(ROWS[channel]) == codes


@pytest.mark.parametrize(("code", "delivery_status"), CODES["sms_delivery_status"].items())
def test_an_sms_outcome_follows_the_published_delivery_status(code: str, delivery_status: str) -> None:
    assert ROWS["sms"][code].outcome is OUTCOMES[delivery_status]
    assert HOST.decode(RawStatus(code=code, channel="sms")).outcome is OUTCOMES[delivery_status]


@pytest.mark.parametrize(
    ("code", "delivery_status", "outcome"),
    [
        ("7101", "Failed", "failed"),
        ("7101", "Un-Delivered", "undelivered"),
        ("7101", None, "failed"),
        ("7203", "Failed", "failed"),
        ("7203", "undelivered", "undelivered"),
        ("7203", None, "undelivered"),
    ],
)
def test_two_sms_codes_are_failed_or_undelivered_by_their_delivery_status(
    code: str, delivery_status: str | None, outcome: str
) -> None:
    status = HOST.decode(RawStatus(code=code, channel="sms", delivery_status=delivery_status))
    assert status.outcome.value == outcome


@pytest.mark.parametrize(
    ("channel", "code", "variants"),
    [
        ("in_app", "7000", [("Generic Template",)]),
        ("in_app", "7003", [("Generic Template",), ("Quick Replies",)]),
        ("in_app", "7004", [("Generic Template",), ("Quick Replies",)]),
        ("in_app", "7704", [("Generic Template",), ("Quick Replies",)]),
    ],
)
def test_rows_published_twice_are_variants(channel: str, code: str, variants: list[tuple[str]]) -> None:
    assert CODES["repeated"][channel][code] == 2
    found = ROWS[channel][code].variant
    assert [variant.reasons for variant in found] == variants
    assert len({variant.description for variant in found}) == len(variants)


def test_the_same_text_published_twice_stays_one_meaning() -> None:
    assert CODES["repeated"]["whatsapp"] == {"7820": 2}
    assert ROWS["whatsapp"]["7820"].variant == ()


def test_a_title_missing_in_a_generic_template_is_not_an_invalid_attachment() -> None:
    generic = HOST.decode(RawStatus(code="7004", channel="rt", reason="generic template"))
    replies = HOST.decode(RawStatus(code="7004", channel="rt", reason="Quick Replies"))
    assert (generic.category, replies.category) == (Category.INVALID_REQUEST, Category.MEDIA)
    assert "itle" in str(generic.description)
    assert "ttachment" in str(replies.description)


def test_apple_reports_one_code_in_answers_and_in_receipts() -> None:
    variants = ROWS["apple_messages"]["7000"].variant
    assert [(variant.origin and variant.origin.value) for variant in variants] == ["receipt"]


@pytest.mark.parametrize("code", ["1999", "2222", "3999", "1000"])
def test_the_other_series_of_the_logbook_is_one_meaning(code: str) -> None:
    status = HOST.decode(RawStatus(code=code, channel="voice_logbook"))
    assert status.code == code
    assert status.description == "Call dropped because of an internal error"
    assert status.attributes()["messaging.status.code"] == code


def test_the_other_series_swallows_no_listed_code() -> None:
    others = HOST.decode(RawStatus(code="1999", channel="voice_logbook")).description
    for code in CODES["published"]["voice_logbook"]:
        assert HOST.decode(RawStatus(code=code, channel="voice_logbook")).description != others


@pytest.mark.parametrize("channel", [*sorted(set(CHANNELS) - {"voice_logbook"}), None])
def test_the_other_series_holds_for_the_logbook_alone(channel: str | None) -> None:
    assert not HOST.decode(RawStatus(code="1999", channel=channel)).is_known


@pytest.mark.parametrize("code", ["999", "4000", "01999", "1999.5", "-1999", "１９９９"])  # noqa: RUF001 - not ASCII
def test_the_other_series_ends_where_it_ends(code: str) -> None:
    assert not HOST.decode(RawStatus(code=code, channel="voice_logbook")).is_known


def test_a_row_listed_without_text_says_so() -> None:
    status = HOST.decode(RawStatus(code="3003", channel="logbook"))
    assert status.description == "Listed without a published meaning"
    assert (status.category, status.retryable) == (Category.UNKNOWN, None)


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("1001", ("apple_messages", "accepted", False), ("voice_logbook", "undelivered", False)),
        ("7303", ("messenger", "failed", True), ("instagram", "unknown", None)),
        ("7513", ("push", "failed", False), ("sms", "undelivered", True)),
        ("7518", ("push", "failed", None), ("sms", "undelivered", None)),
        ("7704", ("in_app", "failed", False), ("whatsapp", "undelivered", True)),
        ("7706", ("in_app", "failed", False), ("whatsapp", "failed", True)),
    ],
)
def test_a_number_means_another_thing_on_another_channel(
    code: str, one: tuple[str, str, bool | None], other: tuple[str, str, bool | None]
) -> None:
    for channel, outcome, retryable in (one, other):
        status = HOST.decode(RawStatus(code=code, channel=channel))
        assert (status.outcome.value, status.retryable) == (outcome, retryable)


@pytest.mark.parametrize(
    ("first", "second"), [("7706", "7845"), ("7712", "7872"), ("7729", "7846"), ("7803", "7860"), ("7805", "7849")]
)
def test_two_whatsapp_codes_of_one_cause_ask_for_the_same(first: str, second: str) -> None:
    one, other = (HOST.decode(RawStatus(code=code, channel="whatsapp")) for code in (first, second))
    assert (one.category, one.severity, one.retryable) == (other.category, other.severity, other.retryable)


@pytest.mark.parametrize(
    ("channel", "code", "retryable"),
    [
        ("sms", "7206", True),
        ("sms", "7207", True),
        ("sms", "7109", False),
        ("sms", "7203", False),
        ("sms", "7201", None),
        ("sms", "7111", None),
        ("whatsapp", "7710", False),
        ("whatsapp", "7871", None),
        ("whatsapp", "7010", None),
        ("whatsapp", "7200", None),
        ("whatsapp", "7834", True),
        ("push", "7537", False),
        ("push", "7563", True),
        ("push", "7571", False),
        ("mms", "7257", True),
        ("email", "7520", None),
        ("email", "7554", None),
        ("contact_policy", "9002", False),
        ("contact_policy", "9004", True),
        ("contact_policy", "9010", False),
        ("google_business_messages", "7915", True),
        ("google_business_messages", "7913", False),
    ],
)
def test_what_the_owners_of_the_codes_say_about_resending(channel: str, code: str, retryable: bool | None) -> None:
    assert HOST.decode(RawStatus(code=code, channel=channel)).retryable is retryable


@pytest.mark.parametrize(
    ("reason", "category", "retryable"),
    [
        ("Undetermined", "unknown", None),
        ("Permanent_General", "invalid_recipient", False),
        ("Permanent_NoEmail", "invalid_recipient", False),
        ("Permanent_Suppressed", "blocked", False),
        ("Transient_General", "recipient_unreachable", True),
        ("Transient_MailboxFull", "recipient_unreachable", True),
        ("Transient (mail box full)", "recipient_unreachable", True),
        ("TRANSIENT/MAILBOXFULL", "recipient_unreachable", True),
        ("Transient_MessageTooLarge", "media", False),
        ("Transient_ContentRejected", "content_rejected", False),
        ("Transient_AttachmentRejected", "media", False),
        ("never heard of", "unknown", None),
    ],
)
def test_a_bounce_means_what_its_subtype_says(reason: str, category: str, retryable: bool | None) -> None:
    status = HOST.decode(RawStatus(code="7520", channel="email", reason=reason))
    assert (status.category.value, status.retryable) == (category, retryable)


@pytest.mark.parametrize("channel", ROWS)
class TestEveryRow:
    def test_success_and_progress_are_not_resent(self, channel: str) -> None:
        for code, row in every_meaning(channel):
            if row.category is Category.SUCCESS:
                assert row.retryable is False, code
                assert row.severity is Severity.INFO, code
                assert row.outcome in PROGRESS | {Outcome.COMPLAINED}, code

    def test_what_somebody_must_change_is_not_retryable(self, channel: str) -> None:
        for code, row in every_meaning(channel):
            assert row.category not in NOBODY_CAN_WAIT_FOR or row.retryable is not True, code

    def test_a_failure_is_never_success(self, channel: str) -> None:
        for code, row in every_meaning(channel):
            if row.outcome in {Outcome.FAILED, Outcome.UNDELIVERED}:
                assert row.category is not Category.SUCCESS, code
                assert row.severity is not Severity.INFO, code

    def test_its_words_are_a_label_of_our_own(self, channel: str) -> None:
        for code, row in every_meaning(channel):
            assert re.match(r"[A-Z0-9]|iCal|vCard", row.description), code
            assert not row.description.endswith("."), code
            assert not re.search(r"[βΒ$]|\{\{|  |doest|Upto|messae|Returned when", row.description), code

    def test_advice_is_a_sentence(self, channel: str) -> None:
        for code, row in ROWS[channel].items():
            for said in (row.advice, *(variant.advice for variant in row.variant)):
                assert said is None or re.fullmatch(r"[A-Z].*\.", said), code

    def test_a_variant_changes_something(self, channel: str) -> None:
        changes = [name for name in Row.__struct_fields__ if name != "variant"]
        for code, row in ROWS[channel].items():
            for variant in row.variant:
                assert any(getattr(variant, name) is not None for name in changes), code

    def test_it_decodes_to_itself_on_its_channel(self, channel: str) -> None:
        for code, row in ROWS[channel].items():
            status = HOST.decode(RawStatus(code=code, channel=channel, system="webex_connect"))
            assert (status.code, status.channel, status.system) == (code, channel, "webex_connect")
            assert (status.description, status.outcome, status.category) == (row.description, row.outcome, row.category)
            assert (status.severity, status.retryable, status.fault) == (row.severity, row.retryable, row.fault)
