# SPDX-License-Identifier: Apache-2.0
"""The plugin contract: five hooks, all optional.

A plugin is a module (or any object) that an entry point in the group ``messaging_status`` names. The
entry point's name is the plugin's, ``<system>.<channel>`` by custom, and settings allow or block it by
that name. Which hooks a plugin answers it says with ``@hookimpl`` from this package. A hook name that is
not in this file is an error at load.

The first three hooks are asked once, when the host is loaded, and may raise: the plugin is then left out and
the error says why. The last two are called on the path of every decoded status, from any thread: they must be
quick, look only at their arguments, and never wait. One that raises, answers nonsense or changes what it was
given costs the record nothing; it is counted, logged once, and switched off after five failures in a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from messaging_status.catalogue import Channel
    from messaging_status.model import ApiHosts, DocumentReader, RawStatus, Status, TextReader

__all__ = [
    "PROJECT_NAME",
    "hookimpl",
    "messaging_status_channels",
    "messaging_status_decoded",
    "messaging_status_documents",
    "messaging_status_hosts",
    "messaging_status_refine",
]

PROJECT_NAME = "messaging_status"
"""The name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)
"""Marks a function as the answer to the hook of the same name."""


@hookspec
def messaging_status_channels() -> Iterable[Channel]:  # type: ignore[empty-body]
    """The channels that this plugin decodes.

    Called once, when the host is loaded.

    Returns:
        A list of channels. A channel's name and aliases may be claimed by one plugin a system only.

    Raises:
        CatalogueError: By way of ``read_catalogue``: the plugin is left out, and the error names file, line and key.

    Example:
        The table ``pager.toml`` stands beside the module::

            from importlib.resources import files
            from messaging_status import Channel, hookimpl, read_catalogue

            @hookimpl
            def messaging_status_channels():
                return [Channel(catalogue=read_catalogue(files(__package__) / "pager.toml"))]
    """


@hookspec
def messaging_status_documents() -> Iterable[DocumentReader | TextReader]:  # type: ignore[empty-body]
    """Readers for the provider's documents (API answers, delivery receipts), and for log text of its own form.

    Called once, when the host is loaded. A ``DocumentReader`` is then called for the documents (mappings, or JSON
    text) in log bodies that have one of its top-level keys, a ``TextReader`` for the lines of text that hold one
    of its marks and name no code as ``key=value``.

    Returns:
        A list of readers. Of several with the same key or mark, the first that finds a status is believed.

    Example:
        A receipt such as ``{"pagerReceipt": {"result": "17", "id": "m-1"}}``::

            def read(document):
                receipt = document.content.get("pagerReceipt")
                if not isinstance(receipt, dict) or "result" not in receipt:
                    return []
                return [RawStatus(code=receipt["result"], system="acme", channel="pager", message_id=receipt.get("id"))]

            @hookimpl
            def messaging_status_documents():
                return [DocumentReader(keys=("pagerReceipt",), read=read)]

        A log line such as ``PAGER m-1 result/17``::

            def read(line):
                found = re.search(r"PAGER ([a-z0-9-]{1,64}) result/([0-9]{1,4})", line.text)
                return [RawStatus(code=found[2], system="acme", message_id=found[1])] if found else []

            @hookimpl
            def messaging_status_documents():
                return [TextReader(marks=(" result/",), read=read)]
    """


@hookspec
def messaging_status_hosts() -> Iterable[ApiHosts]:  # type: ignore[empty-body]
    """The hosts of the provider's API: in answers of theirs, zero-code instrumentation looks for statuses.

    Called once, when the host is loaded. An answer is then read as a document whose record names the system, and
    the channel that the request named.

    Returns:
        A list of hosts by system.

    Example:
        One API, in several regions::

            @hookimpl
            def messaging_status_hosts():
                return [ApiHosts(system="acme", hosts=("api.acme.example", "*.pagers.acme.example"))]
    """


@hookspec
def messaging_status_refine(raw: RawStatus, status: Status) -> Status | None:
    """The last word on a decoded status, whichever channel it is from.

    Called for every decoded status, known or not, after the channel's own ``refine``. Where several
    plugins have it, each gets what the one before answered; ``@hookimpl(trylast=True)`` comes last.

    Args:
        raw: What the record carries. Its ``text`` can hold personal data: never copy it into the status.
        status: What it means so far. Frozen; ``msgspec.structs.replace`` gives a changed copy.

    Returns:
        The status to use, or None to leave it as it is.

    Example:
        This sender's office is closed at night, so an expired page is worth a second try::

            @hookimpl
            def messaging_status_refine(raw, status):
                if status.channel == "pager" and status.category == Category.EXPIRED:
                    return msgspec.structs.replace(status, retryable=True)
    """


@hookspec
def messaging_status_decoded(raw: RawStatus, status: Status) -> None:
    """Watches decoded statuses, for metrics and alerts.

    Called for every decoded status that is put on a record, with the final status.

    Args:
        raw: What the record carries. Its ``text`` can hold personal data: never let it out.
        status: What it means.

    Example:
        A counter by outcome::

            @hookimpl
            def messaging_status_decoded(raw, status):
                counter.add(1, {"channel": status.channel or "unknown", "outcome": status.outcome.value})
    """
