"""What is read from a file by column is what the functions for single records say, cell by cell, however a cell looks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.linkage import addresses, dates, divisions, features, hanzi, names, phones, resident_id
from hub.linkage.engines import name_columns
from hub.linkage.engines.register import Register
from hub.linkage.resident_id import Form
from mappings.divisions import canonical
from mappings.engine.model import Noted, PartialDate
from mappings.engine.transforms.dates import birth_date
from mappings.engine.transforms.phones import phones as several
from tests.unit.linkage.engines import rows
from tests.unit.linkage.people import number

PADS = ("", " ", "  ", "\u3000", "\u00a0", "\t")
FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def cells(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Columns of such texts, some padded, each cell about as often alone as repeated."""
    padded = st.builds(lambda a, text, b: a + text + b, st.sampled_from(PADS), texts, st.sampled_from(PADS))
    return st.lists(st.one_of(texts, padded), min_size=30, max_size=60)


def register_of(column: str, texts: Sequence[str], look: Callable[[Register], Any]) -> Any:
    with TemporaryDirectory() as folder:
        people = [{"record_id": str(at), column: text} for at, text in enumerate(texts)]
        register = rows.register_of(rows.write(Path(folder, "people.csv"), people, ["record_id", column]))
        return look(register)


def column_of(column: str, name: str, texts: Sequence[str]) -> list[int]:
    def look(register: Register) -> list[int]:
        found = register.column(name)
        return [0] * len(texts) if found is None else found.tolist()

    found: list[int] = register_of(column, texts, look)
    return found


bodies = st.builds(
    number,
    st.sampled_from(("410108", "330784", "810000", "999999", "410000", "111111")),
    st.sampled_from(("19900501", "19900230", "20001231", "18491231", "21000101")),
    st.integers(0, 999),
)
ids = st.one_of(
    bodies,
    bodies.map(str.lower),
    bodies.map(lambda text: text.translate(FULL_WIDTH)),
    bodies.map(lambda text: text[:6] + text[8:17]),
    bodies.map(lambda text: text[:17]),
    bodies.map(lambda text: text[:15] + "000"),
    bodies.map(lambda text: text[:17] + "0"),
    bodies.map(lambda text: f"{text[:6]} {text[6:14]}-{text[14:]}"),
    st.sampled_from(
        ("", "无", "000000000000000000", "123456789012345678", "111111111111111111", "4101081990050112３X")
    ),
    st.text("0123456789Xx", min_size=15, max_size=19),
)


@few
@given(cells(ids))
def test_resident_ids(texts: list[str]) -> None:
    parsed = [resident_id.parse(text) for text in texts]
    assert column_of("resident_id", "id_body", texts) == [one.body if one else 0 for one in parsed]
    assert column_of("resident_id", "id_form", texts) == [int(one.form) if one else 0 for one in parsed]
    checks = [(10 if one.text[17] == "X" else int(one.text[17])) if one else 0 for one in parsed]
    assert column_of("resident_id", "id_check", texts) == checks
    says = [one if one and one.form in (Form.OLD, Form.CHECKED) else None for one in parsed]
    assert column_of("resident_id", "birth", texts) == [int(one.text[6:14]) if one else 0 for one in says]
    assert column_of("resident_id", "sex", texts) == [(1 if one.male else 2) if one else 0 for one in says]


def _date_of(text: str) -> int:
    found = dates.parse(text)
    if found:
        return found
    other = birth_date()(text)
    other = other.value if isinstance(other, Noted) else other
    return dates.parse(other.text) if isinstance(other, PartialDate) else 0


days = st.one_of(
    st.dates().map(str),
    st.dates().map(lambda day: f"{day:%Y%m%d}"),
    st.dates().map(lambda day: f"{day:%Y/%m/%d}"),
    st.dates().map(lambda day: f"{day.year}年{day.month}月{day.day}日"),
    st.builds("{}-{:02}-{:02}".format, st.integers(1840, 2110), st.integers(0, 14), st.integers(0, 33)),
    st.builds("{}-{:02}".format, st.integers(1840, 2110), st.integers(0, 14)),
    st.integers(1840, 2110).map(str),
    st.sampled_from(
        ("", "不详", "1900-01-01", "1970-01-01", "19000100", "1990-00-00", "1990--05-01", "1-9-9-0", "90.5.1")
    ),
    st.text("0123456789-/.年月日", max_size=12),
)


@few
@given(cells(days))
def test_birth_dates(texts: list[str]) -> None:
    stripped = [text.strip(" ") for text in texts]
    expected = [_date_of(text) for text in stripped]
    assert column_of("birth_date", "birth", texts) == expected
    assert column_of("birth_date", "birth_lunar", texts) == [dates.from_lunar(one) for one in expected]


mobiles = st.integers(13 * 10**9, 2 * 10**10 - 1).map(str)
telephones = st.one_of(
    mobiles,
    mobiles.map(lambda text: f"+86 {text}"),
    mobiles.map(lambda text: f"86{text}"),
    mobiles.map(lambda text: f"0{text}"),
    mobiles.map(lambda text: f"{text[:3]}-{text[3:7]}-{text[7:]}"),
    mobiles.map(lambda text: text.translate(FULL_WIDTH)),
    st.builds("{}、{}".format, mobiles, mobiles),
    st.sampled_from(("", "无", "13800000000", "13812345678", "13888888888", "0371-63578899", "63578899转801", "110")),
    st.text("0123456789-+ ()/", max_size=16),
)


@few
@given(cells(telephones))
def test_telephones(texts: list[str]) -> None:
    def listed(text: str) -> list[int]:
        value: Any = several(text)
        value = value.value if isinstance(value, Noted) else value
        found = dict.fromkeys(one for one in map(phones.parse, value or (text,)) if one)
        return [phones.packed(one) for one in found][:2]

    expected = [[*listed(text.strip(" ")), 0, 0] for text in texts]
    assert column_of("phone", "phone", texts) == [one[0] for one in expected]
    assert column_of("phone", "phone2", texts) == [one[1] for one in expected]


characters = st.one_of(
    st.sampled_from("王李张刘陈欧阳司马诸葛单解曾仇区燕艷艳伟煒玮丽麗明文秀小晓堃喆犇㛃𠮷䶮·•．.‧"),
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
)
people = st.one_of(
    st.text(characters, min_size=1, max_size=5),
    st.builds(
        "{}（{}）".format, st.text(characters, min_size=2, max_size=3), st.text(characters, min_size=2, max_size=3)
    ),
    st.builds(
        "{}(曾用名：{})".format,
        st.text(characters, min_size=2, max_size=3),
        st.text(characters, min_size=2, max_size=3),
    ),
    st.sampled_from(
        (
            "",
            "无",
            "不详",
            "null",
            "新生儿",
            "ZHANG Wei",
            "zhang wei",
            "Zhang, Wei",
            "Müller, Søren",
            "Smith,",
            "王□燕",
            "□□燕",
            "王?",
            "欧阳*秀",
            "O'Neil",
            "买买提·艾力",
            "古丽 巴哈尔",
            "欧阳文秀",
            "单于",
            "Ａ王",
            "王a",
        )
    ),
)


def _numbers(text: str) -> dict[str, int]:
    found = dict.fromkeys(name_columns.FIELDS, 0)
    parsed = names.parse(text)
    if parsed:
        name = parsed[0]
        features.sound_columns(name, found)
        former = next((other for other in parsed[1:] if other.text != name.text), None)
        spelled = {
            "surname": names.told(name.surname),
            "given": names.told(name.given),
            "full": name.text,
            "former": former.text if former else "",
        }
        found |= {field: name_columns.spelled(value) for field, value in spelled.items()}
        found["sound"] = name_columns.sounded(name.plain_sound.replace(" ", ""))
        found["given_length"] = min(len(name.given), 255)
    return found


@few
@given(cells(people))
def test_names(texts: list[str]) -> None:
    def look(register: Register) -> list[dict[str, int]]:
        columns = register.names.columns
        return [{field: int(columns[field][at]) for field in name_columns.FIELDS} for at in range(len(texts))]

    assert register_of("name", texts, look) == [_numbers(text) for text in texts]


def test_every_common_character_has_the_same_plain_form_and_sound() -> None:
    texts = [f"王{chr(code)}" for code in range(name_columns.FIRST, name_columns.LAST + 1)]

    def look(register: Register) -> list[tuple[int, int, int]]:
        columns = register.names.columns
        return list(zip(*(columns[field].tolist() for field in ("full", "g1", "g1_sound")), strict=True))

    expected = [_numbers(text) for text in texts]
    assert register_of("name", texts, look) == [(one["full"], one["g1"], one["g1_sound"]) for one in expected]
    assert hanzi.fold("艷") == "艳"


parts = st.sampled_from(
    ("河南省", "郑州市", "惠济区", "古荥镇", "岭军峪村", "新疆维吾尔自治区", "社区居委会",
     "村民委员会", "三组", "十二号", "3组", "15号", "号楼",
     "2单元", "501室", "弄", "幢", "-", "A座", " ", "（东）", "市区", "镇镇", "路", "大街", "#", "解放", "同上", "无", "院", "5楼", "楼")
)  # fmt: skip
streets = st.one_of(
    st.lists(parts, max_size=9).map("".join),
    st.lists(parts, max_size=9).map(lambda found: "".join(found) * 9),
    st.text(max_size=12).filter(lambda text: "\0" not in text),
)


@few
@given(cells(streets))
def test_addresses(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]

    def look(register: Register) -> list[tuple[int, int]]:
        low, high = register.column("origin_low"), register.column("origin_high")
        assert low is not None
        assert high is not None
        return list(zip(low.tolist(), high.tolist(), strict=True))

    if any(text.strip() for text in texts):
        assert register_of("origin_address", texts, look) == [addresses.signature(text) for text in texts]


codes = st.one_of(
    st.sampled_from(
        ("410108", "410108001", "330719004018", "422301", "422301001", "1e10", "1e0010", "0x10", "000000", "无")
    ),
    st.integers(0, 999_999).map("{:06}".format),
    st.integers(0, 10**12 - 1).map("{:012}".format),
)


@few
@given(cells(codes))
def test_divisions(texts: list[str]) -> None:
    expected = [divisions.parse(text.strip(), canonical) for text in texts]
    assert column_of("origin_division", "origin", texts) == expected
