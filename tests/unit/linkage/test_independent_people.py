"""The population that is kept for measuring: the same for a seed, clean without faults, worse with more of them."""

from collections import Counter
from dataclasses import fields
from pathlib import Path

from hub.linkage import resident_id
from hub.linkage.resident_id import Form
from tests.bench.linkage import independent
from tests.bench.linkage.independent import COLUMNS, Rates

NONE = Rates(**{one.name: 0.0 for one in fields(Rates)})


def test_a_seed_gives_the_same_people_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("again", 5), ("other", 6)):
        independent.write(seed, 300, Rates(), tmp_path / f"{name}.csv", tmp_path / f"{name}.truth")
    one, again, other = ((tmp_path / f"{name}.csv").read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_without_faults_a_persons_records_agree() -> None:
    names: dict[int, set[str]] = {}
    numbers: dict[int, set[str]] = {}
    for row, person in independent.records(5, 400, NONE):
        assert tuple(row) == COLUMNS
        names.setdefault(person, set()).add(row["name"])
        if row["resident_id"]:
            numbers.setdefault(person, set()).add(row["resident_id"])
            parsed = resident_id.parse(row["resident_id"])
            assert row["id_type"] == "03" or (parsed is not None and parsed.form == Form.CHECKED)
    assert max(map(len, numbers.values())) == 1
    assert Counter(map(len, names.values()))[1] > 0.97 * len(names)  # some take a new name


def test_twins_children_named_as_their_father_and_foreigners_are_among_them() -> None:
    rows = [row for row, _ in independent.records(7, 4000, NONE)]
    assert any(row["id_type"] == "03" for row in rows)
    assert any("·" in row["name"] for row in rows)
    born = Counter((row["name"], row["birth_date"][:4]) for row in rows if row["source"] == "household")
    by_name = Counter(name for name, _ in born)
    assert by_name.most_common(1)[0][1] > 1


def test_more_faults_leave_less_in_the_cells() -> None:
    few, many = (
        sum(bool(row["phone"]) for row, _ in independent.records(5, 1500, Rates().times(factor)))
        for factor in (1.0, 4.0)
    )
    assert many < few
    assert Rates().times(4.0).dots == Rates().dots
