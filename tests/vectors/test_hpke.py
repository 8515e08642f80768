"""Our sealing is HPKE as RFC 9180 writes it: an opener written from the standard, with no HPKE library, opens it."""

import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from certs.encoding import unb64url
from certs.keys import DecryptionKey
from tests.unit.certs.world import Y, sealed

KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
SUITE = b"HPKE" + (0x0020).to_bytes(2, "big") + (0x0001).to_bytes(2, "big") + (0x0002).to_bytes(2, "big")


def extract(salt: bytes, suite: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256)


def expand(key: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    done, block = b"", b""
    while len(done) < length:
        block = hmac.digest(key, block + labelled + bytes([len(done) // 32 + 1]), hashlib.sha256)
        done += block
    return done[:length]


def open_by_the_standard(private: X25519PrivateKey, message: bytes, info: bytes) -> bytes:
    """Single-shot base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, empty associated data."""
    encapsulated, ciphertext = message[:32], message[32:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    context = encapsulated + private.public_key().public_bytes_raw()
    secret = expand(extract(b"", KEM_SUITE, b"eae_prk", shared), KEM_SUITE, b"shared_secret", context, 32)
    schedule = b"\x00" + extract(b"", SUITE, b"psk_id_hash", b"") + extract(b"", SUITE, b"info_hash", info)
    base = extract(secret, SUITE, b"secret", b"")
    key, nonce = (expand(base, SUITE, label, schedule, size) for label, size in ((b"key", 32), (b"base_nonce", 12)))
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_what_we_seal_opens_by_the_standard() -> None:
    key = DecryptionKey.generate()
    assert open_by_the_standard(key.handle, key.public.seal(b"content", b"info"), b"info") == b"content"


def test_an_envelope_is_laid_out_as_documented() -> None:
    envelope = json.loads(sealed(b"the payload"))
    header = unb64url(envelope["header"])
    body = open_by_the_standard(Y.enc.handle, unb64url(envelope["ciphertext"]), b"lianqiao/hpke/v1\x00" + header)
    assert len(body) == 1024
    assert body[:2] == b"\x00\x40"
    assert body[66:] == b"\x00\x00\x00\x0bthe payload".ljust(1024 - 66, b"\x00")
