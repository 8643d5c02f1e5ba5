# SPDX-License-Identifier: Apache-2.0
"""The documents of FCM: answers of its HTTP v1 API, and the answer of Firebase's Admin SDKs to a batch.

Every API of Google has the same ``error``, and Meta's has a similar one, so an error is FCM's where its details say so,
or the record around it. The endpoint for batches in one request (multipart) and the API before v1 are gone since 2024.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from messaging_status import ApiHosts, Document, DocumentReader, Origin, RawStatus, hookimpl
from messaging_status_push.values import PUSH, is_of, is_push_of, mapping, mappings, text

__all__ = ["messaging_status_documents", "messaging_status_hosts"]

SYSTEM: Final = "fcm"
SERVICE: Final = "fcm.googleapis.com"
_FCM_ERROR: Final = "google.firebase.fcm.v1.FcmError"
_APNS_ERROR: Final = "google.firebase.fcm.v1.ApnsError"
_ERROR_INFO: Final = "google.rpc.ErrorInfo"
_BAD_REQUEST: Final = "google.rpc.BadRequest"
_RETRY_INFO: Final = "google.rpc.RetryInfo"
_DELAY: Final = re.compile(r"([0-9]{1,6})(\.[0-9]{1,9})?s")
_STATUS: Final = re.compile(r"[A-Z][A-Z_]{1,47}")
_SDK_CODE: Final = re.compile(r"messaging/([a-z][a-z-]{1,47})")
_APNS_REASON: Final = re.compile(r"[A-Z][A-Za-z]{2,47}")
"""The forms of the codes: a number or a token where a code should be is nobody's code."""
_MESSAGE: Final = re.compile(r"projects/[^/\s]{1,64}/messages/([^/\s]{1,128})")
_DRY_RUN: Final = "fake_message_id"
"""What FCM names in the place of a message's id where it was asked to validate only."""
_SUCCESS: Final = "OK"


@hookimpl
def messaging_status_documents() -> list[DocumentReader]:
    """A reader for each kind of document."""
    return [
        DocumentReader(keys=("error",), read=read_error),
        DocumentReader(keys=("name",), read=read_success),
        DocumentReader(keys=("responses",), read=read_batch),
    ]


@hookimpl
def messaging_status_hosts() -> list[ApiHosts]:
    """The API's host."""
    return [ApiHosts(system=SYSTEM, hosts=(SERVICE,))]


def read_error(document: Document) -> list[RawStatus]:
    """An answer to a request that failed."""
    error = mapping(document.content.get("error"))
    details = _details(error)
    is_named = is_of(SYSTEM, document) or (is_push_of(SYSTEM, document) and not _names_another(details))
    if not (_is_fcm(details) or (is_named and _is_google(error))):
        return []
    found = _failed(error, details)
    return [found] if found else []


def read_success(document: Document) -> list[RawStatus]:
    """An answer that names the message; nothing where nothing was to be sent."""
    nobody_says = document.system is None and document.channel is None
    found = _MESSAGE.fullmatch(text(document.content.get("name")) or "")
    if found is None or found[1] == _DRY_RUN or not (nobody_says or is_push_of(SYSTEM, document)):
        return []
    return [msgspec.structs.replace(_ACCEPTED, message_id=found[1])]


def read_batch(document: Document) -> list[RawStatus]:
    """What an Admin SDK answers to a batch: one result a message, in the order of the messages.

    All of them or none: without the one that nobody can name, the others would say that all went well. None has a
    message's id, as no single one is the batch's. A dry run sent nothing.
    """
    responses = document.content.get("responses")
    results = list(mappings(responses))
    if not isinstance(responses, list) or any(map(_is_dry, results)):
        return []
    if not (any(map(_is_result, results)) or (is_of(SYSTEM, document) and _has_counts(document.content))):
        return []
    found = list(_results(results))
    is_whole = len(results) == len(responses)
    return [raw for raw in found if raw] if is_whole and all(found) else []


_ACCEPTED: Final = RawStatus(code=_SUCCESS, system=SYSTEM, channel=PUSH, origin=Origin.ANSWER)


def _results(results: list[Mapping[str, Any]]) -> Iterator[RawStatus | None]:
    for result in results:
        if result.get("success") is True:
            yield _ACCEPTED
            continue
        error = mapping(result.get("error"))
        code = _sdk_code(error)
        if code is not None:
            yield msgspec.structs.replace(_ACCEPTED, code=code)
        else:
            google = mapping(error.get("error")) or error
            yield _failed(google, _details(google)) if _is_google(google) else None


def _is_result(result: Mapping[str, Any]) -> bool:
    """Whether a result of a batch shows by itself that it is FCM's."""
    error = mapping(result.get("error"))
    google = mapping(error.get("error")) or error
    return _name(result) is not None or _sdk_code(error) is not None or _is_fcm(_details(google))


def _is_dry(result: Mapping[str, Any]) -> bool:
    """Whether a result is that of a message that was only validated."""
    name = _name(result)
    return name is not None and name[1] == _DRY_RUN


def _name(result: Mapping[str, Any]) -> re.Match[str] | None:
    """The name that FCM gave a message of a batch."""
    return _MESSAGE.fullmatch(text(result.get("messageId")) or text(result.get("message_id")) or "")


def _has_counts(content: Mapping[str, Any]) -> bool:
    return ("successCount" in content and "failureCount" in content) or (
        "success_count" in content and "failure_count" in content
    )


def _sdk_code(error: Mapping[str, Any]) -> str | None:
    """The code that the Admin SDK for Node.js gives an error, without its prefix."""
    code = text(error.get("code")) or text(mapping(error.get("errorInfo")).get("code")) or ""
    found = _SDK_CODE.fullmatch(code)
    return found[1] if found else None


def _failed(error: Mapping[str, Any], details: Mapping[str, Mapping[str, Any]]) -> RawStatus | None:
    """An error's status: what FCM calls it, else what Google calls it, never HTTP's number."""
    code = _formed(_STATUS, details.get(_FCM_ERROR, {}).get("errorCode")) or _formed(_STATUS, error.get("status"))
    if code is None:
        return None
    field = _field(details.get(_BAD_REQUEST, {}))
    behind = _formed(_APNS_REASON, details.get(_APNS_ERROR, {}).get("reason"))
    return RawStatus(
        code=code,
        system=SYSTEM,
        channel=PUSH,
        reason=field or text(details.get(_ERROR_INFO, {}).get("reason")),
        origin=Origin.ANSWER,
        text=field,
        retry_after=_delay(details.get(_RETRY_INFO, {})),
        upstream=RawStatus(code=behind, system="apns", channel=PUSH) if behind else None,
    )


def _formed(form: re.Pattern[str], value: object) -> str | None:
    """The value if it is a text of that form, else None."""
    found = form.fullmatch(text(value) or "")
    return found[0] if found else None


def _field(bad_request: Mapping[str, Any]) -> str | None:
    """The first field that an error complains about."""
    fields = (text(violation.get("field")) for violation in mappings(bad_request.get("fieldViolations")))
    return next(filter(None, fields), None)


def _delay(retry_info: Mapping[str, Any]) -> int | None:
    """The seconds that an error asks to wait, ``3.5s`` as JSON writes a duration; a part of one counts as a whole one."""
    found = _DELAY.fullmatch(text(retry_info.get("retryDelay")) or "")
    return int(found[1]) + (found[2] is not None and found[2].strip(".0") != "") if found else None


def _details(error: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The details of an error by type, without the address in front of it; of several of a type the first."""
    found: dict[str, Mapping[str, Any]] = {}
    for detail in mappings(error.get("details")):
        found.setdefault((text(detail.get("@type")) or "").rpartition("/")[2], detail)
    return found


def _is_fcm(details: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the details of an error say that it is FCM's."""
    return _service(details) == SERVICE or _FCM_ERROR in details or _APNS_ERROR in details


def _names_another(details: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the details of an error say that it is that of another of Google's APIs."""
    return _service(details) not in (None, SERVICE)


def _service(details: Mapping[str, Mapping[str, Any]]) -> str | None:
    return text(mapping(details.get(_ERROR_INFO, {}).get("metadata")).get("service"))


def _is_google(error: Mapping[str, Any]) -> bool:
    """Whether an error has the shape of those of Google's APIs."""
    code = error.get("code")
    is_number = isinstance(code, int) and not isinstance(code, bool)
    return is_number and _formed(_STATUS, error.get("status")) is not None
