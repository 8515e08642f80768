"""Notes other logs have signed: ours is the same format, so their tools read ours and we read theirs."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certs import checkpoint
from certs.errors import BadSignature
from certs.keys import VerifyKey
from certs.suites import INTL_1

ECDSA_LOGS = [
    pytest.param(
        "rekor.sigstore.dev",
        "c0d23d6a",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30"
        "M9+RYtw==",
        "Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n",
        "wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=",
        id="a software log",
    ),
    pytest.param(
        "pixel6_transparency_log",
        "91c16e30",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE37jHQmTXJPC8sUj0Dg0N0ZlxfRqJZV1YzlclXLQzhVYPcC/JblDoez0DSZwOSlShiCf4oo83MULQfec"
        "3erolDw==",
        "DEFAULT\n10\nbsWRucJU5xJPHb5eBdOm6+DM+VelCZBuvtI3sHERJ9Y=\n",
        "kcFuMDBFAiEAhqMAP8P6qf6QxtUJhzMhbN+MbZ9dwfUHzGQJmffJHtoCIGD0cNe47dHWBoPwYdgBCepB06/+g5O1FmYjXl06owL4",
        id="a firmware log",
    ),
]


@pytest.mark.parametrize(("name", "key_id", "spki", "text", "signature"), ECDSA_LOGS)
def test_a_checkpoint_another_log_signed(name: str, key_id: str, spki: str, text: str, signature: str) -> None:
    public = load_der_public_key(base64.b64decode(spki))
    assert isinstance(public, EllipticCurvePublicKey)
    key = VerifyKey("intl-1", INTL_1.signing.thumbprint(public), public)
    parts = checkpoint.parse(f"{text}\n\u2014 {name} {signature}\n".encode())
    assert parts.text == text
    (line,) = parts.signatures
    assert (line.name, line.key_id.hex()) == (name, key_id)
    assert checkpoint._log_key_id(key) == line.key_id
    key.verify(text.encode(), INTL_1.signing.from_der(line.signature))
    assert checkpoint.read(text).origin == text.split("\n", maxsplit=1)[0]
    with pytest.raises(BadSignature):
        key.verify(text.replace("\n", " ", 1).encode(), INTL_1.signing.from_der(line.signature))


def test_the_note_format_with_another_kind_of_key() -> None:
    """An Ed25519 note as the format's implementations print it; the vkey is name+key id+base64(0x01 ‖ key)."""
    name, key_id, key = ["example.com/foo", "530d903a", "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"]
    note = (
        "This is an example message.\n\n"
        "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72Ineya"
        "QM=\n"
    )
    parts = checkpoint.parse(note.encode())
    (line,) = parts.signatures
    assert (line.name, line.key_id.hex()) == (name, key_id)
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:]).verify(line.signature, parts.text.encode())


def test_the_checkpoint_and_cosignature_the_specification_prints() -> None:
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+z"
        "yWE+xeMcTOAYQ8=\n"
        "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5n"
        "No0xUe+mbIUBkBIfZ+qnA==\n"
    )
    parts = checkpoint.parse(note.encode())
    found = checkpoint.read(parts.text)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert found.text() == parts.text
    witness = parts.signatures[1]
    assert int.from_bytes(witness.signature[:8], "big") == 1_679_315_147
    assert checkpoint._cosigned(parts.text, 1_679_315_147).decode() == (
        "cosignature/v1\ntime 1679315147\n" + parts.text
    )
