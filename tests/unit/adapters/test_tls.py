"""A client certificate that cannot be used is told with its file, before anything is sent and without anything of the key."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from adapters.client import Address, tls
from adapters.errors import ConfigError
from tests.certificates import Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def own(authority: Authority) -> Issued:
    return authority.issue("huiji")


def refused(cert: Path | None, key: Path | None) -> str:
    with pytest.raises(ConfigError) as caught:
        tls.context(None, cert, key)
    return str(caught.value)


def test_one_without_the_other_is_refused(own: Issued) -> None:
    assert "both or neither" in refused(own.cert, None)
    assert "both or neither" in refused(None, own.key)
    with pytest.raises(ConfigError, match="both or neither"):
        Address("https://hub.example", cert_file=own.cert)
    with pytest.raises(ConfigError, match="both or neither"):
        Address("https://hub.example", key_file=own.key)


def test_a_file_that_cannot_be_read_is_named(own: Issued, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.pem"
    assert f"client certificate {missing} cannot be read" in refused(missing, own.key)
    assert f"key file {missing} cannot be read" in refused(own.cert, missing)
    assert f"key file {tmp_path} cannot be read" in refused(own.cert, tmp_path)


def test_files_that_do_not_fit_are_named(own: Issued, authority: Authority, tmp_path: Path) -> None:
    other = authority.issue("yongkang")
    (tmp_path / "words").write_text("no certificate")
    for cert, key in ((own.cert, other.key), (own.key, own.key), (own.cert, tmp_path / "words")):
        said = refused(cert, key)
        assert str(cert) in said
        assert str(key) in said
        assert not [line for line in key.read_text().splitlines() if line in said]


def test_a_passphrase_is_not_waited_for(own: Issued) -> None:
    key = load_pem_private_key(own.key.read_bytes(), None)
    own.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"geheim")))
    assert f"key file {own.key} has a passphrase" in refused(own.cert, own.key)


def test_each_certificate_has_a_context_of_its_own(own: Issued, authority: Authority) -> None:
    other = authority.issue("yongkang")
    made = tls.context(authority.file, own.cert, own.key)
    assert made is tls.context(authority.file, own.cert, own.key)
    assert made is not tls.context(authority.file, other.cert, other.key)
    assert made is not tls.context(authority.file)
