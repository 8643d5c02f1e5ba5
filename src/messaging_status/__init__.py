# SPDX-License-Identifier: Apache-2.0
"""Tells people what happened to their messages: the meaning of status codes on OpenTelemetry spans and logs."""

from messaging_status.catalogue import (
    Catalogue,
    Channel,
    Row,
    Series,
    Upstream,
    Variant,
    parse_catalogue,
    read_catalogue,
)
from messaging_status.errors import CatalogueError, MessagingStatusError, PluginError, SettingsError
from messaging_status.hookspecs import hookimpl
from messaging_status.host import Host
from messaging_status.model import (
    ApiHosts,
    Category,
    Document,
    DocumentReader,
    Fault,
    LogText,
    Origin,
    Outcome,
    RawStatus,
    Severity,
    Status,
    TextReader,
)
from messaging_status.overlaid import Edit
from messaging_status.retry import is_retryable
from messaging_status.settings import Keys, PluginChoice, Settings, load_settings, read_settings
from messaging_status.unknown import UnknownCode, UnknownCodes

__all__ = [
    "ApiHosts",
    "Catalogue",
    "CatalogueError",
    "Category",
    "Channel",
    "Document",
    "DocumentReader",
    "Edit",
    "Fault",
    "Host",
    "Keys",
    "LogText",
    "MessagingStatusError",
    "Origin",
    "Outcome",
    "PluginChoice",
    "PluginError",
    "RawStatus",
    "Row",
    "Series",
    "Settings",
    "SettingsError",
    "Severity",
    "Status",
    "TextReader",
    "UnknownCode",
    "UnknownCodes",
    "Upstream",
    "Variant",
    "hookimpl",
    "is_retryable",
    "load_settings",
    "parse_catalogue",
    "read_catalogue",
    "read_settings",
]
