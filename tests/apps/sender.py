# SPDX-License-Identifier: Apache-2.0
"""A sender that knows nothing of this project: it sets a code on a span, logs one, and says what it has imported."""

import logging
import multiprocessing
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider


def send() -> None:
    with trace.get_tracer("sender").start_as_current_span("send") as span:
        span.set_attributes({"messaging.channel": "sms", "messaging.status.code": "7206"})
        logging.getLogger("sender").warning("receipt channel=sms code=7206")
    provider = trace.get_tracer_provider()
    if multiprocessing.parent_process() and isinstance(provider, TracerProvider):
        # A child of multiprocessing ends without the SDK's own flush.
        provider.force_flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        multiprocessing.set_start_method(sys.argv[1])
        child = multiprocessing.Process(target=send)
        child.start()
        child.join()
        sys.exit(child.exitcode)
    send()
    sys.stdout.write(
        " ".join(sorted(name for name in sys.modules if name.startswith("opentelemetry.exporter.otlp.proto")))
    )
