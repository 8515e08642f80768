"""A key file opens with its passphrase and in no other way."""

import json

import pytest

from certs.encoding import b64url, unb64url
from certs.errors import MalformedKey, WrongPassphrase
from certs.keys import DecryptionKey, SigningKey

PASSPHRASE = "连翘 correct horse"
SIG = SigningKey.generate()
FILE = SIG.lock(PASSPHRASE)


def with_header(**changes: object) -> bytes:
    head, tail = FILE.split(b".", 1)
    header = json.loads(unb64url(head.decode())) | changes
    return b64url(json.dumps(header).encode()).encode() + b"." + tail


def test_round_trip() -> None:
    key = SigningKey.unlock(FILE, PASSPHRASE)
    assert key == SIG
    SIG.public.verify(b"x", key.sign(b"x"))


def test_a_decryption_key_too() -> None:
    key = DecryptionKey.generate()
    assert DecryptionKey.unlock(key.lock(PASSPHRASE), PASSPHRASE).open(key.public.seal(b"x", b""), b"") == b"x"


def test_nothing_secret_is_readable_in_the_file() -> None:
    assert SIG.to_jwk()["d"].encode() not in FILE
    header = json.loads(unb64url(FILE.split(b".")[0].decode()))
    assert set(header) == {"alg", "enc", "typ", "kid", "kdf", "salt", "n", "r", "p"}


def test_two_files_of_one_key_have_nothing_in_common() -> None:
    assert SIG.lock(PASSPHRASE).split(b".")[3] != FILE.split(b".")[3]


def test_another_passphrase_is_refused() -> None:
    with pytest.raises(WrongPassphrase):
        SigningKey.unlock(FILE, PASSPHRASE + " ")


@pytest.mark.parametrize("part", [2, 3, 4])
def test_a_changed_file_is_refused(part: int) -> None:
    parts = FILE.strip().split(b".")
    changed = bytearray(unb64url(parts[part].decode()))
    changed[0] ^= 1
    parts[part] = b64url(bytes(changed)).encode()
    with pytest.raises(WrongPassphrase):
        SigningKey.unlock(b".".join(parts), PASSPHRASE)


def test_the_header_is_authenticated() -> None:
    with pytest.raises(WrongPassphrase):
        SigningKey.unlock(with_header(kid="another"), PASSPHRASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 1 << 14},
        {"n": 1 << 30},
        {"n": (1 << 15) + 1},
        {"n": True},
        {"r": 1},
        {"r": 1 << 20},
        {"p": 0},
        {"p": 1 << 20},
        {"p": "3"},
        {"salt": 5},
        {"salt": "AA"},
        {"salt": "!"},
        {"alg": "PBES2-HS256+A128KW"},
        {"kdf": "none"},
        {"typ": "JWE"},
    ],
)
def test_parameters_out_of_bounds_are_refused_before_any_work(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedKey):
        SigningKey.unlock(with_header(**changes), PASSPHRASE)


@pytest.mark.parametrize("data", [b"", b"....", b"-----BEGIN PRIVATE KEY-----", b"{}", b"e30....", b"A" * 20_000])
def test_what_is_no_key_file_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedKey):
        SigningKey.unlock(data, PASSPHRASE)


def test_a_key_is_read_as_what_it_is() -> None:
    with pytest.raises(MalformedKey):
        DecryptionKey.unlock(FILE, PASSPHRASE)
