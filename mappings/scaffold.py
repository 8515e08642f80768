"""A folder for a new mapping that works from the first minute: mapping.yaml, a README and one example that passes.

Columns are named in plain words; whoever maps a county replaces them by the county's own.
"""

from pathlib import Path
from typing import NamedTuple

import yaml

from mappings import examples, vocabulary
from mappings.engine.load import load_folder
from mappings.engine.model import MappingError


class ScaffoldError(MappingError):
    """The folder cannot be made: no such record kind, or it exists."""


class _Column(NamedTuple):
    field: str
    column: str
    do: list[object]
    sample: str


_ID = "110101199003074477"
_NAME, _TEXT, _DAY = ["name"], ["text"], [{"date": {"shapes": ["serial"], "precise": True}}]
_PLACE: tuple[object, ...] = ("division_any",)


def _code(county: str, original: str, *tables: str) -> list[object]:
    return [{"code": {"tables": list(tables), "original": vocabulary.original_system(county, original)}}]


def _columns(county: str) -> dict[str, list[_Column]]:
    sex = _code(county, "sex", "huiji-sex", "gbt2261-1-sex")
    who = [
        _Column("record_id", "登记编号", ["upper"], "A-1"),
        _Column("name", "姓名", list(_NAME), "王芳"),
        _Column("sex", "性别", sex, "男"),
        _Column("resident_id", "身份证号码", ["resident_id"], _ID),
        _Column("birth_date", "出生日期", [{"birth_date": {"shapes": ["serial"]}}], "1990-03-07"),
        _Column("origin", "户籍地", list(_PLACE), "河南省郑州市惠济区古荥镇"),
        _Column("residence", "现居住地", list(_PLACE), "330784"),
    ]
    consent = [
        _Column("number", "同意书编号", ["upper"], "TY-1"),
        _Column("record_id", "登记编号", ["upper"], "A-1"),
        _Column("kinds", "同意内容", ["items"], vocabulary.CONTRACEPTION_REPORT),
        _Column("purposes", "使用目的", ["items"], "continuity-of-care"),
        _Column("recipient", "接收地区", list(_PLACE), "410108"),
        _Column("start", "生效日期", list(_DAY), "2024-01-01"),
        _Column("end", "截止日期", list(_DAY), "2025-01-01"),
    ]
    report = [
        _Column("number", "报告单号", ["upper"], "BG-1"),
        *who,
        _Column("method", "避孕措施", _code(county, "contraception", "wis-contraception"), "700"),
        _Column("facility", "检查单位", list(_TEXT), "永康市妇幼保健院"),
        _Column("reported_on", "报告日期", list(_DAY), "2024-05-06"),
        _Column("consent_ref", "同意书编号", ["upper"], "TY-1"),
    ]
    authority = [
        _Column("authority", "发证机关", list(_TEXT), "惠济区民政局"),
        _Column("authority_division", "机关区划", list(_PLACE), "410108"),
        _Column("origin", "户籍地", list(_PLACE), "410108"),
        _Column("residence", "现居住地", list(_PLACE), "330784"),
    ]
    marriage = [
        _Column("number", "证件编号", [{"certificate_number": {"of": "marriage"}}], "J410108-2020-000123"),
        _Column("record_id", "登记编号", ["upper"], "A-1"),
        _Column("registered_on", "登记日期", list(_DAY), "2020-05-20"),
        _Column("holder", "持证人", _code(county, "holder", "huiji-holder"), "女方"),
        _Column("party_a_name", "男方姓名", list(_NAME), "王强"),
        _Column("party_a_resident_id", "男方身份证号", ["resident_id"], _ID),
        _Column("party_b_name", "女方姓名", list(_NAME), "李丽"),
        _Column("party_b_resident_id", "女方身份证号", ["resident_id"], "410108199211120322"),
        *authority,
    ]
    birth = [
        _Column("number", "证明编号", [{"certificate_number": {"of": "birth"}}], "X410100001"),
        _Column("record_id", "登记编号", ["upper"], "A-1"),
        _Column("child_name", "新生儿姓名", list(_NAME), "王小明"),
        _Column("child_sex", "新生儿性别", sex, "男"),
        _Column("birth_time", "出生时间", ["instant"], "2024-03-05 08:30"),
        _Column("mother_name", "母亲姓名", list(_NAME), "李丽"),
        _Column("mother_resident_id", "母亲身份证号", ["resident_id"], "410108199211120322"),
        _Column("issued_on", "签发日期", list(_DAY), "2024-03-08"),
        *authority,
    ]
    return {
        vocabulary.PERSON: who,
        vocabulary.CONSENT: consent,
        vocabulary.CONTRACEPTION_REPORT: report,
        vocabulary.MARRIAGE_CERTIFICATE: marriage,
        vocabulary.BIRTH_CERTIFICATE: birth,
    }


def create(into: Path, county: str, kind: str) -> Path:
    """Make `<into>/<county>/<kind>.v<n>` with the next free version; returns the folder."""
    columns = _columns(county).get(kind.replace("_", "-"))
    if columns is None:
        raise ScaffoldError(f"there is no record kind {kind}; there are {', '.join(sorted(vocabulary.RECORD_KINDS))}")
    stem = kind.replace("-", "_")
    version = next(n for n in range(1, 1000) if not (into / county / f"{stem}.v{n}").exists())
    name = f"{county}/{stem}.v{version}"
    folder = into / name
    (folder / "examples").mkdir(parents=True)
    (folder / "mapping.yaml").write_text(_mapping(name, county, kind.replace("_", "-"), columns), "utf-8")
    (folder / "README.md").write_text(_readme(name, columns), "utf-8")
    lines = (",".join(c.column for c in columns), ",".join(c.sample for c in columns), "")
    (folder / "examples" / "first.source.csv").write_bytes("\r\n".join(lines).encode("gb18030"))
    mapping = load_folder(folder, name)
    for example in examples.examples(folder):
        examples.write(mapping, example)
    return folder


def _mapping(name: str, county: str, kind: str, columns: list[_Column]) -> str:
    data = {
        "mapping": name,
        "kind": kind,
        "county": county,
        "title": {"en": f"Records of {county}: {kind}", "zh": f"{county}：{kind}"},
        "source": {
            "formats": ["csv", "xlsx"],
            "totals": ["合计", "总计", "小计"],
            "ditto": ["同上"],
            "empty": ["null", "/", "-"],
        },
        "columns": {column.column: {"required": column.field in ("number", "name")} for column in columns},
        "fields": {column.field: {"from": column.column, "do": column.do} for column in columns},
    }
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=140, default_flow_style=None)


def _readme(name: str, columns: list[_Column]) -> str:
    lines = [f"| {column.column} | {column.field} | {column.sample} |" for column in columns]
    return "\n".join(
        [
            f"# {name}",
            "",
            "Say here where the county's file comes from, how often, and what is odd about it.",
            "",
            "| column | field | for example |",
            "|---|---|---|",
            *lines,
            "",
            f"Put files as the county sends them under `examples/`, then `mappings test {name} --write`, and read what came of them.",
            "",
        ]
    )
