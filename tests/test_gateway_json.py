# SPDX-License-Identifier: Apache-2.0
"""The gateway's requests in JSON: the same attributes as in protobuf, and all else as it was written."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from messaging_status import Host
from messaging_status.gateway.json_form import json_enricher, nests_within
from messaging_status.gateway.protobuf import protobuf_enricher
from messaging_status.gateway.records import Enriched
from messaging_status.gateway.signals import Signal
from messaging_status.gateway.transcoding import BadJson, as_json_answer, as_protobuf

from .conftest import SIM_FULL
from .otlp_requests import HOSTS, REQUESTS, parsed, requests, texts

SIGNALS = [Signal.TRACES, Signal.LOGS]
NAMES: Mapping[Signal, tuple[str, str, str]] = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
}
IDS = {"traceId", "spanId", "parentSpanId"}
AS_WRITTEN = [
    "1e3",
    "123456789012345678901234567890",
    '"18446744073709551615"',
    "-0.0",
    "null",
    '{"b":1,"a":[]}',
    "1.0",
]
"""What a reader of JSON could write in another way."""
EXTRA = st.lists(st.integers(0, len(AS_WRITTEN) - 1), max_size=3)
CODE = {"key": "messaging.status.code", "value": {"stringValue": "7206"}}
CHANNEL = {"key": "messaging.channel", "value": {"stringValue": "sms"}}


def loaded(body: bytes | str) -> Any:
    """JSON with its numbers as they are written."""
    return json.loads(body, parse_int=lambda text: f"int {text}", parse_float=lambda text: f"float {text}")


def written(document: Any) -> bytes:
    """JSON in which what says ``@n@`` is written as it is listed."""
    text = json.dumps(document, separators=(",", ":"))
    for index, item in enumerate(AS_WRITTEN):
        text = text.replace(f'"@{index}@"', item)
    return text.encode()


def as_document(request: Any) -> Any:
    """A request as OTLP writes it in JSON, with its numbers of enumerations and its hexadecimal ids."""

    def with_hex(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: b64decode(v).hex() if k in IDS else with_hex(v) for k, v in value.items()}
        return list(map(with_hex, value)) if isinstance(value, list) else value

    return with_hex(MessageToDict(request, use_integers_for_enums=True))


def with_extra(value: Any, extra: list[int]) -> Any:
    """The document with fields of a later version in every object that is no attribute."""
    if isinstance(value, list):
        return [with_extra(item, extra) for item in value]
    if not isinstance(value, dict) or "key" in value or value.keys() & {"stringValue", "kvlistValue"}:
        return value
    return {k: with_extra(v, extra) for k, v in value.items()} | {f"later{n}": f"@{n}@" for n in extra}


def expected_document(host: Host, signal: Signal, request: Any, document: Any) -> tuple[Any, list[bool]]:
    """The document with what comes to its records when all of the request is parsed."""
    found, changed = parsed(host, signal, request.SerializeToString())
    groups, scopes, records = NAMES[signal]
    answers = as_document(found)
    for group, answered in zip(document.get(groups, []), answers.get(groups, []), strict=True):
        for scope, said in zip(group.get(scopes, []), answered.get(scopes, []), strict=True):
            for record, what in zip(scope.get(records, []), said.get(records, []), strict=True):
                before = record.get("attributes") or []
                if added := what.get("attributes", [])[len(before) :]:
                    record["attributes"] = [*before, *added]
                if what.get("status", {}).get("code") != (record.get("status") or {}).get("code"):
                    record["status"] = {**(record.get("status") or {}), "code": 2}
                if what.get("severityNumber") != record.get("severityNumber"):
                    record["severityNumber"] = what["severityNumber"]
    return document, changed


def spans(*records: dict[str, Any], **group: Any) -> bytes:
    return json.dumps({"resourceSpans": [{**group, "scopeSpans": [{"spans": records}]}]}).encode()


def logs(*records: dict[str, Any], **group: Any) -> bytes:
    return json.dumps({"resourceLogs": [{**group, "scopeLogs": [{"logRecords": records}]}]}).encode()


def records_in(enriched: Enriched, signal: Signal) -> list[Any]:
    outer, middle, inner = NAMES[signal]
    groups = json.loads(enriched.body)[outer]
    return [record for group in groups for scope in group[middle] for record in scope[inner]]


def said_of(record: Any) -> dict[str, Any]:
    values = {pair["key"]: next(iter(pair.get("value", {}).values()), None) for pair in record["attributes"]}
    return {key: value for key, value in values.items() if key in SIM_FULL}


class TestAnyRequest:
    @pytest.mark.parametrize("signal", SIGNALS)
    @given(data=st.data(), name=st.sampled_from([*HOSTS]), extra=EXTRA, escapes=st.booleans())
    @settings(max_examples=100, deadline=None)
    def test_it_is_as_if_all_were_parsed(
        self, signal: Signal, data: st.DataObject, name: str, extra: list[int], escapes: bool
    ) -> None:
        host = HOSTS[name]
        request = data.draw(requests(host, signal, texts))
        document = with_extra(as_document(request), extra)
        body = written(document)
        if escapes:
            body = body.replace(b'"code"', b'"c\\u006fde"').replace(b"messaging", b"mess\\u0061ging")
        enriched = json_enricher(host, signal)(body)
        expected, changed = expected_document(host, signal, request, document)
        assert json.dumps(loaded(enriched.body)) == json.dumps(loaded(written(expected)))
        assert (enriched.records, enriched.decoded.total()) == (len(changed), sum(changed))
        assert (enriched.body is body) is not any(changed)
        again = json_enricher(host, signal)(enriched.body)
        assert again.body is enriched.body

    @pytest.mark.parametrize("signal", SIGNALS)
    @given(data=st.data())
    @settings(max_examples=60, deadline=None)
    def test_bytes_that_went_wrong(self, signal: Signal, data: st.DataObject) -> None:
        body = bytearray(written(as_document(data.draw(requests(HOSTS["moved"], signal, texts)))))
        at, new = data.draw(st.tuples(st.integers(0, len(body)), st.binary(max_size=2) | st.sampled_from(b'[{"]},')))
        body[at:at] = new if isinstance(new, bytes) else bytes([new])
        json_enricher(HOSTS["moved"], signal)(bytes(body))

    @pytest.mark.parametrize("signal", Signal)
    @given(data=st.data())
    @settings(max_examples=60, deadline=None)
    def test_any_json(self, signal: Signal, data: st.DataObject) -> None:
        names = [*NAMES[Signal.TRACES], *NAMES[Signal.LOGS], "resource", "attributes", "body", "status", "code", "key"]
        keys = st.sampled_from([*names, "value", "stringValue", "kvlistValue", "values", "events", "severityNumber"])
        inner = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["code", "7206", "ff"])
        value = st.recursive(inner, lambda some: st.lists(some, max_size=3) | st.dictionaries(keys, some, max_size=3))
        group = st.fixed_dictionaries({"scopeSpans": st.lists(st.fixed_dictionaries({"spans": st.lists(value)}))})
        body = json.dumps(data.draw(value | group.map(lambda one: {"resourceSpans": [one]}))).encode()
        json_enricher(HOSTS["moved"], signal)(body)
        with suppress(BadJson):
            REQUESTS.get(signal, ExportMetricsServiceRequest).FromString(as_protobuf(body, signal))

    @given(body=st.binary() | st.text().map(str.encode) | st.just(b"[" * 50_000) | st.just(b'{"a":' * 50_000))
    @settings(max_examples=60, deadline=None)
    def test_bytes_that_are_nothing(self, body: bytes) -> None:
        assert json_enricher(HOSTS["default"], Signal.LOGS)(body).body is body


class TestAsWritten:
    def test_nulls_stay_and_attributes_come_to_a_record_that_has_none(self) -> None:
        record = {"attributes": None, "body": {"stringValue": "channel=sms code=7206"}, "traceId": None}
        body = logs(record, {"attributes": None}, resource=None)
        (first, second) = records_in(json_enricher(HOSTS["default"], Signal.LOGS)(body), Signal.LOGS)
        assert said_of(first) == SIM_FULL
        assert list(first) == list(record)
        assert second == {"attributes": None}

    @pytest.mark.parametrize("body", [b'{"resourceSpans":null}', b'{"resourceSpans":[{"scopeSpans":null}]}', b"{}"])
    def test_nulls_in_the_place_of_records(self, body: bytes) -> None:
        enriched = json_enricher(HOSTS["default"], Signal.TRACES)(body)
        assert enriched.body is body
        assert enriched.records == 0

    @pytest.mark.parametrize("status", [{}, {"status": None}, {"status": {"code": None}}, {"status": {"code": 0}}])
    def test_a_status_that_is_not_there_is_unset(self, status: dict[str, Any]) -> None:
        body = spans({"attributes": [CODE, CHANNEL], **status})
        (record,) = records_in(json_enricher(HOSTS["moved"], Signal.TRACES)(body), Signal.TRACES)
        assert len(record["attributes"]) > 2
        assert record["status"] == {"code": 2}

    @pytest.mark.parametrize("number", [21, 21.0, "SEVERITY_NUMBER_FATAL"])
    def test_a_severity_is_never_lowered(self, number: Any) -> None:
        body = logs({"attributes": [CODE, CHANNEL], "severityNumber": number})
        (record,) = records_in(json_enricher(HOSTS["moved"], Signal.LOGS)(body), Signal.LOGS)
        assert record["severityNumber"] == number

    def test_a_field_called_resource_elsewhere_is_not_the_resource(self) -> None:
        kafka = {"attributes": [{"key": "messaging.system", "value": {"stringValue": "kafka"}}]}
        document = json.loads(spans({"attributes": [CODE, CHANNEL]}))
        document["resourceSpans"][0]["scopeSpans"][0]["resource"] = kafka
        assert json_enricher(HOSTS["default"], Signal.TRACES)(json.dumps(document).encode()).decoded.total() == 1

    def test_a_field_that_stands_twice_is_not_lost(self) -> None:
        first = b'{"resourceSpans":[{"schemaUrl":"first"}],'
        enriched = json_enricher(HOSTS["default"], Signal.TRACES)(first + spans({"attributes": [CODE, CHANNEL]})[1:])
        assert b"first" in enriched.body

    def test_a_text_that_is_half_a_character_costs_only_its_own_record(self) -> None:
        """JavaScript writes texts that were cut inside a character so."""
        half = {"attributes": [{"key": "a", "value": {"stringValue": "\ud83d"}}]}
        body = spans({**half, "attributes": [*half["attributes"], CODE]}, {"attributes": [CODE, CHANNEL]})
        first, second = records_in(json_enricher(Host.load({}), Signal.TRACES)(body), Signal.TRACES)
        assert said_of(second) == SIM_FULL
        assert first["attributes"][:2] == [*half["attributes"], CODE]

    def test_a_resource_with_half_a_character_costs_only_its_own_records(self) -> None:
        half = {"attributes": [{"key": "a", "value": {"stringValue": "\ud83d"}}]}
        document = json.loads(spans({"attributes": [CODE, CHANNEL]}))
        document["resourceSpans"].append({"resource": half, "scopeSpans": [{"spans": [{}]}]})
        enriched = json_enricher(Host.load({}), Signal.TRACES)(json.dumps(document).encode())
        assert (enriched.records, enriched.decoded.total()) == (2, 1)


class TestBytes:
    @pytest.mark.parametrize("text", ['{"channel":"sms","code":7206}', "channel=sms code=7206"])
    def test_a_status_in_bytes_is_found(self, text: str) -> None:
        body = logs({"body": {"bytesValue": b64encode(text.encode()).decode()}, "attributes": []})
        (record,) = records_in(json_enricher(HOSTS["default"], Signal.LOGS)(body), Signal.LOGS)
        assert said_of(record) == SIM_FULL


class TestSpellings:
    """What protobuf's JSON form lets a sender write means the same as in protobuf."""

    @pytest.mark.parametrize(
        ("code", "channel"),
        [
            ({"intValue": "7206"}, {"stringValue": "sms"}),
            ({"intValue": 7206}, {"stringValue": "sms"}),
            ({"doubleValue": 7206}, {"stringValue": "sms"}),
            ({"doubleValue": 7.206e3}, {"stringValue": "sms"}),
            ({"doubleValue": "7206.0"}, {"stringValue": "sms"}),
            ({"doubleValue": "NaN"}, {"stringValue": "sms"}),
            ({"stringValue": "7206"}, {"intValue": "5"}),
            ({"stringValue": "7206"}, {"intValue": 5}),
            ({"intValue": None, "stringValue": "7206"}, {"stringValue": "sms"}),
            ({"later": True, "stringValue": "7206"}, {"stringValue": "sms"}),
        ],
    )
    def test_of_values(self, code: Any, channel: Any) -> None:
        body = spans(
            {"attributes": [{"key": "messaging.status.code", "value": code}, {"key": "channel", "value": channel}]}
        )
        enriched = json_enricher(HOSTS["default"], Signal.TRACES)(body)
        same = protobuf_enricher(HOSTS["default"], Signal.TRACES)(as_protobuf(body, Signal.TRACES))
        assert as_protobuf(enriched.body, Signal.TRACES) == same.body
        assert enriched.decoded == same.decoded

    @pytest.mark.parametrize("form", ["standard", "without padding", "for URLs"])
    def test_of_bytes(self, form: str) -> None:
        encoded = b64encode('{"channel":"sms","code":7206,"text":"ÿ>?~"}'.encode()).decode()
        forms = {
            "standard": encoded,
            "without padding": encoded.rstrip("="),
            "for URLs": encoded.translate(str.maketrans("+/", "-_")),
        }
        assert encoded.endswith("=")
        assert set("+/") & set(encoded)
        body = logs({"attributes": [{"key": "code"}], "body": {"bytesValue": forms[form]}})
        same = protobuf_enricher(HOSTS["default"], Signal.LOGS)(as_protobuf(body, Signal.LOGS))
        assert same.decoded.total() == 1
        assert json_enricher(HOSTS["default"], Signal.LOGS)(body).decoded == same.decoded


class TestAsProtobuf:
    @pytest.mark.parametrize("signal", SIGNALS)
    @given(data=st.data(), extra=EXTRA)
    @settings(max_examples=60, deadline=None)
    def test_it_is_what_it_was(self, signal: Signal, data: st.DataObject, extra: list[int]) -> None:
        request = data.draw(requests(HOSTS["default"], signal))
        # Fields of a later version have no name that JSON could use.
        request.DiscardUnknownFields()
        body = written(with_extra(as_document(request), extra))
        assert REQUESTS[signal].FromString(as_protobuf(body, signal)) == request

    def test_ids_are_hexadecimal_and_numbers_may_be_texts(self) -> None:
        ids = {"traceId": "0AF7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
        span = {**ids, "parentSpanId": "", "kind": 3, "startTimeUnixNano": "1544712660000000000", "links": [ids]}
        span |= {"endTimeUnixNano": 1544712660000000001, "droppedAttributesCount": 1e3, "later": {"a": [1]}}
        found = ExportTraceServiceRequest.FromString(as_protobuf(spans(span), Signal.TRACES))
        (parsed_span,) = found.resource_spans[0].scope_spans[0].spans
        for holder in (parsed_span, parsed_span.links[0]):
            assert (holder.trace_id.hex(), holder.span_id.hex()) == (ids["traceId"].lower(), ids["spanId"])
        assert (parsed_span.kind, parsed_span.parent_span_id, parsed_span.dropped_attributes_count) == (3, b"", 1000)
        assert parsed_span.end_time_unix_nano - parsed_span.start_time_unix_nano == 1

    def test_exemplars_have_ids(self) -> None:
        point = {"asInt": "5", "exemplars": [{"spanId": "b7ad6b7169203331", "asDouble": 1.5}]}
        metric = {"name": "a", "sum": {"dataPoints": [point], "aggregationTemporality": 2}}
        body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
        enriched = json_enricher(HOSTS["default"], Signal.METRICS)(body)
        assert (enriched.records, enriched.body is body) == (1, True)
        found = ExportMetricsServiceRequest.FromString(as_protobuf(body, Signal.METRICS))
        (point_found,) = found.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
        assert (point_found.as_int, point_found.exemplars[0].span_id.hex()) == (5, "b7ad6b7169203331")

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"null", b"[]", b'""', b"5", b"\xff", b'{"resourceSpans":5}', b'{"resourceSpans":[5]}'),
            *(
                b'{"resourceSpans":[null]}',
                b'{"resourceSpans":' + b"[" * 50_000,
                b'{"resourceSpans":[{"schemaUrl":5}]}',
            ),
            *(spans({"traceId": "xyz"}), spans({"traceId": "abc"}), spans({"traceId": "é0"}), spans({"traceId": 5})),
            *(spans({"startTimeUnixNano": "1.5"}), spans({"startTimeUnixNano": -1}), spans({"kind": {}})),
            spans({"attributes": [{"key": "a", "value": {"doubleValue": 10**400}}]}),
            spans({"attributes": [{"key": "a", "value": {"intValue": 10**400}}]}),
        ],
    )
    def test_anything_else_is_bad(self, body: bytes) -> None:
        with pytest.raises(BadJson, match=r"\Athe body is not OTLP in JSON\Z"):
            as_protobuf(body, Signal.TRACES)

    def test_unknown_fields_may_hold_anything(self) -> None:
        assert as_protobuf(b'{"later":{"traceId":"no hexadecimal"}}', Signal.TRACES) == b""

    def test_a_partial_success_becomes_json(self) -> None:
        answer = b"\n\x0c\x08\x03\x12\x08too late"
        assert json.loads(as_json_answer(answer, Signal.TRACES)) == {
            "partialSuccess": {"rejectedSpans": "3", "errorMessage": "too late"}
        }
        assert "rejectedLogRecords" in as_json_answer(answer, Signal.LOGS).decode()
        assert "rejectedDataPoints" in as_json_answer(answer, Signal.METRICS).decode()

    @given(answer=st.binary(), signal=st.sampled_from(Signal))
    @settings(max_examples=60, deadline=None)
    def test_any_answer_becomes_json(self, answer: bytes, signal: Signal) -> None:
        assert isinstance(json.loads(as_json_answer(answer, signal)), dict)


def depth(value: Any) -> int:
    if isinstance(value, (dict, list)):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


tricky = st.text('[]{}"\\a,:') | st.text()
nested = st.recursive(
    tricky | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(tricky, inner), max_leaves=15
)


class TestNesting:
    @given(value=nested, indent=st.none() | st.just(1))
    @settings(max_examples=300, deadline=None)
    def test_it_is_counted_as_it_is(self, value: Any, indent: int | None) -> None:
        body, real = json.dumps(value, indent=indent).encode(), depth(value)
        assert nests_within(body, real)
        assert not real or not nests_within(body, real - 1)

    @pytest.mark.parametrize(
        ("body", "real"),
        [
            (rb'["\\", [[]]]', 3),
            (rb'["\\\"[[["]', 1),
            (rb'["\\\\", "[", []]', 2),
            (b"[" * 50_000, 50_000),
            (b"]]][[[[[", 2),
        ],
    )
    def test_examples(self, body: bytes, real: int) -> None:
        assert nests_within(body, real)
        assert not nests_within(body, real - 1)
