"""Only the recipient reads it, only under the header it was sealed with, and it is certain who sealed it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import seal
from certs.encoding import b64url, dump_json, unb64url
from certs.errors import (
    BadSignature,
    CertsError,
    DowngradeRefused,
    Expired,
    IssuerNotEntitled,
    KeyCompromised,
    MalformedEnvelope,
    NotYetValid,
    OpenFailed,
    TooLarge,
    TrustListStale,
    UnknownIssuer,
    UnknownKey,
    UnknownSuite,
    WrongRecipient,
)
from certs.keys import DecryptionKey, SigningKey
from certs.seal import _INFO, _SIGNED
from certs.seal_header import write_header
from tests.unit.certs.world import DAY, NOW, TRUST, H, Y, header, opened, sealed, trust_list

ENVELOPE = sealed()
SECOND = timedelta(seconds=1)


def parts(envelope: bytes = ENVELOPE) -> tuple[dict[str, Any], bytes]:
    outer = json.loads(envelope)
    return json.loads(unb64url(outer["header"])), unb64url(outer["ciphertext"])


def rewritten(change: Callable[[dict[str, Any]], None], envelope: bytes = ENVELOPE) -> bytes:
    """The same ciphertext under another header."""
    head, ciphertext = parts(envelope)
    change(head)
    return dump_json({"header": b64url(dump_json(head)), "ciphertext": b64url(ciphertext)})


def sealed_body(body: bytes) -> bytes:
    """Any plaintext, sealed under the usual header."""
    head = write_header(header())
    return dump_json({"header": b64url(head), "ciphertext": b64url(Y.enc.public.seal(body, _INFO + head))})


@given(st.binary(max_size=5000))
def test_seal_and_open(payload: bytes) -> None:
    found = opened(sealed(payload))
    assert found.payload == payload
    assert found.header == header()


def test_a_large_payload() -> None:
    payload = bytes(range(256)) * 4096 * 4
    assert len(payload) == seal.MAX_PAYLOAD
    assert opened(sealed(payload)).payload == payload
    with pytest.raises(TooLarge):
        sealed(payload + b"x")
    with pytest.raises(TooLarge):
        seal.read_header(b" " * (seal.MAX_ENVELOPE + 1))


def test_the_length_says_little() -> None:
    short, longer = (len(parts(sealed(b"x" * length))[1]) for length in (0, 900))
    assert short == longer == 1024 + 32 + 16
    assert {len(parts(sealed(b"x" * length))[1]) % 1024 for length in (1, 953, 954, 955, 3000)} == {48}


def test_sealing_twice_gives_nothing_in_common() -> None:
    assert parts(sealed())[1][:32] != parts(sealed())[1][:32]


def test_the_header_is_readable_and_the_content_is_not() -> None:
    canary = "一只金丝雀 canary"
    envelope = sealed(canary.encode())
    assert seal.read_header(envelope) == header()
    assert canary.encode() not in envelope
    assert canary.encode() not in parts(envelope)[1]


def test_the_evidence_holds_by_itself() -> None:
    found = opened(ENVELOPE)
    text = _SIGNED + len(found.header_bytes).to_bytes(4, "big") + found.header_bytes + found.payload
    H.sig.public.verify(text, found.signature)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", "HJ-000018"),
        ("purpose", "research"),
        ("consent_ref", "TY-2026-000046"),
        ("consent_ref", None),
        ("legal_basis", None),
        ("from", "jinjiang"),
        ("to", "jinjiang"),
        ("typ", "birth-certificate"),
        ("id", "00000000-0000-0000-0000-000000000001"),
        ("iat", int(NOW.timestamp()) - 1),
        ("exp", int(NOW.timestamp()) + 86_400 * 60),
    ],
)
def test_a_header_that_was_changed_opens_nothing(name: str, value: object) -> None:
    with pytest.raises(OpenFailed):
        opened(rewritten(lambda head: head.update({name: value})))


def test_a_header_spelled_otherwise_opens_nothing() -> None:
    head, ciphertext = parts()
    spelled = json.dumps(head, indent=1).encode()
    envelope = dump_json({"header": b64url(spelled), "ciphertext": b64url(ciphertext)})
    assert seal.read_header(envelope) == header()
    with pytest.raises(OpenFailed):
        opened(envelope)


def test_a_ciphertext_is_not_moved_to_another_message() -> None:
    other = sealed(subject="HJ-000018")
    swapped = dump_json({"header": json.loads(other)["header"], "ciphertext": json.loads(ENVELOPE)["ciphertext"]})
    with pytest.raises(OpenFailed):
        opened(swapped)


@given(st.integers(0, 1071), st.integers(1, 255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    ciphertext = bytearray(parts()[1])
    ciphertext[position] ^= change
    with pytest.raises(OpenFailed):
        opened(dump_json({"header": json.loads(ENVELOPE)["header"], "ciphertext": b64url(bytes(ciphertext))}))


@given(st.integers(0, 1071))
def test_nothing_can_be_cut_off(length: int) -> None:
    ciphertext = parts()[1][:length]
    with pytest.raises(OpenFailed):
        opened(dump_json({"header": json.loads(ENVELOPE)["header"], "ciphertext": b64url(ciphertext)}))
    with pytest.raises(MalformedEnvelope):
        opened(ENVELOPE[:length])


def test_time() -> None:
    assert opened(ENVELOPE, NOW + 30 * DAY - SECOND).header == header()
    with pytest.raises(Expired):
        opened(ENVELOPE, NOW + 30 * DAY)
    assert opened(ENVELOPE, NOW - timedelta(minutes=5)).header == header()
    with pytest.raises(NotYetValid):
        opened(ENVELOPE, NOW - timedelta(minutes=5, seconds=1))


def test_it_is_sealed_for_one_key() -> None:
    with pytest.raises(WrongRecipient):
        seal.open_sealed(ENVELOPE, DecryptionKey.generate(), H.sig.public, NOW)
    with pytest.raises(WrongRecipient):
        seal.open_trusted(ENVELOPE, {}, TRUST, NOW)
    other = DecryptionKey.generate()
    with pytest.raises(OpenFailed):
        seal.open_sealed(rewritten(lambda head: head.update(to_kid=other.kid)), other, H.sig.public, NOW)


def test_it_comes_from_one_sender() -> None:
    with pytest.raises(UnknownKey):
        seal.open_sealed(ENVELOPE, Y.enc, Y.sig.public, NOW)


def test_a_content_signed_by_somebody_else_is_refused() -> None:
    """Everybody can encrypt for yongkang; only huiji signs as huiji."""
    head = write_header(header())
    payload = b"{}"
    signature = SigningKey.generate().sign(_SIGNED + len(head).to_bytes(4, "big") + head + payload)
    body = len(signature).to_bytes(2, "big") + signature + len(payload).to_bytes(4, "big") + payload
    with pytest.raises(BadSignature):
        opened(sealed_body(body.ljust(1024, b"\0")))


def test_a_received_content_cannot_be_passed_on_as_the_senders() -> None:
    """Yongkang opens it and seals it, with huiji's signature, for somebody else: the signature names the recipient."""
    found = opened(ENVELOPE)
    jinjiang = DecryptionKey.generate()
    head = write_header(header(to="jinjiang", to_kid=jinjiang.kid))
    body = len(found.signature).to_bytes(2, "big") + found.signature
    body += len(found.payload).to_bytes(4, "big") + found.payload
    ciphertext = jinjiang.public.seal(body.ljust(1024, b"\0"), _INFO + head)
    envelope = dump_json({"header": b64url(head), "ciphertext": b64url(ciphertext)})
    with pytest.raises(BadSignature):
        seal.open_sealed(envelope, jinjiang, H.sig.public, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(10),
        b"\xff" * 1024,
        b"\x00\x40" + bytes(64) + b"\xff\xff\xff\xff" + bytes(954),
        b"\x00\x40" + bytes(64) + b"\x00\x00\x00\x02{}" + bytes(951) + b"\x01",
        b"\x00\x40" + bytes(64) + b"\x00\x00\x00\x02{}" + bytes(2048 - 72),
        b"\x00\x40" + bytes(64) + b"\x00\x00\x00\x02{}" + bytes(900),
    ],
)
def test_a_content_laid_out_otherwise_is_refused(body: bytes) -> None:
    with pytest.raises(OpenFailed):
        opened(sealed_body(body))


def test_a_content_without_a_signature_is_refused() -> None:
    with pytest.raises(BadSignature):
        opened(sealed_body(b"\x00\x00\x00\x00\x00\x02{}".ljust(1024, b"\0")))


def test_a_suite_is_not_chosen_by_a_message() -> None:
    with pytest.raises(UnknownSuite):
        opened(rewritten(lambda head: head.update(suite="gm-1")))
    with pytest.raises(UnknownSuite):
        sealed(suite="pq-1")


def test_a_known_suite_other_than_the_keys_is_a_downgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    from certs import suites

    monkeypatch.setitem(suites._SUITES, "weak-1", suites.Suite("weak-1", suites.INTL_1.signing, suites.INTL_1.sealing))
    with pytest.raises(DowngradeRefused):
        opened(rewritten(lambda head: head.update(suite="weak-1")))
    with pytest.raises(DowngradeRefused):
        sealed(suite="weak-1")


@pytest.mark.parametrize(("name", "error"), [("to_kid", WrongRecipient), ("sig_kid", UnknownKey)])
def test_a_header_names_the_keys_used(name: str, error: type[CertsError]) -> None:
    with pytest.raises(error):
        sealed(**{name: SigningKey.generate().kid})


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.pop("purpose"),
        lambda head: head.update(note="x"),
        lambda head: head.update(v=2),
        lambda head: head.update(v=True),
        lambda head: head.update(v="1"),
        lambda head: head.update(id="not-a-uuid"),
        lambda head: head.update(id="0000000000007e570000000000000001"),
        lambda head: head.update(to="Yongkang"),
        lambda head: head.update(to=5),
        lambda head: head.update(to_kid="short"),
        lambda head: head.update(subject=""),
        lambda head: head.update(subject="x" * 257),
        lambda head: head.update(subject="a\nb"),
        lambda head: head.update(subject=["a"]),
        lambda head: head.update(consent_ref=""),
        lambda head: head.update(iat="now"),
        lambda head: head.update(exp=1.5),
        lambda head: head.update(exp=head["iat"]),
        lambda head: head.update(exp=head["iat"] + 86_400 * 91),
    ],
)
def test_a_header_is_read_strictly(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(MalformedEnvelope):
        seal.read_header(rewritten(change))


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        b"[]",
        b"{}",
        b'{"header":"e30"}',
        b'{"header":1,"ciphertext":""}',
        b'{"header":"e30","ciphertext":"","x":1}',
        b'{"header":"!","ciphertext":""}',
        b'{"header":"e30","header":"e30","ciphertext":""}',
        b'{"header":{"a":{}},"ciphertext":""}',
        b'{"header":"' + b"A" * 17_000 + b'","ciphertext":""}',
        b"\xff\xfe",
        b"[" * 50_000,
    ],
)
def test_what_is_no_envelope_is_refused(envelope: bytes) -> None:
    with pytest.raises(MalformedEnvelope):
        seal.read_header(envelope)


def test_times_in_a_header_are_whole_seconds_in_utc() -> None:
    assert header(iat=NOW + timedelta(microseconds=5)).iat == NOW
    with pytest.raises(ValueError, match="zone"):
        header(iat=NOW.replace(tzinfo=None))


def test_with_the_trust_list() -> None:
    keys = {Y.enc.kid: Y.enc}
    assert seal.open_trusted(ENVELOPE, keys, TRUST, NOW).payload == opened(ENVELOPE).payload
    with pytest.raises(TrustListStale):
        seal.open_trusted(ENVELOPE, keys, TRUST, TRUST.next_update)
    with pytest.raises(UnknownIssuer):
        seal.open_trusted(ENVELOPE, keys, trust_list(Y.member()), NOW)
    with pytest.raises(UnknownKey):
        seal.open_trusted(rewritten(lambda head: head.update({"from": "yongkang"})), keys, TRUST, NOW)
    with pytest.raises(IssuerNotEntitled):
        seal.open_trusted(sealed(typ="consent"), keys, TRUST, NOW)
    stolen = trust_list(Y.member(), H.member(compromised_at=NOW - DAY))
    with pytest.raises(KeyCompromised):
        seal.open_trusted(ENVELOPE, keys, stolen, NOW)
    assert seal.open_trusted(ENVELOPE, keys, stolen, NOW, logged_at=NOW - 2 * DAY).header == header()
