# SPDX-License-Identifier: Apache-2.0
"""requests: the answer is watched while ``iter_content`` hands it on, which ``content``, ``text`` and ``json`` use."""

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

    def send(method: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        response = method(*args, **kwargs)
        request = args[0] if args else kwargs.get("request")
        url = getattr(request, "url", None)
        parts = url.split("/", 3) if isinstance(url, str) else ()
        call = answers.call(parts[2], getattr(request, "body", None)) if len(parts) > 2 else None  # noqa: PLR2004 - behind two slashes
        if call is not None:
            with suppress(AttributeError):
                setattr(response, _CALL, call)
                call.asked_to_wait(response.headers.get("Retry-After"))
        return response

    def iter_content(method: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        chunks = method(*args, **kwargs)
        call = getattr(response, _CALL, None)
        return chunks if call is None else call.watched(chunks)

    # The adapter is inside of what instrumentations wrap, so their span is the current one.
    return {"requests.adapters:HTTPAdapter.send": send, "requests.models:Response.iter_content": iter_content}
