"""Each reason against a certificate is found, and has its own error."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import disclosures, sdjwt, tokens
from certs.encoding import b64url, dump_json, unb64url
from certs.errors import (
    AlgorithmRefused,
    BadSignature,
    CertsError,
    DuplicateDisclosure,
    Expired,
    HolderBindingInvalid,
    HolderBindingMissing,
    InvalidClaims,
    IssuerNotEntitled,
    KeyCompromised,
    KeyNotValid,
    MalformedPresentation,
    NonceRequired,
    NotYetValid,
    Replayed,
    Revoked,
    StatusListStale,
    StatusUnavailable,
    Superseded,
    Suspended,
    TrustListStale,
    UnknownIssuer,
    UnknownKey,
    UnknownKind,
    UnreferencedDisclosure,
    WrongAudience,
)
from certs.instants import seconds
from certs.keys import SigningKey
from certs.sdjwt_parts import KB_TYP, TYP, hash_of
from certs.status import Standing, Status, StatusRef
from certs.verification import Verified
from tests.unit.certs.world import (
    ALL_VALID,
    AUDIENCE,
    DAY,
    HOLDER,
    HUIJI,
    MARRIAGE,
    NONCE,
    NOW,
    REF,
    TRUST,
    H,
    Y,
    certificate,
    shown,
    status_list,
    trust_list,
    verified,
)

CREDENTIAL = certificate()
PRESENTATION = shown(CREDENTIAL)
UNBOUND = certificate(holder=None)
SECOND = timedelta(seconds=1)


def signed_part(change: Callable[[dict[str, Any]], None], *, typ: str = TYP, signer: SigningKey = Y.sig) -> str:
    """What yongkang would have signed had its software been wrong."""
    payload = json.loads(unb64url(UNBOUND.split("~")[0].split(".")[1]))
    change(payload)
    return tokens.sign(payload, typ=typ, signer=signer)


def with_header(**changes: Any) -> str:
    """The certificate with another header, signed accordingly."""
    payload = UNBOUND.split("~")[0].split(".")[1]
    header = {"alg": "ES256", "typ": TYP, "kid": Y.sig.kid} | changes
    signed = f"{b64url(dump_json({k: v for k, v in header.items() if v is not None}))}.{payload}"
    return f"{signed}.{b64url(Y.sig.sign(signed.encode()))}~"


def confirmed(
    presentation: str = PRESENTATION, *, signer: SigningKey = HOLDER, typ: str = KB_TYP, **changes: Any
) -> str:
    """The presentation with another confirmation."""
    front = presentation.rpartition("~")[0] + "~"
    usual = {"iat": seconds(NOW), "aud": AUDIENCE, "nonce": NONCE, "sd_hash": hash_of(front)}
    claims = {name: value for name, value in (usual | changes).items() if value is not None}
    return front + tokens.sign(claims, typ=typ, signer=signer, with_kid=False)


def test_a_certificate_that_counts() -> None:
    found = verified(PRESENTATION)
    assert found.kind == "marriage-certificate"
    assert (found.issuer, found.issuer_display) == ("yongkang", "永康市")
    assert found.claims == {
        "kind": "marriage",
        "authority_division": "330784000000",
        "party_a_name": "欧阳桂兰",
        "registered_on": "2024-05-20",
    }
    assert (found.issued_at, found.expires_at) == (NOW - 10 * DAY, NOW + 80 * DAY)
    assert (found.status, found.status_as_of) == (Status.VALID, NOW - timedelta(hours=1))
    assert found.holder_bound
    assert found.key_id == Y.sig.kid


@given(st.data())
def test_no_character_can_be_changed(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(PRESENTATION) - 1))
    alphabet = st.sampled_from("ABCxyz019-_.~").filter(lambda character: character != PRESENTATION[position])
    with pytest.raises(CertsError):
        verified(PRESENTATION[:position] + data.draw(alphabet) + PRESENTATION[position + 1 :])


@given(st.integers(0, len(PRESENTATION) - 1))
def test_nothing_can_be_cut_off(length: int) -> None:
    with pytest.raises(CertsError):
        verified(PRESENTATION[:length])


@pytest.mark.parametrize(
    ("name", "value"), [("exp", seconds(NOW + 900 * DAY)), ("kind", "divorce"), ("cnf", None), ("_sd", [])]
)
def test_an_edited_certificate_is_refused(name: str, value: object) -> None:
    head, payload, signature = PRESENTATION.split("~")[0].split(".")
    edited = json.loads(unb64url(payload)) | {name: value}
    edited = {key: item for key, item in edited.items() if item is not None}
    rest = PRESENTATION.partition("~")[2]
    with pytest.raises(BadSignature):
        verified(f"{head}.{b64url(dump_json(edited))}.{signature}~{rest}")


def test_an_edited_disclosure_is_refused() -> None:
    signed, first, *rest = UNBOUND.split("~")
    salt, name, _ = json.loads(unb64url(first))
    forged = b64url(dump_json([salt, name, "X330784-2024-999999"]))
    with pytest.raises(UnreferencedDisclosure):
        verified("~".join([signed, forged, *rest]))


def test_a_disclosure_of_another_certificate_is_refused() -> None:
    signed, *_ = UNBOUND.split("~")
    other = certificate(MARRIAGE | {"party_a_name": "别人"}, holder=None).split("~")[1]
    with pytest.raises(UnreferencedDisclosure):
        verified(f"{signed}~{other}~")


def test_a_disclosure_shown_twice_is_refused() -> None:
    signed, first, *_ = UNBOUND.split("~")
    with pytest.raises(DuplicateDisclosure):
        verified(f"{signed}~{first}~{first}~")


def test_time() -> None:
    assert verified(shown(CREDENTIAL, now=NOW), now=NOW).claims["kind"] == "marriage"
    expired = NOW + 80 * DAY
    with pytest.raises(Expired):
        verified(shown(CREDENTIAL, now=expired), trust=trust_list(issued_at=expired), now=expired)
    with pytest.raises(NotYetValid):
        verified(shown(certificate(iat=NOW + timedelta(minutes=6))))
    assert verified(shown(certificate(iat=NOW + timedelta(minutes=5)))).claims["kind"] == "marriage"


def test_an_expired_certificate_is_refused_to_the_second() -> None:
    with pytest.raises(Expired):
        verified(shown(certificate(exp=NOW)))
    assert verified(shown(certificate(exp=NOW + SECOND))).claims["kind"] == "marriage"


@pytest.mark.parametrize(
    ("status", "error"),
    [(Status.REVOKED, Revoked), (Status.SUSPENDED, Suspended), (Status.SUPERSEDED, Superseded)],
)
def test_a_certificate_taken_back_is_refused(status: Status, error: type[CertsError]) -> None:
    with pytest.raises(error):
        verified(PRESENTATION, status=status_list(status))
    assert verified(PRESENTATION, status=status_list(status, REF.index + 1)).claims["kind"] == "marriage"
    with pytest.raises(error):
        verified(PRESENTATION, status=lambda ref: Standing(status, NOW))


def test_without_a_status_there_is_no_yes() -> None:
    def unreachable(ref: StatusRef) -> Standing:
        raise StatusUnavailable

    with pytest.raises(StatusUnavailable):
        verified(PRESENTATION, status=unreachable)
    with pytest.raises(StatusUnavailable):
        verified(shown(certificate(status=StatusRef("https://hub.example/status/2", 1))))
    with pytest.raises(StatusListStale):
        verified(shown(CREDENTIAL, now=NOW + 0.6 * DAY), now=NOW + 0.6 * DAY)


def test_the_look_up_is_asked_about_this_certificate() -> None:
    asked: list[StatusRef] = []

    def look_up(ref: StatusRef) -> Standing:
        asked.append(ref)
        return Standing(Status.VALID, NOW)

    assert verified(PRESENTATION, status=look_up).status_as_of == NOW
    assert asked == [REF]


def test_somebody_who_is_not_on_the_list_is_refused() -> None:
    stranger = SigningKey.generate()
    with pytest.raises(UnknownIssuer):
        verified(shown(certificate(signer=stranger)))
    with pytest.raises(UnknownIssuer):
        verified(PRESENTATION, trust=trust_list(H.member()))


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


def test_the_holder_must_confirm() -> None:
    with pytest.raises(HolderBindingMissing):
        verified(PRESENTATION.rpartition("~")[0] + "~")
    with pytest.raises(HolderBindingMissing):
        verified(CREDENTIAL)


def test_a_bound_certificate_needs_a_question() -> None:
    for missing in ("nonce", "audience"):
        with pytest.raises(NonceRequired):
            verified(PRESENTATION, **{missing: None})  # type: ignore[arg-type]


def test_a_confirmation_for_another_question_is_a_replay() -> None:
    with pytest.raises(Replayed):
        verified(PRESENTATION, nonce="n-4f1e")
    with pytest.raises(Replayed):
        verified(confirmed(nonce=["n-4f1d"]))
    with pytest.raises(Replayed):
        verified(confirmed(nonce=None))


@pytest.mark.parametrize("seconds_off", [-301, 301])
def test_an_old_or_future_confirmation_is_a_replay(seconds_off: int) -> None:
    with pytest.raises(Replayed):
        verified(confirmed(iat=seconds(NOW) + seconds_off))
    assert verified(confirmed(iat=seconds(NOW) + seconds_off - seconds_off // 301)).claims["kind"] == "marriage"


def test_a_confirmation_for_another_office_is_refused() -> None:
    with pytest.raises(WrongAudience):
        verified(PRESENTATION, audience="https://another.example")
    with pytest.raises(WrongAudience):
        verified(confirmed(aud=[AUDIENCE]))


def test_more_or_less_cannot_be_shown_than_was_confirmed() -> None:
    signed, *parts, confirmation = PRESENTATION.split("~")
    with pytest.raises(HolderBindingInvalid):
        verified("~".join([signed, parts[0], confirmation]))
    extra = next(part for part in CREDENTIAL.split("~")[1:-1] if part not in parts)
    with pytest.raises(HolderBindingInvalid):
        verified("~".join([signed, *parts, extra, confirmation]))
    with pytest.raises(HolderBindingInvalid):
        verified("~".join([signed, *parts[::-1], confirmation]))


def test_a_confirmation_is_not_moved_to_another_certificate() -> None:
    twin = shown(certificate())
    with pytest.raises(HolderBindingInvalid):
        verified(twin.rpartition("~")[0] + "~" + PRESENTATION.rpartition("~")[2])


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": SigningKey.generate()},
        {"signer": Y.sig},
        {"typ": "JWT"},
        {"typ": TYP},
        {"sd_hash": None},
        {"sd_hash": "AAAA"},
        {"iat": None},
        {"iat": "now"},
    ],
)
def test_a_confirmation_by_somebody_else_or_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HolderBindingInvalid):
        verified(confirmed(**changes))


def test_the_holders_public_key_is_no_hmac_secret() -> None:
    front = PRESENTATION.rpartition("~")[0] + "~"
    claims = {"iat": seconds(NOW), "aud": AUDIENCE, "nonce": NONCE, "sd_hash": hash_of(front)}
    for alg in ("HS256", "none"):
        signed = f"{b64url(dump_json({'alg': alg, 'typ': KB_TYP}))}.{b64url(dump_json(claims))}"
        mac = hmac.new(HOLDER.public.subject_public_key_info(), signed.encode(), hashlib.sha256).digest()
        with pytest.raises(AlgorithmRefused):
            verified(f"{front}{signed}.{b64url(mac if alg == 'HS256' else b'')}")


def test_a_certificate_without_a_holder_key_takes_no_confirmation() -> None:
    with pytest.raises(MalformedPresentation):
        verified(confirmed(shown(UNBOUND)))


def test_a_holder_key_nobody_can_use_is_refused() -> None:
    part = signed_part(lambda payload: payload.update(cnf={"jwk": {"kty": "oct", "k": "AAAA"}}))
    with pytest.raises(HolderBindingInvalid):
        verified(confirmed(part + "~"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"alg": "none"}, AlgorithmRefused),
        ({"alg": "HS256"}, AlgorithmRefused),
        ({"alg": "ES384"}, AlgorithmRefused),
        ({"typ": "JWT"}, MalformedPresentation),
        ({"typ": "vc+sd-jwt"}, MalformedPresentation),
        ({"typ": KB_TYP}, MalformedPresentation),
        ({"kid": None}, MalformedPresentation),
        ({"kid": H.sig.kid}, UnknownKey),
        ({"kid": "unknown"}, UnknownIssuer),
        ({"jwk": {}}, MalformedPresentation),
        ({"crit": ["x"], "x": 1}, MalformedPresentation),
    ],
)
def test_the_header_decides_nothing(changes: dict[str, Any], error: type[CertsError]) -> None:
    with pytest.raises(error):
        verified(with_header(**changes))


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.pop("_sd_alg"),
        lambda payload: payload.update(_sd_alg="sha-512"),
        lambda payload: payload.pop("status"),
        lambda payload: payload.update(status={"status_list": {"idx": -1, "uri": "x"}}),
        lambda payload: payload.update(status={"status_list": {"idx": True, "uri": "x"}}),
        lambda payload: payload.update(status={"status_list": {"idx": 1, "uri": "x" * 501}}),
        lambda payload: payload.pop("iat"),
        lambda payload: payload.pop("exp"),
        lambda payload: payload.update(exp="never"),
        lambda payload: payload.update(iat=1.5),
        lambda payload: payload.update(iss=["yongkang"]),
        lambda payload: payload.update(cnf={}),
        lambda payload: payload.update(cnf={"jwk": {}, "kid": "x"}),
        lambda payload: payload.update(_sd={}),
        lambda payload: payload.pop("kind"),
        lambda payload: payload.pop("authority_division"),
    ],
)
def test_a_certificate_out_of_profile_is_refused_even_if_signed(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(MalformedPresentation):
        verified(signed_part(change) + "~")


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.update(nbf=0),
        lambda payload: payload.update(in_plan=False),
        lambda payload: payload.update(kind="wedding"),
        lambda payload: payload.update(authority={"name": "x"}),
    ],
)
def test_claims_the_kind_does_not_allow_are_refused_even_if_signed(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(InvalidClaims):
        verified(signed_part(change) + "~")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownKind):
        verified(signed_part(lambda payload: payload.update(vct="urn:lianqiao:vct:marriage-certificate:2")) + "~")


@pytest.mark.parametrize("name", ["cnf", "nbf"])
def test_what_concerns_the_certificate_is_never_disclosed(name: str) -> None:
    hidden = disclosures.make(name, 0)
    part = signed_part(lambda payload: payload.update(_sd=[hidden.digest]))
    with pytest.raises((MalformedPresentation, InvalidClaims)):
        verified(f"{part}~{hidden.encoded}~")


def test_the_division_is_checked_in_what_was_signed_not_in_what_was_disclosed() -> None:
    hidden = disclosures.make("authority_division", "330784000000")

    def hide(payload: dict[str, Any]) -> None:
        payload.pop("authority_division")
        payload["_sd"].append(hidden.digest)

    found = verified(f"{signed_part(hide)}~{hidden.encoded}~")
    assert found.claims["authority_division"] == "330784000000"
    with pytest.raises(MalformedPresentation):
        verified(signed_part(hide) + "~")


def test_errors_say_nothing_of_the_person() -> None:
    with pytest.raises(IssuerNotEntitled) as caught:
        verified(shown(certificate(MARRIAGE | {"authority_division": HUIJI}), list(MARRIAGE)))
    assert not any(str(MARRIAGE[name]) in str(caught.value) for name in ("party_a_name", "party_a_id_number", "number"))


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
