"""Encryption at rest and blind indexes: what the key does not open stays shut, what differs never looks alike."""

import base64
import hmac
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import HubError
from hub.storage import keyring
from hub.storage.vault import Vault, create_master_key, read_master_key

VAULT = Vault(bytes(range(32)))
OTHER = Vault(bytes(32))
ANY = st.characters(exclude_categories=["Cs"])
# Among them what a separator or a length might be mistaken for.
VALUES = st.lists(st.text(st.sampled_from("\x1f\x00:|0123a") | ANY, max_size=12), min_size=1, max_size=4)


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_again_and_never_looks_the_same(plain: bytes) -> None:
    first, second = VAULT.seal(plain), VAULT.seal(plain)
    assert VAULT.open(first) == VAULT.open(second) == plain
    assert first != second
    assert len(first) == len(plain) + 29


@given(st.binary(max_size=60), st.data())
def test_a_changed_bit_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(VAULT.seal(plain))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(HubError) as refused:
        VAULT.open(bytes(sealed))
    assert refused.value.code == "wrong-key"


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(40), bytes(40), b"\x01" + bytes(12)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(HubError, match="wrong-key"):
        VAULT.open(sealed)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(HubError, match="wrong-key"):
        OTHER.open(VAULT.seal(b"x"))


@given(VALUES, VALUES)
def test_blind_indexes_are_equal_exactly_when_the_values_are(one: list[str], other: list[str]) -> None:
    assert (VAULT.blind("p", *one) == VAULT.blind("p", *other)) == (one == other)


@pytest.mark.parametrize("separator", ["\x1f", "\x00", "1:", "|"])
def test_a_separator_inside_a_value_separates_nothing(separator: str) -> None:
    joined = VAULT.blind("p", f"a{separator}b")
    assert joined not in (VAULT.blind("p", "a", "b"), VAULT.blind(f"p{separator}a", "b"))


def test_blind_indexes_differ_by_purpose_and_by_key() -> None:
    found = {VAULT.blind("a", "x"), VAULT.blind("b", "x"), OTHER.blind("a", "x"), VAULT.blind("a", "x", "")}
    assert len(found) == 4
    assert {len(value) for value in found} == {16}


@given(st.binary(min_size=32, max_size=32), st.text())
def test_a_blind_index_is_an_hmac(master: bytes, value: str) -> None:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"lianqiao/blind-index").derive(master)
    material = f"1:p{len(value)}:{value}".encode()
    assert Vault(master).blind("p", value) == hmac.digest(key, material, "sha256")[:16]


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(length))


def test_a_master_key_file_is_its_owners_and_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    create_master_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_master_key(path)
    assert path.read_bytes() == before
    assert read_master_key(path).open(read_master_key(path).seal(b"x")) == b"x"


@pytest.mark.parametrize("content", ["", "x", base64.b64encode(bytes(range(16))).decode(), "!" * 44])
def test_a_damaged_key_file_says_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(content)
    with pytest.raises(HubError, match="no-master-key"):
        read_master_key(path)
    with pytest.raises(HubError, match="hub init"):
        read_master_key(tmp_path / "none")


def test_keys_at_rest_open_with_their_vault_only(tmp_path: Path) -> None:
    made = keyring.create(tmp_path, VAULT, "sign")
    assert keyring.load(tmp_path, VAULT, "sign").kid == made.kid
    assert stat.S_IMODE((tmp_path / "sign.key").stat().st_mode) == 0o600
    assert made.kid.encode() not in (tmp_path / "sign.key").read_bytes()
    with pytest.raises(HubError, match="wrong-key"):
        keyring.load(tmp_path, OTHER, "sign")
    with pytest.raises(FileExistsError):
        keyring.create(tmp_path, VAULT, "sign")
    with pytest.raises(HubError, match="no-hub-key"):
        keyring.load(tmp_path, VAULT, "root-1")
