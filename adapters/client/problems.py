"""A refusal of the hub as an error of ours: problem+json (RFC 9457), and OperationOutcome under /fhir.

Both say a stable code, a retry class and a trace id. What an answer does not say follows from its HTTP status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from adapters.client.answers import Answer
from adapters.client.backoff import retry_after_seconds
from adapters.errors import HubError, Retry, of_status

RETRY: Final = "urn:lianqiao:ext:retry"
TRACE: Final = "urn:lianqiao:ext:trace-id"
PROBLEM: Final = "urn:lianqiao:cs:problem"


@dataclass(frozen=True, slots=True)
class Said:
    """What a document says of an error; '' and None where it says nothing."""

    code: str = ""
    text: str = ""
    retry: object = None
    trace_id: str = ""
    path: str = ""


def problem(answer: Answer, now: datetime) -> HubError:
    """The error of an answer that is no success, of the class of its status."""
    said = said_in(answer)
    code = _one_line(said.code, 80) or f"http-{answer.status}"
    detail = _one_line(said.text, 500) or code
    told = Retry(str(said.retry)) if said.retry in list(Retry) else None
    return of_status(answer.status)(
        f"the hub answered {answer.status}: {detail}",
        code=code,
        retry=told or _class_of(answer.status),
        status=answer.status,
        retry_after=retry_after_seconds(answer.headers.get("retry-after"), now),
        trace_id=_one_line(said.trace_id, 80),
        path=_one_line(said.path, 300),
        told=told is not None,
    )


def said_in(answer: Answer) -> Said:
    """What the document of a refusal says; nothing where it is none."""
    try:
        document = answer.json()
    except HubError:
        return Said()
    if not isinstance(document, dict):
        return Said()
    if document.get("resourceType") == "OperationOutcome":
        return said_of(document)
    detail = document.get("detail") or document.get("title") or document.get("error_description")
    return Said(
        str(document.get("code") or document.get("error") or ""),
        str(detail or ""),
        document.get("retry"),
        str(document.get("trace_id") or ""),
    )


def said_of(outcome: Mapping[str, Any]) -> Said:
    """What the first issue of an OperationOutcome says; the class and the trace id are extensions of the hub."""
    issue = _first(outcome.get("issue"))
    details = issue.get("details")
    details = details if isinstance(details, dict) else {}
    coding = next((one for one in _objects(details.get("coding")) if one.get("system") == PROBLEM), {})
    extensions = {str(one.get("url")): one for one in _objects(issue.get("extension"))}
    places = issue.get("expression")
    return Said(
        str(coding.get("code") or issue.get("code") or ""),
        str(issue.get("diagnostics") or details.get("text") or ""),
        extensions.get(RETRY, {}).get("valueCode"),
        str(extensions.get(TRACE, {}).get("valueString") or ""),
        str(places[0]) if isinstance(places, list) and places else "",
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _first(value: object) -> dict[str, Any]:
    return next(iter(_objects(value)), {})


def _one_line(text: str, most: int) -> str:
    """What the hub says, as it may stand in a log or on a terminal: no control characters, no end without end."""
    return "".join(c if c.isprintable() else " " for c in text[:most])


def _class_of(status: int) -> Retry:
    if status in {408, 425, 429} or status >= 500:
        return Retry.NORMAL
    if status in {401, 403, 405}:
        return Retry.CONTACT
    return Retry.FIX_FIRST
