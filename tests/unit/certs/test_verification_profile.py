"""What no certificate may say is refused, signed or not: each reason has its own error."""

from collections.abc import Callable
from typing import Any

import pytest

from certs import disclosures
from certs.errors import (
    AlgorithmRefused,
    CertsError,
    InvalidClaims,
    MalformedPresentation,
    UnknownIssuer,
    UnknownKey,
    UnknownKind,
)
from certs.sdjwt_parts import KB_TYP
from tests.unit.certs.presentations import signed_part, with_header
from tests.unit.certs.world import (
    H,
    verified,
)


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
