"""What a validation found, as issues of an OperationOutcome: where (FHIRPath), why, under which of our codes. Pure.

https://hl7.org/fhir/R4/valueset-issue-type.html; the codes of faults are those of `hub.fhir.validation.problems`.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from hub.fhir.fed import told
from hub.fhir.outcome import PROBLEM
from hub.fhir.validation.problems import CODES, Problem

_TYPES: Final = {
    "unsupported-type": "not-supported",
    "unknown-element": "structure",
    "required": "required",
    "code": "code-invalid",
    "bound-code": "code-invalid",
    "one-choice": "structure",
    "empty": "structure",
    "too-long": "too-long",
    "too-deep": "structure",
}
_REFUSALS: Final = {
    "bad-request": "invalid",
    "not-found": "not-found",
    "duplicate-record": "duplicate",
    "version-conflict": "conflict",
    "record-number": "conflict",
    "id-ambiguous": "multiple-matches",
    "reference-ambiguous": "multiple-matches",
    "not-your-domain": "forbidden",
    "too-long": "too-long",
    "too-many": "too-long",
}
"""Codes of refusals whose issue type says more than that a rule of the exchange is not met."""
_INVARIANT: Final = re.compile("[a-z]{2,4}-[0-9]{1,2}[a-z]?")
"""The key of one of R4's invariants."""


def outcome(problems: Sequence[Problem], refusals: Sequence[tuple[str, str]], well: str) -> dict[str, Any]:
    """The OperationOutcome of these faults and refusals (code, text); of none, that says `well`."""
    issues = [_fault(one) for one in problems] + [_refusal(code, text) for code, text in refusals]
    return {"resourceType": "OperationOutcome", "issue": issues or [told("valid", well)]}


def of_line(severity: str, code: str, text: str, line: int | None, path: str | None) -> dict[str, Any]:
    """The OperationOutcome of what was found in one line of many."""
    issue = _issue(_type(code), code, text) | {"severity": severity}
    if line is not None:
        issue["location"] = [f"line {line}"]
    return {"resourceType": "OperationOutcome", "issue": [issue | ({"expression": [path]} if path else {})]}


def _type(code: str) -> str:
    """The issue type of a code, whatever it is one of."""
    invariant = "invariant" if _INVARIANT.fullmatch(code) else "business-rule"
    return _TYPES.get(code) or _REFUSALS.get(code) or ("value" if code in CODES else invariant)


def _fault(problem: Problem) -> dict[str, Any]:
    # What is neither one of ours nor of a table is the key of an invariant, such as pat-1.
    type_ = _TYPES.get(problem.code, "value" if problem.code in CODES else "invariant")
    return _issue(type_, problem.code, f"{problem.path} {problem.reason}") | {"expression": [problem.path]}


def _refusal(code: str, text: str) -> dict[str, Any]:
    return _issue(_REFUSALS.get(code, "business-rule"), code, text)


def _issue(type_: str, code: str, text: str) -> dict[str, Any]:
    return {
        "severity": "error",
        "code": type_,
        "details": {"coding": [{"system": PROBLEM, "code": code}], "text": text},
        "diagnostics": text,
    }
