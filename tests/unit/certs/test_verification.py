"""A certificate counts as it was issued, in its time and by its status; each reason against it has its own error."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.encoding import b64url, dump_json, unb64url
from certs.errors import (
    BadSignature,
    CertsError,
    DuplicateDisclosure,
    Expired,
    IssuerNotEntitled,
    NotYetValid,
    Revoked,
    StatusListStale,
    StatusUnavailable,
    Superseded,
    Suspended,
    UnknownIssuer,
    UnreferencedDisclosure,
)
from certs.instants import seconds
from certs.keys import SigningKey
from certs.status import Standing, Status, StatusRef
from tests.unit.certs.presentations import CREDENTIAL, PRESENTATION, UNBOUND
from tests.unit.certs.world import (
    DAY,
    HUIJI,
    MARRIAGE,
    NOW,
    REF,
    H,
    Y,
    certificate,
    shown,
    status_list,
    trust_list,
    verified,
)

SECOND = timedelta(seconds=1)


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


def test_errors_say_nothing_of_the_person() -> None:
    with pytest.raises(IssuerNotEntitled) as caught:
        verified(shown(certificate(MARRIAGE | {"authority_division": HUIJI}), list(MARRIAGE)))
    assert not any(str(MARRIAGE[name]) in str(caught.value) for name in ("party_a_name", "party_a_id_number", "number"))
