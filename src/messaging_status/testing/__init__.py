# SPDX-License-Identifier: Apache-2.0
"""For the tests of a plugin's author: a suite that every plugin has to pass, and fixtures.

A plugin's ``pyproject.toml`` says whose tests these are, and one line in a test module switches the suite on::

    [tool.pytest.ini_options]
    messaging_status_distribution = "messaging-status-acme"

    from messaging_status.testing import TestConformance

Needs the extra ``[testing]``. Golden vectors stand in ``golden.toml`` beside that module.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from messaging_status.testing.captured import CapturedLogs, CapturedSpans
    from messaging_status.testing.conformance import TestConformance

__all__ = ["CapturedLogs", "CapturedSpans", "TestConformance"]


def __getattr__(name: str) -> Any:
    """What is asked for, imported only then: pytest imports this package at every start, wanted or not."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    missing = [needed for needed in ("pytest", "hypothesis") if find_spec(needed) is None]
    if missing:
        msg = f"{name} needs {' and '.join(missing)}: pip install 'otel-messaging-status[testing]'"
        raise ImportError(msg)
    from messaging_status.testing import captured, conformance  # noqa: PLC0415 - only now are they wanted

    return getattr(conformance if name == "TestConformance" else captured, name)
