# SPDX-License-Identifier: Apache-2.0
"""The host that zero-code instrumentation has loaded, for those who would load one with the same settings."""

from __future__ import annotations

from messaging_status.host import Host

__all__ = ["activate", "active_host"]

_active: list[Host] = []


def activate(host: Host | None) -> None:
    """Say which host the process uses; None for none any more."""
    _active[:] = [] if host is None else [host]


def active_host() -> Host | None:
    """The host that the process uses, None where nobody has said so."""
    return _active[0] if _active else None
