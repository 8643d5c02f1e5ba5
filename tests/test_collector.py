# SPDX-License-Identifier: Apache-2.0
"""What the OpenTelemetry Collector says with the exported catalogues, beside what the host says: a real Collector, real OTLP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from messaging_status import Catalogue, Host
from messaging_status.export.collector import SIGNALS, collector_config

from .collectors import Collector, collector
from .conftest import receiving_http

pytestmark = [pytest.mark.collector, pytest.mark.xdist_group("collector")]

CLASSES = ("Delivered", "Un-Delivered", "Submited", "Read", "Failed", "expired", "nonsense", "")
RESOURCES: list[dict[str, Any]] = [{}, {"messaging.system": "webex_connect"}, {"messaging.channel": "sms"}]
BATCH = 500


@pytest.fixture(scope="module")
def everything() -> Host:
    """All that is installed."""
    return Host.load({}, strict=True)


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", port=0) as running:
        yield running


@pytest.fixture(scope="module")
def running(everything: Host, server: HTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder = tmp_path_factory.mktemp("collector")
    config = folder / "messaging-status.yaml"
    config.write_text(collector_config(everything, signals=SIGNALS, channels=None, prefix="messaging.status").text)
    with collector(receiving_http(server), config, folder) as started:
        yield started


def codes_of(catalogue: Catalogue) -> list[str]:
    """Every code of a channel in each of its forms, the ends of its ranges, codes of others and of nobody."""
    own = [form for code, row in catalogue.rows.items() for form in (code, *row.aliases)]
    ranged = [number for series in catalogue.series for number in (series.first, series.last)]
    return [*own, *ranged, "99999", "1000", "2500", "7001", "7206"]


def by_code(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """Records that name a code of a channel, and nothing beside it that changes what it means."""
    channel, system = catalogue.channel, catalogue.system
    for code in codes_of(catalogue):
        for named in ({"messaging.system": system}, {}, {"messaging.system": "kafka"}):
            yield {**named, "messaging.channel": channel, "messaging.status.code": code}
            yield {**named, "messaging.status.code": f" {code} "}
            yield {**named, "messaging.channel": "pigeon", "messaging.delivery.code": code}
        yield {"messaging.channel": channel.upper(), "code": code, "status_code": 200}
        yield {"deliveryChannel": channel, "status_code": code, "messaging.status.description": "mine"}
        yield {f"{system}.channel": channel, f"{system}.status.code": code}
        yield {"messaging.channel": channel, "messaging.status.code": code, "http.response.header.retry-after": ["30"]}
        for seconds in (7, 7.0, 7.5, "8", [9.5], "later", -1, 604_801):
            yield {
                "messaging.channel": channel,
                "messaging.status.code": code,
                "http.response.header.retry-after": seconds,
            }
        if code.isdecimal():
            yield {"messaging.channel": channel, "messaging.status.code": int(code)}
            yield {"messaging.channel": channel, "messaging.status.code": float(code)}


def in_context(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """Records that name a code and a subtype or a class beside it."""
    for code in codes_of(catalogue):
        named = {"messaging.channel": catalogue.channel, "messaging.status.code": code}
        row = catalogue.rows.get(code)
        for variant in row.variant if row else ():
            for reason in variant.reasons:
                yield {**named, "messaging.system": catalogue.system, "reason": f" {reason.upper()} "}
        yield from ({**named, "messaging.system": catalogue.system, "deliveryStatus": word} for word in CLASSES)


def differing(
    host: Host, running: Collector, signal: str, records: Sequence[dict[str, Any]], resource: Mapping[str, Any]
) -> list[Any]:
    """The records of which the Collector says something else than the host, with both."""
    found = []
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        for sent, came in zip(batch, running.passed(signal, batch, resource), strict=True):
            expected = {**host.enrich(sent, resource=resource), **sent}
            if came != expected:
                found.append((sent, came, expected))
    return found


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("resource", RESOURCES, ids=["no resource", "a system", "a channel"])
def test_every_code_in_every_form_means_what_the_host_says(
    everything: Host, running: Collector, signal: str, resource: dict[str, Any], record_property: Any
) -> None:
    records = [record for channel in everything.channels for record in by_code(channel.catalogue)]
    assert differing(everything, running, signal, records, resource) == []
    record_property("records", len(records))


@pytest.mark.parametrize("signal", SIGNALS)
def test_beside_a_subtype_or_a_class_too_where_no_function_decides(
    everything: Host, running: Collector, signal: str
) -> None:
    plain = [channel.catalogue for channel in everything.channels if channel.refine is None]
    records = [record for catalogue in plain for record in in_context(catalogue)]
    assert differing(everything, running, signal, records, {}) == []


VALUES = [
    "7206",
    " 7206 ",
    7206,
    7206.0,
    7206.5,
    -1,
    "sms",
    "S-M S",
    "text",
    "whatsapp",
    "7010",
    "131049",
    True,
    "",
    "a b",
    ["7206"],
]
KEYS = [
    *("messaging.status.code", "messaging.delivery.code", "status_code", "code", "messaging.channel", "channel"),
    *("messaging.system", "webex_connect.status.code", "webex_connect.channel", "reason", "deliveryStatus"),
    *("messaging.status.category", "messaging.status.outcome", "http.response.header.retry_after", "other"),
]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(KEYS),
            st.sampled_from([*VALUES, "webex_connect", "Webex Connect", "200", "Delivered"]),
            max_size=6,
        ),
        max_size=80,
    ),
    st.sampled_from(RESOURCES),
)
@settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_record_holds_it_is_as_the_host_says(
    everything: Host, running: Collector, records: list[dict[str, Any]], resource: dict[str, Any]
) -> None:
    is_one = len({channel.catalogue.system for channel in everything.channels}) == 1
    # The exported file says that of several codes without a dot it cannot tell where nobody names the system.
    told = [record for record in records if is_one or not {"code", "status_code"} <= record.keys()]
    assert differing(everything, running, "traces", told, resource) == []


def test_nothing_went_wrong_inside(running: Collector) -> None:
    assert [line for line in running.printed.read_text().splitlines() if "\terror\t" in line or "failed" in line] == []


def test_only_the_channels_that_were_asked_for(everything: Host, httpserver: HTTPServer, tmp_path: Path) -> None:
    config = tmp_path / "messaging-status.yaml"
    made = collector_config(everything, signals=["traces"], channels=["webex_connect.sms"], prefix="acme")
    config.write_text(made.text)
    with collector(receiving_http(httpserver), config, tmp_path) as started:
        ours = {"messaging.system": "webex_connect", "messaging.channel": "sms", "acme.code": "7206"}
        others = {**ours, "messaging.channel": "whatsapp"}
        nobody = {"messaging.system": "webex_connect", "acme.code": "7845"}
        first, second, third = started.passed("traces", [ours, others, nobody], {})
    assert first["acme.description"] == "Recipient's SIM is full"
    assert second == others
    assert third == nobody
