"""Names of people: every character is kept; compound surnames and former names in brackets are recognised."""

import re

from mappings.engine.model import Note, Noted, PersonName, note
from mappings.engine.transforms.text import fold

_COMPOUND = frozenset(
    re.findall(
        r"\S+",
        "欧阳 司马 上官 诸葛 夏侯 东方 尉迟 公孙 令狐 慕容 宇文 长孙 司徒 司空 皇甫 轩辕 端木 "
        "独孤 南宫 申屠 澹台 公冶 宗政 濮阳 淳于 单于 太叔 公羊 "
        "赫连 钟离 鲜于 闾丘 亓官 司寇 仉督 子车 颛孙 巫马 公西 漆雕 乐正 壤驷 公良 拓跋 夹谷 "
        "宰父 谷梁 段干 百里 东郭 南门 呼延 羊舌 微生 梁丘 左丘 "
        "东门 西门 第五 完颜 叶赫 纳兰 那拉 耶律 万俟 闻人 褚师 即墨 哥舒 费莫 达奚 贺兰 爱新 "
        "阿史 归海 墨台 沮渠 贯丘 ",
    )
)
_BRACKETS = re.compile(r"^(?P<name>[^()（）\[\]【】]+)[(（\[【](?P<old>[^()（）\[\]【】]*)[)）\]】]$")
_OLD_LABEL = re.compile(r"^(?:曾用名|原名|又名|别名|旧名|夫姓|娘家姓?)[:：]?")
_HAN = re.compile(r"[\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_USUAL = re.compile("[\u4e00-\u9fff]{2,4}")  # a Chinese name as most are
_DOTTED = re.compile("[·•・‧∙．.]")
_SUSPICIOUS = re.compile(r"[?？0-9#@$%&=+<>_~^|\\]")
_MASK = re.compile(r"[*＊×]")


def split(name: str) -> tuple[str | None, str | None]:
    """(family, given) of a Chinese name; (None, None) when the split cannot be known, as in dotted or Latin names."""
    if not 2 <= len(name) <= 6 or _HAN.fullmatch(name) is None:
        return None, None
    cut = 2 if len(name) > 2 and name[:2] in _COMPOUND else 1
    return name[:cut], name[cut:]


def person_name(text: str) -> object:
    """A PersonName; padding inside Chinese names goes, everything else stays. A masked name is an error."""
    if _USUAL.fullmatch(text) is not None:
        cut = 2 if len(text) > 2 and text[:2] in _COMPOUND else 1
        return PersonName(text, text[:cut], text[cut:])
    name = fold(text)
    if not name:
        return None
    old = None
    if name[-1] in ")）]】" and (bracketed := _BRACKETS.match(name)) is not None:
        name = bracketed["name"].strip()
        old = _OLD_LABEL.sub("", bracketed["old"]).strip() or None
    if " " in name:
        joined = "".join(name.split())
        name = joined if _HAN.fullmatch(joined) else " ".join(name.split())
    if _MASK.search(name):
        return Noted(None, (note("name-masked"),))
    family, given = split(name)
    value = PersonName(name, family, given, old)
    if family is not None:
        return value
    notes: list[Note] = []
    odd = "".join(dict.fromkeys(_SUSPICIOUS.findall(name)))
    if odd:
        notes.append(note("name-suspicious", characters=odd))
    private = [c for c in name if "\ue000" <= c <= "\uf8ff"]
    if private:
        notes.append(note("private-use-character", character=f"U+{ord(private[0]):04X}"))
    return Noted(value, tuple(notes)) if notes else value


def dotted(name: str) -> bool:
    """Whether the name has the middle dot of transcribed names (阿依古丽·买买提)."""
    return _DOTTED.search(name) is not None
