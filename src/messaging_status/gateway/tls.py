# SPDX-License-Identifier: Apache-2.0
"""TLS as the settings want it, on both sides."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from messaging_status.errors import SettingsError
from messaging_status.gateway.files import content_of
from messaging_status.settings import Gateway

__all__ = ["client_credentials", "client_tls", "server_credentials", "server_tls"]


def server_tls(settings: Gateway) -> ssl.SSLContext | None:
    """What senders are received with; None where the settings want no TLS.

    Raises:
        SettingsError: If a file cannot be read, or holds something else.
    """
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _show(context, settings, "certificate", "key")
    if settings.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, settings, "client_ca")
    return context


def client_tls(settings: Gateway) -> ssl.SSLContext:
    """What the next hop is connected to with.

    Raises:
        SettingsError: If a file cannot be read, or holds something else.
    """
    context = ssl.create_default_context()
    if settings.next_hop_ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _trust(context, settings, "next_hop_ca")
    if settings.next_hop_certificate is not None:
        _show(context, settings, "next_hop_certificate", "next_hop_key")
    return context


def server_credentials(settings: Gateway) -> grpc.ServerCredentials | None:
    """What senders are received with over gRPC; None where the settings want no TLS.

    Raises:
        SettingsError: If a file cannot be read.
    """
    certificate, key = content_of("certificate", settings.certificate), content_of("key", settings.key)
    if certificate is None or key is None:
        return None
    ca = content_of("client_ca", settings.client_ca)
    return grpc.ssl_server_credentials([(key, certificate)], ca, ca is not None)


def client_credentials(settings: Gateway) -> grpc.ChannelCredentials:
    """What the next hop is connected to with, over gRPC.

    Raises:
        SettingsError: As :func:`client_tls`.
    """
    client_tls(settings)  # gRPC itself says what is wrong with a certificate when it is used, and to nobody
    return grpc.ssl_channel_credentials(
        root_certificates=content_of("next_hop_ca", settings.next_hop_ca) or _system_certificates(),
        private_key=content_of("next_hop_key", settings.next_hop_key),
        certificate_chain=content_of("next_hop_certificate", settings.next_hop_certificate),
    )


def _system_certificates() -> bytes | None:
    """What the system trusts, where it keeps that in one file."""
    file = ssl.get_default_verify_paths().cafile
    return Path(file).read_bytes() if file else None


def _show(context: ssl.SSLContext, settings: Gateway, certificate: str, key: str) -> None:
    own, private = getattr(settings, certificate), getattr(settings, key)
    content_of(certificate, own)
    content_of(key, private)
    try:
        context.load_cert_chain(own, private, password=_no_password)
    except (OSError, ValueError) as error:
        what = f"gateway.{certificate} and gateway.{key}: {own} and {private}"
        msg = f"{what}: cannot be used: {getattr(error, 'reason', None) or error}"
        raise SettingsError([msg]) from error


def _trust(context: ssl.SSLContext, settings: Gateway, name: str) -> None:
    content_of(name, getattr(settings, name))
    try:
        context.load_verify_locations(getattr(settings, name))
    except (OSError, ValueError) as error:
        msg = f"gateway.{name}: {getattr(settings, name)}: cannot be used: {getattr(error, 'reason', None) or error}"
        raise SettingsError([msg]) from error


def _no_password() -> str:
    msg = "the key is encrypted; expected one that is not"
    raise ValueError(msg)
