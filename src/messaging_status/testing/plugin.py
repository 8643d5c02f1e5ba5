# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: the option that says whose tests these are, and fixtures.

pytest imports this module at every start in every environment that has this package, so it imports nothing before it
is asked for something.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from messaging_status.host import Host
    from messaging_status.testing.captured import CapturedLogs, CapturedSpans


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for ``pyproject.toml``."""
    parser.addini("messaging_status_distribution", "The distribution whose messaging-status plugins are tested.")


@pytest.fixture(scope="session")
def status_host(pytestconfig: pytest.Config) -> Host:
    """A host with the plugins of this distribution and no others, with default settings."""
    from messaging_status.errors import MessagingStatusError  # noqa: PLC0415 - as the module says
    from messaging_status.testing.kit import kit_of  # noqa: PLC0415 - as the module says

    try:
        return kit_of(pytestconfig).host
    except MessagingStatusError as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)


@pytest.fixture
def captured_spans(status_host: Host) -> Iterator[CapturedSpans]:
    """The spans of a tracer, as they are exported with the meaning of their statuses on them."""
    from messaging_status.testing.captured import CapturedSpans  # noqa: PLC0415 - as the module says

    captured = CapturedSpans(status_host)
    yield captured
    captured.shutdown()


@pytest.fixture
def captured_logs(status_host: Host) -> Iterator[CapturedLogs]:
    """Log records, as they are exported with the meaning of their statuses on them."""
    from messaging_status.testing.captured import CapturedLogs  # noqa: PLC0415 - as the module says

    captured = CapturedLogs(status_host)
    yield captured
    captured.shutdown()
