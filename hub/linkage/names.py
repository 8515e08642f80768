"""Chinese names: plain text, surname and given name, former names in brackets, sounds.

Names are split here and not taken from the sender, so that every source is split alike. A minority or foreign name
(middle dots, four characters and more, Latin letters) has no surname: all of it is the given name.
"""

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from hub.linkage import hanzi, latin

_DOTS = re.compile(r"[·•‧∙⋅・･．。.˙‐‑‒–—―－_*\u0307\u0387\u05bc\u16eb\u2022\u2027\u22c5\u2e31\u2e33\ua78f-]+")
_BRACKETS = re.compile(r"[(（\[【〔〈《{｛「]([^)）\]】〕〉》}｝」]*)[)）\]】〕〉》}｝」]?")
_STRAY = re.compile(r"[()（）\[\]【】〔〕〈〉《》{}｛｝「」]")
_LONGEST = 200
"""Characters of a name that are read. The longest names people have are shorter, and comparing takes time by the square."""
_EDGES = " ·.-*?？/\\,，、;；:：'\""
_FORMER = re.compile(r"^(?:曾用名|原名|又名|别名|旧名|婚前姓名|婚前名|小名|现名|更名|原)[:：]?")
_PLAIN = re.compile(r"[\u4e00-\u9fa5]{2,4}")  # no noise to take off: nearly every name
_LETTER = re.compile(r"[^\W\d_]")
LOST = "□"
_UNWRITABLE = re.compile("[□■▢〓\ufffd\ue000-\uf8ff]")  # what systems put for a character they do not know
_COVERED = re.compile(r"[?*]")
_SPACE = re.compile(r"[\s\u00a0\u3000\u200b-\u200f\ufeff]+")
NOT_A_NAME = frozenset(
    (
        "",
        "无",
        "不详",
        "未知",
        "未登记",
        "未填",
        "暂无",
        "同上",
        "无名",
        "未取名",
        "未命名",
        "待定",
        "null",
        "none",
        "test",
        "测试",
        "新生儿",
    )
)
SURNAME_SOUNDS = {
    "单": "shan4", "仇": "qiu2", "解": "xie4", "曾": "zeng1", "任": "ren2", "盖": "ge3", "查": "zha1", "朴": "piao2",
    "尉": "wei4", "冼": "xian3", "缪": "miao4", "乐": "yue4", "种": "chong2", "区": "ou1", "繁": "po2", "翟": "zhai2",
    "华": "hua4", "洗": "xian3", "员": "yun4", "折": "she2", "黑": "he4", "秘": "bi4", "宁": "ning4", "葛": "ge3",
    "应": "ying1", "万": "wan4", "石": "shi2", "沈": "shen3", "车": "che1", "覃": "qin2", "过": "guo1", "纪": "ji3",
    "尹": "yin3", "召": "shao4", "令": "ling2", "长": "zhang3", "哈": "ha3", "那": "na1", "句": "gou1",
    "万俟": "mo4 qi2", "尉迟": "yu4 chi2", "单于": "chan2 yu2", "长孙": "zhang3 sun1", "澹台": "tan2 tai2",
}  # fmt: skip


class Name(NamedTuple):
    """One name. `text` and the parts are folded to plain forms; `written` is what was sent, without noise."""

    written: str
    surname: str
    given: str
    sound: tuple[
        str, ...
    ]  # one toned reading a character, of surname and given name together; the words of a Latin one

    @property
    def text(self) -> str:
        return self.surname + self.given

    @property
    def latin(self) -> bool:
        return self.text.isascii()

    @property
    def spelt(self) -> list[hanzi.Spelt]:
        """The readings as they are compared, one for each of `sound`."""
        return [hanzi.spelt(sound) for sound in self.sound]

    @property
    def plain_sound(self) -> str:
        return " ".join(spelt.plain for spelt in self.spelt)


@cache
def compound_surnames() -> frozenset[str]:
    text = files("hub.linkage.data").joinpath("compound_surnames.txt").read_text(encoding="utf-8")
    return frozenset(hanzi.fold(name) for name in text.split())


@cache
def single_surnames() -> frozenset[str]:
    """The commonest surnames of one character."""
    text = files("hub.linkage.data").joinpath("surnames.txt").read_text(encoding="utf-8")
    return frozenset(hanzi.fold("".join(text.split())))


def parse(text: str) -> tuple[Name, ...]:
    """The names in a field, the present one first, former ones from brackets after it; empty where it names nobody."""
    return _parse(text if len(text) <= _LONGEST else text[:_LONGEST])


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Name, ...]:
    if _PLAIN.fullmatch(text) and text not in NOT_A_NAME:
        return (_chinese(text, text, dotted=False),)
    outside, inside = _split_brackets(unicodedata.normalize("NFKC", text))
    found = [name for name in (_name(part) for part in (outside, *inside)) if name is not None]
    return tuple(dict.fromkeys(found))


def _split_brackets(text: str) -> tuple[str, list[str]]:
    inside = [_FORMER.sub("", _SPACE.sub("", part)) for part in _BRACKETS.findall(text)]
    outside = _BRACKETS.sub("", text)
    return outside, inside


def _name(part: str) -> Name | None:
    spaced = _SPACE.sub(" ", _STRAY.sub("", part))
    letters = latin.plain(_DOTS.sub(" ", spaced))
    if letters is not None:
        return _latin(letters)
    plain = _DOTS.sub("·", _with_gaps(spaced.replace(" ", "")))
    written = unicodedata.normalize("NFKC", plain).strip(_EDGES)
    if hanzi.fold(written.lower()) in NOT_A_NAME or not _LETTER.search(written):
        return None
    return _chinese(_DOTS.sub("·", written), _DOTS.sub("", written), dotted=_DOTS.search(written) is not None)


def _with_gaps(text: str) -> str:
    """One sign for every character that was lost or covered. In longer names such signs stand for a dot, or for doubt."""
    text = _UNWRITABLE.sub(LOST, text)
    if len(text) <= 3 or (len(text) == 4 and hanzi.fold(text[:2]) in compound_surnames()):
        return _COVERED.sub(LOST, text)
    return text.rstrip("?*").replace("?", "·")


def told(part: str) -> str:
    """A surname or given name, or '' where all of it was lost."""
    return part if part.strip(LOST) else ""


def _chinese(written: str, bare: str, *, dotted: bool) -> Name:
    folded = hanzi.fold(bare)
    surname = "" if dotted or len(folded) > 4 else surname_of(folded)
    given = folded[len(surname) :]
    return Name(written, surname, given, sounds(surname, given))


def surname_of(folded: str) -> str:
    """The surname in a folded Chinese name of two to four characters; '' in a name that cannot have one."""
    if len(folded) >= 3 and folded[:2] in compound_surnames():
        return folded[:2]
    if len(folded) == 4 or len(folded) < 2:
        return folded[:2] if len(folded) == 4 and _double(folded) else ""
    return folded[:1]


def without_husband(name: Name, husband: Name) -> Name | None:
    """A wife's own name, when her husband's surname was written in front of it; None when it was not."""
    own = name.text.removeprefix(husband.surname)
    if (
        not husband.surname
        or len(own) == len(name.text)
        or len(own) < 2
        or not (own[0] in single_surnames() or own[:2] in compound_surnames())
    ):
        return None
    return _chinese(own, own, dotted=False)


def _double(folded: str) -> bool:
    """Four characters: father's and mother's surname together, as modern names have it, when both are single ones."""
    return folded[0] in single_surnames() and folded[1] in single_surnames()


def _latin(letters: str) -> Name | None:
    written = _SPACE.sub(" ", letters).strip(_EDGES.replace(",", ""))
    words = latin.split(written)
    if not words.said or written.lower().strip(_EDGES) in NOT_A_NAME:
        return None
    return Name(written, words.family, words.given, words.said)


def sounds(surname: str, given: str) -> tuple[str, ...]:
    """The toned readings of the characters of folded name parts, a surname's as a surname is read."""
    special = SURNAME_SOUNDS.get(surname)
    head = special.split(" ") if special else map(first_sound, surname)
    return (*head, *map(first_sound, given))


@lru_cache(maxsize=16384)
def first_sound(char: str) -> str:
    """The commonest reading of a character, with its tone; the character itself where none is known."""
    found = hanzi.sounds(char)
    return found[0] if found else char
