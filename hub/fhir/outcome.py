"""OperationOutcome: what went wrong, for a program (issue type, stable code, retry class) and for a person (the text).

`details.text` and `diagnostics` say the same, as IHE's profiles ask for; the trace id and the retry class are extensions.
"""

from typing import Any, Final

PROBLEM: Final = "urn:lianqiao:cs:problem"
RETRY: Final = "urn:lianqiao:ext:retry"
TRACE: Final = "urn:lianqiao:ext:trace-id"

_BY_STATUS: Final = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    409: "conflict",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    503: "transient",
}
_BY_CODE: Final = {
    "unknown-source-domain": "code-invalid",
    "unknown-target-domain": "code-invalid",
    "not-supported": "not-supported",
    "too-few-elements": "required",
    "too-costly": "too-costly",
    "token-expired": "expired",
    "not-unique": "multiple-matches",
}
"""Codes of ours whose issue type says more than their status does (value set issue-type, R4)."""

_WARNINGS: Final = frozenset({"unknown-domain"})
"""What IHE calls a warning although nothing else is answered (PDQm ITI-78, case 4)."""


def outcome(status: int, code: str, text: str, retry: str, trace: str) -> dict[str, Any]:
    """The OperationOutcome of one error."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "extension": [{"url": RETRY, "valueCode": retry}, {"url": TRACE, "valueString": trace}],
                "severity": "warning" if code in _WARNINGS else "error",
                "code": _BY_CODE.get(code) or _BY_STATUS.get(status, "exception"),
                "details": {"coding": [{"system": PROBLEM, "code": code}], "text": text},
                "diagnostics": text,
            }
        ],
    }
