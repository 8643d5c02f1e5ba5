# SPDX-License-Identifier: Apache-2.0
"""Whether the settings of the gateway go together, before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from messaging_status.errors import SettingsError
from messaging_status.settings import Gateway

__all__ = ["GRPC_PORT", "checked"]

GRPC_PORT: Final = 4317
_MAX_PORT: Final = 65_535
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0", "::"})  # noqa: S104 - only compared
_OURS: Final = ("content-", "transfer-encoding", "connection", "host", "te", "upgrade", "expect", "user-agent", "grpc-")
"""Headers that a request has for this one connection."""


def checked(settings: Gateway) -> str:
    """The next hop's URL, if it and the other settings go together.

    Raises:
        SettingsError: With all that does not.
    """
    if settings.next_hop is None:
        msg = "gateway.next_hop: is not set; expected where to send everything, as 'http://collector:4318'"
        raise SettingsError([msg])
    problems = [*_of_addresses(settings, settings.next_hop), *_of_headers(settings), *_of_files(settings)]
    if problems:
        raise SettingsError(problems)
    return settings.next_hop


def _of_addresses(settings: Gateway, url: str) -> Iterator[str]:
    for name in ("grpc", "http"):
        address = getattr(settings, name)
        if int(address.rpartition(":")[2]) > _MAX_PORT:
            yield f"gateway.{name}: {address}: there are ports up to {_MAX_PORT} only"
    try:
        parts = urlsplit(url)
        port = parts.port or _default_port(settings, parts.scheme)
    except ValueError:
        yield f"gateway.next_hop: {url} is not a URL, as 'http://collector:4318'"
        return
    if settings.protocol == "grpc" and parts.path.strip("/"):
        yield f"gateway.next_hop: {url}: gRPC has no path; expected host and port only, or protocol = 'http'"
    for name in ("grpc", "http"):
        host, _, own = getattr(settings, name).rpartition(":")
        if int(own) == port and (host.strip("[]") == parts.hostname or {host.strip("[]"), parts.hostname} <= _HERE):
            yield f"gateway.next_hop: {url} is where the gateway itself receives (gateway.{name})"


def _default_port(settings: Gateway, scheme: str) -> int:
    if settings.protocol == "grpc":
        return GRPC_PORT
    return 443 if scheme == "https" else 80


def _of_headers(settings: Gateway) -> Iterator[str]:
    for name in settings.pass_headers:
        lower = name.lower()
        is_prefix = any(lower == ours or (ours.endswith("-") and lower.startswith(ours)) for ours in _OURS)
        if is_prefix or lower.endswith("-bin"):
            yield f"gateway.pass_headers: {name!r} is for one connection, or binary; it cannot be passed on"


def _of_files(settings: Gateway) -> Iterator[str]:
    for certificate, key in (("certificate", "key"), ("next_hop_certificate", "next_hop_key")):
        if (getattr(settings, certificate) is None) is not (getattr(settings, key) is None):
            yield f"gateway.{certificate} and gateway.{key}: one is of no use without the other"
    if settings.client_ca is not None and settings.certificate is None:
        yield "gateway.client_ca: is of no use without gateway.certificate"
    for name in ("next_hop_ca", "next_hop_certificate"):
        if getattr(settings, name) is not None and str(settings.next_hop).startswith("http:"):
            yield f"gateway.{name}: is of no use with a next_hop of http:; expected https:"
