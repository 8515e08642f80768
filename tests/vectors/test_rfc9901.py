"""The examples of RFC 9901: our reading of an SD-JWT and of a key binding gives what the standard prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from certs import disclosures, tokens
from certs.errors import BadSignature, DuplicateDisclosure, UnreferencedDisclosure
from certs.keys import VerifyKey
from certs.sdjwt_parts import KB_TYP, hash_of

VECTORS = json.loads((Path(__file__).parent / "rfc9901.json").read_text(encoding="utf-8"))
ISSUER = VerifyKey.from_jwk(VECTORS["issuer_key"])
TYP = "example+sd-jwt"
CASES = [pytest.param(case, id=case["name"]) for case in VECTORS["cases"]]
ALL_DISCLOSED = VECTORS["cases"][0]["presentation"]


def reveal(presentation: str) -> dict[str, Any]:
    signed, *parts, _ = presentation.split("~")
    payload = tokens.verify(signed, ISSUER, typ=TYP)
    return disclosures.reveal(payload, [disclosures.parse(part) for part in parts])


@pytest.mark.parametrize("case", CASES)
def test_the_processed_payload_is_the_printed_one(case: dict[str, Any]) -> None:
    assert reveal(case["presentation"]) == case["claims"]


@pytest.mark.parametrize("case", [case for case in VECTORS["cases"] if "nonce" in case], ids=lambda case: case["name"])
def test_the_key_binding_is_the_printed_one(case: dict[str, Any]) -> None:
    front, _, confirmation = case["presentation"].rpartition("~")
    holder = VerifyKey.from_jwk(case["claims"]["cnf"]["jwk"])
    assert tokens.verify(confirmation, holder, typ=KB_TYP) == {
        "nonce": case["nonce"],
        "aud": case["audience"],
        "iat": case["confirmed_at"],
        "sd_hash": hash_of(front + "~"),
    }


def test_a_disclosure_the_issuer_never_signed_is_refused() -> None:
    with pytest.raises(UnreferencedDisclosure):
        reveal(f"{ALL_DISCLOSED}{VECTORS['unreferenced']}~")


def test_a_disclosure_given_twice_is_refused() -> None:
    first = ALL_DISCLOSED.split("~")[1]
    with pytest.raises(DuplicateDisclosure):
        reveal(f"{ALL_DISCLOSED}{first}~")


def test_a_changed_signature_is_refused() -> None:
    with pytest.raises(BadSignature):
        reveal(ALL_DISCLOSED.replace(".MczwjBFGtzf", ".XczwjBFGtzf", 1))
