# SPDX-License-Identifier: Apache-2.0
"""Typed settings from a TOML file, a mapping or the environment."""

from __future__ import annotations

import os
import pathlib
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from messaging_status._toml_lines import Path, lines_of, named, shown
from messaging_status.errors import SettingsError, did_you_mean
from messaging_status.model import DEFAULT_PREFIX, MESSAGING_SYSTEM

__all__ = [
    "CONFIG_VARIABLE",
    "Capture",
    "Gateway",
    "Keys",
    "PluginChoice",
    "Receipts",
    "Settings",
    "load_settings",
    "read_settings",
]

CONFIG_VARIABLE: Final = "MESSAGING_STATUS_CONFIG"
"""The environment variable that names the settings file."""

_Text = Annotated[str, msgspec.Meta(pattern=r"\S")]
_ClassPath = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")]
_Url = Annotated[str, msgspec.Meta(pattern=r"\Ahttps?://[^\s/?#@]+(/[^\s?#]*)?\Z")]
_Address = Annotated[str, msgspec.Meta(pattern=r"\A(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
_Header = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z")]
_UrlPath = Annotated[str, msgspec.Meta(pattern=r"\A/[^\s?#]*\Z")]
_Prefix = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")]


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys to read a raw status from, in a record's attributes and in a log's body, first match first.

    A key without a dot (``code``) is too common to mean a message's status by itself: such a code counts
    only where the record also names an installed channel or system. Every installed system has keys of its own beside
    these, ``<system>.status.code`` and ``<system>.channel``, which name it, too.
    """

    code: tuple[_Text, ...] = (
        "messaging.status.code",
        "messaging.delivery.code",
        "status_code",
        "statusCode",
        "code",
    )
    channel: tuple[_Text, ...] = (
        "messaging.status.channel",
        "messaging.channel",
        "deliveryChannel",
        "delivery_channel",
        "channel",
    )
    system: tuple[_Text, ...] = (MESSAGING_SYSTEM,)
    reason: tuple[_Text, ...] = ("messaging.status.reason", "reason")
    delivery_status: tuple[_Text, ...] = ("messaging.delivery.status", "delivery_status", "deliveryStatus")
    retry_after: tuple[_Text, ...] = ("http.response.header.retry-after", "http.response.header.retry_after")


class PluginChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which installed plugins are loaded, by entry-point name (``webex_connect.sms``).

    Attributes:
        allowed: Only these; None for all that are installed.
        blocked: Never these.
    """

    allowed: tuple[_Text, ...] | None = None
    blocked: tuple[_Text, ...] = ()

    def admits(self, name: str) -> bool:
        """Whether a plugin of this name is to be loaded."""
        return name not in self.blocked and (self.allowed is None or name in self.allowed)


class Capture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What zero-code instrumentation looks at in HTTP clients.

    Attributes:
        hosts: By system, hosts of its API beside those that its plugin names; a star stands for one or more labels.
    """

    hosts: dict[_Text, tuple[_Text, ...]] = msgspec.field(default_factory=dict)


class Receipts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where ``ReceiptMiddleware`` finds receipts in the requests to a web application.

    Attributes:
        paths: The paths that receipts are sent to, as ``/receipts``.
        secret_file: The file with the secret that receipts are signed with; None to verify nothing. A relative path
            in a settings file starts at that file.
    """

    paths: tuple[_UrlPath, ...] = ()
    secret_file: _Text | None = None


class Gateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How ``messaging-status gateway`` receives OTLP, where it sends it, and how much it takes.

    Attributes:
        grpc: Host and port that receive OTLP/gRPC.
        http: Host and port that receive OTLP/HTTP.
        next_hop: Where to send everything, as ``http://collector:4318``.
        protocol: How to send it.
        compression: ``gzip`` or ``none`` for what is sent on; ``same``: as the sender compressed it, over HTTP.
        pass_headers: Headers (over gRPC: metadata) of senders that are passed on.
        timeout: Seconds that the next hop has for its answer.
        workers: Processes that share the ports.
        certificate: File with our certificate and what it is signed with (PEM); with it, only TLS is spoken.
        key: File with its private key (PEM).
        client_ca: File with the certificates (PEM) that a sender's certificate has to be signed with.
        next_hop_ca: File with the certificates that the next hop's has to be signed with; None: the system's.
        next_hop_certificate: File with our certificate for the next hop.
        next_hop_key: File with its private key.
        tokens_file: File with the bearer tokens that admit a sender, one a line; None admits all.
        max_body: Bytes of a request as it is sent.
        max_unpacked: Bytes of a request when it is unpacked.
        max_in_flight: Requests that one worker has in hand at a time.
        max_headers: Bytes of one header; over gRPC, of all metadata.
        max_depth: How deep JSON may nest.
        read_timeout: Seconds that a sender has to send a request.
    """

    grpc: _Address = "127.0.0.1:4317"
    http: _Address = "127.0.0.1:4318"
    next_hop: _Url | None = None
    protocol: Literal["grpc", "http"] = "http"
    compression: Literal["same", "gzip", "none"] = "same"
    pass_headers: tuple[_Header, ...] = ("authorization", "x-scope-orgid")
    timeout: _Seconds = 10.0
    workers: _Count = 1
    certificate: _Text | None = None
    key: _Text | None = None
    client_ca: _Text | None = None
    next_hop_ca: _Text | None = None
    next_hop_certificate: _Text | None = None
    next_hop_key: _Text | None = None
    tokens_file: _Text | None = None
    max_body: _Count = 4 * 1024 * 1024
    max_unpacked: _Count = 8 * 1024 * 1024
    max_in_flight: _Count = 32
    max_headers: _Count = 16 * 1024
    max_depth: _Count = 64
    read_timeout: _Seconds = 10.0


_GATEWAY_FILES: Final = (
    "certificate",
    "key",
    "client_ca",
    "next_hop_ca",
    "next_hop_certificate",
    "next_hop_key",
    "tokens_file",
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All there is to set; ``config/messaging-status.toml`` explains each one.

    Attributes:
        prefix: What the names of our attributes start with.
        default_system: The system of records that name none; None: the one that is installed, if it is one.
        log_text: Whether ``key=value`` pairs in a log's text are read.
        span_error_status: Whether the status of a span is set to ERROR on failures where it is unset.
        log_severity: Whether a log's severity number is raised to the status's severity.
        exporters: Further exporter classes (``package.module:Class``) that zero-code instrumentation wraps.
        overlays: Files that change rows of the catalogues. A relative path in a settings file starts at that file.
        keys: Keys to read a raw status from.
        plugins: Which installed plugins are loaded.
        capture: What is looked at in HTTP clients.
        receipts: Where a web application is sent receipts.
        gateway: How the gateway receives OTLP, and where it sends it.
    """

    prefix: _Prefix = DEFAULT_PREFIX
    default_system: _Text | None = None
    log_text: bool = True
    span_error_status: bool = False
    log_severity: bool = False
    exporters: tuple[_ClassPath, ...] = ()
    overlays: tuple[_Text, ...] = ()
    keys: Keys = Keys()
    plugins: PluginChoice = PluginChoice()
    capture: Capture = msgspec.field(default_factory=Capture)
    receipts: Receipts = Receipts()
    gateway: Gateway = Gateway()


def load_settings(source: Settings | Mapping[str, Any] | None = None) -> Settings:
    """Settings from wherever they are: as they are, from a mapping, or from the file that the environment names.

    Args:
        source: Settings, or a mapping of the same keys as the file. None: the file that
            ``MESSAGING_STATUS_CONFIG`` names, the defaults where it names none.

    Raises:
        SettingsError: With every key that is wrong.
    """
    if isinstance(source, Settings):
        return _validate(msgspec.to_builtins(source), where="settings")
    if isinstance(source, Mapping):
        return _validate(dict(source), where="settings")
    if source is not None:
        msg = f"settings: {shown(source)} is neither Settings nor a mapping; read a file with read_settings"
        raise SettingsError([msg])
    path = os.environ.get(CONFIG_VARIABLE)
    return read_settings(path) if path else Settings()


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """Settings from a TOML file.

    Raises:
        SettingsError: If the file cannot be read, or with every key that is wrong, and its line.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{os.fspath(path)}: cannot be read as TOML: {reason}"
        raise SettingsError([msg]) from error
    settings = _validate(document, where=os.fspath(path), text=text)
    folder = pathlib.Path(path).parent
    receipts = settings.receipts
    if receipts.secret_file is not None:
        receipts = msgspec.structs.replace(receipts, secret_file=str(folder / receipts.secret_file))
    overlays = tuple(str(folder / name) for name in settings.overlays)
    files = {name: getattr(settings.gateway, name) for name in _GATEWAY_FILES}
    found = {name: str(folder / file) for name, file in files.items() if file is not None}
    gateway = msgspec.structs.replace(settings.gateway, **found)
    return msgspec.structs.replace(settings, overlays=overlays, receipts=receipts, gateway=gateway)


def _validate(document: Mapping[str, Any], *, where: str, text: str = "") -> Settings:
    try:
        return msgspec.convert(document, Settings)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        lines = lines_of(text)
        problems = [f"{named(where, path, lines)}: {what}" for path, what in _problems(document, Settings, ())]
        raise SettingsError(problems or [f"{where}: {error}"]) from error


def _problems(document: Mapping[str, Any], kind: type[msgspec.Struct], path: Path) -> Iterator[tuple[Path, str]]:
    """A key and what is wrong with it, for every key of a table and of the tables inside it."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key, value in document.items():
        here = (*path, str(key))
        if key not in fields:
            yield here, f"there is no such setting; {did_you_mean(str(key), list(fields))}"
            continue
        expected = fields[key].type
        if isinstance(expected, type) and issubclass(expected, msgspec.Struct) and isinstance(value, Mapping):
            yield from _problems(value, expected, here)
            continue
        try:
            msgspec.convert(value, expected)
        except (msgspec.ValidationError, ValueError, RecursionError):
            yield here, f"{shown(value)} is not {_EXPECTATIONS.get(key, 'a list of texts')}"


_EXPECTATIONS: Final = {
    "prefix": "a prefix for attribute names, such as 'messaging.status', without the final dot",
    "default_system": "the name of a system, as text",
    "log_text": "true or false",
    "span_error_status": "true or false",
    "log_severity": "true or false",
    "exporters": "a list of classes, each as 'package.module:Class'",
    "keys": "a table; write [keys]",
    "plugins": "a table; write [plugins]",
    "capture": "a table; write [capture]",
    "hosts": "a table with a list of hosts for each system; write [capture.hosts]",
    "receipts": "a table; write [receipts]",
    "paths": "a list of paths, each as '/receipts'",
    "secret_file": "the path of a file, as text",
    "gateway": "a table; write [gateway]",
    "grpc": "a host and a port, as '127.0.0.1:4317'",
    "http": "a host and a port, as '127.0.0.1:4318'",
    "next_hop": "a URL, as 'http://collector:4318'",
    "protocol": "'grpc' or 'http'",
    "compression": "'same', 'gzip' or 'none'",
    "pass_headers": "a list of names of headers",
    **dict.fromkeys(("timeout", "read_timeout"), "a number of seconds, above 0 and up to a day"),
    "workers": "a number of processes, 1 or more",
    **dict.fromkeys(_GATEWAY_FILES, "the path of a file, as text"),
    **dict.fromkeys(("max_body", "max_unpacked", "max_headers"), "a number of bytes, 1 or more"),
    **dict.fromkeys(("max_in_flight", "max_depth"), "a whole number, 1 or more"),
}
