# SPDX-License-Identifier: Apache-2.0
"""Send again where that helps, and only there: with tenacity on the answer, with stamina on an exception.

pip install requests stamina tenacity otel-messaging-status messaging-status-webex-connect
python examples/retry.py http://127.0.0.1:8080
"""

from __future__ import annotations

import sys

import requests
import stamina
import tenacity

from messaging_status import Host, Status, is_retryable

host = Host.load()


def statuses_of(answer: requests.Response) -> list[Status]:
    """What the platform says about each message of the request."""
    raws = host.find({"messaging.system": "webex_connect", "messaging.channel": "sms"}, answer.content)
    return [host.decode(raw) for raw in raws]


def post(url: str, to: str) -> requests.Response:
    """One attempt."""
    message = {"deliverychannel": "sms", "destination": [{"msisdn": [to]}], "channels": {"sms": {"text": "Hello"}}}
    return requests.post(url, json=message, timeout=10)


@tenacity.retry(
    retry=tenacity.retry_if_result(lambda answer: is_retryable(statuses_of(answer))),
    wait=tenacity.wait_exponential_jitter(initial=0.01, max=0.1),
    stop=tenacity.stop_after_attempt(5),
    # Out of attempts, the last answer says more than an exception would.
    retry_error_callback=lambda state: state.outcome and state.outcome.result(),
)
def send_with_tenacity(url: str, to: str) -> requests.Response:
    """Send until the answer says that sending again would not help, five times at most."""
    return post(url, to)


class NotSentError(Exception):
    """The platform did not accept a message."""

    def __init__(self, statuses: list[Status]) -> None:
        """Keep what it said."""
        super().__init__(", ".join(status.description or status.code for status in statuses))
        self.statuses = statuses


def helps(error: Exception) -> bool:
    """Whether to send again after this."""
    return isinstance(error, NotSentError) and is_retryable(error.statuses)


@stamina.retry(on=helps, attempts=5, wait_initial=0.01, wait_max=0.1)
def send_with_stamina(url: str, to: str) -> requests.Response:
    """Send until the message is accepted, or until sending again would not help, five times at most."""
    answer = post(url, to)
    statuses = statuses_of(answer)
    if any(status.is_failure for status in statuses):
        raise NotSentError(statuses)
    return answer


if __name__ == "__main__":
    for send in (send_with_tenacity, send_with_stamina):
        try:
            said = statuses_of(send(sys.argv[1], "447700900001"))
        except NotSentError as error:
            said = error.statuses
        print(send.__name__, *(status.description for status in said))
