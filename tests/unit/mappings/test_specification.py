"""Mappings as written: what does not hold together is told when it is loaded, with the place."""

from pathlib import Path

import pytest

import mappings
from mappings.engine import codes, forbidden
from mappings.engine.load import load_folder, root
from mappings.engine.spec import parse

GOOD = (root() / "huiji/person.v1/mapping.yaml").read_text("utf-8")


def load(tmp_path: Path, text: str, name: str = "huiji/person.v1") -> mappings.Mapping:
    (tmp_path / "mapping.yaml").write_text(text, "utf-8")
    return load_folder(tmp_path, name)


def test_names_and_kinds() -> None:
    counties = ("huiji", "yongkang")
    stems = ("birth_certificate", "consent", "contraception_report", "marriage_certificate", "person")
    assert mappings.names() == [f"{county}/{stem}.v1" for county in counties for stem in stems]
    sealed = {name for name in mappings.names() if mappings.load(name).sealed}
    assert sealed == {name for name in mappings.names() if "person" not in name and "consent" not in name}
    assert mappings.load("huiji/person.v1") is mappings.load("huiji/person.v1")


@pytest.mark.parametrize(
    "name", ["huiji/person", "huiji/person.v2", "../codes", "huiji/../huiji/person.v1", "", "x" * 500]
)
def test_unknown_names(name: str) -> None:
    with pytest.raises(mappings.UnknownMapping):
        mappings.load(name)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: person", "kind: people", "kind"),
        ("kind: person", "kind: person\nextra: 1", "extra"),
        ("do: [resident_id]", "do: [eval]", "fields/resident_id"),
        ("formats: [csv, xlsx]", "formats: [pdf]", "source/formats"),
        ("county: huiji", "county: HUIJI", "county"),
        ("mapping: huiji/person.v1", "mapping: huiji/person.v2", "says it is"),
        ("tables: [huiji-sex, gbt2261-1-sex]", "tables: [no-such-table]", "no-such-table"),
        ("  name: {from: 姓名", "  nickname: {from: 姓名", "nickname"),
        ("  phones: {from: 联系电话", "  phones: {from: 传真", "传真"),
        ("when: {column: 证件类型", "when: {column: 传真", "传真"),
        ("title:", "title: [", "not YAML"),
    ],
)
def test_a_broken_mapping_says_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(mappings.BrokenMapping, match=said):
        load(tmp_path, GOOD.replace(old, new, 1))


def test_a_mapping_must_give_what_its_kind_needs(tmp_path: Path) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith("  name: {from")]
    with pytest.raises(mappings.BrokenMapping, match="needs name"):
        load(tmp_path, "\n".join(lines))


def test_a_refused_column_needs_a_known_reason(tmp_path: Path) -> None:
    with pytest.raises(mappings.BrokenMapping, match="no reason whim"):
        load(tmp_path, GOOD + "\nrefused: {x: whim}\n")


def test_yaml_tags_run_nothing() -> None:
    with pytest.raises(mappings.BrokenMapping, match="not YAML"):
        parse("!!python/object/apply:os.system ['true']", "huiji/person.v1")


@pytest.mark.parametrize("path", sorted((root() / "codes").glob("*.csv")), ids=lambda path: path.stem)
def test_every_table_reads(path: Path) -> None:
    if path.stem in ("divisions", "forbidden"):
        return
    table = codes.table(path.stem)
    assert table.entries
    for entry in table.entries.values():
        assert entry.source.code
        assert (entry.target is None) == (entry.equivalence in ("unmatched", "disjoint"))


def test_a_table_that_is_not_shaped_like_a_concept_map(monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"source,code,display,equivalence,target,target_code,target_display,comment\n"
    bad = {
        "columns": b"a,b\n1,2\n",
        "repeated": head + b"urn:x,1,a,equal,urn:y,1,a,\n" * 2,
        "equivalence": head + b"urn:x,1,a,same,urn:y,1,a,\n",
        "sources": head + b"urn:x,1,a,equal,urn:y,1,a,\nurn:z,2,a,equal,urn:y,1,a,\n",
    }
    monkeypatch.setattr(codes, "read", lambda name: bad[name])
    for name in bad:
        with pytest.raises(mappings.BrokenMapping, match=name if name == "columns" else "code table"):
            codes.table(name)


def test_chained_tables_fit_together() -> None:
    sex, gender = codes.table("huiji-sex"), codes.table("gbt2261-1-sex")
    assert all(entry.target is not None and entry.target.code in gender.entries for entry in sex.entries.values())
    marital, v3 = codes.table("huiji-marital"), codes.table("gbt2261-2-marital")
    assert all(entry.target is not None and entry.target.code in v3.entries for entry in marital.entries.values())


def test_codes_that_are_refused_are_marked_in_their_table() -> None:
    refused = {term.term for term in forbidden.terms() if term.where == "code"}
    table = codes.table("wis-contraception")
    assert refused == {code for code, entry in table.entries.items() if entry.equivalence == "disjoint"}


def test_entries_of_gbt_4761_that_were_garbled_at_the_source() -> None:
    entries = codes.table("gbt4761-relation").entries
    found = {code: entries[code].source.display for code in ("47", "48", "69", "78", "84")}
    assert found == {
        "47": "曾孙子或外曾孙子",
        "48": "曾孙女或外曾孙女",
        "69": "其他祖父母或外祖父母关系",
        "78": "妹夫",
        "84": "婶母",
    }
