"""Issuing and showing: what the holder selects is visible, nothing else is, and two certificates have nothing in common."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import sdjwt
from certs.disclosures import parse as parse_disclosure
from certs.encoding import unb64url
from certs.errors import (
    ClaimNotPresent,
    HolderBindingInvalid,
    HolderBindingMissing,
    InvalidClaims,
    MalformedKey,
    MalformedPresentation,
    NonceRequired,
    TooLarge,
    UnknownKind,
)
from certs.keys import SigningKey
from certs.kinds import birth, marriage
from certs.status import StatusRef
from tests.unit.certs.world import BIRTH, HOLDER, MARRIAGE, NOW, REF, STATUS_URI, Y, bare, certificate, shown, verified

ALWAYS = {"kind": "marriage", "authority_division": "330784000000"}
SELECTABLE = sorted(set(MARRIAGE) - set(ALWAYS))
CREDENTIAL = certificate()
UNBOUND = certificate(holder=None)
OF_BIRTH = certificate(BIRTH)


def payload_of(credential: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unb64url(credential.split("~", maxsplit=1)[0].split(".")[1]))
    return found


def values_of(part: Any) -> set[str]:
    """Each value anywhere in ``part``, as text."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        return {value for inner in part for value in values_of(inner)}
    return {str(part)}


@given(st.sets(st.sampled_from(SELECTABLE)))
def test_any_selection_shows_just_that(select: set[str]) -> None:
    presentation = shown(CREDENTIAL, select)
    found = verified(presentation)
    assert found.claims == ALWAYS | {name: MARRIAGE[name] for name in select}
    plain = [parse_disclosure(part) for part in presentation.split("~")[1:-1]]
    assert {disclosure.name for disclosure in plain} == select
    open_values = values_of(payload_of(presentation))
    for name in set(SELECTABLE) - select - {"holder"}:
        # Compared whole: a short code stands by chance within a digest sooner or later.
        assert str(MARRIAGE[name]) not in open_values


@given(st.sets(st.sampled_from(sorted(set(BIRTH) - {"authority_division"}))))
def test_any_selection_of_a_birth_certificate_too(select: set[str]) -> None:
    found = verified(shown(OF_BIRTH, select))
    assert found.claims == {"authority_division": BIRTH["authority_division"]} | {name: BIRTH[name] for name in select}


def test_the_open_part_says_nothing_of_the_person() -> None:
    payload = payload_of(CREDENTIAL)
    assert set(payload) == {"iss", "vct", "iat", "exp", "status", "cnf", "_sd", "_sd_alg", *ALWAYS}
    assert payload["status"] == {"status_list": {"idx": REF.index, "uri": STATUS_URI}}
    assert payload["cnf"] == {"jwk": bare(HOLDER)}
    header = json.loads(unb64url(CREDENTIAL.split(".")[0]))
    assert header == {"alg": "ES256", "kid": Y.sig.kid, "typ": "dc+sd-jwt"}


def test_a_father_who_is_not_named_leaves_no_trace() -> None:
    father = {"father_name": "吾买尔·热合曼", "father_id_number": "410108199411030016"}
    without, with_father = certificate(BIRTH), certificate(BIRTH | father)
    assert len(payload_of(without)["_sd"]) == len(payload_of(with_father)["_sd"]) == len(birth.KIND.claims) - 1
    assert payload_of(without)["_sd"] == sorted(payload_of(without)["_sd"])


def test_blank_items_are_left_out() -> None:
    found = verified(
        shown(certificate(MARRIAGE | {"registrar": None, "holder": ""}), set(SELECTABLE) - {"registrar", "holder"})
    )
    assert "registrar" not in found.claims
    with pytest.raises(ClaimNotPresent):
        shown(certificate(MARRIAGE | {"registrar": None}), ["registrar"])


def test_the_issuer_can_keep_more_in_the_open() -> None:
    found = verified(shown(certificate(always={"number"}), []))
    assert found.claims == ALWAYS | {"number": MARRIAGE["number"]}
    with pytest.raises(InvalidClaims, match="photo"):
        certificate(always={"photo"})


@pytest.mark.parametrize("name", ["iss", "exp", "cnf", "status", "_sd", "_sd_alg", "...", "vct", "holder_key", "nbf"])
def test_no_claim_takes_the_place_of_the_certificates_own(name: str) -> None:
    with pytest.raises(InvalidClaims):
        certificate(MARRIAGE | {name: "x"})


def test_what_cannot_be_issued() -> None:
    with pytest.raises(UnknownKind):
        certificate(vct="urn:lianqiao:vct:licence:1")
    with pytest.raises(InvalidClaims):
        certificate(vct=birth.VCT)
    with pytest.raises(InvalidClaims, match="expires"):
        certificate(exp=NOW - 20 * (NOW - NOW.replace(day=14)))
    with pytest.raises(MalformedKey):
        certificate(holder=HOLDER.to_jwk())
    with pytest.raises(MalformedKey):
        certificate(holder={"kty": "RSA"})
    with pytest.raises(ValueError, match="zone"):
        certificate(iat=NOW.replace(tzinfo=None))


def test_what_cannot_be_shown() -> None:
    with pytest.raises(ClaimNotPresent, match="photo"):
        shown(CREDENTIAL, ["party_a_name", "photo"])
    with pytest.raises(HolderBindingMissing):
        shown(CREDENTIAL, holder_key=None)
    with pytest.raises(HolderBindingInvalid):
        shown(CREDENTIAL, holder_key=SigningKey.generate())
    for missing in ("nonce", "audience"):
        with pytest.raises(NonceRequired):
            shown(CREDENTIAL, **{missing: None})


def test_an_unbound_certificate_is_shown_without_a_key() -> None:
    presentation = shown(UNBOUND, ["party_a_name"], holder_key=None, nonce=None, audience=None)
    assert presentation.endswith("~")
    assert not verified(presentation, nonce=None, audience=None).holder_bound
    assert verified(shown(CREDENTIAL)).holder_bound


def test_always_visible_claims_may_be_selected() -> None:
    assert verified(shown(CREDENTIAL, ["kind"])).claims == ALWAYS


def batch(**changes: Any) -> list[str]:
    arguments: dict[str, Any] = {
        "vct": marriage.VCT,
        "issuer": Y.name,
        "signer": Y.sig,
        "iat": NOW,
        "exp": NOW + (NOW - NOW.replace(day=1)),
        "statuses": [StatusRef(STATUS_URI, index) for index in (11, 4001, 77)],
        "holders": [HOLDER.public.to_jwk(), *(SigningKey.generate().public.to_jwk() for _ in range(2))],
    }
    return sdjwt.issue_batch(MARRIAGE, **arguments | changes)


def test_nothing_links_two_certificates_of_a_batch() -> None:
    parts = []
    for credential in batch():
        signed, *disclosed, _ = credential.split("~")
        payload = payload_of(credential)
        salts = {json.loads(unb64url(part))[0] for part in disclosed}
        parts.append(
            {signed.split(".")[2], json.dumps(payload["cnf"]), json.dumps(payload["status"])}
            | set(payload["_sd"])
            | set(disclosed)
            | salts
        )
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_each_certificate_of_a_batch_counts() -> None:
    assert verified(shown(batch()[0])).claims["party_a_name"] == MARRIAGE["party_a_name"]


def test_a_batch_does_not_repeat_itself() -> None:
    same = HOLDER.public.to_jwk()
    for changes in (
        {"holders": [same, same, bare(SigningKey.generate())]},
        {"holders": [same, bare(HOLDER), bare(SigningKey.generate())]},
        {"statuses": [REF, REF, StatusRef(STATUS_URI, 1)]},
        {"statuses": [REF]},
    ):
        with pytest.raises(InvalidClaims):
            batch(**changes)
    assert len(batch(holders=[None] * 3)) == 3


def test_the_digest_is_that_of_the_certificate_whatever_is_shown() -> None:
    digests = {sdjwt.parse(text).digest for text in (CREDENTIAL, shown(CREDENTIAL), shown(CREDENTIAL, ["number"]))}
    assert len(digests) == 1
    assert verified(shown(CREDENTIAL)).digest in digests
    assert sdjwt.parse(UNBOUND).digest not in digests


def test_what_can_be_read_before_verifying() -> None:
    parsed = sdjwt.parse(shown(CREDENTIAL))
    assert (parsed.issuer, parsed.vct, parsed.status) == (Y.name, marriage.VCT, REF)
    assert parsed.holder == bare(HOLDER)


@pytest.mark.parametrize("text", ["", "~", "~~", "a~", "a.b.c~", "中文~", CREDENTIAL.split("~")[0], CREDENTIAL + "é"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(MalformedPresentation):
        sdjwt.parse(text)


def test_a_very_long_one_is_refused() -> None:
    with pytest.raises(TooLarge):
        sdjwt.parse(CREDENTIAL + "A" * 70_000)
