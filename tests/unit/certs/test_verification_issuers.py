"""Who may have signed a certificate, and what its issuer delivers: each reason against it has its own error."""

from dataclasses import replace
from typing import Any

import pytest

from certs import sdjwt
from certs.encoding import b64url
from certs.errors import (
    BadSignature,
    Expired,
    IssuerNotEntitled,
    KeyCompromised,
    KeyNotValid,
    MalformedPresentation,
    Revoked,
    Superseded,
    Suspended,
    TrustListStale,
    UnknownIssuer,
    UnknownKey,
)
from certs.status import Status
from certs.verification import Verified
from tests.unit.certs.presentations import CREDENTIAL, PRESENTATION, UNBOUND
from tests.unit.certs.world import (
    ALL_VALID,
    DAY,
    HUIJI,
    MARRIAGE,
    NOW,
    TRUST,
    H,
    Y,
    certificate,
    shown,
    status_list,
    trust_list,
    verified,
)


def test_one_member_cannot_sign_as_another() -> None:
    with pytest.raises(UnknownKey):
        verified(shown(certificate(signer=H.sig)))
    with pytest.raises(UnknownKey):
        verified(shown(certificate(issuer="jinjiang")))


def test_a_key_of_the_right_name_but_another_signature_is_refused() -> None:
    head, payload, _ = UNBOUND.split("~")[0].split(".")
    signature = b64url(H.sig.sign(f"{head}.{payload}".encode()))
    with pytest.raises(BadSignature):
        verified(f"{head}.{payload}.{signature}~")


def test_a_member_signs_only_for_its_own_divisions() -> None:
    with pytest.raises(IssuerNotEntitled):
        verified(shown(certificate(MARRIAGE | {"authority_division": HUIJI})))
    assert verified(shown(certificate(MARRIAGE | {"authority_division": "330784001000"}))).claims["kind"] == "marriage"


def test_a_member_signs_only_the_kinds_listed_for_its_key() -> None:
    only_births = trust_list(Y.member(types=frozenset({"birth-certificate"})), H.member())
    with pytest.raises(IssuerNotEntitled):
        verified(PRESENTATION, trust=only_births)


def test_a_key_counts_in_its_time_only() -> None:
    with pytest.raises(KeyNotValid):
        verified(PRESENTATION, trust=trust_list(Y.member(naf=NOW - 11 * DAY)))
    with pytest.raises(KeyNotValid):
        verified(shown(certificate(iat=NOW - 400 * DAY)))
    assert verified(PRESENTATION, trust=trust_list(Y.member(naf=NOW - 9 * DAY))).claims["kind"] == "marriage"


def test_a_stolen_key_cannot_date_back() -> None:
    stolen_at = NOW - 20 * DAY
    found = trust_list(Y.member(compromised_at=stolen_at))
    backdated = shown(certificate(iat=NOW - 200 * DAY))
    for logged_at in (None, NOW - 19 * DAY):
        with pytest.raises(KeyCompromised):
            verified(backdated, trust=found, logged_at=logged_at)
    assert verified(backdated, trust=found, logged_at=NOW - 199 * DAY).claims["kind"] == "marriage"


def test_a_frozen_trust_list_verifies_nothing() -> None:
    with pytest.raises(TrustListStale):
        verified(PRESENTATION, now=TRUST.next_update)


def test_the_trust_list_names_the_issuer() -> None:
    renamed = trust_list(replace(Y.member(), display="永康"), version=8)
    assert verified(PRESENTATION, trust=renamed).issuer_display == "永康"


def issued(credential: str, **changes: Any) -> Verified:
    arguments: dict[str, Any] = {"trust": TRUST, "status": ALL_VALID, "now": NOW}
    return sdjwt.verify_issued(credential, **arguments | changes)


def test_a_certificate_delivered_by_its_issuer_is_read_whole() -> None:
    for credential in (CREDENTIAL, UNBOUND):
        found = issued(credential)
        assert found.claims == MARRIAGE
        assert not found.holder_bound


def test_a_delivered_certificate_is_checked_like_any_other() -> None:
    for status, error in ((Status.REVOKED, Revoked), (Status.SUSPENDED, Suspended), (Status.SUPERSEDED, Superseded)):
        with pytest.raises(error):
            issued(CREDENTIAL, status=status_list(status))
    with pytest.raises(UnknownIssuer):
        issued(CREDENTIAL, trust=trust_list(H.member()))
    with pytest.raises(Expired):
        issued(certificate(exp=NOW))
    with pytest.raises(TrustListStale):
        issued(CREDENTIAL, now=TRUST.next_update)
    with pytest.raises(KeyCompromised):
        issued(CREDENTIAL, trust=trust_list(Y.member(compromised_at=NOW - DAY)))
    with pytest.raises(IssuerNotEntitled):
        issued(certificate(MARRIAGE | {"authority_division": HUIJI}))


def test_what_a_holder_showed_is_not_what_an_issuer_delivers() -> None:
    with pytest.raises(MalformedPresentation):
        issued(PRESENTATION)
