# SPDX-License-Identifier: Apache-2.0
"""The command that runs the gateway, with an option for each of its settings."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final, TypeVar

import click
import msgspec

from messaging_status.errors import SettingsError
from messaging_status.settings import Gateway, Settings, load_settings

__all__ = ["gateway_options", "gateway_settings", "run_gateway"]

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS: Final = {
    "grpc": "Host and port that receive OTLP/gRPC.",
    "http": "Host and port that receive OTLP/HTTP.",
    "next_hop": "Where to send everything, as http://collector:4318.",
    "protocol": "How to send it: http or grpc.",
    "compression": "gzip, none, or same: as the sender compressed it, over HTTP.",
    "pass_headers": "Header of senders that is passed on; may be given more than once.",
    "timeout": "Seconds that the next hop has for its answer.",
    "workers": "Processes that share the ports.",
    "certificate": "Our certificate for senders (PEM file); with it, only TLS is spoken.",
    "key": "Its private key (PEM file).",
    "client_ca": "What a sender's certificate has to be signed with (PEM file).",
    "next_hop_ca": "What the next hop's certificate has to be signed with (PEM file).",
    "next_hop_certificate": "Our certificate for the next hop (PEM file).",
    "next_hop_key": "Its private key (PEM file).",
    "tokens_file": "File with the bearer tokens that admit a sender, one a line.",
    "max_body": "Bytes of a request as it is sent.",
    "max_unpacked": "Bytes of a request when it is unpacked.",
    "max_in_flight": "Requests that one worker has in hand at a time.",
    "max_headers": "Bytes of one header; over gRPC, of all metadata.",
    "max_depth": "How deep JSON may nest.",
    "read_timeout": "Seconds that a sender has to send a request.",
}


def gateway_options(command: _F) -> _F:
    """Give a command an option for each setting of the gateway. One that is not given is None."""
    for field in reversed(msgspec.structs.fields(Gateway)):
        is_list = isinstance(field.default, tuple)
        kind = type(field.default) if isinstance(field.default, (int, float)) else str
        shown = ", ".join(field.default) if is_list else field.default
        option = click.option(
            f"--{field.name.replace('_', '-')}",
            field.name,
            type=kind,
            multiple=is_list,
            default=None,
            help=_OPTIONS[field.name] + (f"  [default: {shown}]" if shown is not None else ""),
        )
        command = option(command)
    return command


def gateway_settings(options: dict[str, Any]) -> Settings:
    """The settings of the file, with what options say instead.

    Raises:
        SettingsError: With every setting that is wrong.
    """
    settings = load_settings()
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    return load_settings(msgspec.structs.replace(settings, gateway=msgspec.structs.replace(settings.gateway, **given)))


def run_gateway(settings: Settings) -> None:
    """Run the gateway until a signal stops it; say where it listens when it does.

    Raises:
        MessagingStatusError: If the settings cannot be followed, or a package is missing.
    """
    missing = [name for name in ("aiohttp", "prometheus_client") if find_spec(name) is None]
    if missing:
        msg = f"{', '.join(missing)} not found; the gateway is an extra: pip install 'otel-messaging-status[gateway]'"
        raise SettingsError([msg])
    # It would have even a single process share its counts.
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    # gRPC's core would print a line for every connection that a client gives up.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    from messaging_status.gateway.workers import run  # noqa: PLC0415 - an extra, which no other command needs

    gateway = settings.gateway

    def started(addresses: tuple[str, str]) -> None:
        grpc, http = addresses
        hop = f"OTLP/{'gRPC' if gateway.protocol == 'grpc' else 'HTTP'} to {gateway.next_hop}"
        many = "1 worker" if gateway.workers == 1 else f"{gateway.workers} workers"
        click.echo(f"messaging-status gateway: OTLP/gRPC on {grpc}, OTLP/HTTP on {http}, {hop}, {many}", err=True)
        sys.stderr.flush()

    run(settings, started)
