"""Signed tree heads as text: origin, size and root in a signed note that people and other tools can read (C2SP).

The log signs the text itself (ECDSA, note type 0x02). A witness adds a dated co-signature, and only after it was shown
that the log grew out of the head the witness saw last: `cosign` does both or nothing. A note is believed only as the
result of `verify` or `verify_cosignature`.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certs.encoding import sha256
from certs.errors import BadSignature, MalformedCheckpoint, SplitView, UnknownKey
from certs.instants import instant, seconds
from certs.keys import Signer, VerifyKey
from certs.merkle import verify_consistency
from certs.suites import suite_named

MAX_BYTES: Final = 65_536
_MAX_SIGNATURES: Final = 32
_DASH: Final = "\u2014 "
_NAME: Final = re.compile(r"[^\s+]{1,200}")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIZE: Final = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
_COSIGNATURE: Final = b"\xfflianqiao/cosignature/v1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head. `origin` names the log, without blanks or `+`."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.origin) or _CONTROL.search(self.origin) or self.size < 0 or len(self.root) != 32:
            raise MalformedCheckpoint("a checkpoint has an origin, a size and a root of 32 bytes")

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: whose, and the bytes after the key id."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart; nothing of it believed yet."""

    text: str
    signatures: tuple[NoteSignature, ...]


def sign(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The checkpoint as a note signed by the log, whose key name is the origin."""
    text = checkpoint.text()
    signature = suite_named(signer.suite).signing.to_der(signer.sign(text.encode("utf-8")))
    return f"{text}\n{_line(checkpoint.origin, _log_key_id(signer.public), signature)}".encode()


def parse(note: bytes) -> Note:
    """Take apart without verifying; MalformedCheckpoint."""
    try:
        content = note.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedCheckpoint("not UTF-8") from None
    text, separator, tail = content.rpartition("\n\n")
    if len(note) > MAX_BYTES or _CONTROL.search(content) or not separator or not tail.endswith("\n"):
        raise MalformedCheckpoint("not a signed note")
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise MalformedCheckpoint("too many signatures")
    return Note(text + "\n", tuple(_read_line(line) for line in lines))


def read(text: str) -> Checkpoint:
    """The tree head in a note's text; MalformedCheckpoint."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not _SIZE.fullmatch(lines[1]):
        raise MalformedCheckpoint("three lines are expected: origin, size, root")
    return Checkpoint(lines[0], int(lines[1]), _unb64(lines[2]))


def verify(note: bytes, key: VerifyKey, origin: str) -> Checkpoint:
    """The tree head, once the log `origin` signed it with `key`; MalformedCheckpoint, UnknownKey, BadSignature."""
    parts = parse(note)
    found = read(parts.text)
    if found.origin != origin:
        raise UnknownKey("the checkpoint is of another log")
    signature = _signature_of(parts, origin, _log_key_id(key))
    key.verify(parts.text.encode("utf-8"), suite_named(key.suite).signing.from_der(signature))
    return found


def cosign(
    note: bytes,
    *,
    log_key: VerifyKey,
    origin: str,
    last: Checkpoint | None,
    proof: list[bytes],
    witness: str,
    signer: Signer,
    now: datetime,
) -> bytes:
    """The note with the witness's dated co-signature, once the head grew out of `last` (None the first time).

    Raises what `verify` raises, SplitView (same size, another root; or smaller), ConsistencyNotProven.
    """
    head = verify(note, log_key, origin)
    if last is not None:
        if last.origin != origin:
            raise UnknownKey("the head seen last is of another log")
        if head.size < last.size or (head.size == last.size and head.root != last.root):
            raise SplitView
        verify_consistency(last.size, head.size, proof, last.root, head.root)
    moment = seconds(now)
    der = suite_named(signer.suite).signing.to_der(signer.sign(_cosigned(parse(note).text, moment)))
    line = _line(witness, _witness_key_id(witness, signer.public), moment.to_bytes(8, "big") + der)
    return note + line.encode("utf-8")


def verify_cosignature(note: bytes, key: VerifyKey, witness: str) -> datetime:
    """When the witness co-signed; MalformedCheckpoint, UnknownKey (it did not), BadSignature."""
    parts = parse(note)
    value = _signature_of(parts, witness, _witness_key_id(witness, key))
    if len(value) < 9:
        raise MalformedCheckpoint("a co-signature has a time and a signature")
    moment = int.from_bytes(value[:8], "big")
    key.verify(_cosigned(parts.text, moment), suite_named(key.suite).signing.from_der(value[8:]))
    return instant(moment)


def check_same_history(one: Checkpoint, other: Checkpoint) -> None:
    """SplitView if two believed heads of one log and size differ."""
    if one.origin == other.origin and one.size == other.size and one.root != other.root:
        raise SplitView


def _cosigned(text: str, moment: int) -> bytes:
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def _log_key_id(key: VerifyKey) -> bytes:
    return sha256(key.subject_public_key_info())[:4]


def _witness_key_id(name: str, key: VerifyKey) -> bytes:
    return sha256(name.encode("utf-8") + b"\n" + _COSIGNATURE + key.subject_public_key_info())[:4]


def _line(name: str, key_id: bytes, signature: bytes) -> str:
    if not _NAME.fullmatch(name):
        raise MalformedCheckpoint("a key's name has no blanks and no +")
    return f"{_DASH}{name} {_b64(key_id + signature)}\n"


def _read_line(line: str) -> NoteSignature:
    name, blank, value = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not blank or not _NAME.fullmatch(name):
        raise MalformedCheckpoint("a signature line is damaged")
    content = _unb64(value)
    if len(content) < 5:
        raise MalformedCheckpoint("a signature is cut short")
    return NoteSignature(name, content[:4], content[4:])


def _signature_of(note: Note, name: str, key_id: bytes) -> bytes:
    found = [line.signature for line in note.signatures if line.name == name and line.key_id == key_id]
    if not found:
        raise UnknownKey(f"no signature of {name[:64]}")
    if len(found) > 1:
        raise BadSignature(f"two signatures of {name[:64]}")
    return found[0]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedCheckpoint("not base64") from None
    if _b64(data) != text:
        raise MalformedCheckpoint("not the one base64 spelling")
    return data
