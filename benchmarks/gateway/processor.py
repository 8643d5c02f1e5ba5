# SPDX-License-Identifier: Apache-2.0
"""What a user of Rotel would write to have the same on his spans: a trace processor in Python.

Rotel loads this file into the interpreter that is built into it; ``rotel_sdk`` exists only there.
"""

from __future__ import annotations

from typing import Any, Final

from rotel_sdk.open_telemetry.common.v1 import AnyValue, KeyValue  # type: ignore[import-not-found]

from messaging_status import Host

_host: Final = Host.load({}, strict=True)
_code_keys: Final = _host.code_keys
_keys: Final = _host.attribute_keys


def process_spans(resource_spans: Any) -> None:
    """Put the meaning of its status on each span that carries one.

    Every look at an attribute makes objects of Python, so a span is searched for the key of a code first, and then only
    values that can matter are read.
    """
    for scope in resource_spans.scope_spans:
        for span in scope.spans:
            attributes = span.attributes
            for pair in attributes:
                if pair.key in _code_keys:
                    break
            else:
                continue
            read = {key: pair.value.value for pair in attributes if (key := pair.key) in _keys}
            for key, value in _host.enrich(read).items():
                attributes.append(_key_value(key, value))


def _key_value(key: str, value: Any) -> KeyValue:
    """One object of Python for an attribute, not two, where there is a short way."""
    if isinstance(value, str):
        return KeyValue.new_string_value(key, value)
    if isinstance(value, bool):
        return KeyValue.new_bool_value(key, value)
    return KeyValue(key, AnyValue(value))
