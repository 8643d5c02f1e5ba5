# SPDX-License-Identifier: Apache-2.0
"""What a next hop answers, in the sender's protocol, both ways, by the specification of OTLP; and what was packed."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc import StatusCode
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status.gateway.answer import (
    STATUS_DETAILS,
    Answer,
    failure,
    from_grpc,
    from_http,
    grpc_body,
    grpc_metadata,
    http_answer,
)
from messaging_status.gateway.unpacking import NotGzip, TooLarge, packed, unpacked

RETRYABLE_HTTP = {429, 502, 503, 504}
RETRYABLE_GRPC = {
    StatusCode.CANCELLED,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.ABORTED,
    StatusCode.OUT_OF_RANGE,
    StatusCode.UNAVAILABLE,
    StatusCode.DATA_LOSS,
}
"""And RESOURCE_EXHAUSTED, but with a ``RetryInfo`` only."""
FAILURES = [code for code in StatusCode if code is not StatusCode.OK]
PROTOBUF, JSON = "application/x-protobuf", "application/json"
AT_NOON = "Wed, 25 Nov 2026 12:00:00 GMT"


def details(code: StatusCode, delay_ns: int | None = None, message: str = "said") -> bytes:
    status = Status(code=code.value[0], message=message)
    if delay_ns is not None:
        info = RetryInfo()
        info.retry_delay.FromNanoseconds(delay_ns)
        status.details.add().Pack(info)
    return status.SerializeToString()  # type: ignore[no-any-return]


def delay_in(metadata: tuple[tuple[str, bytes], ...]) -> float | None:
    """The seconds that a sender over gRPC is told to wait, the same in both places."""
    found = dict(metadata)
    info = RetryInfo()
    if not any(detail.Unpack(info) for detail in Status.FromString(found.get(STATUS_DETAILS, b"")).details):
        assert "google.rpc.retryinfo-bin" not in found
        return None
    assert RetryInfo.FromString(found["google.rpc.retryinfo-bin"]) == info
    return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)


def is_repeated_over_grpc(answer: Answer) -> bool:
    is_told_when = delay_in(grpc_metadata(answer)) is not None
    return answer.code in RETRYABLE_GRPC or (answer.code is StatusCode.RESOURCE_EXHAUSTED and is_told_when)


class TestRepeating:
    @pytest.mark.parametrize("delay", [None, 0, 1, 2_500_000_000])
    @pytest.mark.parametrize("code", FAILURES)
    def test_what_may_be_repeated_over_grpc_may_be_over_http_and_nothing_else(
        self, code: StatusCode, delay: int | None
    ) -> None:
        answer = from_grpc(code, "said", details(code, delay))
        may = code in RETRYABLE_GRPC or (code is StatusCode.RESOURCE_EXHAUSTED and delay is not None)
        assert (answer.http_status in RETRYABLE_HTTP) is may
        assert is_repeated_over_grpc(answer) is may
        assert answer.http_status >= 400
        assert not answer.is_ok

    @pytest.mark.parametrize("retry_after", [None, "7", AT_NOON, "soon"])
    @pytest.mark.parametrize("status", [*range(400, 600), 300, 302, 304, 307])
    def test_what_may_be_repeated_over_http_may_be_over_grpc_and_nothing_else(
        self, status: int, retry_after: str | None
    ) -> None:
        answer = from_http(status, "", b"", retry_after)
        assert (answer.http_status in RETRYABLE_HTTP) is (status in RETRYABLE_HTTP)
        assert is_repeated_over_grpc(answer) is (status in RETRYABLE_HTTP)
        assert not answer.is_ok

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            (StatusCode.INVALID_ARGUMENT, 400),
            (StatusCode.UNAUTHENTICATED, 401),
            (StatusCode.PERMISSION_DENIED, 403),
            (StatusCode.UNIMPLEMENTED, 404),
            (StatusCode.RESOURCE_EXHAUSTED, 413),
            (StatusCode.UNAVAILABLE, 503),
        ],
    )
    def test_the_same_both_ways(self, code: StatusCode, status: int) -> None:
        assert from_grpc(code, "", None).http_status == status
        assert from_http(status, "", b"", None).code is code

    @pytest.mark.parametrize("code", [StatusCode.UNKNOWN, StatusCode.INTERNAL, StatusCode.NOT_FOUND])
    def test_others_are_500(self, code: StatusCode) -> None:
        assert from_grpc(code, "", None).http_status == 500

    @pytest.mark.parametrize("status", [200, 202, 204, 299])
    def test_success(self, status: int) -> None:
        answer = from_http(status, PROTOBUF, b"", None)
        assert (answer.code, answer.is_ok, answer.message, grpc_body(answer)) == (StatusCode.OK, True, "", b"")

    def test_an_answer_of_ours(self) -> None:
        answer = failure(StatusCode.RESOURCE_EXHAUSTED, 429, "too many", retry_after=1)
        assert delay_in(grpc_metadata(answer)) == 1
        body, kind = http_answer(answer, is_json=True)
        assert (json.loads(body), kind) == ({"code": 8, "message": "too many"}, JSON)
        assert grpc_metadata(failure(StatusCode.UNAVAILABLE, 503, "away")) == ()


class TestWhen:
    @given(delay=st.integers(-(10**12), 10**15))
    @settings(max_examples=100, deadline=None)
    def test_a_retry_info_becomes_whole_seconds_that_are_not_too_few(self, delay: int) -> None:
        answer = from_grpc(StatusCode.UNAVAILABLE, "", details(StatusCode.UNAVAILABLE, delay))
        assert answer.retry_after is not None
        assert answer.retry_after.isdigit()
        assert max(0, delay / 1e9) <= int(answer.retry_after) < max(0, delay / 1e9) + 1

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(("retry_after", "seconds"), [("0", 0), ("7", 7), (" 7 ", 7), ("86400", 86400)])
    def test_seconds(self, status: int, retry_after: str, seconds: float) -> None:
        assert delay_in(grpc_metadata(from_http(status, "", b"", retry_after))) == seconds

    @pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"])
    @pytest.mark.parametrize(("ahead", "least", "most"), [(3600, 3590, 3601), (-3600, 0, 0)])
    def test_dates_in_each_form_of_http(self, form: str, ahead: int, least: float, most: float) -> None:
        date = (datetime.now(UTC) + timedelta(seconds=ahead)).strftime(form)
        delay = delay_in(grpc_metadata(from_http(503, "", b"", date)))
        assert delay is not None
        assert least <= delay <= most

    def test_429_always_says_when(self) -> None:
        for retry_after in (None, "", "soon", "-1", "1.5", "٣"):
            assert delay_in(grpc_metadata(from_http(429, "", b"", retry_after))) == 1

    @given(
        retry_after=st.text()
        | st.integers().map(str)
        | st.datetimes(timezones=st.just(UTC)).map(lambda date: format_datetime(date, usegmt=True))
        | st.builds(
            "Wed, {} Nov {} 12:00:00 {}".format, st.integers(), st.integers(), st.sampled_from(["GMT", "+9999"])
        )
    )
    @settings(max_examples=200, deadline=None)
    def test_anything_else_is_a_moment(self, retry_after: str) -> None:
        delay = delay_in(grpc_metadata(from_http(429, "", b"", retry_after)))
        assert delay is not None
        assert delay >= 0

    @given(content=st.binary() | st.binary().map(lambda some: details(StatusCode.ABORTED, 1) + some))
    @settings(max_examples=100, deadline=None)
    def test_details_may_be_any_bytes(self, content: bytes) -> None:
        answer = from_grpc(StatusCode.UNAVAILABLE, "away", content)
        assert answer.http_status == 503
        assert dict(grpc_metadata(answer))[STATUS_DETAILS] == content
        for is_json in (False, True):
            http_answer(answer, is_json=is_json)


class TestWhatIsSaid:
    @pytest.mark.parametrize("is_json", [False, True])
    def test_details_reach_a_sender_over_http(self, is_json: bool) -> None:
        status = Status(code=3, message="no")
        violation = BadRequest(field_violations=[{"field": "name", "description": "empty"}])
        status.details.add().Pack(violation)
        answer = from_grpc(StatusCode.INVALID_ARGUMENT, "no", status.SerializeToString())
        body, kind = http_answer(answer, is_json=is_json)
        if is_json:
            found = json.loads(body)
            assert (kind, found["message"], found["details"][0]["fieldViolations"][0]["field"]) == (JSON, "no", "name")
        else:
            assert (kind, Status.FromString(body)) == (PROTOBUF, status)

    @pytest.mark.parametrize("is_json", [False, True])
    def test_details_of_a_type_that_nobody_here_knows(self, is_json: bool) -> None:
        status = Status(code=14, message="away")
        status.details.add(type_url="type.googleapis.com/acme.Reason", value=b"\n\x01a")
        answer = from_grpc(StatusCode.UNAVAILABLE, "away", status.SerializeToString())
        body, _ = http_answer(answer, is_json=is_json)
        assert b"away" in body

    @pytest.mark.parametrize("is_json", [False, True])
    def test_without_details_the_message_is_said(self, is_json: bool) -> None:
        body, kind = http_answer(from_grpc(StatusCode.INTERNAL, "broken", None), is_json=is_json)
        assert kind == (JSON if is_json else PROTOBUF)
        if is_json:
            assert json.loads(body) == {"code": 13, "message": "broken"}
        else:
            assert Status.FromString(body) == Status(code=13, message="broken")

    @pytest.mark.parametrize(
        ("kind", "body", "message"),
        [
            (PROTOBUF, details(StatusCode.INVALID_ARGUMENT), "said"),
            (f"{PROTOBUF}; v=1", details(StatusCode.INVALID_ARGUMENT), "said"),
            (JSON, b'{"code": 3, "message": "said"}', "said"),
            (PROTOBUF, b"\xff", "the next hop answered HTTP 400"),
            *(
                (JSON, body, "the next hop answered HTTP 400")
                for body in (b"", b"{}", b"[]", b"5", b"\xff", b'"a"', b'{"message":""}', b"[" * 50_000)
            ),
            ("text/plain", b"said", "the next hop answered HTTP 400"),
            ("", b"said", "the next hop answered HTTP 400"),
        ],
    )
    def test_what_a_next_hop_over_http_says_is_wrong(self, kind: str, body: bytes, message: str) -> None:
        assert from_http(400, kind, body, None).message == message

    @given(status=st.integers(200, 599), kind=st.sampled_from([PROTOBUF, JSON, "text/html", ""]), body=st.binary())
    @settings(max_examples=100, deadline=None)
    def test_any_answer_over_http(self, status: int, kind: str, body: bytes) -> None:
        answer = from_http(status, kind, body, None)
        if status // 100 != 3:
            assert http_answer(answer, is_json=False) == (body, kind or PROTOBUF)
            assert answer.http_status == status
        assert answer.is_ok is (status < 300)

    @pytest.mark.parametrize("is_json", [False, True])
    def test_a_partial_success_comes_back_as_it_is(self, is_json: bool) -> None:
        partial = b"\n\x0c\x08\x03\x12\x08too late"
        over_grpc = Answer(code=StatusCode.OK, http_status=200, body=partial)
        assert http_answer(over_grpc, is_json=is_json) == (partial, JSON if is_json else PROTOBUF)
        over_http = from_http(200, PROTOBUF, partial, None)
        assert grpc_body(over_http) == grpc_body(over_grpc) == partial
        assert http_answer(over_http, is_json=False) == (partial, PROTOBUF)

    @pytest.mark.parametrize(("kind", "body"), [("text/plain", b"ok"), ("", b"ok"), (JSON, b"{}")])
    def test_a_success_that_is_no_protobuf_is_an_empty_one_over_grpc(self, kind: str, body: Any) -> None:
        assert grpc_body(from_http(200, kind, body, None)) == b""


class TestUnpacking:
    @given(body=st.binary(), cuts=st.lists(st.integers(0, 60), max_size=3))
    @settings(max_examples=100, deadline=None)
    def test_all_members_together_have_a_limit(self, body: bytes, cuts: list[int]) -> None:
        ends = [0, *sorted(cuts), len(body)]
        members = b"".join(gzip.compress(body[a:b], mtime=0) for a, b in pairwise(ends))
        whole = b"".join(body[a:b] for a, b in pairwise(ends))
        assert unpacked(members, len(whole)) == whole
        assert unpacked(packed(whole), len(whole)) == whole
        if whole:
            with pytest.raises(TooLarge):
                unpacked(members, len(whole) - 1)

    def test_a_bomb_takes_no_more_memory_than_the_limit(self) -> None:
        bomb = gzip.compress(bytes(50_000_000), mtime=0) * 2
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                unpacked(bomb, 100_000)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()

    def test_what_is_cut_off_is_none(self) -> None:
        whole = gzip.compress(b"messaging.status.code" * 5, mtime=0)
        for length in range(1, len(whole)):
            with pytest.raises(NotGzip):
                unpacked(whole[:length], 1_000)

    def test_nothing_is_none(self) -> None:
        with pytest.raises(NotGzip):
            unpacked(b"", 1_000)

    @given(body=st.binary(min_size=1))
    @settings(max_examples=60, deadline=None)
    def test_garbage_is_none(self, body: bytes) -> None:
        for garbage in (body, b"\x1f\x8b\x08" + body, gzip.compress(b"a", mtime=0) + b"x" + body):
            with pytest.raises((NotGzip, TooLarge)):
                unpacked(garbage, 1_000)
