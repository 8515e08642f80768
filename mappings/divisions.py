"""Administrative divisions of China (GB/T 2260) with their history: by code and year, by name, by free text.

A division that was renamed or renumbered leads to its successor; an ambiguous address says which divisions it
could mean and never picks one. Knows counties and above: town and village digits are carried, not checked.
Table: codes/divisions.csv (see codes/README.md for its origin).
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

Status = Literal["found", "ambiguous", "incomplete", "assumed", "none"]

LEVEL_NAMES = {1: ("the province", "省级"), 2: ("the city", "地市级"), 3: ("the county", "县级")}

_GENERIC = frozenset({"市辖区", "县", "市", "省直辖县级行政区划", "自治区直辖县级行政区划"})
_PEOPLE_NAMES = re.findall(
    r"\S+",
    "蒙古族 回族 藏族 维吾尔族 苗族 彝族 壮族 布依族 朝鲜族 满族 侗族 瑶族 白族 土家族 "
    "哈尼族 哈萨克族 傣族 黎族 傈僳族 佤族 畲族 拉祜族 水族 "
    "东乡族 纳西族 景颇族 柯尔克孜族 土族 达斡尔族 仫佬族 羌族 布朗族 撒拉族 毛南族 仡佬族 "
    "锡伯族 阿昌族 普米族 塔吉克族 怒族 鄂温克族 保安族 "
    "裕固族 独龙族 鄂伦春族 门巴族 珞巴族 蒙古 哈萨克 柯尔克孜 塔吉克 锡伯",
)

_AUTONOMOUS = re.compile(r"(?:" + "|".join(sorted(_PEOPLE_NAMES, key=len, reverse=True)) + r")+(?:各族)?自治[州县旗]$")
_SPECIAL_SHORT = {"150000": "内蒙古", "450000": "广西", "540000": "西藏", "640000": "宁夏", "650000": "新疆"}
_STREETY = re.compile(
    r"[东南西北中]?(?:路|街|大道|巷|弄|桥|山|河|园|庄|村|镇|乡|里|湖|大街|新村|小区|花园|号|家|寨|营|屯)"
)
_NOISE = re.compile(r"^(?:中华人民共和国|中国|户籍地?[:：]?)")
_GAPS = re.compile(r"[\s\u00a0\u3000·,，]+")


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """A division under one name: years in which editions of the table show it, and what became of it.

    `until` None means that the latest edition has it; `successor` is the code that it became, if one is known.
    """

    code: str
    name: str
    since: int
    until: int | None
    successor: str | None
    relation: str | None

    @property
    def level(self) -> int:
        """1 province, 2 prefecture or city, 3 county."""
        return _level(self.code)

    @property
    def current(self) -> bool:
        return self.until is None


def _level(code: str) -> int:
    return 1 if code.endswith("0000") else 2 if code.endswith("00") else 3


class Resolution(NamedTuple):
    """What an address says: `code` has 12 digits and is today's; `rest` is what follows the division names."""

    status: Status
    code: str | None = None
    level: int = 0
    candidates: tuple[str, ...] = ()
    rest: str = ""
    named: str | None = None


@cache
def _lines() -> dict[str, str]:
    """Code → its lines of the table, oldest first. Text and not objects: a table this long must not weigh on the collector."""
    table: dict[str, str] = {}
    text = files("mappings").joinpath("codes", "divisions.csv").read_text("utf-8")
    for line in text.splitlines()[1:]:
        code = line[:6]
        table[code] = f"{table[code]}\n{line}" if code in table else line
    return table


@lru_cache(maxsize=4096)
def _spells(code: str) -> tuple[Division, ...]:
    lines = _lines().get(code)
    if lines is None:
        return ()
    return tuple(
        Division(code, name, int(since), int(until) if until else None, follows or None, relation or None)
        for _, name, since, until, follows, relation in (line.split(",") for line in lines.split("\n"))
    )


def lookup(code: str, year: int | None = None) -> Division | None:
    """The division with this code (its first six digits count) in `year`, or in its latest known year."""
    spells = _spells(code[:6])
    if not spells:
        return None
    if year is None:
        return spells[-1]
    begun = [spell for spell in spells if spell.since <= year]
    return begun[-1] if begun else spells[0]


def known(code: str) -> bool:
    """Whether any edition of the table has the county, city or province of this code."""
    return code[:6] in _lines()


@lru_cache(maxsize=16384)
def canonical(code: str, year: int | None = None) -> str:
    """Today's code for a code of 6 to 12 digits as it was meant in `year` (default: when it was last in use).

    Codes that were given anew to another division need `year` to be followed rightly. Unknown codes and those whose
    successor is not known come back unchanged. Town digits survive a one-to-one renumbering; after a merger they
    would mean another town and become zeros.
    """
    head, tail = code[:6], code[6:]
    seen = {head}
    division = lookup(head, year)
    while division is not None and not division.current and division.successor and division.successor not in seen:
        if division.relation == "merged":
            tail = "0" * len(tail)
        head = division.successor
        seen.add(head)
        division = lookup(head)
    return head + tail


def successor(code: str, year: int | None = None) -> str | None:
    """The code that `code` became, or None while it is in use (or its successor is not known)."""
    after = canonical(code, year)
    return after if after[:6] != code[:6] else None


def expand(code: str) -> str:
    """A code of 6, 9 or 12 digits as 12 digits."""
    return code.ljust(12, "0")


def ancestors(code: str) -> tuple[str, ...]:
    """The codes above a county or city, from the province down, that the table knows."""
    above = (code[:2] + "0000", code[:4] + "00")
    return tuple(c for c in above if c != code[:6] and c in _lines())


def full_name(code: str, year: int | None = None) -> str | None:
    """`河南省郑州市惠济区` for 410108; None when the code is unknown."""
    division = lookup(code, year)
    if division is None:
        return None
    names = [above.name for c in ancestors(code) if (above := lookup(c, year)) and above.name not in _GENERIC]
    return "".join([*names, division.name])


def _short(code: str, name: str) -> str | None:
    if code in _SPECIAL_SHORT:
        return _SPECIAL_SHORT[code]
    short = _AUTONOMOUS.sub("", name)
    if short == name:
        short = re.sub(r"(?:特别行政区|地区|新区|林区|特区|省|市|县|区|盟|旗)$", "", name)
    return short if len(short) >= 2 and short != name else None


_FULL, _SHORT = "=", "~"
_Fitting = tuple[tuple[Division, ...], tuple[Division, ...]]


class _Index(NamedTuple):
    """Names below one division (or everywhere), and for each first character the lengths worth trying, longest first.

    What a name stands for is written as text, `=` before the code of a full name and `~` before that of a short one; the
    line of the table stands behind the code where a code had several.
    """

    names: dict[str, str]
    lengths: dict[str, str]


@cache
def _indexes() -> dict[str, _Index]:
    """An index for every prefix of a code: everywhere (empty), each province (2 digits), each city (4 digits)."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for code, lines in _lines().items():
        level = _level(code)
        for at, line in enumerate(lines.split("\n")):
            name = line.split(",")[1]
            if name not in _GENERIC:
                today = canonical(code, int(line.split(",")[2]))  # people write the old county under its new city, too
                for prefix in {p for one in (code, today) for p in ("", one[:2], one[:4])[:level]}:
                    found[prefix].append((f"{code}{at}", name, _short(code, name) or ""))
    return {prefix: _index(names) for prefix, names in found.items()}


def _index(found: Iterable[tuple[str, str, str]]) -> _Index:
    names: dict[str, str] = defaultdict(str)
    lengths: dict[str, set[int]] = defaultdict(set)
    for place, name, short in found:
        names[name] += _FULL + place
        lengths[name[0]].add(len(name))
        if short:
            names[short] += _SHORT + place
            lengths[short[0]].add(len(short))
    return _Index(
        dict(names), {first: "".join(map(chr, sorted(every, reverse=True))) for first, every in lengths.items()}
    )


@lru_cache(maxsize=8192)
def _named(written: str) -> _Fitting:
    """The divisions that an index entry stands for: (by full name, by short name)."""
    places = [(written[at], written[at + 1 : at + 7], int(written[at + 7])) for at in range(0, len(written), 8)]
    divisions = [(mark, _spells(code)[line]) for mark, code, line in places]
    return (
        tuple(division for mark, division in divisions if mark == _FULL),
        tuple(division for mark, division in divisions if mark == _SHORT),
    )


@lru_cache(maxsize=8192)
def _below(above: tuple[Division, ...]) -> _Index | None:
    """Where to look below `above`; None when it is a county. Several provinces or cities give one joint index."""
    prefixes = dict.fromkeys(d.code[: 2 * d.level] for d in above if d.level < 3)
    known = [index for prefix in prefixes if (index := _indexes().get(prefix)) is not None]
    if len(known) < 2:
        return known[0] if known else None
    joint: dict[str, str] = {}
    lengths: dict[str, set[int]] = defaultdict(set)
    for index in known:
        for name, written in index.names.items():
            joint[name] = joint.get(name, "") + written
            lengths[name[0]].add(len(name))
    return _Index(joint, {first: "".join(map(chr, sorted(every, reverse=True))) for first, every in lengths.items()})


def _match(text: str, at: int, index: _Index, first: bool) -> tuple[tuple[Division, ...], int]:
    """The longest name at `at` and its length; ((), 0) when there is none. `first` is True at the beginning."""
    for length in map(ord, index.lengths.get(text[at : at + 1], "")):
        written = index.names.get(text[at : at + length])
        if written is not None:
            full, short = _named(written)
            if full:
                return full, length
            if found := _usable_short(short, text, at + length, first):
                return found, length
    return (), 0


def _usable_short(short: tuple[Division, ...], text: str, end: int, first: bool) -> tuple[Division, ...]:
    """Short names count below a division, at the end, or above the county; never as the beginning of a street."""
    if end < len(text):
        if first:
            short = tuple(d for d in short if d.level < 3)
        if short and _STREETY.match(text, end):
            return ()
    return short


@lru_cache(maxsize=8192)
def _conclude(divisions: tuple[Division, ...], within: str | None) -> Resolution:
    """What a matched name means: names in use win over former ones, a city's own county over the rest."""
    chosen = tuple(d for d in divisions if d.current) or divisions
    codes = tuple(dict.fromkeys(canonical(d.code, d.until) for d in chosen))
    if len(codes) > 1 and within:
        for digits in (6, 4):
            near = tuple(code for code in codes if code[:digits] == within[:digits])
            if near:
                codes = near
                break
    if len(codes) > 1:
        return Resolution("ambiguous", candidates=codes)
    division = lookup(codes[0])
    level = division.level if division else 3
    status: Status = "found" if level == 3 or _has_no_counties(codes[0]) else "incomplete"
    return Resolution(status, expand(codes[0]), level, codes, named=divisions[0].code)


def resolve(address: str, within: str | None = None, towns: tuple[str, ...] = ()) -> Resolution:
    """The division that an address in words names.

    `within` is the county to prefer when a name fits several of one city, and to assume when the address begins with one
    of its `towns`. The answer is `ambiguous` with all candidates, `incomplete` when it stops above the county, `none` when
    nothing was recognised.
    """
    text = address if address.isalnum() else _GAPS.sub("", address)
    if text[:1] in "中户":
        text = _NOISE.sub("", text)
    if within and towns and text.startswith(towns):
        return Resolution("assumed", expand(canonical(within)), 3, rest=text)
    return _resolve(text, within)


def _resolve(text: str, within: str | None) -> Resolution:
    index: _Index | None = _indexes()[""]
    above: tuple[Division, ...] = ()
    at = 0
    while index is not None and at < len(text):
        found, length = _match(text, at, index, not above)
        if found:
            above, at = found, at + length
            index = _below(found)
        elif above and text.startswith(("市辖区", "县"), at):
            at += 3 if text.startswith("市辖区", at) else 1
        else:
            break
    if not above:
        return Resolution("none", rest=text)
    meaning = _conclude(above, within)
    return Resolution(meaning.status, meaning.code, meaning.level, meaning.candidates, text[at:], meaning.named)


@cache
def _has_no_counties(code: str) -> bool:
    """Cities such as 东莞 that have no counties are complete at city level."""
    if code.endswith("0000"):
        return False
    return not any(
        other[:4] == code[:4]
        and other != code
        and (latest := _spells(other)[-1]).current
        and latest.name not in _GENERIC
        for other in _lines()
    )
