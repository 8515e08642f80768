"""May this record go from here to there, now? The one function that answers, pure and total.

Deny by default: every permit names the agreement it rests on, every refusal its reason. Asked when a message arrives,
before its content is read, and again when it is handed over. PIPL Arts 28, 29 (separate consent), DOMAIN §2.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from mappings import vocabulary as v

CONSENT_KINDS = frozenset({v.CONTRACEPTION_REPORT})
KNOWN_KINDS = frozenset({v.PERSON, v.CONSENT, v.CONTRACEPTION_REPORT, v.MARRIAGE_CERTIFICATE, v.BIRTH_CERTIFICATE})
PURPOSES = frozenset({"continuity-of-care", "certificate-service", "entitlement"})

Reason = Literal[
    "unknown-recipient", "not-allowed", "no-agreement", "no-consent", "consent-withdrawn", "consent-expired", "no-case"
]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: hand a record of `kind` about one person to `recipient` for `purpose`."""

    kind: str
    purpose: str
    sender: int
    recipient: int | None
    recipient_divisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two regions settled. Valid in [valid_from, valid_to). With `bulk` records may be exported together."""

    id: UUID
    from_member: int
    to_member: int
    kinds: frozenset[str]
    purposes: frozenset[str]
    case_required: bool
    answer_days: int
    valid_from: datetime
    valid_to: datetime
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """What one person allowed, about herself. Valid in [valid_from, valid_to) until withdrawn."""

    id: UUID
    kinds: frozenset[str]
    purposes: frozenset[str]
    recipient_divisions: frozenset[str]
    valid_from: datetime
    valid_to: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """An open service case that ties the exchange to a need."""

    id: UUID
    kind: str
    open: bool


@dataclass(frozen=True, slots=True)
class Permit:
    """It may go, under this agreement and, where one is needed, this consent."""

    agreement: Agreement
    consent: Consent | None


@dataclass(frozen=True, slots=True)
class Deny:
    """It may not; `text` and `text_zh` say why without naming the person."""

    reason: Reason
    text: str
    text_zh: str


def decide(
    request: Request, agreement: Agreement | None, consent: Consent | None, case: Case | None, now: datetime
) -> Permit | Deny:
    """Permit or Deny for `request` at `now`; never raises, whatever combination it is given."""
    if request.recipient is None:
        return _deny("unknown-recipient")
    if request.kind not in KNOWN_KINDS or request.purpose not in PURPOSES or request.recipient == request.sender:
        return _deny("not-allowed")
    if agreement is None or not _covers(agreement, request, now):
        return _deny("no-agreement")
    needs_consent = request.kind in CONSENT_KINDS
    if needs_consent:
        refusal = _consent_refusal(consent, request, now)
        if refusal is not None:
            return refusal
    if agreement.case_required and (case is None or not case.open or case.kind != request.kind):
        return _deny("no-case")
    return Permit(agreement, consent if needs_consent else None)


def decide_export(request: Request, agreement: Agreement, now: datetime) -> Permit | Deny:
    """The same for records of many people at once: the agreement has to name that, and they are never of a sealed kind.

    What needs a person's case or consent does not go this way.
    """
    if not agreement.bulk or request.kind in v.SEALED_KINDS:
        return _deny("no-agreement")
    return decide(request, agreement, None, None, now)


def _covers(agreement: Agreement, request: Request, now: datetime) -> bool:
    return (
        agreement.from_member == request.sender
        and agreement.to_member == request.recipient
        and request.kind in agreement.kinds
        and request.purpose in agreement.purposes
        and agreement.valid_from <= now < agreement.valid_to
    )


def _consent_refusal(consent: Consent | None, request: Request, now: datetime) -> Deny | None:
    if consent is None:
        return _deny("no-consent")
    if consent.withdrawn_at is not None and consent.withdrawn_at <= now:
        return _deny("consent-withdrawn")
    if now >= consent.valid_to:
        return _deny("consent-expired")
    matches = (
        consent.valid_from <= now
        and request.kind in consent.kinds
        and request.purpose in consent.purposes
        and any(_within(own, given) for own in request.recipient_divisions for given in consent.recipient_divisions)
    )
    return None if matches else _deny("no-consent")


def _within(division: str, territory: str) -> bool:
    """Is the 12-digit `division` the same as `territory` or below it? Levels end in zeros: 2, 4, 6, 9, 12 digits."""
    for digits in (2, 4, 6, 9, 12):
        if not territory[digits:].strip("0"):
            return division[:digits] == territory[:digits]
    return division == territory


_TEXTS: dict[Reason, tuple[str, str]] = {
    "unknown-recipient": (
        "No member of the exchange answers for the receiving region.",
        "没有负责接收地区的成员单位。",
    ),
    "not-allowed": (
        "This kind of record may not be exchanged for this purpose.",
        "该类记录不得用于此目的的交换。",
    ),
    "no-agreement": (
        "There is no agreement in force between the two regions for this kind of record and purpose.",
        "两地之间没有针对该类记录和用途的有效协议。",
    ),
    "no-consent": (
        "The person has not consented to this record going to this region for this purpose.",
        "当事人未同意将该记录为此目的提供给该地区。",
    ),
    "consent-withdrawn": (
        "The person has withdrawn the consent.",
        "当事人已撤回同意。",
    ),
    "consent-expired": (
        "The person's consent has expired.",
        "当事人的同意已过期。",
    ),
    "no-case": (
        "The agreement asks for an open case, and there is none.",
        "协议要求存在已立项的服务事项，但当前没有。",
    ),
}


def _deny(reason: Reason) -> Deny:
    text, text_zh = _TEXTS[reason]
    return Deny(reason, text, text_zh)
