"""The report: every section in both languages, nobody named, nothing fetched, and figures that add up."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hub.linkage import model
from hub.linkage.engines import candidates, dedupe
from hub.linkage.engines.dedupe import Cut, Result
from hub.linkage.engines.report import estimates, examples, fillings, groups, masks, render
from tests.unit.linkage.engines import rows
from tests.unit.linkage.engines.rows import Row

SECTIONS = (
    "headline",
    "weights",
    "quality",
    "examples",
    "blocking",
    "clusters",
    "largest",
    "vetoes",
    "columns",
    "reading",
)
PEOPLE = rows.people(4000)
VOID = {"meta", "input", "link", "br"}


class _Reader(HTMLParser):
    """Elements that are not closed in order, tags, attributes, and the text of each language."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said = {"zh": 0, "en": 0}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        for language in self.said:
            self.said[language] += language in (dict(attrs).get("class") or "").split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def linked(
    folder: Path, people: tuple[Row, ...], cut: Cut = "likely", *, show_values: bool = False
) -> tuple[Result, str]:
    register = rows.register_of(rows.write(folder / "people.csv", people))
    result = dedupe.link(register, model.load().for_population(len(people)), cut)
    return result, render(result, "<people>.csv", show_values=show_values)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return linked(tmp_path_factory.mktemp("report"), PEOPLE)[1]


def test_every_section_is_there_in_both_languages(page: str) -> None:
    found = _Reader(page)
    assert re.findall(r'<section id="(\w+)">', page) == list(SECTIONS)
    assert (found.wrong, found.open) == ([], [])
    assert found.said["zh"] == found.said["en"] > 100
    assert "not measured against the truth" in page
    assert "不是与真实情况比对的结果" in page
    assert "are not scored in full" in page


def test_nothing_runs_and_nothing_is_fetched(page: str) -> None:
    found = _Reader(page)
    assert not found.tags & {"script", "img", "iframe", "link", "object", "use", "image"}
    assert not {name for name in found.attributes if name.startswith("on")} | found.attributes & {
        "src",
        "href",
        "style",
    }
    assert "url(" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_nobody_is_named(page: str) -> None:
    for row in PEOPLE:
        for column in (
            "record_id",
            "resident_id",
            "spouse_resident_id",
            "phone",
            "origin_address",
            "residence_address",
        ):
            assert len(row[column]) < 7 or row[column] not in page
        assert len(row["name"]) < 3 or f">{row['name']}<" not in page
    assert not re.search(r"\d{15}", page)


def test_values_are_shown_when_asked_for_and_it_says_so(tmp_path: Path) -> None:
    page = linked(tmp_path, PEOPLE[:1500], show_values=True)[1]
    assert any(len(row["resident_id"]) == 18 and row["resident_id"] in page for row in PEOPLE)
    assert "Keep it as you keep personal data" in page
    assert "masked" not in page


def test_what_a_file_says_is_escaped(tmp_path: Path) -> None:
    evil = tuple(
        {
            **PEOPLE[at],
            "record_id": f"<script>{at}",
            "name": "<b>王</b>",
            "origin_address": '"><img src=x>',
            "birth_date": "1990-05-01",
        }
        for at in range(20)
    )
    page = linked(tmp_path, evil, show_values=True)[1]
    assert not _Reader(page).tags & {"script", "img", "b"}
    assert "&lt;people&gt;.csv" in page


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_tiny_file_has_a_whole_report(tmp_path: Path, count: int) -> None:
    page = linked(tmp_path, PEOPLE[:count])[1]
    assert re.findall(r'<section id="(\w+)">', page) == list(SECTIONS)
    assert _Reader(page).open == []


def test_the_same_result_gives_the_same_page(tmp_path: Path, page: str) -> None:
    assert linked(tmp_path, PEOPLE)[1] == page


def test_the_lines_of_a_waterfall_add_up(tmp_path: Path) -> None:
    register = rows.register_of(rows.write(tmp_path / "people.csv", PEOPLE))
    result = dedupe.link(register, model.load().for_population(len(PEOPLE)), "likely")
    found = examples.of(result, estimates.rest(result), show_values=False)
    assert {"clear", "usual"} <= {one.reason for one in found}
    for one in found:
        assert one.steps[0].line.field == "prior"
        assert one.steps[-1].after == pytest.approx(one.weight, abs=0.01)


def test_estimates_follow_from_the_probabilities_and_hold_them(tmp_path: Path) -> None:
    register = rows.register_of(rows.write(tmp_path / "people.csv", PEOPLE))
    result = dedupe.link(register, model.load().for_population(len(PEOPLE)), "likely")
    others = estimates.rest(result)
    zones = [estimates.of(result, others, result.joined), estimates.of(result, others, result.scored.decision == 2)]
    nothing = estimates.of(result, others, np.zeros(len(result.joined), dtype=np.bool_))
    assert others.total == len(result.candidates.left) - len(result.scored.left)
    for zone, accepted in zip(zones, (result.joined, result.scored.decision == 2), strict=True):
        assert zone.precision is not None
        assert zone.recall is not None
        assert zone.precision.value == pytest.approx(result.scored.probability[accepted].mean())
        for share in (zone.precision, zone.recall):
            assert 0 <= share.low <= share.value <= share.high <= 1
    assert (nothing.pairs, nothing.precision, nothing.recall) == (0, None, None)
    assert nothing.missed > zones[0].missed


def test_columns_and_persons_are_counted(tmp_path: Path) -> None:
    people = tuple({**row, "phone": "13800000000" if at < 5 else row["phone"]} for at, row in enumerate(PEOPLE[:1000]))
    register = rows.register_of(rows.write(tmp_path / "people.csv", people))
    result = dedupe.link(register, model.load().for_population(len(people)), "likely")
    found = {one.column: one for one in fillings.of(register)}
    sizes = groups.sizes(result)
    assert found["phone"].filled == sum(bool(row["phone"]) for row in people)
    assert (found["phone"].fillers or 0) >= 5
    assert found["record_id"].usable is None
    assert sum(one.records * one.persons for one in sizes if not one.more) == 1000
    within = groups.within(result)
    assert within.joined == int(result.joined.sum()) - within.refused


def test_other_documents_and_postal_codes_are_counted_and_masked(tmp_path: Path) -> None:
    people = tuple(
        {**row, "name": "Green, Rose", "resident_id": "G1234567", "id_type": "03", "postal_code": "450044"}
        for row in PEOPLE[:20]
    )
    source = rows.write(tmp_path / "people.csv", people, (*people[0],))
    register = rows.register_of(source)
    page = render(dedupe.link(register, model.load().for_population(20), "likely"), "people.csv")
    found = {one.column: one for one in fillings.of(register)}
    assert (found["resident_id"].usable, found["postal_code"].usable) == (20, 20)
    assert "other document" in page
    assert "G1234567" not in page
    assert "450044" not in page


def test_every_kind_of_key_has_words_in_both_languages() -> None:
    words = (Path(examples.__file__).parent / "templates" / "words.html").read_text(encoding="utf-8")
    assert [kind for kind in candidates.KIND_FIELDS if f'"{kind}": "' not in words] == []


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        (masks.name, "王晓燕", "王••"),
        (masks.name, "", ""),
        (masks.number, "410108199005011234", "410108••••••••••••"),
        (masks.number, "A1234567", "••••••••"),
        (masks.phone, "13812345670", "138••••••70"),
        (masks.phone, "63578", "•••••"),
        (masks.date, "1990-05-01", "1990-••-••"),
        (masks.date, "庚午年五月", "•••••"),
        (masks.address, "河南省郑州市惠济区古荥镇", "河南省郑州市…"),
        (masks.address, "江南街道5号", "江南街…"),
    ],
)
def test_masks_keep_what_a_comparison_needs(mask: object, text: str, shown: str) -> None:
    assert callable(mask)
    assert mask(text) == shown
