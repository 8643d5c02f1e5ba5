# SPDX-License-Identifier: Apache-2.0
"""Codes that no catalogue has: counted by the host, found in log files, given a row."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from messaging_status import Host, RawStatus, UnknownCode
from messaging_status.cli.commands import cli
from messaging_status.cli.logfiles import records_of

RECEIPT = {"deliveryInfo": {"code": "4242", "deliveryChannel": "SMS", "deliveryStatus": "Un-Delivered"}}


def otlp(**groups: Any) -> str:
    return json.dumps(
        {
            name: [{"resource": {"attributes": [named("messaging.channel", "sms")]}, **group}]
            for name, group in groups.items()
        }
    )


def named(key: str, value: Any) -> dict[str, Any]:
    kinds: dict[type, str] = {str: "stringValue", int: "intValue", bool: "boolValue", float: "doubleValue"}
    written = str(value) if type(value) is int else value
    return {"key": key, "value": {kinds[type(value)]: written}}


LOG = "\n".join(
    [
        otlp(
            resourceLogs={
                "scopeLogs": [
                    {
                        "logRecords": [
                            {
                                "attributes": [
                                    named("messaging.status.code", 4242),
                                    named("messaging.status.category", "unknown"),
                                ]
                            },
                            {"body": {"kvlistValue": {"values": [named("code", "7206")]}}},
                            {
                                "body": {
                                    "arrayValue": {"values": [{"kvlistValue": {"values": [named("code", "4243")]}}]}
                                }
                            },
                        ]
                    }
                ]
            }
        ),
        otlp(
            resourceSpans={
                "scopeSpans": [
                    {
                        "spans": [
                            {"attributes": [named("messaging.status.code", "7500")]},
                            {"name": "batch", "events": [{"attributes": [named("messaging.status.code", "4242")]}]},
                        ]
                    }
                ]
            }
        ),
        json.dumps({"level": "info", "payload": json.dumps({"deliveryInfoNotification": RECEIPT})}),
        json.dumps(
            {"level": "info", "message": "receipt channel=email messaging.delivery.code=99.x delivery_status=Failed"}
        ),
        "channel=sms code=7206",
        "",
        "a line about nothing",
        '{"broken": ',
        "[1, 2]",
    ]
)


class TestCounts:
    def test_an_unknown_code_is_counted_by_system_channel_and_code(self) -> None:
        host = Host.load({})
        for code in ("4242", "7206", " 4242 ", "4243"):
            host.decode(RawStatus(code=code, channel="SMS"))
        host.enrich({"messaging.channel": "text message", "messaging.status.code": 4242})
        host.enrich({}, {"deliveryInfoNotification": RECEIPT})
        assert host.unknown_codes.counts == {
            UnknownCode("webex_connect", "sms", "4242"): 4,
            UnknownCode("webex_connect", "sms", "4243"): 1,
        }
        assert host.unknown_codes.other == 0

    def test_what_is_no_code_and_what_is_nobodys_is_not_counted(self) -> None:
        host = Host.load({})
        host.decode(RawStatus(code="", channel="sms"))
        host.decode(RawStatus(code="4242", system="kafka"))
        host.decode(RawStatus(code="7010", channel="messenger", upstream=RawStatus(code="1", system="meta")))
        assert dict(host.unknown_codes.counts) == {}

    def test_beyond_a_thousand_they_are_counted_together(self) -> None:
        host = Host.load({})
        for _ in range(2):
            for number in range(10_000, 11_010):
                host.decode(RawStatus(code=str(number), channel="sms"))
        counted = host.unknown_codes
        assert len(counted.counts) == 1000
        assert set(counted.counts.values()) == {2}
        assert counted.other == 20

    def test_threads_lose_none(self) -> None:
        host = Host.load({})

        def decode() -> None:
            for _ in range(2000):
                host.decode(RawStatus(code="4242", channel="sms"))

        threads = [threading.Thread(target=decode) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(host.unknown_codes.counts.values()) == [8000]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_process_that_is_forked_while_one_counts_can_count(self) -> None:
        host = Host.load({})
        with host._tally._lock:
            child = os.fork()
            if child == 0:
                host.decode(RawStatus(code="4242", channel="sms"))
                os._exit(len(host.unknown_codes.counts))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


class TestCommand:
    @staticmethod
    def run(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["unknown", *arguments], input=text)

    @pytest.fixture
    def log(self, tmp_path: Path) -> str:
        (tmp_path / "log").write_text(LOG)
        return str(tmp_path / "log")

    def test_it_shows_what_was_not_decoded_with_counts(self, log: str) -> None:
        result = self.run(log)
        assert result.exit_code == 0
        assert result.stdout.splitlines()[:4] == [
            "system\tchannel\tcode\tcount\toutcomes",
            "webex_connect\tsms\t4242\t3\tunknown, undelivered",
            "webex_connect\tsms\t4243\t1\tunknown",
            "webex_connect\temail\t99.x\t1\tfailed",
        ]

    def test_machines_get_the_same(self, log: str) -> None:
        answer = json.loads(self.run(log, "--json").stdout)
        assert (answer["records"], answer["statuses"]) == (10, 8)
        assert answer["unknown"][0] == {
            "system": "webex_connect",
            "channel": "sms",
            "code": "4242",
            "count": 3,
            "outcomes": {"unknown": 2, "undelivered": 1},
        }
        assert len(answer["overlays"]) == 2

    def test_the_rows_are_an_overlay_once_they_are_filled_in(self, log: str, tmp_path: Path) -> None:
        names = []
        for number, text in enumerate(json.loads(self.run(log, "--json").stdout)["overlays"]):
            name = tmp_path / f"{number}.toml"
            name.write_text(text)
            refused = CliRunner().invoke(cli, ["check", str(name)])
            assert refused.exit_code == 1
            assert "status." in refused.output
            filled = text.replace('description = ""', 'description = "Ours"').replace(
                'category = ""', 'category = "blocked"'
            )
            name.write_text(
                filled.replace('severity = ""', 'severity = "WARN"').replace('outcome = ""', 'outcome = "failed"')
            )
            names.append(str(name))
        host = Host.load({"overlays": names}, strict=True)
        for channel, code in (("sms", "4242"), ("sms", "4243"), ("email", "99.x")):
            assert host.decode(RawStatus(code=code, channel=channel)).description == "Ours"

    def test_standard_input_and_several_files(self, log: str) -> None:
        answer = json.loads(self.run(log, "-", "--json", text="channel=sms messaging.status.code=4242").stdout)
        assert answer["unknown"][0]["count"] == 4

    @pytest.mark.parametrize(
        "form", ["gzip", "byte order mark", "over many lines", "as the console exporter prints it"]
    )
    def test_other_forms(self, tmp_path: Path, form: str) -> None:
        record = {
            "body": "x",
            "attributes": {"messaging.status.code": "4242"},
            "resource": {"attributes": {"messaging.channel": "sms"}},
        }
        line = json.dumps(record).encode()
        forms = {
            "gzip": gzip.compress(line + b"\n" + line),
            "byte order mark": b"\xef\xbb\xbf" + line + b"\n" + line,
            "over many lines": json.dumps([record, record], indent=2).encode(),
            "as the console exporter prints it": b"\n".join([json.dumps(record, indent=4).encode()] * 2),
        }
        (tmp_path / "log").write_bytes(forms[form])
        answer = json.loads(self.run(str(tmp_path / "log"), "--json").stdout)
        assert [(row["channel"], row["code"], row["count"]) for row in answer["unknown"]] == [("sms", "4242", 2)]

    def test_a_receipt_as_otlp_bytes(self) -> None:
        body = {"bytesValue": b64encode(json.dumps({"deliveryInfoNotification": RECEIPT}).encode()).decode()}
        text = otlp(resourceLogs={"scopeLogs": [{"logRecords": [{"body": body}]}]})
        assert json.loads(self.run("-", "--json", text=text).stdout)["unknown"][0]["code"] == "4242"

    def test_a_code_that_is_met_with_and_without_a_channel_has_one_row(self, tmp_path: Path) -> None:
        text = '{"messaging.status.code": "4242"}\n{"messaging.status.code": "4242", "channel": "common"}'
        (overlay,) = json.loads(self.run("-", "--json", text=text).stdout)["overlays"]
        assert overlay.count("[status.4242]") == 1
        assert "# Seen: unknown 2\n" in overlay

    @pytest.mark.parametrize(
        "content", [b"\x1f\x8bnothing", gzip.compress(b"x" * 1000)[:20]], ids=["no gzip", "cut off"]
    )
    def test_a_file_that_cannot_be_read_to_its_end_is_wrong_usage(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "log").write_bytes(content)
        result = self.run(str(tmp_path / "log"))
        assert result.exit_code == 2
        assert f"{tmp_path}/log: cannot be read: " in result.stderr

    def test_where_everything_is_known_it_says_so(self) -> None:
        result = self.run("-", text="channel=sms code=7206\n\nelse\n")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "none of the 1 statuses in 2 records is unknown\n"

    def test_where_there_is_no_status_nothing_is_found(self) -> None:
        assert self.run("-", text="nothing\n").exit_code == 1

    def test_a_file_that_is_not_there_is_wrong_usage(self, tmp_path: Path) -> None:
        assert self.run(str(tmp_path / "none")).exit_code == 2

    def test_a_code_of_no_installed_channel_has_no_row(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        settings = tmp_path / "settings.toml"
        settings.write_text('[plugins]\nallowed = ["webex_connect.sms"]')
        monkeypatch.setenv("MESSAGING_STATUS_CONFIG", str(settings))
        result = self.run("-", text='{"messaging.status.code": "4242"}')
        assert result.stdout.endswith("# No row can help 4242: the records name no channel that is installed.\n")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceLogs",
                    "resourceSpans",
                    "scopeLogs",
                    "scopeSpans",
                    "logRecords",
                    "spans",
                    "resource",
                    "attributes",
                    "key",
                    "value",
                    "body",
                    "events",
                    "kvlistValue",
                    "arrayValue",
                    "values",
                    "message",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


HOST = Host.load({})


@given(lines=st.lists(st.binary() | values.map(lambda value: json.dumps(value, indent=1).encode())))
def test_no_file_makes_it_fail(lines: list[bytes]) -> None:
    host = HOST
    for record in records_of(io.BytesIO(b"\n".join(lines))):
        for body in record.bodies:
            host.find(record.attributes, body, events=record.events, resource=record.resource)
    assert host._stumbles == 0
