# SPDX-License-Identifier: Apache-2.0
"""urllib3: the answer is looked at where it is read as a whole, which is so unless ``preload_content`` is false."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from messaging_status.capture.answers import Answers
from messaging_status.wrapping import Wrapper

__all__ = ["wrappers"]

_SENT: Final = "_messaging_status_sent"


def wrappers(answers: Answers) -> Mapping[str, Wrapper]:
    """What to call in the place of which method."""

    def request(method: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        _, url, body, *_ = (*args, *(None,) * 3)
        vars(connection)[_SENT] = (kwargs.get("url", url), kwargs.get("body", body))
        return method(*args, **kwargs)

    def getresponse(method: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        response = method(*args, **kwargs)
        body = getattr(response, "_body", None)
        url, sent = vars(connection).pop(_SENT, (None, None))
        if isinstance(body, bytes):
            call = answers.call(_host_of(connection, url), sent)
            if call is not None:
                call.asked_to_wait(response.headers.get("Retry-After"))
                call.read(body)
        return response

    # A connection is inside of what instrumentations wrap, so their span is the current one.
    return {
        "urllib3.connection:HTTPConnection.request": request,
        "urllib3.connection:HTTPConnection.getresponse": getresponse,
    }


def _host_of(connection: Any, url: object) -> str | None:
    """Whom a connection talks to: behind a proxy, that is in the URL, or at the end of the tunnel."""
    parts = url.split("/", 3) if isinstance(url, str) and "://" in url else ()
    host = parts[2] if len(parts) > 2 else getattr(connection, "_tunnel_host", None) or connection.host  # noqa: PLR2004 - behind two slashes
    return host if isinstance(host, str) else None
