# SPDX-License-Identifier: Apache-2.0
"""The commands: what is asked on the command line, and how it ends: 0 found, 1 not found, 2 wrong usage."""

from __future__ import annotations

import logging
import sys
import tomllib
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click
import msgspec

from messaging_status.catalogue import Channel, read_catalogue
from messaging_status.cli.catalog import as_csv, as_toml, objects, row_of, status_object
from messaging_status.cli.gateway import gateway_options, gateway_settings, run_gateway
from messaging_status.cli.logfiles import LogRecord, records_of
from messaging_status.cli.output import print_json, print_rows, word
from messaging_status.cli.unknown import overlays_for, survey
from messaging_status.errors import MessagingStatusError, did_you_mean
from messaging_status.host import Host
from messaging_status.model import RawStatus
from messaging_status.settings import Settings, load_settings, read_settings
from messaging_status.spelling import fold

__all__ = ["cli"]

NOT_FOUND = 1
WRONG_USAGE = 2

_json_option = click.option("--json", "wants_json", is_flag=True, help="Print JSON, for machines.")
_system_option = click.option("--system", help="Whose channel, where several systems have one of this name.")


class _Broken(click.ClickException):
    """Settings or plugins that cannot be used."""

    exit_code = WRONG_USAGE

    def __init__(self, error: MessagingStatusError) -> None:
        super().__init__("\n  ".join(("what is installed or set cannot be used:", *error.problems)))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otel-messaging-status")
def cli() -> None:
    """What happened to the messages: decode status codes, look through the catalogues, check a set-up.

    Exits with 0 (found), 1 (not found) or 2 (wrong usage). Settings are read from the file that
    MESSAGING_STATUS_CONFIG names.
    """
    # What the library would log, the commands print themselves.
    logging.getLogger("messaging_status").addHandler(logging.NullHandler())


@cli.command()
@click.argument("channel")
@click.argument("code")
@_system_option
@_json_option
def decode(channel: str, code: str, system: str | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """What CODE means on CHANNEL."""
    host = _host()
    named = _channel(host, channel, system, code).catalogue
    status = host.decode(RawStatus(code=code, system=named.system, channel=named.channel))
    said = status_object(status, row_of(host, status))
    if wants_json:
        print_json(said)
    elif status.description is None:
        click.echo(f"{named.channel} {code}: no catalogue has this code", err=True)
    else:
        _print_status(said)
    sys.exit(0 if status.is_known else NOT_FOUND)


@cli.group()
def catalog() -> None:
    """Look through the catalogues."""


@catalog.command("list")
@_json_option
def list_channels(wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Every channel: its system, how many codes, other names for it, where its facts were read."""
    rows = [
        {
            "system": catalogue.system,
            "channel": catalogue.channel,
            "codes": len(catalogue.rows) + len(catalogue.series),
            "aliases": list(catalogue.aliases),
            "extends": list(catalogue.extends),
            "source": catalogue.source,
            "read": catalogue.read.isoformat(),
        }
        for catalogue in (channel.catalogue for channel in _host().channels)
    ]
    if wants_json:
        print_json(rows)
    else:
        heads = ("system", "channel", "codes", "aliases", "extends", "read")
        print_rows(heads, [[_joined(row[head]) for head in heads] for row in rows])


@catalog.command()
@click.argument("channel")
@_system_option
@_json_option
def show(channel: str, system: str | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Every code of CHANNEL. Codes of the channels that it extends are listed there."""
    host = _host()
    named = _channel(host, channel, system).catalogue
    _print_objects(
        [row for row in objects(host) if (row["system"], row["channel"]) == (named.system, named.channel)], wants_json
    )


@catalog.command()
@click.argument("words", nargs=-1, required=True)
@_json_option
def search(words: tuple[str, ...], wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Codes whose row holds all WORDS, in any order: in its channel, code, text, category, outcome or advice."""
    wanted = [word.casefold() for word in words]
    found = [row for row in objects(_host()) if all(word in _searchable(row) for word in wanted)]
    _print_objects(found, wants_json)
    if not found:
        click.echo(f"no row holds {' and '.join(words)}", err=True)
        sys.exit(NOT_FOUND)


@catalog.command()
@click.option("--format", "kind", type=click.Choice(["json", "csv", "toml"]), default="json", show_default=True)
def export(kind: str) -> None:
    """Every code of every channel: one object per system, channel and code."""
    rows = list(objects(_host()))
    if kind == "json":
        print_json(rows)
    else:
        click.echo(as_csv(rows) if kind == "csv" else as_toml(rows), nl=False)


@cli.command()
@_json_option
def plugins(wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """What is loaded, from which distribution, how many codes, what failed and why."""
    try:
        host = Host.load()
    except MessagingStatusError as error:
        raise _Broken(error) from error
    used = {id(channel) for channel in host.channels}
    loaded = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "channels": [c.catalogue.channel for c in plugin.channels if id(c) in used],
            "codes": sum(len(c.catalogue.rows) + len(c.catalogue.series) for c in plugin.channels if id(c) in used),
        }
        for plugin in sorted(host.plugins, key=lambda plugin: plugin.name)
    ]
    failed = [{"plugin": failure.plugin, "problems": list(failure.lines)} for failure in host.failures]
    if wants_json:
        print_json({"loaded": loaded, "failed": failed})
    else:
        heads = ("plugin", "distribution", "version", "channels", "codes")
        print_rows(heads, [[_joined(row[head]) for head in heads] for row in loaded])
        for failure in host.failures:
            click.echo("\n".join(f"failed: {line}" for line in failure.lines), err=True)
    sys.exit(NOT_FOUND if failed else 0)


@cli.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_json_option
def check(file: Path | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Whether a settings FILE, a catalogue or an overlay can be used, and what overlays change.

    Without FILE: what a sender would start with.
    """
    try:
        kind = _kind_of(file) if file is not None else "settings"
        if file is not None and kind == "catalogue":
            catalogue = read_catalogue(file)
            said = [f"{file}: {len(catalogue.rows)} codes of {catalogue.system} {catalogue.channel}, all valid"]
            _print_check(said, [], wants_json)
            return
        if file is not None and kind == "overlay":
            settings = msgspec.structs.replace(load_settings(), overlays=(str(file),))
        else:
            settings = read_settings(file) if file else load_settings()
        host = Host.load(settings, strict=True)
    except MessagingStatusError as error:
        _print_check([], list(error.problems), wants_json)
        sys.exit(NOT_FOUND)
    codes = sum(1 for _ in objects(host))
    loaded = f"plugins: {len(host.plugins)} loaded, {len(host.channels)} channels, {codes} codes, none failed"
    first = f"{file}: valid" if kind == "overlay" else f"{file or 'settings'}: valid; {_changed(settings)}"
    _print_check([first, *map(str, host.edits), *host.remarks, loaded], [], wants_json)


@cli.command()
@click.argument("logfiles", nargs=-1, required=True, metavar="LOGFILE...")
@_json_option
def unknown(logfiles: tuple[str, ...], wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """Codes in LOGFILEs (- for standard input) that no catalogue has, and overlay rows for them to fill in.

    Reads OTLP-JSON as a Collector's file exporter writes it, JSON lines, and lines of text, also compressed with gzip.
    """
    host = _host()
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
        print_rows(heads, [[_joined(row[head]) for head in heads] for row in rows])
        click.echo("\n" + "\n\n".join(overlays))
    else:
        click.echo(f"none of the {found.statuses} statuses in {found.records} records is unknown", err=True)
    sys.exit(0 if found.statuses else NOT_FOUND)


@cli.command()
@click.option("--endpoint", metavar="URL", help="Send to this OTLP endpoint, such as http://localhost:4318, instead.")
@_json_option
def demo(endpoint: str | None, wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """One message's story on each channel, before and after: what a sender emits, what arrives over OTLP."""
    # The exporters take a quarter of a second to import, which no other command should wait for.
    from messaging_status.cli.demo import run_demo  # noqa: PLC0415

    sys.exit(run_demo(_host(), endpoint=endpoint, wants_json=wants_json))


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
        raise _Broken(error) from error


def _records_in(logfile: str) -> Iterator[LogRecord]:
    try:
        with click.open_file(logfile, "rb") as file:
            yield from records_of(file)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{logfile}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise click.UsageError(msg) from error


def _print_check(said: list[str], problems: list[str], wants_json: bool) -> None:  # noqa: FBT001 - passed on
    if wants_json:
        print_json({"valid": not problems, "said": said, "problems": problems})
    else:
        click.echo("\n".join(said or problems), err=bool(problems))


def _host() -> Host:
    try:
        return Host.load(strict=True)
    except MessagingStatusError as error:
        raise _Broken(error) from error


def _channel(host: Host, name: str, system: str | None, code: str | None = None) -> Channel:
    """The channel of that name, however it is written; one that nobody has is wrong usage.

    Where several systems have one, it is the one that knows the code.
    """
    of_system = [c for c in host.channels if system is None or fold(c.catalogue.system) == fold(system)]
    if not of_system:
        known = sorted({channel.catalogue.system for channel in host.channels})
        hint = did_you_mean(system, known) if system and known else "no plugin with a channel is installed"
        msg = f"{system or name!r} is not installed; {hint}"
        raise click.UsageError(msg)
    found = [c for c in of_system if fold(name) in map(fold, (c.catalogue.channel, *c.catalogue.aliases))]
    if not found:
        known = [spelling for c in of_system for spelling in (c.catalogue.channel, *c.catalogue.aliases)]
        msg = f"{name!r} is not a channel; {did_you_mean(name, known)}"
        raise click.UsageError(msg)
    if len(found) > 1 and code is not None:
        found = [c for c in found if _knows(host, c, code)] or found
    if len(found) > 1:
        systems = ", ".join(channel.catalogue.system for channel in found)
        msg = f"{name!r} is a channel of {systems}; choose one with --system"
        raise click.UsageError(msg)
    return found[0]


def _knows(host: Host, channel: Channel, code: str) -> bool:
    catalogue = channel.catalogue
    return host.decode(RawStatus(code=code, system=catalogue.system, channel=catalogue.channel)).is_known


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


def _print_objects(rows: list[dict[str, Any]], wants_json: bool) -> None:  # noqa: FBT001 - passed on
    if wants_json:
        print_json(rows)
        return
    heads = ("channel", "code", "description", "severity", "retryable", "outcome", "category")
    print_rows(heads, [[word(row[head]) for head in heads] for row in rows])


def _searchable(row: dict[str, Any]) -> str:
    variants = [variant.get("description", "") for variant in row["variants"]]
    return " ".join([*(str(row[name]) for name in row if name != "variants" and row[name]), *variants]).casefold()


def _joined(value: object) -> str:
    if value is None:
        return "-"
    return ", ".join(value) if isinstance(value, (list, dict)) else str(value)


def _kind_of(file: Path) -> str:
    """What a file is: settings, a catalogue, or an overlay, which has no source of its own."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "settings"
    if document.keys() & {"source", "read"}:
        return "catalogue"
    return "overlay" if document.keys() & {"status", "channel", "system"} else "settings"


def _changed(settings: Settings) -> str:
    default = Settings()
    names = [name for name in Settings.__struct_fields__ if getattr(settings, name) != getattr(default, name)]
    return f"sets {', '.join(names)}" if names else "all at their defaults"
