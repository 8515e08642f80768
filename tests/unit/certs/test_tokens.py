"""A token is believed only with the right key, the key's own algorithm and the expected type."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import tokens
from certs.encoding import b64url, unb64url
from certs.errors import AlgorithmRefused, BadSignature, CertsError, MalformedToken, UnknownKey
from certs.keys import SigningKey

KEY = SigningKey.generate()
TYP = "receipt+jwt"
TOKEN = tokens.sign({"a": 1}, typ=TYP, signer=KEY)


def forged(header: dict[str, Any], payload: bytes = b'{"a":1}', signature: bytes | None = None) -> str:
    """A token with any header, signed with KEY unless a signature is given."""
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(payload)}"
    return f"{signed}.{b64url(KEY.sign(signed.encode()) if signature is None else signature)}"


def test_round_trip() -> None:
    assert tokens.verify(TOKEN, KEY.public, typ=TYP) == {"a": 1}


def test_another_key_is_refused() -> None:
    other = SigningKey.generate()
    with pytest.raises(UnknownKey):
        tokens.verify(TOKEN, other.public, typ=TYP)
    unnamed = tokens.sign({"a": 1}, typ=TYP, signer=KEY, with_kid=False)
    assert tokens.verify(unnamed, KEY.public, typ=TYP) == {"a": 1}
    with pytest.raises(BadSignature):
        tokens.verify(unnamed, other.public, typ=TYP)


def test_a_token_of_another_type_is_refused() -> None:
    with pytest.raises(MalformedToken, match="type"):
        tokens.verify(TOKEN, KEY.public, typ="statuslist+jwt")


def test_no_signature_at_all_is_refused() -> None:
    with pytest.raises(AlgorithmRefused):
        tokens.verify(forged({"alg": "none", "typ": TYP}, signature=b""), KEY.public, typ=TYP)


def test_the_public_key_is_no_hmac_secret() -> None:
    header = {"alg": "HS256", "typ": TYP, "kid": KEY.kid}
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(b'{}')}"
    for secret in (KEY.public.subject_public_key_info(), json.dumps(KEY.public.to_jwk()).encode()):
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        with pytest.raises(AlgorithmRefused):
            tokens.verify(f"{signed}.{b64url(mac)}", KEY.public, typ=TYP)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256", "typ": TYP, "jwk": KEY.public.to_jwk()},
        {"alg": "ES256", "typ": TYP, "crit": ["exp"], "exp": 1},
        {"alg": "ES256", "typ": TYP, "b64": False, "crit": ["b64"]},
        {"alg": "ES256", "typ": TYP, "x5u": "https://attacker.example"},
        {"alg": "ES256", "typ": TYP, "zip": "DEF"},
        {"alg": "ES256", "typ": TYP, "kid": ["a"]},
        {"alg": ["ES256"], "typ": TYP},
        {"alg": "ES256", "typ": [TYP]},
        {"alg": "ES256"},
        {"typ": TYP},
        {},
    ],
)
def test_a_header_holds_nothing_unexpected(header: dict[str, Any]) -> None:
    with pytest.raises(MalformedToken):
        tokens.verify(forged(header), KEY.public, typ=TYP)


@pytest.mark.parametrize("payload", [b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b""])
def test_the_payload_is_strict_json(payload: bytes) -> None:
    with pytest.raises(MalformedToken):
        tokens.verify(forged({"alg": "ES256", "typ": TYP}, payload), KEY.public, typ=TYP)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "中.文.字", TOKEN + ".", TOKEN + "=", " " + TOKEN])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(MalformedToken):
        tokens.verify(token, KEY.public, typ=TYP)


def test_a_long_token_is_refused() -> None:
    with pytest.raises(MalformedToken):
        tokens.verify(tokens.sign({"a": "x" * 70_000}, typ=TYP, signer=KEY), KEY.public, typ=TYP)


@given(st.data())
def test_any_change_is_refused(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(TOKEN) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda character: character != TOKEN[position]))
    with pytest.raises(CertsError):
        tokens.verify(TOKEN[:position] + other + TOKEN[position + 1 :], KEY.public, typ=TYP)


def test_the_signed_part_is_what_stands_in_the_token() -> None:
    parts = tokens.take_apart(TOKEN)
    assert parts.signed.decode() == TOKEN.rpartition(".")[0]
    assert parts.signature == unb64url(TOKEN.rpartition(".")[2])
