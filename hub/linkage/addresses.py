"""Addresses: the part below the named divisions, and a 128-bit signature whose overlap estimates likeness.

Divisions are compared by code elsewhere; here street, village, house and door count.
"""

import re
import unicodedata
from functools import lru_cache
from zlib import crc32

_NOISE = re.compile(r"[\s\u00a0\u3000,，.。、;；:：()（）\[\]【】#＃'\"]+")
_UPPER = re.compile(
    r"^.{1,8}?(?:省|自治区|特别行政区)"
    r"|^.{1,7}?(?:市|自治州|地区|盟)"
    r"|^.{1,7}?(?:区|县|旗|市)(?!区)"
    r"|^.{1,6}?(?:街道|镇|乡)"
)
_FILLERS = frozenset(("", "无", "不详", "同上", "未知", "暂无", "本地", "null", "-", "/"))
_CHINESE_NUMBER = re.compile(r"[〇零一二三四五六七八九十百]+(?=[号组栋幢弄室楼队单])")
_CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_SYNONYMS = (
    (re.compile(r"村民委员会|村委会"), "村"),
    (re.compile(r"社区居民委员会|居民委员会|居委会"), "社区"),
    (re.compile(r"号院|号楼|幢|栋|弄"), "号"),
    (re.compile(r"单元|室|户|楼(?=\d)"), "-"),
)


@lru_cache(maxsize=65536)
def core(text: str) -> str:
    """The address below township level, in one spelling; '' where nothing is said."""
    plain = _NOISE.sub("", unicodedata.normalize("NFKC", text)).lower()
    if plain in _FILLERS:
        return ""
    for _ in range(4):
        shorter = _UPPER.sub("", plain, count=1)
        if shorter == plain or not shorter:
            break
        plain = shorter
    plain = _CHINESE_NUMBER.sub(_arabic, plain)
    for pattern, replacement in _SYNONYMS:
        plain = pattern.sub(replacement, plain)
    return plain.rstrip("-号")


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


@lru_cache(maxsize=65536)
def signature(text: str) -> tuple[int, int]:
    """Two 64-bit words: one bit for every pair of neighbouring characters and every whole number of the core."""
    bits = 0
    short = core(text)
    for i in range(len(short) - 1):
        bits |= 1 << (crc32(short[i : i + 2].encode()) % 128)
    for number in re.findall(r"\d+", short):
        bits |= 1 << (crc32(b"n" + number.encode()) % 128)
    return bits & 0xFFFFFFFFFFFFFFFF, bits >> 64
