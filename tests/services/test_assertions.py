"""Client assertions: the key decides the algorithm, and every claim that bounds an assertion is checked."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from certs.encoding import b64url
from certs.keys import SigningKey
from hub.errors import HubError, Invalid, Unauthenticated
from hub.services import assertions
from hub.storage.members import MemberKey

AUDIENCE = "http://hub.test/auth/token"
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def registered(jwk: dict[str, Any], **changes: Any) -> MemberKey:
    kid, public = assertions.read_key(jwk)
    fields: dict[str, Any] = {
        "kid": kid,
        "member_id": 1,
        "use": "auth",
        "suite": "es256",
        "types": (),
        "jwk": public,
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=1),
        "compromised_at": None,
    }
    return MemberKey(**(fields | changes))


def claims(**changes: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    made = {"iss": "yongkang", "sub": "yongkang", "aud": AUDIENCE, "jti": "0123456789", "iat": at, "exp": at + 240}
    return {name: value for name, value in (made | changes).items() if value is not None}


def signed(key: ECKey, body: dict[str, Any], **header: Any) -> str:
    alg = {"P-256": "ES256", "P-384": "ES384"}[str(key.curve_name)]
    head = {"alg": alg, "typ": "JWT", "kid": key.thumbprint()} | header
    return jws.serialize_compact(head, json.dumps(body), key, algorithms=["ES256", "ES384"])


@pytest.fixture(params=["P-256", "P-384"])
def key(request: pytest.FixtureRequest) -> ECKey:
    return ECKey.generate_key(request.param)


def refused(assertion: str, keys: list[MemberKey]) -> str:
    with pytest.raises(Unauthenticated) as caught:
        assertions.verify(assertion, keys, AUDIENCE, NOW)
    return caught.value.code


def test_both_curves_verify_under_their_own_algorithm(key: ECKey) -> None:
    found = assertions.verify(signed(key, claims()), [registered(key.as_dict(private=False))], AUDIENCE, NOW)
    assert (found.id, found.key_id) == ("0123456789", key.thumbprint())
    assert found.forget_at > NOW + timedelta(seconds=240)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "http://hub.test"}, "wrong-audience"),
        ({"aud": [AUDIENCE, "http://elsewhere.test"]}, "wrong-audience"),
        ({"aud": None}, "wrong-audience"),
        ({"exp": None}, "expired"),
        ({"exp": int(NOW.timestamp()) - 61}, "expired"),
        ({"exp": int(NOW.timestamp()) + 361}, "too-long-lived"),
        ({"exp": "soon"}, "malformed-assertion"),
        ({"exp": 1e300}, "malformed-assertion"),
        ({"iat": int(NOW.timestamp()) + 120}, "not-yet-valid"),
        ({"nbf": int(NOW.timestamp()) + 120}, "not-yet-valid"),
        ({"jti": None}, "malformed-assertion"),
        ({"jti": "short"}, "malformed-assertion"),
        ({"jti": "x" * 256}, "malformed-assertion"),
        ({"jti": 12345678}, "malformed-assertion"),
    ],
)
def test_each_bound_of_an_assertion_is_kept(changes: dict[str, Any], code: str) -> None:
    key = ECKey.generate_key("P-256")
    assert refused(signed(key, claims(**changes)), [registered(key.as_dict(private=False))]) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "sig"},
        {"compromised_at": NOW - timedelta(hours=1)},
        {"not_after": NOW},
        {"not_before": NOW + timedelta(seconds=1)},
    ],
)
def test_a_key_that_may_not_sign_in_is_as_good_as_none(changes: dict[str, Any]) -> None:
    key = ECKey.generate_key("P-256")
    assert refused(signed(key, claims()), [registered(key.as_dict(private=False), **changes)]) == "invalid-client"
    assert refused(signed(key, claims()), []) == "invalid-client"


def test_another_key_under_a_known_name_is_refused() -> None:
    mine, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    forged = signed(other, claims(), kid=mine.thumbprint())
    assert refused(forged, [registered(mine.as_dict(private=False))]) == "invalid-client"


def test_the_header_does_not_choose_the_algorithm() -> None:
    key = ECKey.generate_key("P-256")
    public = key.as_dict(private=False)
    payload = b64url(json.dumps(claims()).encode())

    def with_header(alg: str, signature: bytes) -> str:
        head = b64url(json.dumps({"alg": alg, "typ": "JWT", "kid": key.thumbprint()}).encode())
        if alg == "HS256":
            signature = hmac.digest(json.dumps(public).encode(), f"{head}.{payload}".encode(), hashlib.sha256)
        return f"{head}.{payload}.{b64url(signature)}"

    for alg in ("none", "HS256", "ES384", "RS256"):
        assert refused(with_header(alg, b"\x01" * 64), [registered(public)]) == "algorithm-refused"


@pytest.mark.parametrize("header", [{"typ": "lianqiao-receipt+jwt"}, {"crit": ["exp"]}, {"kid": 7}])
def test_other_kinds_of_tokens_do_not_pass(header: dict[str, Any]) -> None:
    key = SigningKey.generate()
    head = b64url(json.dumps({"alg": "ES256", "typ": "JWT", "kid": key.kid} | header).encode())
    body = b64url(json.dumps(claims()).encode())
    token = f"{head}.{body}.{b64url(key.sign(f'{head}.{body}'.encode()))}"
    assert refused(token, [registered(key.public.to_jwk())]) == "malformed-assertion"


def test_an_edited_claim_breaks_the_signature() -> None:
    key = ECKey.generate_key("P-256")
    head, body, signature = signed(key, claims()).split(".")
    edited = b64url(base64.urlsafe_b64decode(body + "==").replace(b"0123456789", b"9876543210"))
    assert refused(f"{head}.{edited}.{signature}", [registered(key.as_dict(private=False))]) == "invalid-client"


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "." * 9000, "e30.e30.e30", "e30.W10.e30"])
def test_what_is_no_assertion_is_refused_before_anything_is_looked_up(text: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        assertions.issuer_of(text)
    assert caught.value.code == "malformed-assertion"


def test_names_that_differ_are_refused() -> None:
    with pytest.raises(HubError, match="iss and sub"):
        assertions.issuer_of(signed(ECKey.generate_key("P-256"), claims(sub="huiji")))


@pytest.mark.parametrize(
    "jwk",
    [
        ECKey.generate_key("P-256").as_dict(private=True),
        ECKey.generate_key("P-521").as_dict(private=False),
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        ECKey.generate_key("P-256").as_dict(private=False) | {"kid": "another"},
    ],
)
def test_only_public_keys_on_the_two_curves_are_taken_up(jwk: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        assertions.read_key(jwk)
