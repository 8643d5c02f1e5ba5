# SPDX-License-Identifier: Apache-2.0
"""The command ``plugins``: what is loaded, and what is not and why."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from messaging_status.cli.loading import NOT_FOUND, Broken, json_option
from messaging_status.cli.output import print_json, print_rows
from messaging_status.errors import MessagingStatusError
from messaging_status.host import Host

__all__ = ["plugins"]


@click.command()
@json_option
def plugins(wants_json: bool) -> None:  # noqa: FBT001 - click passes flags
    """What is loaded, from which distribution, how many codes, what failed and why.

    A line for each distribution and system. A plugin's name is <system>.<plugin>, as settings allow or block it; --json
    lists them one by one.
    """
    try:
        host = Host.load()
    except MessagingStatusError as error:
        raise Broken(error) from error
    loaded = list(_loaded(host))
    failed = [{"plugin": failure.plugin, "problems": list(failure.lines)} for failure in host.failures]
    if wants_json:
        print_json({"loaded": loaded, "failed": failed})
    else:
        print_rows(("distribution", "version", "system", "plugins", "codes"), _grouped(loaded))
        for failure in host.failures:
            click.echo("\n".join(f"failed: {line}" for line in failure.lines), err=True)
    sys.exit(NOT_FOUND if failed else 0)


def _loaded(host: Host) -> Iterator[dict[str, Any]]:
    used = {id(channel) for channel in host.channels}
    for plugin in sorted(host.plugins, key=lambda plugin: plugin.name):
        catalogues = [channel.catalogue for channel in plugin.channels if id(channel) in used]
        yield {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "channels": [catalogue.channel for catalogue in catalogues],
            "codes": sum(len(catalogue.rows) + len(catalogue.series) for catalogue in catalogues),
        }


def _grouped(loaded: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in loaded:
        system, dot, _ = one["plugin"].rpartition(".")
        groups.setdefault((one["distribution"], one["version"], system if dot else "-"), []).append(one)
    return [
        [
            *group,
            ", ".join(one["plugin"].rpartition(".")[2] for one in of_group),
            str(sum(one["codes"] for one in of_group)),
        ]
        for group, of_group in sorted(groups.items())
    ]
