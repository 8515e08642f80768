"""Keys of one exchange, derived from the secret that two regions share and the hub never holds (HKDF-SHA256, RFC 5869).

Everything depends on secret, exchange and purpose: encodings of two exchanges, or of two fields, have nothing in common.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import Invalid
from hub.linkage.private import schema

LEAST_SECRET = 32
LEAST_DIFFERENT = 10
"""Different bytes in a secret: 32 random ones, or 64 random hexadecimal digits, have more in all but freak cases."""
MOST_SECRET = 4096
_KEY = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """What a region works with; `check` is public and tells encodings of one secret and exchange from all others."""

    fields: dict[str, bytes]
    bands: bytes
    mixing: bytes
    pseudonyms: bytes
    check: str

    def __repr__(self) -> str:
        return f"Keys(check={self.check!r})"


def derive(secret: bytes, exchange: str) -> Keys:
    """The keys of one exchange. Raises Invalid for a secret that could be guessed."""
    if len(secret) < LEAST_SECRET:
        raise Invalid("key-short", f"The key has {len(secret)} bytes; it needs {LEAST_SECRET} random ones at least.")
    if len(secret) > MOST_SECRET:
        raise Invalid("key-long", f"The key is longer than {MOST_SECRET} bytes; is it the right file?")
    if len(set(secret)) < LEAST_DIFFERENT:
        raise Invalid("key-weak", "The key repeats a few characters; it has to be random.")

    def key(purpose: str, size: int = _KEY) -> bytes:
        info = f"lianqiao private linkage {schema.VERSION} {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=size, salt=exchange.encode() or None, info=info).derive(secret)

    return Keys(
        {field.name: key(f"field {field.name}") for field in schema.FIELDS},
        key("bands"),
        key("mixing", 32),
        key("pseudonyms"),
        key("check", 16).hex(),
    )


def secret_of(content: bytes) -> bytes:
    """The secret in a key file: text without the white space around it, anything else as it is."""
    return content.strip() if content.isascii() else content
