# SPDX-License-Identifier: Apache-2.0
"""Golden vectors: what is wrong with a file of them, what they show, how an answer differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from messaging_status import Host
from messaging_status.testing.golden import answers, as_toml, differences, read_vectors
from messaging_status.testing.kit import SetUpError

VECTOR = '[[vector]]\nname = "one"\nattributes = { a = 1 }\nexpected = {}\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = ", "golden.toml: cannot be read as TOML: Invalid value (at end of document)"),
        ("vector = 1", "golden.toml:1: vector: 1 is not a list of tables; write [[vector]]"),
        ("[[vectors]]", "golden.toml:1: vectors: 'vectors' is not a key here; write each vector under [[vector]]"),
        (f"{VECTOR}{VECTOR}", "golden.toml:6: vector[1].name: 'one' is the name of vector[0], too"),
        (
            VECTOR.replace("attributes", "atributes") + "body = 1",
            "golden.toml:3: vector[0].atributes: 'atributes' is not a key here; did you mean 'attributes'?",
        ),
        (VECTOR.replace("{ a = 1 }", "1"), "golden.toml:3: vector[0].attributes: 1 is not a table"),
        (VECTOR.replace('"one"', "1"), "golden.toml:2: vector[0].name: 1 is not a text"),
        (VECTOR.replace('name = "one"\n', ""), "golden.toml:1: vector[0].name: is missing"),
        (
            VECTOR.replace("expected = {}\n", ""),
            "golden.toml:1: vector[0].expected: is missing (an empty table: nothing is put on the record)",
        ),
        (
            VECTOR.replace("attributes = { a = 1 }\n", ""),
            "golden.toml:1: vector[0]: has neither attributes nor a body, so there is nothing to find",
        ),
        (
            VECTOR.replace("{}", '{ "messaging.status.cod" = "1" }'),
            "golden.toml:4: vector[0].expected.messaging.status.cod: 'messaging.status.cod' is never put on a record; "
            "did you mean 'messaging.status.code'?",
        ),
        (
            VECTOR.replace("{}", '{ "messaging.status.code" = 1.5 }'),
            "golden.toml:4: vector[0].expected.messaging.status.code: 1.5 is not a text, true, false or a whole number",
        ),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "golden.toml").write_text(text)
    with pytest.raises(SetUpError) as caught:
        read_vectors(tmp_path)
    assert caught.value.problems == (problem,)


def test_no_file_has_no_vectors(tmp_path: Path) -> None:
    assert read_vectors(tmp_path) == ()


def test_a_vector_as_it_is_written_for_an_author_can_be_read_and_is_answered(host: Host, tmp_path: Path) -> None:
    attributes = {"messaging.system": "webex_connect", "messaging.channel": "sms", "messaging.delivery.code": "7206"}
    (tmp_path / "golden.toml").write_text(as_toml("SIM full", attributes, host.enrich(attributes)))
    (vector,) = read_vectors(tmp_path)
    assert (vector.name, vector.attributes, vector.body) == ("SIM full", attributes, None)
    assert differences(vector, host.enrich(vector.attributes)) == []
    said = {**vector.expected, "messaging.status.retryable": 1}
    assert differences(vector, said) == ["messaging.status.retryable: expected True, answered 1"]


def test_a_vector_shows_a_channel_by_its_name_or_by_the_words_of_a_row(host: Host, tmp_path: Path) -> None:
    catalogues = {channel.catalogue.channel: channel.catalogue for channel in host.channels}
    of_common = next(iter(catalogues["common"].rows))
    records = [
        {"messaging.system": "webex_connect", "messaging.channel": "sms", "messaging.delivery.code": "7206"},
        {"messaging.system": "webex_connect", "messaging.delivery.code": of_common},
        {"messaging.system": "webex_connect", "messaging.channel": "voice_logbook", "messaging.delivery.code": "1999"},
    ]
    (tmp_path / "golden.toml").write_text("\n".join(as_toml(str(i), r, host.enrich(r)) for i, r in enumerate(records)))
    shown = [{one.channel for one in catalogues.values() if answers(vector, one)} for vector in read_vectors(tmp_path)]
    assert shown[0] == {"sms"}
    assert "common" in shown[1]
    assert "voice_logbook" in shown[2]
