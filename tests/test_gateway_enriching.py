# SPDX-License-Identifier: Apache-2.0
"""The gateway's requests in protobuf say what they would say if everything in them were parsed and asked about."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from messaging_status import Host
from messaging_status.gateway.json_form import json_enricher
from messaging_status.gateway.protobuf import protobuf_enricher
from messaging_status.gateway.records import Enriched
from messaging_status.gateway.signals import Signal
from messaging_status.otel import StatusSpanExporter
from messaging_status.otel.logs import log_enricher

from .conftest import SIM_FULL, InstallPlugin
from .otlp_requests import (
    HOSTS,
    NEAR,
    REQUESTS,
    any_value,
    codes,
    field,
    key_value,
    mapping,
    parsed,
    plain,
    records_of,
    requests,
    texts,
)
from .test_plugins import HOOK, MODULE, table

SIGNALS = [Signal.TRACES, Signal.LOGS]
names = st.sampled_from([*HOSTS])
SMS = {"messaging.channel": "sms", "messaging.status.code": "7206"}


def check(host: Host, signal: Signal, body: bytes, enriched: Enriched) -> None:
    """Hold what came out against what the slow way says."""
    expected, changed = parsed(host, signal, body)
    assert REQUESTS[signal].FromString(enriched.body) == expected
    assert (enriched.records, enriched.decoded.total()) == (len(changed), sum(changed))
    if not any(changed):
        assert enriched.body is body
    for before, after, is_changed in zip(records_of(body), records_of(enriched.body), changed, strict=True):
        assert after.startswith(before)
        assert (after != before) == is_changed


def spans(*attributes: dict[str, Any], resource: dict[str, Any] | None = None) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(key_value(*pair) for pair in (resource or {}).items())
    scope = group.scope_spans.add()
    for one in attributes:
        scope.spans.add(name="send", attributes=[key_value(*pair) for pair in one.items()])
    return request.SerializeToString()


def log(body: Any = None, resource: dict[str, Any] | None = None, **attributes: Any) -> bytes:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(key_value(*pair) for pair in (resource or {}).items())
    record = group.scope_logs.add().log_records.add(attributes=[key_value(*pair) for pair in attributes.items()])
    record.body.CopyFrom(any_value(body))
    return request.SerializeToString()


def of_spans(enriched: Enriched) -> list[dict[str, Any]]:
    request = ExportTraceServiceRequest.FromString(enriched.body)
    return [mapping(s.attributes) for g in request.resource_spans for scope in g.scope_spans for s in scope.spans]


class TestAnyRequest:
    @pytest.mark.parametrize("signal", SIGNALS)
    @given(data=st.data(), name=names)
    @settings(max_examples=80, deadline=None)
    def test_it_is_as_if_all_were_parsed(self, signal: Signal, data: st.DataObject, name: str) -> None:
        host = HOSTS[name]
        enrich = protobuf_enricher(host, signal)
        for request in data.draw(st.lists(requests(host, signal), min_size=1, max_size=2)):
            body = request.SerializeToString()
            enriched = enrich(body)
            check(host, signal, body, enriched)
            again = enrich(enriched.body)
            assert again.body is enriched.body
            assert not again.decoded

    @pytest.mark.parametrize("signal", SIGNALS)
    @given(data=st.data(), name=names)
    @settings(max_examples=60, deadline=None)
    def test_bytes_that_went_wrong(self, signal: Signal, data: st.DataObject, name: str) -> None:
        host = HOSTS[name]
        body = bytearray(data.draw(requests(host, signal)).SerializeToString())
        places = st.integers(0, len(body))
        for at, new, is_put in data.draw(
            st.lists(st.tuples(places, st.binary(max_size=2), st.booleans()), min_size=1, max_size=3)
        ):
            body[at : at if is_put else at + len(new)] = new
        sent = bytes(body[: data.draw(places)] if data.draw(st.booleans()) else body)
        enriched = protobuf_enricher(host, signal)(sent)
        try:
            REQUESTS[signal].FromString(sent)
        except DecodeError:
            return
        check(host, signal, sent, enriched)

    @pytest.mark.parametrize("signal", Signal)
    @given(body=st.binary() | st.binary(max_size=30).map(lambda some: field(1, field(2, field(2, b"\x04code" + some)))))
    @settings(max_examples=100, deadline=None)
    def test_bytes_that_are_nothing(self, signal: Signal, body: bytes) -> None:
        assert protobuf_enricher(HOSTS["default"], signal)(body).body is body

    def test_metrics_are_counted_and_go_on(self) -> None:
        request = ExportMetricsServiceRequest()
        for _ in range(2):
            scope = request.resource_metrics.add().scope_metrics.add()
            scope.metrics.add(name="messaging.status.code")
            scope.metrics.add(name="b").metadata.append(key_value("code", "7206"))
        body = request.SerializeToString()
        enriched = protobuf_enricher(HOSTS["default"], Signal.METRICS)(body)
        assert enriched.body is body
        assert (enriched.records, enriched.decoded.total()) == (4, 0)

    @pytest.mark.parametrize("name", HOSTS)
    @given(data=st.data())
    @settings(max_examples=30, deadline=None)
    def test_what_has_no_status_is_the_same_object(self, name: str, data: st.DataObject) -> None:
        pairs = st.dictionaries(st.sampled_from(NEAR), texts, max_size=4)
        body = spans(*data.draw(st.lists(pairs, max_size=4)), resource={"messaging.status.code": "7206"})
        assert protobuf_enricher(HOSTS[name], Signal.TRACES)(body).body is body


plainly: Callable[[str, Any], bytes] = lambda key, value: key_value(key, value).SerializeToString()  # noqa: E731
WAYS: dict[str, Callable[[str, Any], bytes]] = {
    "plainly": plainly,
    "padded": lambda key, value: field(1, key.encode(), 2) + field(2, any_value(value).SerializeToString(), 1),
    "value first": lambda key, value: field(2, any_value(value).SerializeToString()) + field(1, key.encode()),
    "key corrected": lambda key, value: field(1, b"other") + plainly(key, value),
    "key replaced": lambda key, value: plainly(key, value) + field(1, b"other"),
    "value twice": lambda key, value: plainly(key, "7999") + field(2, any_value(value).SerializeToString()),
    "unknown number first": lambda key, value: bytes([0x18, len(key) + 2]) + plainly(key, value),
    "unknown field first": lambda key, value: field(2000, b"code") + plainly(key, value),
}
likely_ways = st.just("plainly") | st.sampled_from([*WAYS])
more = st.sampled_from(
    [("messaging.channel", "whatsapp"), ("channel", "sms"), ("messaging.system", "kafka"), ("error.type", "mine")]
).flatmap(lambda pair: likely_ways.map(lambda way: (*pair, way)))


def written(
    records: Sequence[Sequence[tuple[str, Any, str]]], resource: Sequence[tuple[str, Any, str]] = (), number: int = 9
) -> bytes:
    """A request whose attributes are written in given ways."""

    def attributes(number: int, some: Sequence[tuple[str, Any, str]]) -> bytes:
        return b"".join(field(number, WAYS[way](key, value)) for key, value, way in some)

    scope = b"".join(field(2, attributes(number, record), 1) for record in records)
    return field(1, field(1, attributes(1, resource)) + field(2, scope))


class TestWaysOfWriting:
    """protobuf leaves it open in which order fields are written, and how long a length is."""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(("signal", "number"), [(Signal.TRACES, 9), (Signal.LOGS, 6)])
    @pytest.mark.parametrize("key", ["code", "messaging.status.code", "statusCode"])
    def test_a_code_is_not_missed(self, signal: Signal, number: int, key: str, way: str) -> None:
        body = written([[("messaging.channel", "sms", way), (key, "7206", way)]], number=number)
        enriched = protobuf_enricher(HOSTS["default"], signal)(body)
        check(HOSTS["default"], signal, body, enriched)
        assert bool(enriched.decoded) is (way != "key replaced")

    @pytest.mark.parametrize("way", WAYS)
    def test_what_was_said_of_another_channel_is_not_said_again(self, way: str) -> None:
        code = ("messaging.status.code", "7206", "plainly")
        body = written([[code, ("messaging.channel", channel, way)] for channel in ("whatsapp", "sms")])
        check(HOSTS["default"], Signal.TRACES, body, protobuf_enricher(HOSTS["default"], Signal.TRACES)(body))

    @pytest.mark.parametrize("way", WAYS)
    def test_what_was_said_under_another_resource_is_not_said_again(self, way: str) -> None:
        code = ("messaging.status.code", "7513", "plainly")
        body = b"".join(written([[code]], [("messaging.channel", channel, way)]) for channel in ("push", "sms"))
        check(HOSTS["default"], Signal.TRACES, body, protobuf_enricher(HOSTS["default"], Signal.TRACES)(body))

    @pytest.mark.parametrize("way", WAYS)
    def test_what_is_there_is_not_overwritten(self, way: str) -> None:
        record = [("messaging.status.code", "7206", "plainly"), ("messaging.channel", "sms", "plainly")]
        body = written([record, [*record, ("error.type", "mine", way)]])
        check(HOSTS["default"], Signal.TRACES, body, protobuf_enricher(HOSTS["default"], Signal.TRACES)(body))

    @pytest.mark.parametrize(("signal", "number"), [(Signal.TRACES, 9), (Signal.LOGS, 6)])
    @given(
        records=st.lists(
            st.tuples(st.tuples(st.just("code"), st.just("7206"), likely_ways), st.lists(more)), min_size=1
        ),
        resource=st.lists(more, max_size=2),
    )
    @settings(max_examples=100, deadline=None)
    def test_every_way(self, signal: Signal, number: int, records: Any, resource: Any) -> None:
        body = written([[code, *more] for code, more in records], resource, number)
        check(HOSTS["default"], signal, body, protobuf_enricher(HOSTS["default"], signal)(body))


class TestExporters:
    @given(records=st.lists(st.dictionaries(st.sampled_from(["messaging.status.code", "code"]), codes), max_size=3))
    @example(records=[{"messaging.status.code": "7206"}])
    @settings(max_examples=50, deadline=None)
    def test_spans_are_as_the_exporter_of_a_python_sender_makes_them(self, records: list[dict[str, Any]]) -> None:
        host = HOSTS["moved"]
        plain_ones, enriched_ones = InMemorySpanExporter(), InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(plain_ones))
        provider.add_span_processor(SimpleSpanProcessor(StatusSpanExporter(enriched_ones, host)))
        for attributes in records:
            with provider.get_tracer("a").start_as_current_span("send") as span:
                span.set_attribute("channel", "sms")
                span.add_event("receipt", attributes)
                span.set_attributes(attributes if len(attributes) > 1 else {})
        sent = encode_spans(plain_ones.get_finished_spans()).SerializeToString()
        found = ExportTraceServiceRequest.FromString(protobuf_enricher(host, Signal.TRACES)(sent).body)
        assert found == encode_spans(enriched_ones.get_finished_spans())

    def test_logs_are_as_the_exporter_of_a_python_sender_makes_them(self) -> None:
        host = HOSTS["moved"]
        exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        bodies: list[Any] = ["channel=sms code=7206", {"channel": "sms", "code": 7000}, b'{"code":"9002"}', "a"]
        for body in bodies:
            provider.get_logger("a").emit(body=body, attributes={"channel": "rcs"})
        records = exporter.get_finished_logs()
        sent = encode_logs(records).SerializeToString()
        found = ExportLogsServiceRequest.FromString(protobuf_enricher(host, Signal.LOGS)(sent).body)
        assert found == encode_logs(list(map(log_enricher(host), records)))


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            {"messaging": {"status": {"code": "7206"}}, "channel": "sms"},
            '{"channel": "sms", "\\u0063ode": "7206"}',
            b'{"channel": "sms", "\\u0063od\\u0065": 7206}',
            '"{\\"channel\\": \\"sms\\", \\"c\\\\u006fde\\": 7206}"',
            "report channel=sms code=7206.",
            [{"channel": "sms", "code": "7206"}],
        ],
    )
    def test_a_status_in_a_body_alone(self, body: Any) -> None:
        sent = log(body)
        found = ExportLogsServiceRequest.FromString(protobuf_enricher(HOSTS["default"], Signal.LOGS)(sent).body)
        (record,) = found.resource_logs[0].scope_logs[0].log_records
        assert mapping(record.attributes) == SIM_FULL
        assert record.body == any_value(body)
        assert plain(record.body) == body

    def test_a_document_under_keys_with_odd_characters(self, install: InstallPlugin) -> None:
        read = "def read(document): return [RawStatus(code='7206', channel='sms', message_id='m-1')]\n"
        documents = "def messaging_status_documents(): return [DocumentReader(keys=('Beleg ü',), read=read)]\n"
        install("acme-reader", read + HOOK + documents)
        host = Host.load({}, strict=True)
        for body in ({"Beleg ü": {"a": 1}}, '{"Beleg \\u00fc": {}}', '{"Beleg ü": {}}'.encode()):
            sent = log(body)
            enriched = protobuf_enricher(host, Signal.LOGS)(sent)
            check(host, Signal.LOGS, sent, enriched)
            assert enriched.decoded.total() == 1

    @pytest.mark.parametrize("form", ["protobuf", "json"])
    def test_log_text_for_a_plugins_reader(self, install: InstallPlugin, form: str) -> None:
        read = "def read(line): return [RawStatus(code='7206', channel='sms', message_id='m-1', retry_after=90)]\n"
        documents = "def messaging_status_documents(): return [TextReader(marks=('stat/ü:',), read=read)]\n"
        install("acme-reader", read + HOOK + documents)
        host = Host.load({}, strict=True)
        sent = log("id:1 stat/ü:GONE")
        if form == "json":
            content = MessageToDict(ExportLogsServiceRequest.FromString(sent))
            written = json_enricher(host, Signal.LOGS)(json.dumps(content).encode()).body
            (record,) = json.loads(written)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
            said = {pair["key"]: pair["value"] for pair in record["attributes"]}
            assert said["messaging.status.code"] == {"stringValue": "7206"}
            assert said["messaging.status.retry_after"] == {"intValue": "90"}
            return
        enriched = protobuf_enricher(host, Signal.LOGS)(sent)
        check(host, Signal.LOGS, sent, enriched)
        found = ExportLogsServiceRequest.FromString(enriched.body)
        (record,) = found.resource_logs[0].scope_logs[0].log_records
        assert mapping(record.attributes)["messaging.status.retry_after"] == 90


class TestPlugins:
    @pytest.mark.parametrize(
        "body",
        [
            "def messaging_status_decoded(raw, status): seen.append(status.code)\n",
            "def messaging_status_refine(raw, status): seen.append(status.code)\n",
        ],
    )
    @pytest.mark.parametrize("signal", SIGNALS)
    def test_a_hook_is_called_for_each_record(self, install: InstallPlugin, body: str, signal: Signal) -> None:
        install("acme-watch", f"seen = []\n{HOOK}{body}")
        enrich = protobuf_enricher(Host.load({}, strict=True), signal)
        for _ in range(2):
            enrich(spans(*[SMS] * 3) if signal is Signal.TRACES else log("channel=sms code=7206") * 3)
        assert import_module("acme_watch").seen == ["7206"] * 6

    def test_what_a_hook_says_is_asked_anew(self, install: InstallPlugin) -> None:
        body = "def messaging_status_refine(status):\n    seen.append(1)\n"
        body += "    return msgspec.structs.replace(status, description=f'call {len(seen)}')\n"
        install("acme-refine", f"seen = []\n{HOOK}{body}")
        found = of_spans(protobuf_enricher(Host.load({}, strict=True), Signal.TRACES)(spans(SMS, SMS)))
        assert [one["messaging.status.description"] for one in found] == ["call 1", "call 2"]

    def test_what_a_channels_refine_says_is_asked_anew(self, install: InstallPlugin) -> None:
        refine = "import msgspec\nseen = []\ndef again(raw, status):\n    seen.append(1)\n"
        refine += "    return msgspec.structs.replace(status, description=f'call {len(seen)}')\n"
        channel = MODULE.replace('"table.toml")', '"table.toml"), refine=again')
        install("acme-channel", refine + channel, table__toml=table())
        pager = {"messaging.system": "acme", "messaging.channel": "pager", "messaging.status.code": "1"}
        found = of_spans(protobuf_enricher(Host.load({}, strict=True), Signal.TRACES)(spans(pager, pager)))
        assert [one["messaging.status.description"] for one in found] == ["call 1", "call 2"]


class TestOverlays:
    @pytest.fixture
    def said(self, tmp_path: Path) -> Callable[[str], str]:
        """Writes what 7206 means on sms, and answers the file's path."""
        file, head = tmp_path / "a.toml", 'system = "webex_connect"\nchannel = "sms"\n'

        def write(description: str) -> str:
            (tmp_path / "new").write_text(f'{head}[status.7206]\ndescription = "{description}"\n')
            (tmp_path / "new").replace(file)
            return str(file)

        return write

    @pytest.mark.parametrize("signal", SIGNALS)
    def test_after_a_change_the_new_meaning_is_used(self, said: Callable[[str], str], signal: Signal) -> None:
        host = Host.load({"overlays": [said("Before")]}, strict=True)
        enrich = protobuf_enricher(host, signal)
        body = spans(SMS) if signal is Signal.TRACES else log("channel=sms code=7206")
        for description in ("Before", "After", "Later"):
            said(description)
            host.refresh()
            enriched = enrich(body)
            check(host, signal, body, enriched)
            assert description.encode() in enriched.body

    @pytest.mark.parametrize("step", ["says_always", "said"])
    def test_what_was_found_out_before_a_change_is_not_remembered_after_it(
        self, said: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        """On another thread, an overlay changes and a request passes while this one is looked at."""
        host = Host.load({"overlays": [said("Before")]}, strict=True)
        enrich, original = protobuf_enricher(host, Signal.TRACES), getattr(host, step)

        def interrupted(*args: Any) -> Any:
            monkeypatch.setattr(host, step, original)
            answer = original(*args)
            said("After")
            host.refresh()
            enrich(spans({"messaging.status.code": ""}))
            return answer

        monkeypatch.setattr(host, step, interrupted)
        enrich(spans(SMS))
        assert b"After" in enrich(spans(SMS)).body


def test_a_record_that_cannot_be_parsed_goes_on_and_others_are_enriched() -> None:
    bad = field(9, field(1, b"messaging.status.code") + field(2, field(1, b"\xff")))
    good = Span(attributes=[key_value(*pair) for pair in SMS.items()]).SerializeToString()
    body = field(1, field(2, field(2, bad) + field(2, good)))
    found = records_of(protobuf_enricher(Host.load({}), Signal.TRACES)(body).body)
    assert found[0] == bad
    assert mapping(Span.FromString(found[1]).attributes) == {**SMS, **SIM_FULL}


def test_a_resource_that_cannot_be_parsed_costs_only_its_own_records() -> None:
    bad = field(1, field(1, b"\xff")) + field(2, field(2, b""))
    body = field(1, bad) + spans(SMS)
    enriched = protobuf_enricher(Host.load({}), Signal.TRACES)(body)
    assert enriched.body.startswith(field(1, bad))
    assert enriched.decoded.total() == 1


def test_empty_attributes_are_none() -> None:
    request = ExportTraceServiceRequest.FromString(spans(SMS, resource={"a": "b"}))
    request.resource_spans[0].resource.attributes.add()
    request.resource_spans[0].scope_spans[0].spans[0].attributes.insert(0, KeyValue())
    body = request.SerializeToString()
    check(HOSTS["default"], Signal.TRACES, body, protobuf_enricher(HOSTS["default"], Signal.TRACES)(body))
