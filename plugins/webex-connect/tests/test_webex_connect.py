# SPDX-License-Identifier: Apache-2.0
"""Webex Connect's channels on the kit; what its documentation says of each code is tested with the host, in tests/."""

from __future__ import annotations

import pytest

from messaging_status import Host, RawStatus
from messaging_status.testing import CapturedLogs, TestConformance

__all__ = ["TestConformance"]


def bounce(kind: str, more: str) -> dict[str, object]:
    info = {
        "code": "7520",
        "deliveryChannel": "email",
        "deliveryStatus": "Bounce",
        "Description": kind,
        "additionalInfo": more,
        "destination": "ann@example.com",
    }
    return {"deliveryInfoNotification": {"deliveryInfo": info, "transid": "t-1"}}


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("Permanent_General", "5.1.1|failed|smtp; 550-5.1.1 <ann@example.com>", "5.1.1"),
        ("Transient_General", "2023-06-21 05:14:28.293Z - 4.4.7|failed|smtp; 550 4.4.7 Message expired", "4.4.7"),
        ("Undetermined", " 5.7.1 |failed|smtp;550", "5.7.1"),
        ("", "4.2.2", "4.2.2"),
        ("Transient_MailboxFull", "4.2.2|failed|smtp; 452", None),
        ("Permanent_Suppressed", "5.1.1|failed|smtp; 550", None),
        ("Permanent_General", "5.0.0|failed|smtp; 550", None),
        ("Permanent_General", "||", None),
        ("Permanent_General", "198.51.100.7|failed|smtp; 550", None),
    ],
)
def test_the_mail_servers_code_is_shown_where_a_bounce_leaves_the_cause_open(
    captured_logs: CapturedLogs, kind: str, more: str, code: str | None
) -> None:
    captured_logs.emit(bounce(kind, more))
    (log,) = captured_logs.exported
    assert log.attributes.get("messaging.status.upstream.code") == code
    assert log.attributes.get("messaging.status.upstream.system") == (code and "smtp")
    assert "example.com" not in str(log.attributes)


@pytest.mark.parametrize("code", ["4.2.2", "5.1.1", "5.7.1", "4.4.7"])
def test_a_permanent_bounce_is_not_sent_again_whatever_is_behind_it(status_host: Host, code: str) -> None:
    for host in (status_host, Host.load({})):
        behind = RawStatus(code=code, system="smtp", channel="email")
        raw = RawStatus(
            code="7520", system="webex_connect", channel="email", reason="Permanent_General", upstream=behind
        )
        assert host.decode(raw).retryable is False


@pytest.mark.parametrize(
    ("code", "system", "behind"),
    [("7512", "apns", "BadDeviceToken"), ("7571", "fcm", "UNREGISTERED"), ("7551", "hms", "81000001")],
)
def test_a_push_code_names_the_code_behind_it(status_host: Host, code: str, system: str, behind: str) -> None:
    status = status_host.decode(RawStatus(code=code, system="webex_connect", channel="push"))
    assert (status.upstream_system, status.upstream_code) == (system, behind)


def test_every_code_behind_a_push_code_is_known_where_its_plugin_is_installed(status_host: Host) -> None:
    everything = Host.load({})
    systems = {channel.catalogue.system for channel in everything.channels}
    rows = [row for channel in status_host.channels for row in channel.catalogue.rows.values() if row.upstream]
    assert len(rows) == 40
    for row in rows:
        if row.upstream is not None and row.upstream.system in systems:
            behind = everything.decode(RawStatus(code=row.upstream.code, system=row.upstream.system, channel="push"))
            assert (behind.is_known, behind.retryable) == (True, row.retryable), row
