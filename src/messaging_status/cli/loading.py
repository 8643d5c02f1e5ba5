# SPDX-License-Identifier: Apache-2.0
"""The host that commands ask, and the channel that they are asked about; what cannot be used ends a command."""

from __future__ import annotations

from typing import Final

import click

from messaging_status.catalogue import Channel
from messaging_status.errors import MessagingStatusError, did_you_mean
from messaging_status.host import Host
from messaging_status.model import RawStatus
from messaging_status.spelling import fold

__all__ = ["NOT_FOUND", "WRONG_USAGE", "Broken", "channel_named", "json_option", "load_host", "system_option"]

NOT_FOUND: Final = 1
WRONG_USAGE: Final = 2

json_option = click.option("--json", "wants_json", is_flag=True, help="Print JSON, for machines.")
system_option = click.option("--system", help="Whose channel, where several systems have one of this name.")


class Broken(click.ClickException):
    """Settings or plugins that cannot be used."""

    exit_code = WRONG_USAGE

    def __init__(self, error: MessagingStatusError) -> None:
        """Say what is wrong with them."""
        super().__init__("\n  ".join(("what is installed or set cannot be used:", *error.problems)))


def load_host() -> Host:
    """The host of everything that is installed, with the user's settings.

    Raises:
        Broken: If something of it cannot be used.
    """
    try:
        return Host.load(strict=True)
    except MessagingStatusError as error:
        raise Broken(error) from error


def channel_named(host: Host, name: str, system: str | None, code: str | None = None) -> Channel:
    """The channel of that name, however it is written; one that nobody has is wrong usage.

    Where several systems have one, it is the one that knows the code.

    Raises:
        UsageError: If there is none, or more than one.
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
