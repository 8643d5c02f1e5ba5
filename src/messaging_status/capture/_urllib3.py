# SPDX-License-Identifier: Apache-2.0
"""urllib3: the answer is looked at where it is read as a whole, which is so unless ``preload_content`` is false."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from messaging_status.capture.answers import Answers
from messaging_status.wrapping import Wrapper

__all__ = ["wrappers"]

_BODY = "_messaging_status_body"


def wrappers(answers: Answers) -> Mapping[str, Wrapper]:
    """What to call in the place of which method."""

    def request(method: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        setattr(connection, _BODY, args[2] if len(args) > 2 else kwargs.get("body"))  # noqa: PLR2004 - as in the signature
        return method(*args, **kwargs)

    def getresponse(method: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        response = method(*args, **kwargs)
        body = getattr(response, "_body", None)
        sent, connection.__dict__[_BODY] = connection.__dict__.get(_BODY), None
        if isinstance(body, bytes):
            call = answers.call(connection.host, sent)
            if call is not None:
                call.read(body)
        return response

    # A connection is inside of what instrumentations wrap, so their span is the current one.
    return {
        "urllib3.connection:HTTPConnection.request": request,
        "urllib3.connection:HTTPConnection.getresponse": getresponse,
    }
