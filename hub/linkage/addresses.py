"""Addresses: the part below the named divisions, and a 128-bit signature whose overlap estimates likeness.

Divisions are compared by code elsewhere; here street, village, house and door count.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from operator import add, or_
from zlib import crc32

_NOISE = re.compile(r"[\s\u00a0\u3000,，.。、;；:：()（）\[\]【】#＃'\"]+")
_UPPER = re.compile(
    r"^.{1,8}?(?:省|自治区|特别行政区)"
    r"|^.{1,7}?(?:市|自治州|地区|盟)"
    r"|^.{1,7}?(?:区|县|旗|市)(?!区)"
    r"|^.{1,6}?(?:街道|镇|乡)"
)
TAIL = "[0-9][^省区州市盟县旗道镇乡]*"
"""What an address ends with: house and door, in which no named division ends. Means the same to Python and to RE2."""
NUMBER = re.compile(r"\d+")
SEPARATOR = "\0"
_DIVISION_LAST = re.compile("(?s:.*)[省区州市盟县旗道镇乡]")
_DIGIT = re.compile("[0-9]")
FILLERS = frozenset(("", "无", "不详", "同上", "未知", "暂无", "本地", "null", "-", "/"))
# From the beginning of a row of figures only: tried from each of them, a long row would take time by its square.
_CHINESE_NUMBER = re.compile(r"(?<![〇零一二三四五六七八九十百])[〇零一二三四五六七八九十百]++(?=[号组栋幢弄室楼队单])")
_CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九", "00103456789")
_SYNONYM = re.compile(
    r"(村民委员会|村委会)|(社区居民委员会|居民委员会|居委会)|(号院|号楼|幢|栋|弄)|单元|室|户|楼(?=\d)"
)
_SAME_AS = (None, "村", "社区", "号")


def core(text: str) -> str:
    """The address below township level, in one spelling; '' where nothing is said."""
    return "".join(_halves(text))


@lru_cache(maxsize=4096)
def _halves(text: str) -> tuple[str, str]:
    """The core, parted where house and door begin."""
    plain = _plain(text)
    if plain in FILLERS:
        return "", ""
    tail = _tail(plain)
    if tail is None:
        return _spelt(_below_divisions(plain)).rstrip("-号"), ""
    return _street(plain[:tail]), _door(plain[tail:])


def _tail(text: str) -> int | None:
    """Where the TAIL begins: searched for from behind, since a pattern tried from every figure takes time by their square."""
    last = _DIVISION_LAST.match(text)
    found = _DIGIT.search(text, last.end() if last else 0)
    return found.start() if found else None


def _plain(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).lower()


@lru_cache(maxsize=4096)
def _street(head: str) -> str:
    """What stands before house and door: a whole village shares it. Which figure follows is no matter."""
    return _spelt(_below_divisions(head + "0"))[:-1]


def _door(tail: str) -> str:
    return _spelt(tail).rstrip("-号")


def halves(text: str) -> tuple[str, str]:
    """A written address, parted where its TAIL begins; as it is written, where `core` reads it in one spelling."""
    found = _tail(text)
    place = len(text) if found is None else found
    return text[:place], text[place:]


def streets(heads: Sequence[str]) -> list[str | None]:
    """Of each head the first half of the core of every address that is `head` and a TAIL; None where that depends on the
    tail."""
    plain = _at_once(_plain, heads)
    spelt = _at_once(_spelt, [_below_divisions(head + "0") for head in plain])
    return [found[:-1] if _tail(head + "0") == len(head) else None for head, found in zip(plain, spelt, strict=True)]


def doors(tails: Sequence[str]) -> list[str | None]:
    """The second half of the core of every address that ends with each TAIL; None where that depends on its head."""
    plain = _at_once(_plain, tails)
    spelt = _at_once(_spelt, plain)
    return [found.rstrip("-号") if _tail(tail) == 0 else None for tail, found in zip(plain, spelt, strict=True)]


def _at_once(spell: Callable[[str], str], texts: Sequence[str]) -> list[str]:
    """`spell` of each text, but of all in one: no rule looks beyond a separator."""
    if not texts or any(SEPARATOR in text for text in texts):
        return list(map(spell, texts))
    return spell(SEPARATOR.join(texts)).split(SEPARATOR)


def _below_divisions(plain: str) -> str:
    for _ in range(4):
        shorter = _UPPER.sub("", plain, count=1)
        if shorter == plain or not shorter:
            break
        plain = shorter
    return plain


def _spelt(plain: str) -> str:
    return _SYNONYM.sub(_as, _CHINESE_NUMBER.sub(_arabic, plain))


def _as(found: re.Match[str]) -> str:
    return _SAME_AS[found.lastindex or 0] or "-"


def _arabic(found: re.Match[str]) -> str:
    """十二 → 12, 一百零三 → 103; figures in a row (一二三) are read one by one."""
    total, digit = 0, 0
    text = found.group()
    if not {"十", "百"} & set(text):
        return text.translate(_CHINESE_DIGITS)
    for char in text:
        if char in "十百":
            total, digit = total + (digit or 1) * (10 if char == "十" else 100), 0
        else:
            digit = int(char.translate(_CHINESE_DIGITS))
    return str(total + digit)


@lru_cache(maxsize=4096)
def signature(text: str) -> tuple[int, int]:
    """Two 64-bit words: one bit for every pair of neighbouring characters and every whole number of the core."""
    first, second = _halves(text)
    return words(bits(first) | joint(first[-1:], second[:1]) | bits(second))


@lru_cache(maxsize=4096)
def bits(half: str) -> int:
    """The bits of one half of a core: no number spans both."""
    found = reduce(or_, map(_BITS.__getitem__, map(add, half, half[1:])), 0)
    for number in NUMBER.findall(half):
        found |= whole(number)
    return found


def whole(number: str) -> int:
    """The bit of a whole number."""
    return _BITS["n" + number]


def joint(last: str, first: str) -> int:
    """The bit of the two characters where the halves meet."""
    return _BITS[last + first] if last and first else 0


def words(found: int) -> tuple[int, int]:
    """128 bits as two words, the lower first."""
    return found & 0xFFFFFFFFFFFFFFFF, found >> 64


def house(text: str) -> tuple[str, str]:
    """Number and street's first word of an address that begins with them, in Latin letters; '' for what is not there."""
    found = _HOUSE.match(text.lower())
    return (found[1] or "", found[2]) if found else ("", "")


class _Bits(dict[str, int]):
    """The bit of a token, worked out once."""

    def __missing__(self, token: str) -> int:
        bit = 1 << (crc32(token.encode()) % 128)
        if len(self) < 1 << 16:
            self[token] = bit
        return bit


_BITS = _Bits()
_HOUSE = re.compile(r"\W*(?:(\d+)[a-z]?\W+)?([a-z]{3,})")
