# SPDX-License-Identifier: Apache-2.0
"""The commands below ``export``: the catalogues for other engines, written out and checked."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

from messaging_status.cli.loading import NOT_FOUND, load_host
from messaging_status.errors import did_you_mean
from messaging_status.export.collector import SIGNALS, collector_config
from messaging_status.export.table import lookup_table
from messaging_status.host import Host
from messaging_status.spelling import fold

__all__ = ["export"]

_COMMAND: Final = "messaging-status export collector"
_PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_SHOWN: Final = 10


@click.group()
def export() -> None:
    """The catalogues for other engines."""


@export.command()
@click.option("--channels", metavar="NAMES", help="Only these, with commas between: sms,whatsapp or webex_connect.sms.")
@click.option("--signals", metavar="NAMES", help="Only these: traces,logs.  [default: both]")
@click.option("--prefix", help="What the names of attributes start with.  [default: the setting]")
@click.option("--format", "kind", type=click.Choice(["yaml", "csv"]), default="yaml", show_default=True)
@click.option(
    "--check",
    "deployed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Say whether this file is what would be written now, with the options that its head names.",
)
@click.pass_context
def collector(context: click.Context, /, deployed: Path | None, **options: str | None) -> None:
    """A configuration of the OpenTelemetry Collector's transform processor that says what each code means.

    It is for the Collector's --config, beside the file with the pipelines, in which the processor is named
    transform/messaging_status. --format csv is a table for the Collector's lookup processor, and for whatever else joins tables.
    What the Collector cannot say is listed at the top and on stderr.
    """
    if deployed is not None:
        sys.exit(_check(context, deployed))
    click.echo(_written(load_host(), **options), nl=False)


def _written(host: Host, *, channels: str | None, signals: str | None, prefix: str | None, kind: str | None) -> str:
    chosen = None if channels is None else _chosen(host, channels)
    named = prefix or host.settings.prefix
    if _PREFIX.fullmatch(named) is None:
        msg = f"{named!r} is not a prefix for attribute names, such as 'messaging.status', without the final dot"
        raise click.BadParameter(msg, param_hint="--prefix")
    if kind == "csv":
        return lookup_table(host, channels=chosen, prefix=named)
    of_signals = tuple(SIGNALS) if signals is None else _signals(signals)
    made = collector_config(
        host,
        signals=of_signals,
        channels=chosen,
        prefix=named,
        head=_head(host, {"--channels": channels, "--signals": signals, "--prefix": prefix}),
    )
    for line in made.left_out:
        click.echo(f"not said by the Collector: {line}", err=True)
    return made.text


def _chosen(host: Host, channels: str) -> list[str]:
    """The full names of the channels that a user names."""
    catalogues = [channel.catalogue for channel in host.channels]
    chosen = []
    for name in _names(channels):
        system, _, channel = name.rpartition(".")
        found = [
            catalogue.full_name
            for catalogue in catalogues
            if fold(channel) in map(fold, (catalogue.channel, *catalogue.aliases))
            and (not system or fold(system) == fold(catalogue.system))
        ]
        if not found:
            known = [*(c.full_name for c in catalogues), *(c.channel for c in catalogues)]
            msg = f"{name!r} is not a channel; {did_you_mean(name, known)}"
            raise click.BadParameter(msg, param_hint="--channels")
        chosen += found
    return chosen


def _signals(signals: str) -> list[str]:
    names = _names(signals)
    for name in names:
        if name not in SIGNALS:
            msg = f"{name!r} is not a signal; {did_you_mean(name, list(SIGNALS))}"
            raise click.BadParameter(msg, param_hint="--signals")
    return names


def _names(joined: str) -> list[str]:
    return [name.strip() for name in joined.split(",") if name.strip()]


def _head(host: Host, options: dict[str, str | None]) -> Sequence[str]:
    """How a configuration came about: nothing that changes while what it says stays the same."""
    given = [f"{name} {shlex.quote(value)}" for name, value in options.items() if value is not None]
    made_of = {plugin.distribution: plugin.version for plugin in host.plugins}
    versions = [f"otel-messaging-status {version('otel-messaging-status')}"]
    versions += [f"{name} {made_of[name]}" for name in sorted(made_of)]
    overlays = sorted({edit.place.rpartition(":")[0] for edit in host.edits})
    return [
        " ".join((_COMMAND, *given)),
        f"Made of {', '.join(versions)}; change the tables or an overlay, not this file.",
        *(f"Overlay: {Path(overlay).name}" for overlay in overlays),
    ]


def _check(context: click.Context, deployed: Path) -> int:
    text = deployed.read_text(encoding="utf-8", errors="replace")
    first = text.partition("\n")[0].removeprefix("# ")
    if not first.startswith(_COMMAND):
        msg = f"{deployed}: its first line is not '# {_COMMAND} ...'; expected a file that this command wrote"
        raise click.UsageError(msg)
    try:
        given = collector.make_context("collector", shlex.split(first.removeprefix(_COMMAND)), parent=context.parent)
    except ValueError as error:
        msg = f"{deployed}: its first line cannot be read: {error}"
        raise click.UsageError(msg) from error
    names = ("channels", "signals", "prefix", "kind")
    now = _written(load_host(), **{name: given.params[name] for name in names})
    changed = [
        line
        for line in difflib.unified_diff(text.splitlines(), now.splitlines(), "deployed", "now", lineterm="", n=0)
        if not line.startswith("@@")
    ]
    if not changed:
        click.echo(f"{deployed}: current")
        return 0
    click.echo(f"{deployed}: not current: {len(changed) - 2} lines differ")
    click.echo("\n".join(line[:200] for line in changed[2 : 2 + _SHOWN]))
    return NOT_FOUND
