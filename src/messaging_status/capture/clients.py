# SPDX-License-Identifier: Apache-2.0
"""Every HTTP client whose answers are watched."""

from __future__ import annotations

from collections.abc import Mapping

from messaging_status.capture import _aiohttp, _httpx, _requests, _urllib3
from messaging_status.capture.answers import Answers
from messaging_status.wrapping import Wrapper

__all__ = ["client_wrappers"]


def client_wrappers(answers: Answers) -> Mapping[str, Wrapper]:
    """What to call in the place of which method, once the application imports the client."""
    clients = (_requests, _httpx, _aiohttp, _urllib3)
    return {method: wrapper for client in clients for method, wrapper in client.wrappers(answers).items()}
