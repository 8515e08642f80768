"""Keys and Bloom filters against clkhash: the same secret and tokens give the same bits, to the last one."""

import json
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import Invalid
from hub.linkage.private import filters, keys

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "private_linkage.json").read_text(encoding="utf-8"))
KEY = bytes.fromhex(VECTORS["key"]["key"])


def test_keys_are_derived_as_clkhash_derives_them() -> None:
    given = VECTORS["key"]
    derived = HKDF(algorithm=SHA256(), length=64, salt=given["salt"].encode(), info=given["info"].encode())
    assert derived.derive(bytes.fromhex(given["secret"])) == KEY


@pytest.mark.parametrize("vector", VECTORS["filters"], ids=lambda vector: vector["tokens"][0])
def test_a_filter_is_the_one_of_clkhash(vector: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "LENGTH", vector["length"])
    tokens = list(vector["tokens"])
    shares = filters.shares(int(vector["bits"]), len(tokens))
    found = [filters.positions(KEY, token, share) for token, share in zip(tokens, shares, strict=True)]
    made = filters.rows(1, [0] * len(tokens), found)
    assert np.packbits(made).tobytes().hex() == vector["set"]
    assert np.packbits(filters.folded(made)).tobytes().hex() == vector["folded"]
    assert filters.packed(made).astype(">u8").tobytes().hex() == vector["set"]


@pytest.mark.parametrize(
    ("secret", "code"), [(b"x" * 31, "key-short"), (b"xy" * 32, "key-weak"), (bytes(range(256)) * 17, "key-long")]
)
def test_a_poor_secret_is_refused(secret: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        keys.derive(secret, "")
    assert refused.value.code == code


def test_keys_are_not_printed() -> None:
    made = keys.derive(bytes(range(32)), "2026")
    assert repr(made) == f"Keys(check='{made.check}')"


def test_the_end_of_a_line_is_no_part_of_a_written_secret() -> None:
    assert keys.secret_of(b"abc\r\n") == b"abc"
    assert keys.secret_of(b"\xffabc\n") == b"\xffabc\n"
