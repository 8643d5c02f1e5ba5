# SPDX-License-Identifier: Apache-2.0
"""Sending again where that helps, and only there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from messaging_status import Host, RawStatus, Status, is_retryable

from .conftest import ROOT

ACCEPTED, RATE_LIMIT, INVALID_RECIPIENT = "1001", "7302", "7102"


def status(code: str, host: Host) -> Status:
    return host.decode(RawStatus(code=code, system="webex_connect", channel="sms"))


class TestPredicate:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [(RATE_LIMIT, True), (INVALID_RECIPIENT, False), ("7500", False), ("7208", False), ("4242", False)],
    )
    def test_only_what_is_known_to_help_does(self, host: Host, code: str, expected: bool) -> None:
        assert is_retryable(status(code, host)) is expected
        assert is_retryable(host.enrich({"messaging.channel": "sms", "messaging.status.code": code})) is expected
        assert is_retryable([status(code, host)]) is expected

    def test_of_several_all_have_to(self, host: Host) -> None:
        limited, accepted = status(RATE_LIMIT, host), status("7500", host)
        assert is_retryable([limited, limited]) is True
        assert is_retryable(iter([limited, accepted])) is False
        assert is_retryable([]) is False

    def test_another_prefix(self) -> None:
        assert is_retryable({"acme.retryable": True}, prefix="acme") is True
        assert is_retryable({"acme.retryable": "true"}, prefix="acme") is False
        assert is_retryable({"acme.retryable": True}) is False

    @pytest.mark.parametrize("nonsense", ["7302", [RawStatus(code="7302")], [True]])
    def test_nonsense_is_said_to_be(self, nonsense: Any) -> None:
        with pytest.raises(TypeError, match="is no status, nor several, nor attributes"):
            is_retryable(nonsense)


@pytest.mark.parametrize(
    ("codes", "requests_each", "printed"),
    [
        ([RATE_LIMIT, RATE_LIMIT, ACCEPTED], 3, "Queued"),
        ([INVALID_RECIPIENT], 1, "Invalid destination address"),
        ([RATE_LIMIT] * 5, 5, "Rate limit exceeded"),
    ],
    ids=["accepted in the end", "invalid recipient", "never accepted"],
)
def test_the_example_really_retries(httpserver: HTTPServer, codes: list[str], requests_each: int, printed: str) -> None:
    left = [*codes, *codes]
    bodies = []

    def answer(request: Request) -> Response:
        bodies.append(request.get_data())
        element = {"code": left.pop(0), "transid": f"t-{len(bodies)}"}
        return Response(json.dumps({"response": [element]}), content_type="application/json")

    httpserver.expect_request("/", method="POST").respond_with_handler(answer)
    command = [sys.executable, str(ROOT / "examples/retry.py"), httpserver.url_for("/")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [f"send_with_tenacity {printed}", f"send_with_stamina {printed}"]
    assert len(bodies) == 2 * requests_each
    assert len(set(bodies)) == 1
