"""Signatures of addresses by column: exactly those of `linkage.addresses`, a register's worth at a time.

A register has many addresses and few streets, houses and doors: each of these is worked out once, and an address is put
together from two of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hub.linkage import addresses
from hub.linkage.columns import Flags, Numbers, Places
from hub.linkage.engines.distinct import Distinct, distinct, merged
from hub.linkage.engines.texts import LONGEST, Texts

Signatures = tuple[Numbers, Numbers]
"""Two words a text: `addresses.words`."""
_PART = 1 << 14


@dataclass(frozen=True, slots=True)
class _Halves:
    """The different heads, or tails, of a column: as written, as the core has them (None: unknown), and whose they are."""

    written: Sequence[str]
    spelt: Sequence[str | None]
    of: Places

    def which(self, test: Callable[[str, str | None], bool]) -> Flags:
        """The records whose half passes the test."""
        found: Flags = np.array(list(map(test, self.written, self.spelt)), dtype=np.bool_)[self.of]
        return found


def read(texts: Texts) -> Signatures:
    """The signature of each text; zeros for an empty one."""
    heads, tails = _halves(texts)
    low, high = _together(heads, tails)
    unknown = heads.which(lambda _, spelt: spelt is None) | tails.which(lambda _, spelt: spelt is None)
    _whole(texts, np.flatnonzero(unknown & (texts.sizes > 0)), low, high)
    return low, high


def _halves(texts: Texts) -> tuple[_Halves, _Halves]:
    """Heads and tails as `addresses.halves` parts them: at the first figure, and again where a division ends behind it."""
    parts = [_parted(texts.part(start, start + _PART)) for start in range(0, len(texts), _PART)]
    at = np.concatenate([part[0] for part in parts])
    heads, tails = merged([part[1] for part in parts]), merged([part[2] for part in parts])
    before = texts.at(heads.at).halved(at[heads.at])[0].strings()
    behind = [addresses.halves(text) for text in texts.at(tails.at).halved(at[tails.at])[1].strings()]
    before, of = _longer(before, heads.of, [more for more, _ in behind], tails.of)
    doors = [door for _, door in behind]
    return _Halves(before, addresses.streets(before), of), _Halves(doors, addresses.doors(doors), tails.of)


def _longer(heads: list[str], of: Places, more: list[str], tails: Places) -> tuple[list[str], Places]:
    """The different heads, and whose they are, when each goes on with what belongs to it of the tails."""
    if not any(more):
        return heads, of
    known = {text: at for at, text in enumerate(dict.fromkeys(more))}
    on, texts = np.array([known[text] for text in more], dtype=np.intp)[tails], list(known)
    pairs = distinct((of * len(texts) + on).astype(np.uint64))
    return [heads[pair // len(texts)] + texts[pair % len(texts)] for pair in pairs.values.tolist()], pairs.of


def _parted(texts: Texts) -> tuple[Places, Distinct, Distinct]:
    """Where the first figure of each text stands, and what is before it and what begins with it, as numbers."""
    sizes = texts.sizes
    width = min(int(sizes.max(initial=0)), LONGEST)
    figures = texts.left(width + 1) - np.uint8(ord("0")) <= 9
    figures[:, width] = True
    at = figures.argmax(axis=1)
    at = np.where(at == width, sizes, np.minimum(at, sizes))
    head, tail = texts.halved(at)
    return at, distinct(head.hashes()), distinct(tail.hashes())


def _together(heads: _Halves, tails: _Halves) -> Signatures:
    """The signatures of addresses from those of their halves, and of the two characters where these meet."""
    lasts, last = np.unique([(text or "")[-1:] for text in heads.spelt], return_inverse=True)
    firsts, first = np.unique([(text or "")[:1] for text in tails.spelt], return_inverse=True)  # hardly any but figures
    low, high = _words([addresses.joint(a, b) for a in lasts.tolist() for b in firsts.tolist()])
    meeting = last.take(heads.of) * len(firsts) + first.take(tails.of)
    low, high = low.take(meeting), high.take(meeting)
    for half in (heads, tails):
        own_low, own_high = _bits([text or "" for text in half.spelt])
        low |= own_low.take(half.of)
        high |= own_high.take(half.of)
    return low, high


def _bits(texts: Sequence[str]) -> Signatures:
    """`addresses.bits` of each text: they have many characters, and few pairs of neighbours and whole numbers."""
    joined = "".join(f"{text}{addresses.SEPARATOR}" for text in texts)
    chars = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    of = np.cumsum(chars == 0)
    if len(texts) < of[-1:].sum():
        return _words(list(map(addresses.bits, texts)))  # a separator is part of a text
    pairs = distinct(chars[:-1] << np.uint64(32) | chars[1:])
    neighbours = [(chr(pair >> 32), chr(pair & 0xFFFFFFFF)) for pair in pairs.values.tolist()]
    joints = _words([0 if addresses.SEPARATOR in both else addresses.joint(*both) for both in neighbours])
    starts = {found.start(): found.group() for found in addresses.NUMBER.finditer(joined)}
    numbers = {number: at for at, number in enumerate(dict.fromkeys(starts.values()))}
    wholes = _words(list(map(addresses.whole, numbers)))
    which = np.fromiter(map(numbers.__getitem__, starts.values()), dtype=np.intp, count=len(starts))
    whose = of[np.fromiter(starts, dtype=np.intp, count=len(starts))]
    low, high = np.zeros((2, len(texts)), dtype=np.uint64)
    for into, joint, whole in zip((low, high), joints, wholes, strict=True):
        np.bitwise_or.at(into, of[:-1], joint.take(pairs.of))
        np.bitwise_or.at(into, whose, whole.take(which))
    return low, high


def _words(found: Sequence[int]) -> Signatures:
    pairs = np.array(list(map(addresses.words, found)), dtype=np.uint64).reshape(len(found), 2)
    return pairs[:, 0], pairs[:, 1]


def _whole(texts: Texts, places: Places, low: Numbers, high: Numbers) -> None:
    """Fill in the addresses at `places`, which cannot be told from their halves, each different text once."""
    written = texts.at(places).strings()
    different = {text: at for at, text in enumerate(dict.fromkeys(written))}
    of = np.fromiter(map(different.__getitem__, written), dtype=np.intp, count=len(written))
    pairs = np.array(list(map(addresses.signature, different)), dtype=np.uint64).reshape(len(different), 2)
    low[places], high[places] = pairs[of, 0], pairs[of, 1]
