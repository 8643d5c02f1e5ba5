# SPDX-License-Identifier: Apache-2.0
"""How codes and names are read, however they are written."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from messaging_status.spelling import as_code, as_name, fold


class _Number(IntEnum):
    FULL = 7206


class _Word(StrEnum):
    FULL = " 7206\n"


_CODE_LIKE = st.text(alphabet="07aé _-.\t\n\xa0\u3000\u200b", max_size=70)
_ANYTHING = st.one_of(
    st.text(max_size=200),
    _CODE_LIKE,
    st.integers(),
    st.integers(min_value=-(10**70), max_value=10**70),
    st.floats(),
    st.booleans(),
    st.none(),
    st.binary(max_size=20),
    st.dates(),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("7206", "7206"),
        (" 7206 ", "7206"),
        ("\t7206\r\n", "7206"),
        ("\xa07206\u3000", "7206"),
        ("0042", "0042"),
        ("EC-12.b:3", "EC-12.b:3"),
        ("x" * 64, "x" * 64),
        (" " * 100 + "7206", "7206"),
        (7206, "7206"),
        (0, "0"),
        (-1, "-1"),
        (7206.0, "7206"),
        (-0.0, "0"),
        (10**63, "1" + "0" * 63),
        (_Number.FULL, "7206"),
        (_Word.FULL, "7206"),
    ],
)
def test_a_code_is_read_however_it_is_written(written: object, code: str) -> None:
    found = as_code(written)
    assert found == code
    assert type(found) is str


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "72 06",
        "72\t06",
        "72\n06",
        "72\xa006",
        "72\u300006",
        "72\x0006",
        "x" * 65,
        True,
        False,
        None,
        7206.5,
        float("nan"),
        float("inf"),
        float("-inf"),
        1e300,
        10**64,
        -(10**63),
        10**100_000,
        b"7206",
        ["7206"],
        {"code": "7206"},
        Decimal(7206),
        7206 + 0j,
    ],
    ids=lambda value: f"{type(value).__name__} of {value.bit_length()} bits" if isinstance(value, int) else None,
)
def test_what_is_no_code_is_none(written: object) -> None:
    assert as_code(written) is None


@settings(deadline=None)
@given(_ANYTHING)
@example(2.0**212)
@example(2**213 - 1)
def test_any_value_is_a_short_text_without_spaces_around_it_or_no_code(value: object) -> None:
    code = as_code(value)
    if code is not None:
        assert 1 <= len(code) <= 64
        assert code == code.strip()
        assert as_code(code) == code


@settings(deadline=None)
@given(st.integers(min_value=-(10**70), max_value=10**70))
@example(10**64 - 1)
@example(10**64)
@example(-(10**63) + 1)
def test_a_whole_number_is_a_code_where_it_has_at_most_64_characters(number: int) -> None:
    assert as_code(number) == (str(number) if len(str(number)) <= 64 else None)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("sms", "sms"),
        ("  Live Chat \n", "Live Chat"),
        ("x" * 128, "x" * 128),
        (_Word.FULL, "7206"),
        ("x" * 129, None),
        (" " * 129, None),
        ("", None),
        (" \t\n", None),
        (None, None),
        (7, None),
        (True, None),
        (b"sms", None),
        (["sms"], None),
    ],
)
def test_a_name_is_a_text_without_the_spaces_around_it(written: object, name: str | None) -> None:
    found = as_name(written)
    assert found == name
    assert type(found) is type(name)


@settings(deadline=None)
@given(_ANYTHING)
def test_any_value_is_a_name_of_at_most_128_characters_or_none(value: object) -> None:
    name = as_name(value)
    if name is not None:
        assert 1 <= len(name) <= 128
        assert name == name.strip()
        assert as_name(name) == name


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("sms", "sms"),
        ("SMS", "sms"),
        ("In-App", "inapp"),
        ("in_app", "inapp"),
        (" live  chat ", "livechat"),
        ("AppleMessagesforBusiness", "applemessagesforbusiness"),
        ("Un-Delivered", "undelivered"),
        ("Transient_MailboxFull", "transientmailboxfull"),
        ("RCS 2.0", "rcs20"),
        ("Straße", "strasse"),
        ("-_ .", ""),
        ("", ""),
    ],
)
def test_names_are_compared_by_their_letters_and_digits(name: str, folded: str) -> None:
    assert fold(name) == folded


@settings(deadline=None)
@given(st.text())
def test_folding_leaves_letters_and_digits_only_and_is_done_after_one_time(name: str) -> None:
    folded = fold(name)
    assert folded == "" or folded.isalnum()
    assert fold(folded) == folded


@settings(deadline=None)
@given(st.lists(st.text("abcxyz019", min_size=1), min_size=1), st.sampled_from(["", " ", "-", "_", " - ", ".", "/"]))
def test_case_and_what_stands_between_words_do_not_matter(words: list[str], between: str) -> None:
    name = "".join(words)
    assert fold(between.join(words)) == fold(between.join(words).upper()) == fold(f" {name.title()} ") == name
