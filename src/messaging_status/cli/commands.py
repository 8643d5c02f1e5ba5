# SPDX-License-Identifier: Apache-2.0
"""The commands: what is asked on the command line, and how it ends: 0 found, 1 not found, 2 wrong usage."""

from __future__ import annotations

import logging
import sys
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

import click
import msgspec

from messaging_status.cli.catalog import row_of, status_object
from messaging_status.cli.catalog_commands import catalog
from messaging_status.cli.check import check
from messaging_status.cli.export import export
from messaging_status.cli.gateway import gateway_options, gateway_settings, run_gateway
from messaging_status.cli.loading import NOT_FOUND, Broken, channel_named, json_option, load_host, system_option
from messaging_status.cli.logfiles import LogRecord, records_of
from messaging_status.cli.output import joined, print_json, print_rows, word
from messaging_status.cli.plugin_new import plugin
from messaging_status.cli.plugins import plugins
from messaging_status.cli.unknown import overlays_for, survey
from messaging_status.errors import MessagingStatusError
from messaging_status.model import RawStatus

__all__ = ["cli"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otel-messaging-status")
def cli() -> None:
    """What happened to the messages: decode status codes, look through the catalogues, check a set-up.

    Exits with 0 (found), 1 (not found) or 2 (wrong usage). Settings are read from the file that
    MESSAGING_STATUS_CONFIG names.
    """
    # What the library would log, the commands print themselves.
    logging.getLogger("messaging_status").addHandler(logging.NullHandler())


for _command in (catalog, check, export, plugin, plugins):
    cli.add_command(_command)


@cli.command()
@click.argument("channel")
@click.argument("code")
@system_option
@json_option
def decode(channel: str, code: str, system: str | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """What CODE means on CHANNEL."""
    host = load_host()
    named = channel_named(host, channel, system, code).catalogue
    status = host.decode(RawStatus(code=code, system=named.system, channel=named.channel))
    said = status_object(status, row_of(host, status))
    if wants_json:
        print_json(said)
    elif status.description is None:
        click.echo(f"{named.channel} {code}: no catalogue has this code", err=True)
    else:
        _print_status(said)
    sys.exit(0 if status.is_known else NOT_FOUND)


@cli.command()
@click.argument("logfiles", nargs=-1, required=True, metavar="LOGFILE...")
@json_option
def unknown(logfiles: tuple[str, ...], wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Codes in LOGFILEs (- for standard input) that no catalogue has, and overlay rows for them to fill in.

    Reads OTLP-JSON as a Collector's file exporter writes it, JSON lines, and lines of text, also compressed with gzip.
    """
    host = load_host()
    found = survey(host, chain.from_iterable(map(_records_in, logfiles)))
    rows = [
        {**msgspec.to_builtins(code), "count": sum(outcomes.values()), "outcomes": msgspec.to_builtins(outcomes)}
        for code, outcomes in found.unknown.items()
    ]
    overlays = list(overlays_for(host, found.unknown))
    if wants_json:
        print_json({"records": found.records, "statuses": found.statuses, "unknown": rows, "overlays": overlays})
    elif rows:
        heads = ("system", "channel", "code", "count", "outcomes")
        print_rows(heads, [[joined(row[head]) for head in heads] for row in rows])
        click.echo("\n" + "\n\n".join(overlays))
    else:
        click.echo(f"none of the {found.statuses} statuses in {found.records} records is unknown", err=True)
    sys.exit(0 if found.statuses else NOT_FOUND)


@cli.command()
@click.option("--endpoint", metavar="URL", help="Send to this OTLP endpoint, such as http://localhost:4318, instead.")
@json_option
def demo(endpoint: str | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """One message's story on each channel, before and after: what a sender emits, what arrives over OTLP."""
    # The exporters take a quarter of a second to import, which no other command should wait for.
    from messaging_status.cli.demo import run_demo  # noqa: PLC0415

    sys.exit(run_demo(load_host(), endpoint=endpoint, wants_json=wants_json))


@cli.command()
@gateway_options
def gateway(**options: Any) -> None:
    """Receive OTLP from senders in any language, and send it on with the meaning of statuses on it.

    A sender is answered when the next hop has answered. Settings that are not given are read from the table [gateway]
    of the file that MESSAGING_STATUS_CONFIG names.
    """
    try:
        run_gateway(gateway_settings(options))
    except MessagingStatusError as error:
        raise Broken(error) from error


def _records_in(logfile: str) -> Iterator[LogRecord]:
    try:
        with click.open_file(logfile, "rb") as file:
            yield from records_of(file)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{logfile}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise click.UsageError(msg) from error


def _print_status(status: dict[str, Any]) -> None:
    click.echo(f"{status['channel'] or status['system']} {status['code']}: {status['description']}")
    for name in ("outcome", "severity", "category", "fault", "advice"):
        if status[name]:
            click.echo(f"  {name:<10} {status[name]}")
    unknown = "not known from this code alone"
    click.echo(f"  {'retryable':<10} {unknown if status['retryable'] is None else word(status['retryable'])}")
    if status["retry_after"] is not None and status["retryable"] is not False:
        click.echo(f"  {'wait':<10} {status['retry_after']} s before sending again")
    if status["upstream"]:
        click.echo(f"  {'upstream':<10} {status['upstream']['code']} of {status['upstream']['system'] or 'unknown'}")
    for variant in status["variants"]:
        match = variant.get("reason", [None])[0] or variant.get("delivery_status") or variant.get("origin") or "a reply"
        match += f" and a text like {variant['text']}" if "text" in variant else ""
        changes = [
            f"{k} {word(v)}" for k, v in variant.items() if k in ("severity", "retryable", "category", "outcome")
        ]
        said = [variant["description"]] if "description" in variant else []
        click.echo(f"  with {match}: {', '.join((*said, *changes))}")
