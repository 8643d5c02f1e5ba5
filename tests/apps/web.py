# SPDX-License-Identifier: Apache-2.0
"""A WSGI application that sends, once a request, from whichever worker answers."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry import trace


def app(_: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    with trace.get_tracer("web").start_as_current_span("send") as span:
        span.set_attributes({"messaging.channel": "sms", "messaging.status.code": "7206", "pid": os.getpid()})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
