# SPDX-License-Identifier: Apache-2.0
"""One process of the gateway: both servers on one event loop, from their start to the last answer."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from aiohttp import web

from messaging_status.errors import SettingsError
from messaging_status.gateway.checks import checked
from messaging_status.gateway.files import admission
from messaging_status.gateway.grpc_server import grpc_server
from messaging_status.gateway.http_server import http_runner
from messaging_status.gateway.metrics import Metrics
from messaging_status.gateway.next_hop import next_hop
from messaging_status.gateway.relay import Relay
from messaging_status.gateway.tls import server_credentials, server_tls
from messaging_status.host import Host

__all__ = ["Addresses", "serve"]

Addresses = tuple[str, str]
"""Where OTLP/gRPC and OTLP/HTTP are received, as host and port."""

_GRACE_S: Final = 5.0
"""What in-flight requests have beyond the time of the next hop."""


def event_loop() -> asyncio.AbstractEventLoop:
    """An event loop: uvloop's, where the system has it."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    return import_module("uvloop").new_event_loop()  # type: ignore[no-any-return]


async def serve(
    host: Host, started: Callable[[Addresses], None], stopped: asyncio.Event, *, shares_ports: bool
) -> None:
    """Receive OTLP until told to stop, then finish what is in flight.

    Args:
        host: What decodes; its settings say where to listen and where to send.
        started: Is told the addresses when both servers take requests.
        stopped: Set to stop; the signals SIGTERM and SIGINT set it, too.
        shares_ports: Whether other processes listen on the same ports.

    Raises:
        SettingsError: If the settings cannot be followed: no next hop, an unreadable file, a port in use.
    """
    settings = host.settings.gateway
    url = checked(settings)
    tls, credentials = server_tls(settings), server_credentials(settings)
    hop = next_hop(settings, url)
    relay = Relay(host, hop, Metrics(), admission(settings.tokens_file))
    runner, server = http_runner(relay), grpc_server(relay, shares_port=shares_ports)
    try:
        with suppress(NotImplementedError):
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        http_address = await _listen(runner, settings.http, tls, shares_port=shares_ports)
        try:
            port = (
                server.add_insecure_port(settings.grpc)
                if credentials is None
                else server.add_secure_port(settings.grpc, credentials)
            )
        except RuntimeError as error:
            msg = f"gateway.grpc: cannot listen on {settings.grpc}; is the port in use?"
            raise SettingsError([msg]) from error
        await server.start()
        started((f"{settings.grpc.rpartition(':')[0]}:{port}", http_address))
        await stopped.wait()
    finally:
        relay.is_leaving = True
        await asyncio.gather(server.stop(settings.timeout + _GRACE_S), runner.cleanup())
        await relay.close()


async def _listen(runner: web.AppRunner, address: str, tls: ssl.SSLContext | None, *, shares_port: bool) -> str:
    host, _, port = address.rpartition(":")
    await runner.setup()
    site = web.TCPSite(runner, host.strip("[]"), int(port), ssl_context=tls, reuse_port=True if shares_port else None)
    try:
        await site.start()
    except OSError as error:
        msg = f"gateway.http: cannot listen on {address}: {error.strerror or error}"
        raise SettingsError([msg]) from error
    return f"{host}:{runner.addresses[0][1]}"
