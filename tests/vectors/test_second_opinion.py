"""The `sd-jwt` package as a second opinion: it reads what we show, we read what it shows, and we refuse what it lets pass."""

import json
from datetime import timedelta
from typing import Any

import pytest
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from certs.errors import Expired, Replayed, UnreferencedDisclosure
from certs.instants import seconds
from certs.kinds import marriage
from certs.suites import Jwk
from tests.unit.certs.world import (
    AUDIENCE,
    DAY,
    HOLDER,
    MARRIAGE,
    NONCE,
    NOW,
    REF,
    Y,
    bare,
    certificate,
    shown,
    verified,
)

ALWAYS = ("kind", "authority_division")


def theirs(jwk: Jwk) -> JWK:
    return JWK.from_json(json.dumps({name: jwk[name] for name in ("kty", "crv", "x", "y", "d") if name in jwk}))


def their_verdict(presentation: str, *, bound: bool = True) -> dict[str, Any]:
    asked = {"expected_aud": AUDIENCE, "expected_nonce": NONCE} if bound else {}
    verifier = SDJWTVerifier(presentation, lambda issuer, header: theirs(Y.sig.public.to_jwk()), **asked)
    payload: dict[str, Any] = verifier.get_verified_payload()
    return payload


def their_certificate(**changes: Any) -> str:
    payload = {(name if name in ALWAYS else SDObj(name)): value for name, value in MARRIAGE.items()} | {
        "iss": Y.name,
        "vct": marriage.VCT,
        "iat": seconds(NOW - 10 * DAY),
        "exp": seconds(NOW + 80 * DAY),
        "status": {"status_list": {"idx": REF.index, "uri": REF.uri}},
    }
    issuer = SDJWTIssuer(
        payload | changes,
        theirs(Y.sig.to_jwk()),
        theirs(HOLDER.public.to_jwk()),
        add_decoy_claims=True,
        extra_header_parameters={"typ": "dc+sd-jwt", "kid": Y.sig.kid},
    )
    credential: str = issuer.sd_jwt_issuance
    return credential


@pytest.mark.parametrize(
    "select", [[], ["number"], ["party_a_name", "party_b_name"], sorted(set(MARRIAGE) - set(ALWAYS))]
)
def test_it_reads_what_we_show(select: list[str]) -> None:
    claims = their_verdict(shown(certificate(), select))
    assert {name: claims[name] for name in claims if name in MARRIAGE} == {
        name: MARRIAGE[name] for name in (*select, *ALWAYS)
    }
    assert claims["cnf"] == {"jwk": bare(HOLDER)}


@pytest.mark.parametrize("select", [[], ["number"], ["party_a_name", "party_b_name"]])
def test_we_read_what_it_issues(select: list[str]) -> None:
    found = verified(shown(their_certificate(), select))
    assert found.claims == {name: MARRIAGE[name] for name in (*select, *ALWAYS)}


def test_it_shows_what_we_issue() -> None:
    holder = SDJWTHolder(certificate())
    holder.create_presentation({"number": True}, NONCE, AUDIENCE, theirs(HOLDER.to_jwk()))
    # It takes the time of its own clock, which is not the one of these tests.
    with pytest.raises(Replayed, match="old"):
        verified(holder.sd_jwt_presentation)
    assert their_verdict(holder.sd_jwt_presentation)["number"] == MARRIAGE["number"]


def test_it_accepts_an_expired_certificate_and_we_do_not() -> None:
    expired = their_certificate(exp=seconds(NOW - timedelta(seconds=1)))
    assert their_verdict(shown(expired, []))["kind"] == "marriage"
    with pytest.raises(Expired):
        verified(shown(expired, []))


def test_it_accepts_a_disclosure_nobody_signed_and_we_do_not() -> None:
    unbound = certificate(holder=None)
    signed = unbound.split("~")[0]
    foreign = certificate(MARRIAGE | {"party_a_name": "别人"}, holder=None).split("~")[1]
    assert "number" not in their_verdict(f"{signed}~{foreign}~", bound=False)
    with pytest.raises(UnreferencedDisclosure):
        verified(f"{signed}~{foreign}~")
