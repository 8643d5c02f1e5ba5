# SPDX-License-Identifier: Apache-2.0
"""aiohttp: the answer is looked at when ``read`` has it, which ``text`` and ``json`` use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from messaging_status.capture.answers import Answers
from messaging_status.wrapping import Wrapper

__all__ = ["wrappers"]

_CALL: Final = "_messaging_status_call"


def wrappers(answers: Answers) -> Mapping[str, Wrapper]:
    """What to call in the place of which method."""

    async def send(method: Callable[..., Any], request: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        response = await method(*args, **kwargs)
        call = answers.call(request.url.host, getattr(request.body, "_value", None))
        if call is not None:
            with suppress(AttributeError):
                setattr(response, _CALL, call)
        return response

    async def read(method: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        body = await method(*args, **kwargs)
        call = getattr(response, _CALL, None)
        if call is not None:
            with suppress(AttributeError):
                call.asked_to_wait(response.headers.get("Retry-After"))
            call.read(body)
        return body

    # While a request is sent, the span that instrumentations have started is the current one.
    return {"aiohttp.client_reqrep:ClientRequest.send": send, "aiohttp.client_reqrep:ClientResponse.read": read}
