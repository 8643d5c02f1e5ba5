# SPDX-License-Identifier: Apache-2.0
"""Whatever a record holds: never an exception, never a change, never anything but our attributes."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_status import Host, RawStatus, Status
from messaging_status.model import ATTRIBUTE_NAMES, Category, Outcome, Severity

HOST = Host.load({}, strict=True)
KEYS = HOST.settings.keys
OURS = {f"messaging.status.{name}" for name in ATTRIBUTE_NAMES} | {"error.type", "messaging.system"}

codes = st.sampled_from(["7206", "7520", "7501", "1001", "1999", "9002", "4242"]) | st.text() | st.integers()
channels = st.sampled_from(["sms", "EMAIL", "rt", "voice", "logbook", "Google Business Messages", "pigeon"]) | st.text()
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
known_keys = st.sampled_from(
    [*KEYS.code, *KEYS.channel, *KEYS.system, *KEYS.reason, *KEYS.delivery_status, *sorted(OURS)]
)
fields = st.dictionaries(known_keys | st.text(), codes | channels | values, max_size=8)
likely = st.fixed_dictionaries(
    {},
    optional={
        "messaging.status.code": codes,
        "code": codes,
        "channel": channels,
        "messaging.channel": channels,
        "messaging.system": st.sampled_from(["webex_connect", "Webex-Connect", "kafka"]),
        "reason": st.sampled_from(["Transient_MailboxFull", "abuse", "Generic Template"]) | st.text(),
        "delivery_status": st.sampled_from(["Failed", "Un-Delivered", "delivered"]) | st.text(),
    },
)
records = fields | likely
texts = st.lists(
    st.tuples(known_keys | st.text(max_size=5), st.sampled_from(["=", ": ", '="']), codes | channels).map(
        lambda parts: "".join(map(str, parts))
    )
).map(" ".join)
bodies = values | records | texts | records.map(lambda record: json.dumps(record, default=str)) | st.lists(likely)


@given(attributes=records, body=bodies, events=st.lists(records, max_size=3), resource=st.none() | records)
@settings(max_examples=400, deadline=None)
def test_any_record(attributes: dict[str, Any], body: Any, events: list[dict[str, Any]], resource: Any) -> None:
    before = copy.deepcopy((attributes, body, events, resource))
    found = HOST.enrich(attributes, body, events=events, resource=resource)
    assert repr((attributes, body, events, resource)) == repr(before)
    assert set(found) <= OURS - set(attributes)
    assert all(type(value) in (str, bool) for value in found.values())
    assert HOST.enrich({**attributes, **found}, body, events=events, resource=resource) == {}


@given(record=likely, body=st.none() | likely)
@settings(max_examples=300, deadline=None)
def test_values_are_words_of_ours(record: dict[str, Any], body: Any) -> None:
    found = HOST.enrich(record, body)
    assert found.get("messaging.status.category", "unknown") in set(Category)
    assert found.get("messaging.status.outcome", "unknown") in set(Outcome)
    assert found.get("messaging.status.severity", "INFO") in set(Severity)
    assert found.get("messaging.system", "webex_connect") == "webex_connect"
    known = {channel.catalogue.channel for channel in HOST.channels}
    assert found.get("messaging.status.channel", "sms") in known
    reasons = {r for c in HOST.channels for row in c.catalogue.rows.values() for v in row.variant for r in v.reasons}
    assert found.get("messaging.status.reason", "abuse") in reasons


raws = st.builds(
    RawStatus,
    code=codes.map(str) | values,
    system=st.none() | st.just("webex_connect") | values,
    channel=st.none() | channels | values,
    reason=st.none() | values,
    delivery_status=st.none() | values,
)


@given(raw=raws | values)
@settings(max_examples=300, deadline=None)
def test_any_raw_status_is_decoded_to_the_same_status_twice(raw: Any) -> None:
    status = HOST.decode(raw)
    assert type(status) is Status
    assert HOST.decode(raw) == status
    assert status.is_known == (status.severity is not None)


LISTED = sorted({code for entry in HOST.channels for code in entry.catalogue.rows})


@given(code=st.sampled_from(LISTED) | st.integers(900, 4100).map(str), channel=channels)
@settings(max_examples=400, deadline=None)
def test_decoding_by_table_equals_reading_the_catalogues(code: str, channel: str) -> None:
    """The slow way: walk the catalogues of the channel and of those it extends, row by row."""
    catalogues = {entry.catalogue.channel: entry.catalogue for entry in HOST.channels}
    status = HOST.decode(RawStatus(code=code, system="webex_connect", channel=channel))
    own = catalogues.get(status.channel or "common")
    assert own is not None
    listed = [c.rows[code].description for c in [own, *(catalogues[n] for n in own.extends)] if code in c.rows]
    others = [series.description for series in own.series if code in series]
    assert status.description == next(iter([*listed, *others]), None)


THE_LONG_WAY = Host.load({}, strict=True)
THE_LONG_WAY._assembled.decoder._known = lambda attributes: None

usual = st.fixed_dictionaries(
    {"messaging.status.code": st.sampled_from(LISTED) | codes},
    optional={
        "messaging.channel": st.sampled_from([entry.catalogue.channel for entry in HOST.channels]) | channels | values,
        "messaging.system": st.sampled_from(["webex_connect", "Webex Connect", "kafka"]) | values,
        "messaging.status.reason": st.sampled_from(["Transient_MailboxFull", "fraud"]) | values,
        "messaging.delivery.code": codes,
        "delivery_status": st.sampled_from(["Failed", "Un-Delivered"]),
        "error.type": st.just("mine"),
    },
)
varied = st.sampled_from(
    [
        {
            "messaging.system": "webex_connect",
            "messaging.channel": entry.catalogue.channel,
            "messaging.status.code": code,
        }
        for entry in HOST.channels
        for code, row in entry.catalogue.rows.items()
        if row.variant
    ]
).flatmap(lambda record: likely.map(lambda more: {**more, **record}))


@given(attributes=usual | varied | likely, resource=st.none() | likely)
@settings(max_examples=600, deadline=None)
def test_the_shortcut_says_what_the_long_way_says(attributes: dict[str, Any], resource: Any) -> None:
    expected = THE_LONG_WAY.enrich(attributes, resource=resource)
    assert HOST.enrich(attributes, resource=resource) == expected
