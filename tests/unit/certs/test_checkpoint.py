"""A tree head is believed when its log signed it; a witness signs only what grew out of what it saw before."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import checkpoint, merkle
from certs.checkpoint import Checkpoint
from certs.errors import (
    BadSignature,
    CertsError,
    ConsistencyNotProven,
    MalformedCheckpoint,
    SplitView,
    UnknownKey,
)
from certs.keys import SigningKey
from certs.suites import INTL_1
from tests.unit.certs.world import HUB, NOW, H, Y

ORIGIN = "hub.example/log"
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(40)]
TREE = merkle.Nodes.of(LEAVES)


def head(size: int, tree: merkle.Nodes = TREE, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, size, merkle.root(tree, size))


NOTE = checkpoint.sign(head(20), HUB)


def cosigned(note: bytes, last: Checkpoint | None, proof: list[bytes], **changes: str) -> bytes:
    return checkpoint.cosign(
        note,
        log_key=HUB.public,
        origin=ORIGIN,
        last=last,
        proof=proof,
        witness=changes.get("witness", "yongkang"),
        signer=Y.sig,
        now=NOW,
    )


def test_a_checkpoint_is_three_lines_and_a_signature() -> None:
    text, _, tail = NOTE.decode().partition("\n\n")
    assert text.splitlines()[:2] == [ORIGIN, "20"]
    assert tail.startswith(f"\u2014 {ORIGIN} ")
    assert tail.count("\n") == 1


@given(st.integers(0, 40))
def test_round_trip(size: int) -> None:
    assert checkpoint.verify(checkpoint.sign(head(size), HUB), HUB.public, ORIGIN) == head(size)


def test_another_log_or_key_is_refused() -> None:
    with pytest.raises(UnknownKey):
        checkpoint.verify(NOTE, SigningKey.generate().public, ORIGIN)
    with pytest.raises(UnknownKey):
        checkpoint.verify(NOTE, HUB.public, "hub.example/other")


@pytest.mark.parametrize(
    ("old", "new"), [(b"\n20\n", b"\n21\n"), (b"\n20\n", b"\n2\n"), (b"hub.example/log\n20", b"hub.example/l0g\n20")]
)
def test_an_edited_head_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises((BadSignature, UnknownKey)):
        checkpoint.verify(NOTE.replace(old, new, 1), HUB.public, ORIGIN)


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    changed = bytearray(NOTE)
    changed[position] ^= change
    with pytest.raises(CertsError):
        checkpoint.verify(bytes(changed), HUB.public, ORIGIN)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n\n",
        b"a\n\nb\n",
        NOTE[:-1],
        NOTE[:-10],
        NOTE + b"x",
        NOTE.replace(b"\n20\n", b"\n020\n"),
        NOTE.replace(b"\n20\n", b"\n-1\n"),
        NOTE.replace(b"\n20\n", b"\n20\nextension\n"),
        NOTE.replace(b"=\n\n", b"\n\n"),
        NOTE.replace(b"\n20\n", b"\r\n20\r\n"),
        NOTE + b"\xe2\x80\x94 x AAAA\n",
        NOTE + b"\xe2\x80\x94 x  AAAAAAAA\n",
        NOTE + "\u2014 x!\n".encode(),
        NOTE + "\u2014 a+b AAAAAAAA\n".encode(),
        NOTE + "\u2014 x AAAAAAAA\n".encode() * 40,
        b"\xff" + NOTE,
        b"x" * 70_000 + NOTE,
    ],
)
def test_what_is_no_checkpoint_is_refused(note: bytes) -> None:
    with pytest.raises(MalformedCheckpoint):
        checkpoint.verify(note, HUB.public, ORIGIN)


@pytest.mark.parametrize(
    "note",
    [
        b"text\n",
        "text\n\u2014 x AAAAAAAA\n".encode(),
        "text\n\n\u2014 x AAAAAAAA".encode(),
        "te\txt\n\n\u2014 x AAAAAAAA\n".encode(),
        "te\x7fxt\n\n\u2014 x AAAAAAAA\n".encode(),
        b"x" * 66_000 + "\n\n\u2014 x AAAAAAAA\n".encode(),
        b"text\n\n- x AAAAAAAA\n",
        "text\n\n\u2014 x AAAAAAB=\n".encode(),
    ],
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    assert checkpoint.parse("te xt\n\nmore\n\n\u2014 x AAAAAAAA\n".encode()).text == "te xt\n\nmore\n"
    with pytest.raises(MalformedCheckpoint):
        checkpoint.parse(note)


def test_a_note_has_at_most_thirty_two_signatures() -> None:
    line = "\u2014 x AAAAAAAA\n".encode()
    assert len(checkpoint.parse(b"text\n\n" + line * 32).signatures) == 32
    with pytest.raises(MalformedCheckpoint):
        checkpoint.parse(b"text\n\n" + line * 33)


@pytest.mark.parametrize("change", [lambda text: text + "more\n", lambda text: text[:-1], lambda text: text + "\n"])
def test_a_head_is_three_lines(change: Callable[[str], str]) -> None:
    assert checkpoint.read(head(20).text()) == head(20)
    with pytest.raises(MalformedCheckpoint):
        checkpoint.read(change(head(20).text()))


def test_one_key_for_two_logs_does_not_mix_them() -> None:
    text = head(20, origin="hub.example/other").text()
    signature = INTL_1.signing.to_der(HUB.sign(text.encode()))
    note = f"{text}\n{checkpoint._line(ORIGIN, checkpoint._log_key_id(HUB.public), signature)}".encode()
    with pytest.raises(UnknownKey):
        checkpoint.verify(note, HUB.public, ORIGIN)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\tb", "a\x00"])
def test_an_origin_is_one_word(origin: str) -> None:
    with pytest.raises(MalformedCheckpoint):
        Checkpoint(origin, 1, bytes(32))


@pytest.mark.parametrize(("size", "root"), [(-1, bytes(32)), (1, bytes(31))])
def test_a_head_has_a_size_and_a_root(size: int, root: bytes) -> None:
    with pytest.raises(MalformedCheckpoint):
        Checkpoint(ORIGIN, size, root)


def test_a_strangers_line_is_ignored() -> None:
    assert checkpoint.verify(NOTE + "\u2014 somebody AAAAAAAA\n".encode(), HUB.public, ORIGIN) == head(20)


def test_a_log_signs_once() -> None:
    line = NOTE.partition(b"\n\n")[2]
    with pytest.raises(BadSignature):
        checkpoint.verify(NOTE + line, HUB.public, ORIGIN)


def test_witnesses_sign_what_grew() -> None:
    proof = merkle.consistency_proof(TREE, 13, 20)
    note = cosigned(cosigned(NOTE, head(13), proof), None, [], witness="huiji")
    assert checkpoint.verify(note, HUB.public, ORIGIN) == head(20)
    assert checkpoint.verify_cosignature(note, Y.sig.public, "yongkang") == NOW
    assert checkpoint.verify_cosignature(note, Y.sig.public, "huiji") == NOW
    with pytest.raises(UnknownKey):
        checkpoint.verify_cosignature(note, H.sig.public, "huiji")
    with pytest.raises(UnknownKey):
        checkpoint.verify_cosignature(NOTE, Y.sig.public, "yongkang")


def test_the_same_head_again_needs_no_proof() -> None:
    assert checkpoint.verify_cosignature(cosigned(NOTE, head(20), []), Y.sig.public, "yongkang") == NOW


def test_a_witness_does_not_sign_a_fork() -> None:
    forked = merkle.Nodes.of([*LEAVES[:7], merkle.leaf_hash(b"rewritten"), *LEAVES[8:]])
    with pytest.raises(SplitView):
        cosigned(checkpoint.sign(head(20, forked), HUB), head(20), [])
    with pytest.raises(SplitView):
        cosigned(NOTE, head(21), [])
    with pytest.raises(ConsistencyNotProven):
        cosigned(checkpoint.sign(head(30, forked), HUB), head(20), merkle.consistency_proof(forked, 20, 30))
    with pytest.raises(ConsistencyNotProven):
        cosigned(NOTE, head(13), [])
    with pytest.raises(UnknownKey):
        cosigned(NOTE, head(13, origin="hub.example/other"), merkle.consistency_proof(TREE, 13, 20))


def test_a_witness_signs_only_what_the_log_signed() -> None:
    with pytest.raises(UnknownKey):
        cosigned(checkpoint.sign(head(20), SigningKey.generate()), None, [])


def test_the_time_of_a_cosignature_is_signed() -> None:
    note = cosigned(NOTE, None, [])
    parts = checkpoint.parse(note)
    ours = next(line for line in parts.signatures if line.name == "yongkang")
    later = (int(NOW.timestamp()) + 60).to_bytes(8, "big")
    line = checkpoint._line("yongkang", ours.key_id, later + ours.signature[8:])
    with pytest.raises(BadSignature):
        checkpoint.verify_cosignature(NOTE + line.encode(), Y.sig.public, "yongkang")
    short = checkpoint._line("yongkang", ours.key_id, later)
    with pytest.raises(MalformedCheckpoint):
        checkpoint.verify_cosignature(NOTE + short.encode(), Y.sig.public, "yongkang")


def test_a_cosignature_is_no_log_signature() -> None:
    """A witness's line under the log's name does not make a head believed."""
    note = cosigned(NOTE, None, [])
    ours = next(line for line in checkpoint.parse(note).signatures if line.name == "yongkang")
    moved = NOTE.partition(b"\n\n")[0] + b"\n\n"
    moved += checkpoint._line(ORIGIN, checkpoint._log_key_id(Y.sig.public), ours.signature[8:]).encode()
    with pytest.raises(BadSignature):
        checkpoint.verify(moved, Y.sig.public, ORIGIN)


def test_two_heads_of_one_size_are_a_split_view() -> None:
    other = Checkpoint(ORIGIN, 20, bytes(32))
    with pytest.raises(SplitView):
        checkpoint.check_same_history(head(20), other)
    checkpoint.check_same_history(head(20), head(20))
    checkpoint.check_same_history(head(20), head(21))
    checkpoint.check_same_history(head(20), Checkpoint("another.example/log", 20, bytes(32)))


def test_a_witness_name_is_one_word() -> None:
    with pytest.raises(MalformedCheckpoint):
        cosigned(NOTE, None, [], witness="永康 市")
    note = cosigned(NOTE, None, [], witness="永康市")
    assert checkpoint.verify_cosignature(note, Y.sig.public, "永康市") == NOW
