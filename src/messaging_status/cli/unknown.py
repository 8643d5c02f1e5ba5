# SPDX-License-Identifier: Apache-2.0
"""Codes in log files that no catalogue has, and overlay rows for them to fill in."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from messaging_status.cli.logfiles import LogRecord
from messaging_status.compile import COMMON
from messaging_status.host import Host
from messaging_status.model import Outcome
from messaging_status.unknown import UnknownCode

__all__ = ["Survey", "overlays_for", "survey"]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

Unknown = Mapping[UnknownCode, Mapping[Outcome, int]]
"""By code that no catalogue has, how often each outcome was reported beside it."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in log files.

    Attributes:
        records: How many records there are.
        statuses: How many statuses they carry.
        unknown: The codes that no catalogue has, the most frequent first.
    """

    records: int
    statuses: int
    unknown: Unknown


def survey(host: Host, records: Iterable[LogRecord]) -> Survey:
    """Decode every status of the records, and keep what could not be."""
    outcomes: defaultdict[UnknownCode, Counter[Outcome]] = defaultdict(Counter)
    seen = statuses = 0
    for record in records:
        seen += 1
        found = (
            host.find(record.attributes, body, events=record.events, resource=record.resource) for body in record.bodies
        )
        raws = next(filter(None, found), ())
        statuses += len(raws)
        for raw in raws:
            status = host.decode(raw)
            if not status.is_known:
                outcomes[UnknownCode(status.system, status.channel, status.code)][status.outcome] += 1
            behind = host.decode(raw.upstream) if raw.upstream else None
            # Of a system that is not installed, no code is known.
            if behind is not None and not behind.is_known and behind.system is not None:
                outcomes[UnknownCode(behind.system, behind.channel, behind.code)][status.outcome] += 1
    ordered = sorted(outcomes, key=lambda code: -outcomes[code].total())
    return Survey(records=seen, statuses=statuses, unknown={code: outcomes[code] for code in ordered})


def overlays_for(host: Host, unknown: Unknown) -> Iterator[str]:
    """A TOML text for every channel that lacks codes: an overlay whose rows somebody has to fill in.

    Codes whose record names no channel go to the rows that hold for all of them, where the system has such rows.
    """
    installed = {(channel.catalogue.system, channel.catalogue.channel) for channel in host.channels}
    of_channel: defaultdict[tuple[str | None, str], defaultdict[str, Counter[Outcome]]]
    of_channel = defaultdict(lambda: defaultdict(Counter))
    for code, outcomes in unknown.items():
        of_channel[code.system, code.channel or COMMON][code.code].update(outcomes)
    for (system, channel), codes in of_channel.items():
        if (system, channel) in installed:
            head = [f"# Fill in, save as {channel}.toml, and name that file under `overlays` in the settings."]
            head += [f'system = "{system}"', f'channel = "{channel}"']
            yield "\n".join([*head, *(_row(code, outcomes) for code, outcomes in codes.items())])
        else:
            listed = ", ".join(codes)
            yield f"# No row can help {listed}: the records name no channel that is installed."


def _row(code: str, outcomes: Mapping[Outcome, int]) -> str:
    seen = ", ".join(f"{outcome.value} {count}" for outcome, count in outcomes.items())
    reported = [outcome.value for outcome in outcomes if outcome is not Outcome.UNKNOWN]
    key = code if _BARE_KEY.fullmatch(code) else json.dumps(code)
    lines = [
        "",
        f"# Seen: {seen}",
        f"[status.{key}]",
        'description = ""',
        f'outcome = "{reported[0] if len(reported) == 1 else ""}"',
        'category = ""',
        'severity = ""',
        "# retryable: true or false; leave it out where the code alone cannot tell",
    ]
    return "\n".join(lines)
