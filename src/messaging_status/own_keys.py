# SPDX-License-Identifier: Apache-2.0
"""A system's own keys, ``acme.status.code`` and ``acme.channel``: every installed system has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from messaging_status.spelling import as_name, fold

__all__ = ["PATTERN", "OwnKeys"]

PATTERN: Final = r"[a-z][a-z0-9_]{0,127}\.(?:status\.code|channel)"
"""A regular expression for own keys, also those of systems that are not installed."""


class OwnKeys:
    """Says in the keys of everybody what a record says in those of one system.

    Attributes:
        codes: The keys of codes.
        all: The keys of codes and channels.
    """

    def __init__(
        self, systems: Iterable[str], *, code: Sequence[str], channel: Sequence[str], system: Sequence[str]
    ) -> None:
        """Prepare the look-ups.

        Args:
            systems: The names of the systems that are installed.
            code: The keys of everybody for a code, the one that counts first in front.
            channel: Those for a channel.
            system: Those for a system.
        """
        self._codes = {f"{name}.status.code": name for name in systems}
        self._channels = {f"{name}.channel": name for name in systems}
        self._systems = {*self._codes.values()}
        self.codes = frozenset(self._codes)
        self.all = frozenset((*self._codes, *self._channels))
        self._code, self._channel, self._system = code, channel, system
        self._certain = [key for key in code if "." in key]

    def translated(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same fields, with those under own keys under everybody's, too. What is there stays.

        A key of a system's own names that system, but where the fields name another one it says nothing.
        """
        named = next((as_name(fields[key]) for key in self._system if key in fields), None)
        owners = [system for keys in (self._codes, self._channels) for key in fields if (system := keys.get(key))]
        system = next((system for system in owners if named is None or fold(named) == fold(system)), None)
        if system is None:
            return fields
        said = {self._system[0]: system} if self._system and named is None else {}
        if f"{system}.status.code" in fields and not any(certain in fields for certain in self._certain):
            said[self._code[0]] = fields[f"{system}.status.code"]
        if f"{system}.channel" in fields and not any(channel in fields for channel in self._channel):
            said[self._channel[0]] = fields[f"{system}.channel"]
        return {**fields, **said}

    def nested_in(self, content: Mapping[Any, Any]) -> dict[str, Any]:
        """Own keys that a content has, flat or as mappings inside mappings."""
        found = {key: content[key] for key in self.all & content.keys()}
        for system in self._systems & content.keys():
            fields = content[system]
            if not isinstance(fields, Mapping):
                continue
            status = fields.get("status")
            if isinstance(status, Mapping) and "code" in status:
                found.setdefault(f"{system}.status.code", status["code"])
            for name in ("status.code", "channel"):
                if name in fields:
                    found.setdefault(f"{system}.{name}", fields[name])
        return found
