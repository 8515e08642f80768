"""Signatures of addresses by column: exactly those of `linkage.addresses`, a register's worth at a time.

An address of common characters without noise, nearly every one, is worked out as arrays of characters; any other goes
through `addresses.signature`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from zlib import crc32

import numpy as np
import numpy.typing as npt

from hub.linkage import addresses

Chars = npt.NDArray[np.uint16]
Numbers = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

_WIDTH = 48
_CHUNK = 4096
_STRANGE = 0xFFFF
"""Stands for a character beyond the basic plane."""
_ROUNDS = 4


def signatures(texts: Sequence[str]) -> tuple[Numbers, Numbers]:
    """The two words of `addresses.signature` of each text."""
    low, high = np.zeros(len(texts), dtype=np.uint64), np.zeros(len(texts), dtype=np.uint64)
    lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts))
    for start in range(0, len(texts), _CHUNK):
        places = np.arange(start, min(start + _CHUNK, len(texts)))
        chars = _matrix(texts[start : start + _CHUNK])
        usual = (lengths[places] <= _WIDTH) & _is_usual(chars)
        low[places[usual]], high[places[usual]] = _sign(chars[usual])
        for place in places[~usual].tolist():
            low[place], high[place] = addresses.signature(texts[place])
    return low, high


def _matrix(texts: Sequence[str]) -> Chars:
    """The first characters of each text, followed by zeros; room is left behind the longest."""
    width = min(max(map(len, texts)), _WIDTH) or 1
    wide = np.array(texts, dtype=f"U{width}").view(np.uint32).reshape(len(texts), width)
    return np.pad(np.where(wide > 0xFFFF, _STRANGE, wide).astype(np.uint16), ((0, 0), (0, 8)))


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Of every character: 0 one that a rule may take off or change, 1 common, 2 a Chinese figure, 3 what may follow one."""
    kinds = np.zeros(1 << 16, dtype=np.uint8)
    kinds[0] = 1
    for first, last in (("0", "9"), ("a", "z"), ("-", "-"), ("\u4e00", "\u9fa5")):
        kinds[ord(first) : ord(last) + 1] = 1
    kinds[ord("委")] = 0
    kinds[[ord(char) for char in "一二三四五六七八九十百"]] = 2
    kinds[[ord(char) for char in "号组栋幢弄室楼队单"]] = 3
    return kinds


def _is_usual(chars: Chars) -> Flags:
    """Whether no rule but those below concerns the address: others turn characters into more or fewer."""
    kinds = _kinds()[chars]
    fillers = np.array([ord(text) for text in addresses.FILLERS if len(text) == 1], dtype=np.uint16)
    usual: Flags = (kinds > 0).all(axis=1) & ~((kinds[:, :-1] == 2) & (kinds[:, 1:] == 3)).any(axis=1)
    usual &= ~(np.isin(chars[:, 0], fillers) & (chars[:, 1] == 0))
    return usual & ~_is_filler(chars)


def _is_filler(chars: Chars) -> Flags:
    """A filler of several characters."""
    found = np.zeros(len(chars), dtype=np.bool_)
    for text in addresses.FILLERS:
        if 1 < len(text) < chars.shape[1]:
            found |= _is(chars[:, : len(text) + 1], text)[:, 0] & (chars[:, len(text)] == 0)
    return found


def _sign(chars: Chars) -> tuple[Numbers, Numbers]:
    start = _below_township(chars)
    kept, chars = _one_spelling(chars, start)
    kept &= np.arange(chars.shape[1]) <= _last(kept, chars)[:, None]
    bits = _Bits(len(chars))
    _neighbours(bits, chars, kept)
    _whole_numbers(bits, chars, kept)
    return bits.low, bits.high


def _is(chars: Chars, text: str) -> Flags:
    """Where `text` begins."""
    found: Flags = chars == ord(text[0])
    for at, char in enumerate(text[1:], 1):
        found[:, :-at] &= chars[:, at:] == ord(char)
        found[:, -at:] = False
    return found


def _below_township(chars: Chars) -> Ints:
    """Where the part below the named divisions begins: `addresses._UPPER`, up to four times."""
    county = (_is(chars, "区") | _is(chars, "县") | _is(chars, "旗") | _is(chars, "市")) & ~np.pad(
        chars[:, 1:] == ord("区"), ((0, 0), (0, 1))
    )
    steps = [
        (8, _lengths(chars, "省", "自治区", "特别行政区")),
        (7, _lengths(chars, "市", "自治州", "地区", "盟")),
        (7, county.astype(np.uint8)),
        (6, _lengths(chars, "街道", "镇", "乡")),
    ]
    size = (chars > 0).sum(axis=1)
    start = np.zeros(len(chars), dtype=np.intp)
    moving = np.arange(len(chars))
    for _ in range(_ROUNDS):
        after = start[moving].copy()
        left = np.ones(len(moving), dtype=np.bool_)
        for most, ends in steps:
            window = np.minimum(start[moving][:, None] + np.arange(1, most + 1), chars.shape[1] - 1)
            lengths = np.take_along_axis(ends[moving], window, axis=1)
            first = (lengths > 0).argmax(axis=1)
            at = np.arange(len(moving))
            found = left & (lengths[at, first] > 0)
            after[found] = window[at, first][found] + lengths[at, first][found]
            left &= ~found
        moved = (after > start[moving]) & (after < size[moving])  # what would leave nothing is left as it is
        start[moving[moved]] = after[moved]
        moving = moving[moved]
    return start


def _lengths(chars: Chars, *texts: str) -> npt.NDArray[np.uint8]:
    """How long the first of `texts` that begins at each place is; 0 where none does."""
    found = np.zeros(chars.shape, dtype=np.uint8)
    for text in reversed(texts):
        found[_is(chars, text)] = len(text)
    return found


def _one_spelling(chars: Chars, start: Ints) -> tuple[Flags, Chars]:
    """Which characters remain, and the characters in one spelling: `addresses._SYNONYM` for the words of buildings."""
    place = np.arange(chars.shape[1])
    kept = (chars > 0) & (place >= start[:, None])
    before = np.pad(np.where(kept, chars, 0)[:, :-1], ((0, 0), (1, 0)))
    behind = np.pad(chars[:, 1:], ((0, 0), (0, 1)))
    house = (chars == ord("楼")) | (chars == ord("院"))
    unit = (chars == ord("元")) & (before == ord("单"))
    gone = (house & (before == ord("号"))) | unit
    digit_behind = (behind >= ord("0")) & (behind <= ord("9"))
    dash = ((chars == ord("单")) & (behind == ord("元"))) | (chars == ord("室")) | (chars == ord("户"))
    dash |= (chars == ord("楼")) & (before != ord("号")) & digit_behind
    number = (chars == ord("幢")) | (chars == ord("栋")) | (chars == ord("弄"))
    spelled = np.where(dash, ord("-"), np.where(number, ord("号"), chars)).astype(np.uint16)
    return kept & ~gone, spelled


def _last(kept: Flags, chars: Chars) -> Ints:
    """The last character that is neither a dash nor 号; -1 where there is none."""
    telling = kept & (chars != ord("-")) & (chars != ord("号"))
    back = telling[:, ::-1].argmax(axis=1)
    last: Ints = np.where(telling.any(axis=1), chars.shape[1] - 1 - back, -1)
    return last


@dataclass(slots=True)
class _Bits:
    """128 bits a row."""

    low: Numbers
    high: Numbers

    def __init__(self, count: int) -> None:
        self.low, self.high = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.uint64)

    def set(self, where: Ints, bit: npt.NDArray[np.uint8]) -> None:
        """Set bit number `bit` of the rows `where`."""
        mask = np.uint64(1) << (bit & np.uint8(63)).astype(np.uint64)
        upper = bit >= 64
        self.low[where] |= np.where(upper, np.uint64(0), mask)
        self.high[where] |= np.where(upper, mask, np.uint64(0))


@cache
def _table() -> npt.NDArray[np.uint32]:
    """CRC-32 of one byte (polynomial of zlib)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0xEDB88320), table >> 1)
    return table


@cache
def _sums() -> tuple[npt.NDArray[np.uint8], tuple[npt.NDArray[np.uint8], ...], npt.NDArray[np.uint8]]:
    """Low bits of CRC-32 by character: alone, moved on by one, two or three bytes; and its length in UTF-8.

    The checksum of two characters is that of the first, moved on by the length of the second, xor that of the second.
    """
    size = np.full(1 << 16, 3, dtype=np.uint8)
    size[:0x800], size[:0x80] = 2, 1
    alone = np.zeros(1 << 16, dtype=np.uint32)
    codes = [*range(0x80), *range(0x4E00, 0x9FA6)]
    alone[codes] = [crc32(chr(code).encode()) for code in codes]
    table, moved, value = _table(), [], alone
    for _ in range(3):
        value = table[value & 0xFF] ^ value >> np.uint32(8)
        moved.append((value & 127).astype(np.uint8))
    return (alone & 127).astype(np.uint8), tuple(moved), size


def _neighbours(bits: _Bits, chars: Chars, kept: Flags) -> None:
    """One bit for every two characters that stand side by side; no two that are left out do."""
    alone, moved, size = _sums()
    for place in range(chars.shape[1] - 2):
        where = np.flatnonzero(kept[:, place])
        if not len(where):
            continue
        near = kept[where, place + 1]
        behind = np.where(near, chars[where, place + 1], chars[where, place + 2])
        there = near | (~near & (chars[where, place + 1] > 0) & kept[where, place + 2])
        where, first, second = where[there], chars[where[there], place], behind[there]
        length = size[second]
        shifted = np.where(length == 1, moved[0][first], np.where(length == 2, moved[1][first], moved[2][first]))
        bits.set(where, shifted ^ alone[second])


def _whole_numbers(bits: _Bits, chars: Chars, kept: Flags) -> None:
    """One bit for every number: the CRC-32 of the letter n and its figures."""
    table, first = _table(), np.uint32(crc32(b"n") ^ 0xFFFFFFFF)
    state = np.full(len(chars), first, dtype=np.uint32)
    digit = kept & (chars >= ord("0")) & (chars <= ord("9"))
    for place in np.flatnonzero(digit.any(axis=0)):
        where = np.flatnonzero(digit[:, place])
        now = state[where]
        now = table[(now ^ chars[where, place]) & np.uint32(0xFF)] ^ now >> np.uint32(8)
        over = ~digit[where, place + 1]
        state[where] = np.where(over, first, now)
        bits.set(where[over], (~now[over] & np.uint32(127)).astype(np.uint8))
