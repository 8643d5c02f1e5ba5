# SPDX-License-Identifier: Apache-2.0
"""The command ``messaging-status``."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command; without the extra ``[cli]``, say how to get it."""
    missing = [name for name in ("click", "rich", "tomli_w", "opentelemetry.exporter") if not _is_installed(name)]
    if missing:
        sys.exit(
            f"messaging-status: {', '.join(missing)} not found; the command line is an extra:\n"
            "  pip install 'otel-messaging-status[cli]'"
        )
    from messaging_status.cli.commands import cli  # noqa: PLC0415 - only now is it known that it can be imported

    cli(prog_name="messaging-status")


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
