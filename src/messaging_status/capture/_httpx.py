# SPDX-License-Identifier: Apache-2.0
"""httpx: the answer is watched while ``iter_bytes`` hands it on, which ``read``, ``text`` and ``json`` use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from messaging_status.capture.answers import Answers
from messaging_status.wrapping import Wrapper

__all__ = ["wrappers"]

_CALL = "messaging_status_call"
_WAIT = b"retry-after"


def wrappers(answers: Answers) -> Mapping[str, Wrapper]:
    """What to call in the place of which method."""

    def begun(request: Any, response: Any) -> Any:
        # Pools of others' making may take and answer something else.
        with suppress(AttributeError, TypeError, ValueError):
            call = answers.call(request.url.host.decode("ascii", "replace"), _body_of(request))
            if call is not None:
                response.extensions[_CALL] = call
                call.asked_to_wait(next((value for name, value in response.headers if name.lower() == _WAIT), None))
        return response

    def handle(method: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        response = method(*args, **kwargs)
        return begun(args[0] if args else kwargs["request"], response)

    async def handle_async(method: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        response = await method(*args, **kwargs)
        return begun(args[0] if args else kwargs["request"], response)

    def iter_bytes(method: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = response.extensions.pop(_CALL, None)
        chunks = method(*args, **kwargs)
        return chunks if call is None else call.watched(chunks)

    def aiter_bytes(method: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = response.extensions.pop(_CALL, None)
        chunks = method(*args, **kwargs)
        return chunks if call is None else call.watched_async(chunks)

    # The connection pool is inside of what instrumentations wrap, so their span is the current one.
    return {
        "httpcore:ConnectionPool.handle_request": handle,
        "httpcore:AsyncConnectionPool.handle_async_request": handle_async,
        "httpx:Response.iter_bytes": iter_bytes,
        "httpx:Response.aiter_bytes": aiter_bytes,
    }


def _body_of(request: Any) -> bytes | None:
    """What a request sends, where that is in memory as a whole."""
    content = getattr(request.stream, "_stream", None)
    return content if isinstance(content, bytes) else None
