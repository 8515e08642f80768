"""Keys are named by their thumbprint, keep to their suite and use, and do not show their secret."""

from typing import Any

import pytest

from certs import suites
from certs.encoding import b64url, sha256
from certs.errors import BadSignature, MalformedKey, OpenFailed, UnknownSuite
from certs.keys import DecryptionKey, EncryptionKey, SigningKey, VerifyKey
from tests.unit.certs.world import bare

SIG = SigningKey.generate()
ENC = DecryptionKey.generate()


def changed(jwk: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (jwk | changes).items() if value is not None}


def test_the_name_is_the_thumbprint_of_rfc_7638() -> None:
    jwk = bare(SIG)
    text = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert SIG.kid == SIG.public.kid == b64url(sha256(text.encode()))


def test_sign_and_verify() -> None:
    signature = SIG.sign(b"data")
    assert len(signature) == 64
    SIG.public.verify(b"data", signature)


@pytest.mark.parametrize("flip", [0, 31, 32, 63])
def test_a_changed_signature_is_refused(flip: int) -> None:
    signature = bytearray(SIG.sign(b"data"))
    signature[flip] ^= 1
    with pytest.raises(BadSignature):
        SIG.public.verify(b"data", bytes(signature))


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), bytes(65), b"\xff" * 64])
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        SIG.public.verify(b"data", signature)


def test_a_signature_survives_its_der_form() -> None:
    scheme = suites.INTL_1.signing
    signature = SIG.sign(b"data")
    assert scheme.from_der(scheme.to_der(signature)) == signature
    with pytest.raises(BadSignature):
        scheme.from_der(b"0\x00")


def test_seal_and_open() -> None:
    ciphertext = ENC.public.seal(b"secret", b"info")
    assert ENC.open(ciphertext, b"info") == b"secret"
    with pytest.raises(OpenFailed):
        ENC.open(ciphertext, b"other info")
    with pytest.raises(OpenFailed):
        DecryptionKey.generate().open(ciphertext, b"info")


def test_nothing_can_be_sealed_for_a_point_of_low_order() -> None:
    key = EncryptionKey.from_jwk({"kty": "OKP", "crv": "X25519", "x": "A" * 43})
    with pytest.raises(MalformedKey):
        key.seal(b"secret", b"info")


def test_round_trip_as_jwk() -> None:
    assert SigningKey.from_jwk(SIG.to_jwk()) == SIG
    assert VerifyKey.from_jwk(SIG.public.to_jwk()) == SIG.public
    assert DecryptionKey.from_jwk(ENC.to_jwk()) == ENC
    assert EncryptionKey.from_jwk(ENC.public.to_jwk()) == ENC.public
    SIG.public.verify(b"x", SigningKey.from_jwk(SIG.to_jwk()).sign(b"x"))


def test_a_wallet_writes_plain_jwks() -> None:
    assert VerifyKey.from_jwk(bare(SIG)) == SIG.public


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": "another-name"},
        {"use": "enc"},
        {"suite": 7},
        {"kty": "oct", "k": "AAAA"},
        {"crv": "P-384"},
        {"x": None},
        {"x": "AAAA"},
        {"y": bare(SIG)["x"]},
        {"d": SIG.to_jwk()["d"]},
        {"x": 5},
    ],
)
def test_a_damaged_public_key_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedKey):
        VerifyKey.from_jwk(changed(SIG.public.to_jwk(), **changes))


@pytest.mark.parametrize("changes", [{"use": "sig"}, {"crv": "Ed25519"}, {"x": "AAAA"}, {"d": "AAAA"}])
def test_a_damaged_sealing_key_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedKey):
        EncryptionKey.from_jwk(changed(ENC.public.to_jwk(), **changes))


@pytest.mark.parametrize("changes", [{"d": None}, {"d": SigningKey.generate().to_jwk()["d"]}, {"kid": "x"}])
def test_a_damaged_private_key_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedKey):
        SigningKey.from_jwk(changed(SIG.to_jwk(), **changes))


def test_a_damaged_private_sealing_key_is_refused() -> None:
    with pytest.raises(MalformedKey):
        DecryptionKey.from_jwk(changed(ENC.to_jwk(), d=None))


@pytest.mark.parametrize("name", ["gm-1", "pq-1", "intl-2", "", "INTL-1"])
def test_a_suite_that_is_not_here_has_its_own_error(name: str) -> None:
    with pytest.raises(UnknownSuite):
        SigningKey.generate(name)
    with pytest.raises(UnknownSuite):
        VerifyKey.from_jwk(SIG.public.to_jwk() | {"suite": name})
    assert name not in suites.suite_names()


def test_a_key_is_not_moved_to_another_suite() -> None:
    with pytest.raises(MalformedKey):
        VerifyKey.from_jwk(SIG.public.to_jwk(), "gm-1")


def test_secrets_are_not_shown() -> None:
    for key in (SIG, ENC):
        assert key.to_jwk()["d"] not in repr(key)
        assert "PrivateKey" not in repr(key)


def test_a_suite_can_be_added_without_touching_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second entry in the table is all it takes; here the same algorithms under a new name."""
    twin = suites.Suite("twin-1", suites.INTL_1.signing, suites.INTL_1.sealing)
    monkeypatch.setitem(suites._SUITES, twin.name, twin)
    key = SigningKey.generate("twin-1")
    VerifyKey.from_jwk(key.public.to_jwk()).verify(b"x", key.sign(b"x"))
    assert VerifyKey.from_jwk(key.public.to_jwk()).suite == "twin-1"
