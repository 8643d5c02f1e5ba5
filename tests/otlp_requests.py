# SPDX-License-Identifier: Apache-2.0
"""OTLP requests of many kinds, and what becomes of them where everything in them is parsed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from messaging_status import Host
from messaging_status.gateway.signals import Signal
from messaging_status.model import ERROR_TYPE, FAILURES, MESSAGING_SYSTEM, SEVERITY_NUMBERS

from .conftest import ROOT

__all__ = [
    "HOSTS",
    "NEAR",
    "REQUESTS",
    "any_value",
    "bodies",
    "field",
    "groups_of",
    "key_value",
    "likely",
    "parsed",
    "plain",
    "records_of",
    "requests",
]

Pairs = list[tuple[str, Any]]

_ODD_KEYS = {
    "code": ["result", "ü code", 'quo"te.d', "back\\slash", "a.b.c", "e", "mehr code"],
    "channel": ["via", "Kanal ü", "messaging.channel"],
    "system": ["vendor"],
}
HOSTS = {
    "default": Host.load({}, strict=True),
    "moved": Host.load({"prefix": "acme.message", "span_error_status": True, "log_severity": True}, strict=True),
    "odd keys": Host.load({"keys": _ODD_KEYS, "span_error_status": True}, strict=True),
    "like keys": Host.load({"keys": {"code": ["dada", "x.dada", "da", "b.code", "a.b.code", "code"]}}, strict=True),
    "long keys": Host.load({"keys": {"code": ["k" * 128, "l." * 9 + "m" * 120], "channel": ["c" * 200]}}, strict=True),
}
NEAR = [
    *("http.response.status_code", "code.function.name", "messaging.status", "messaging.status.codes", "xcode"),
    *("Code", "cod", "status.code.x", "error.code", "", "a", "grpc.status_code"),
]
_KINDS = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
    str: "string_value",
}
REQUESTS: Mapping[Signal, Any] = {Signal.TRACES: ExportTraceServiceRequest, Signal.LOGS: ExportLogsServiceRequest}
RECEIPTS = [json.loads(line) for line in (ROOT / "examples/receipts.jsonl").read_text().splitlines()]
DOCUMENTS: list[dict[str, Any]] = [
    *RECEIPTS,
    *(json.loads(receipt["body"]) for receipt in RECEIPTS),
    {"response": [{"code": "1001", "transid": "t-1", "description": "Queued"}]},
    {"code": 1001, "transid": "t-2"},
    {"message": "no such thing", "code": "7206"},
]


def any_value(value: Any) -> AnyValue:
    """A plain value as a message."""
    if value is None:
        return AnyValue()
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=[key_value(*pair) for pair in value.items()]))
    return AnyValue(**{_KINDS[type(value)]: value})


def key_value(key: str, value: Any) -> KeyValue:
    return KeyValue(key=key, value=any_value(value))


def plain(value: AnyValue) -> Any:
    """What a message holds, as a plain value."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return list(map(plain, value.array_value.values))
    if kind == "kvlist_value":
        return mapping(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def mapping(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in pairs}


def groups_of(request: Any) -> Any:
    return request.resource_spans if isinstance(request, ExportTraceServiceRequest) else request.resource_logs


def records_in(group: Any) -> list[Any]:
    """The records of a group, wherever they are."""
    scopes = group.scope_spans if hasattr(group, "scope_spans") else group.scope_logs
    return [record for scope in scopes for record in (scope.spans if hasattr(scope, "spans") else scope.log_records)]


def parsed(host: Host, signal: Signal, body: bytes) -> tuple[Any, list[bool]]:
    """The slow way: parse all of it, ask about each record as the exporters do, say which ones changed."""
    request = REQUESTS[signal].FromString(body)
    enrich: Callable[..., bool] = _enrich_span if signal is Signal.TRACES else _enrich_log
    changed = []
    for group in groups_of(request):
        resource = mapping(group.resource.attributes)
        changed += [enrich(host, record, resource) for record in records_in(group)]
    return request, changed


def _enrich_span(host: Host, span: Span, resource: Mapping[str, Any]) -> bool:
    attributes, events = mapping(span.attributes), [mapping(event.attributes) for event in span.events]
    if not any(host.code_keys & holder.keys() for holder in (attributes, *events)):
        return False
    said = host.said(attributes, None, (), resource)
    if not said and events:
        said = host.said(attributes, None, events, resource)
    is_failure = said.get(f"{host.settings.prefix}.outcome") in FAILURES and span.status.code == 0
    added = _add(span, said, attributes)
    if host.settings.span_error_status and is_failure:
        span.status.code = 2  # type: ignore[assignment]
        return True
    return added


def _enrich_log(host: Host, log: LogRecord, resource: Mapping[str, Any]) -> bool:
    attributes = mapping(log.attributes)
    said = host.said(attributes, plain(log.body) if log.HasField("body") else None, (), resource)
    severity = SEVERITY_NUMBERS.get(str(said.get(f"{host.settings.prefix}.severity")), 0)
    if not _add(log, said, attributes):
        return False
    if host.settings.log_severity and severity > log.severity_number:
        log.severity_number = severity  # type: ignore[assignment]
    return True


def _add(record: Span | LogRecord, said: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    added = [key_value(key, value) for key, value in said.items() if key not in attributes]
    record.attributes.extend(added)
    return bool(added)


def field(number: int, content: bytes, padding: int = 0) -> bytes:
    """A field of bytes, its length padded with so many bytes."""
    return _varint(number << 3 | 2) + _varint(len(content), padding) + content


def _varint(value: int, padding: int = 0) -> bytes:
    groups = []
    while True:
        groups.append(value & 127)
        value >>= 7
        if not value:
            break
    groups += [0] * padding
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


def records_of(body: bytes) -> list[bytes]:
    """The bytes of each record, read off the wire."""
    return [
        record for group in _subfields(body, 1) for scope in _subfields(group, 2) for record in _subfields(scope, 2)
    ]


def _subfields(message: bytes, wanted: int) -> Iterator[bytes]:
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = varint()
        match tag & 7:
            case 0:
                varint()
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                length = varint()
                if tag == wanted << 3 | 2:
                    yield message[at : at + length]
                at += length


codes = st.sampled_from(["7206", "7500", "7000", 7206, 7500.0]) | st.sampled_from(
    ["7520", "7513", "9002", "1001", "4242", "x y", "", 200, True]
)
channels = st.sampled_from(["sms", "EMAIL", "push"]) | st.sampled_from(["rt", "logbook", "pigeon", "", " Sms "])
systems = st.sampled_from(["webex_connect", "Webex-Connect", "webex_connect", "kafka", ""])
scalars = st.none() | st.booleans() | st.floats(-1e9, 1e9) | st.text(max_size=5) | st.binary(max_size=5)
texts: st.SearchStrategy[Any] = scalars
for _ in range(3):
    texts = scalars | st.lists(texts, max_size=2) | st.dictionaries(st.text(max_size=3), texts, max_size=2)
# Integers are texts in JSON, and so are numbers that are none.
values = texts | st.integers(-(2**63), 2**63 - 1) | st.just(float("nan"))
ids = st.binary(min_size=8, max_size=8)


def likely(host: Host) -> st.SearchStrategy[Pairs]:
    """Attributes as somebody writes them who has a status."""
    keys, prefix = host.settings.keys, host.settings.prefix
    mine = [f"{prefix}.{name}" for name in ("code", "description", "category", "outcome", "channel", "retryable")]
    code = st.tuples(st.sampled_from([*host.code_keys]), codes)
    channel = st.tuples(st.sampled_from([*keys.channel]), channels)
    more = (
        st.tuples(st.sampled_from([*keys.system, MESSAGING_SYSTEM]), systems)
        | st.tuples(st.sampled_from([*keys.reason, *keys.delivery_status]), st.sampled_from(["Failed", "fraud"]))
        | st.tuples(st.sampled_from([*mine, ERROR_TYPE]), st.sampled_from(["mine", "sms"]) | st.booleans())
        | st.tuples(st.sampled_from([*keys.retry_after]), st.sampled_from([["30"], "30", 30, "later"]))
        | st.tuples(st.sampled_from(NEAR), codes)
    )
    return st.builds(
        lambda one, some, is_first: [one, *some] if is_first else [*some, one],
        code,
        st.builds(list.__add__, st.lists(channel, max_size=1), st.lists(more, max_size=3)),
        st.booleans(),
    )


def attributes(host: Host, any_of: st.SearchStrategy[Any]) -> st.SearchStrategy[Pairs]:
    keys = st.sampled_from([*sorted(host.attribute_keys), *sorted(host.document_keys), *NEAR])
    return likely(host) | likely(host) | st.lists(st.tuples(keys | st.text(max_size=4), any_of), max_size=4)


def bodies(host: Host, any_of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What may stand in a log's body."""
    content = likely(host).map(dict) | st.sampled_from(DOCUMENTS)
    as_json = content.map(json.dumps)
    as_text = likely(host).map(lambda pairs: "report " + " ".join(f"{key}={value}" for key, value in pairs))
    return (
        any_of
        | content
        | content.map(_nested)
        | as_json
        | as_json.map(str.encode)
        | content.map(_escaped)
        | (as_json | content.map(_escaped)).map(json.dumps)
        | as_text
        | as_text.map(str.encode)
        | content.map(lambda one: {"event": "receipt", "payload": json.dumps(one)})
        | content.map(lambda one: {"event": "receipt", "payload": json.dumps(one).encode()})
        | st.lists(content, max_size=2)
    )


def _nested(content: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in content.items():
        *outer, name = key.split(".")
        place = found
        for part in outer:
            inner = place.setdefault(part, {})
            place = inner if isinstance(inner, dict) else {}
        place[name] = value
    return found


def _escaped(content: Mapping[str, Any]) -> str:
    """JSON whose keys are written with ``\\u``."""
    names = {key: "".join(f"\\u{ord(letter):04x}" for letter in key) for key in content}
    fields = [f'"{names[key]}":{json.dumps(value)}' for key, value in content.items()]
    return "{" + ",".join(fields) + "}"


def _unknown(message: Message) -> None:
    """Fields of a later version, on every level."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for inner in [value] if isinstance(value, Message) else value:
                _unknown(inner)
    message.MergeFromString(b"\xf8\x7c\x07" + field(2000, b"\x04code messaging.status.code"))


@st.composite
def requests(
    draw: st.DrawFn, host: Host, signal: Signal, any_of: st.SearchStrategy[Any] = values
) -> ExportTraceServiceRequest | ExportLogsServiceRequest:
    """A request with several resources, scopes and records, many of them alike."""
    some = attributes(host, any_of)
    around = st.sampled_from([[], [(host.settings.keys.channel[0], "sms")]]) | some
    pool = [draw(_record(host, signal, any_of, some)) for _ in range(draw(st.integers(1, 3)))]
    request = REQUESTS[signal]()
    for _ in range(draw(st.integers(1, 2))):
        group = groups_of(request).add(schema_url="https://example.com/1")
        group.resource.attributes.extend(key_value(*pair) for pair in draw(around))
        for _ in range(draw(st.sampled_from([1, 2, 0]))):
            scope = group.scope_spans.add() if signal is Signal.TRACES else group.scope_logs.add()
            scope.scope.name = "messaging.status.code"
            holder = scope.spans if signal is Signal.TRACES else scope.log_records
            holder.extend(draw(st.lists(st.sampled_from(pool), min_size=draw(st.integers(0, 2)), max_size=4)))
    if draw(st.booleans()):
        _unknown(request)
    return request  # type: ignore[no-any-return]


def _record(
    host: Host, signal: Signal, any_of: st.SearchStrategy[Any], some: st.SearchStrategy[Pairs]
) -> st.SearchStrategy[Any]:
    pairs = some.map(lambda found: [key_value(*pair) for pair in found] + [KeyValue()] * (len(found) % 2))
    if signal is Signal.LOGS:
        body = bodies(host, any_of)
        log = st.builds(LogRecord, attributes=pairs, severity_number=st.sampled_from([0, 9, 17, 24]), span_id=ids)
        return log | st.builds(_log_with, log, body) | st.builds(lambda one: LogRecord(body=any_value(one)), body)
    events = st.lists(st.builds(Span.Event, name=st.just("code"), attributes=pairs), max_size=2)
    links = st.lists(st.builds(Span.Link, span_id=ids, attributes=pairs), max_size=1)
    status = st.sampled_from([{}, {"code": 1}, {"code": 2, "message": "code"}])
    return st.builds(Span, attributes=pairs, events=events, links=links, status=status, span_id=ids)


def _log_with(log: LogRecord, body: Any) -> LogRecord:
    log.body.CopyFrom(any_value(body))
    return log
