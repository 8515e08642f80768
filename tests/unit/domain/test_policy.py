"""The whole deny matrix: every combination of sender, recipient, kind, purpose, agreement, consent and case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.policy import (
    CONSENT_KINDS,
    KNOWN_KINDS,
    Agreement,
    Case,
    Consent,
    Deny,
    Permit,
    Request,
    decide,
    decide_export,
)
from mappings import vocabulary as v

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
KINDS = [v.PERSON, v.CONSENT, v.CONTRACEPTION_REPORT, v.MARRIAGE_CERTIFICATE, v.BIRTH_CERTIFICATE, "salary"]
PURPOSES_ASKED = ["continuity-of-care", "certificate-service", "curiosity"]
DIVISIONS = ["410108000000", "410100000000", "410000000000", "410105000000", "330784000000"]

moments = st.sampled_from([NOW - timedelta(days=400), NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)])
kinds = st.frozensets(st.sampled_from(KINDS))
purposes = st.frozensets(st.sampled_from(PURPOSES_ASKED))
requests = st.builds(
    Request,
    kind=st.sampled_from(KINDS),
    purpose=st.sampled_from(PURPOSES_ASKED),
    sender=st.sampled_from([1, 2]),
    recipient=st.sampled_from([None, 1, 2]),
    recipient_divisions=st.tuples(st.sampled_from(DIVISIONS)),
)
agreements = st.none() | st.builds(
    Agreement,
    id=st.just(uuid4()),
    from_member=st.sampled_from([1, 2]),
    to_member=st.sampled_from([1, 2]),
    kinds=kinds,
    purposes=purposes,
    case_required=st.booleans(),
    answer_days=st.just(15),
    valid_from=moments,
    valid_to=moments,
)
consents = st.none() | st.builds(
    Consent,
    id=st.just(uuid4()),
    kinds=kinds,
    purposes=purposes,
    recipient_divisions=st.frozensets(st.sampled_from(DIVISIONS)),
    valid_from=moments,
    valid_to=moments,
    withdrawn_at=st.none() | moments,
)
cases = st.none() | st.builds(Case, id=st.just(uuid4()), kind=st.sampled_from(KINDS), open=st.booleans())


@given(requests, agreements, consents, cases)
def test_every_permit_rests_on_everything_it_needs(
    request: Request, agreement: Agreement | None, consent: Consent | None, case: Case | None
) -> None:
    answer = decide(request, agreement, consent, case, NOW)
    if isinstance(answer, Deny):
        assert answer.text
        assert answer.text_zh
        return
    assert agreement is not None
    assert answer.agreement == agreement
    assert request.recipient is not None
    assert request.recipient != request.sender
    assert (agreement.from_member, agreement.to_member) == (request.sender, request.recipient)
    assert request.kind in agreement.kinds
    assert request.purpose in agreement.purposes
    assert agreement.valid_from <= NOW < agreement.valid_to
    assert request.kind != "salary"
    assert request.purpose != "curiosity"
    if request.kind in CONSENT_KINDS:
        assert consent is not None
        assert answer.consent == consent
        assert request.kind in consent.kinds
        assert request.purpose in consent.purposes
        assert consent.valid_from <= NOW < consent.valid_to
        assert consent.withdrawn_at is None or consent.withdrawn_at > NOW
    if agreement.case_required:
        assert case is not None
        assert case.open
        assert case.kind == request.kind


def _all_in_order() -> tuple[Request, Agreement, Consent, Case]:
    kind, purpose = v.CONTRACEPTION_REPORT, "continuity-of-care"
    request = Request(kind, purpose, 1, 2, ("410108000000",))
    agreement = Agreement(
        uuid4(), 1, 2, frozenset({kind}), frozenset({purpose}), True, 15, NOW - timedelta(1), NOW + timedelta(1)
    )
    consent = Consent(
        uuid4(),
        frozenset({kind}),
        frozenset({purpose}),
        frozenset({"410108000000"}),
        NOW - timedelta(1),
        NOW + timedelta(1),
        None,
    )
    return request, agreement, consent, Case(uuid4(), kind, open=True)


def test_permits_when_everything_is_in_order() -> None:
    assert isinstance(decide(*_all_in_order(), NOW), Permit)


def test_says_which_rule_refused() -> None:
    request, agreement, consent, case = _all_in_order()
    reasons = [
        decide(request, agreement, None, case, NOW),
        decide(request, None, consent, case, NOW),
        decide(request, agreement, consent, None, NOW),
        decide(request, agreement, consent, Case(case.id, case.kind, open=False), NOW),
        decide(request, agreement, consent, case, NOW + timedelta(days=2)),
    ]
    assert [answer.reason for answer in reasons if isinstance(answer, Deny)] == [
        "no-consent",
        "no-agreement",
        "no-case",
        "no-case",
        "no-agreement",
    ]


def test_a_consent_for_a_province_covers_its_counties_and_not_the_other_way_round() -> None:
    request, agreement, consent, case = _all_in_order()
    province = replace(consent, recipient_divisions=frozenset({"410000000000"}))
    assert isinstance(decide(request, agreement, province, case, NOW), Permit)
    village = replace(consent, recipient_divisions=frozenset({"410108001001"}))
    denied = decide(request, agreement, village, case, NOW)
    assert isinstance(denied, Deny)
    assert denied.reason == "no-consent"


def test_a_withdrawn_consent_says_so() -> None:
    request, agreement, consent, case = _all_in_order()
    denied = decide(request, agreement, replace(consent, withdrawn_at=NOW), case, NOW)
    assert isinstance(denied, Deny)
    assert denied.reason == "consent-withdrawn"


@given(st.booleans(), st.booleans(), st.sampled_from(sorted(KNOWN_KINDS)), st.integers(-2, 2))
def test_records_go_together_only_under_an_agreement_that_names_that(
    bulk: bool, case_required: bool, kind: str, days: int
) -> None:
    purpose = "continuity-of-care"
    begins, ends = NOW - timedelta(1), NOW + timedelta(1)
    agreement = Agreement(
        uuid4(), 1, 2, frozenset(KNOWN_KINDS), frozenset({purpose}), case_required, 15, begins, ends, bulk
    )
    asked = Request(kind, purpose, 1, 2, ("410108000000",))
    answer = decide_export(asked, agreement, NOW + timedelta(days))
    may = bulk and not case_required and kind not in v.SEALED_KINDS and -1 <= days < 1
    assert isinstance(answer, Permit) is may
