"""The five cases that linkage must not get wrong, from a file to persons; `test_constraints` has them pair by pair.

Each stands in a register of other people, so that population, frequencies and candidates are those of a real run.
"""

from pathlib import Path

from hub.linkage import clusters
from hub.linkage.clusters import Edge
from hub.linkage.engines import dedupe, model_files
from hub.linkage.engines.dedupe import Order
from tests.unit.linkage.engines import rows
from tests.unit.linkage.engines.rows import Row
from tests.unit.linkage.people import TOWN, number

OTHERS = rows.people(2000)
HOME = {
    "source": "huiji",
    "origin_division": TOWN,
    "origin_address": "河南省郑州市惠济区古荥镇岭军峪村3组15号",
    "residence_division": "330784001000",
    "residence_address": "浙江省金华市永康市东城街道城北路8号2幢301室",
    "phone": "13812345670",
}


def found(folder: Path, *people: dict[str, str]) -> tuple[dict[str, str], dict[frozenset[str], str]]:
    """The person of each of these records, and the decision on each of their pairs that came to anybody's eyes."""
    empty: Row = dict.fromkeys(OTHERS[0], "")
    source = rows.write(folder / "people.csv", [*OTHERS, *({**empty, **HOME, **one} for one in people)])
    dedupe.run(source, folder / "out", Order(model_files.content(None)))
    ids = {one["record_id"] for one in people}
    person = {row["record_id"]: row["person_id"] for row in rows.read(folder / "out" / "clusters.csv")}
    pairs = rows.read(folder / "out" / "pairs.csv")
    ours = {frozenset((row["record_id_l"], row["record_id_r"])): row["decision"] for row in pairs}
    return {one: person[one] for one in ids}, {pair: said for pair, said in ours.items() if pair <= ids}


def test_twins(tmp_path: Path) -> None:
    """One birth date, one home, one phone, names of one character's difference: two people."""
    born = {"birth_date": "2012-05-01", "sex": "2"}
    person, pairs = found(
        tmp_path,
        born | {"record_id": "older", "name": "王晓燕", "resident_id": number(born="20120501", sequence=122)},
        born | {"record_id": "younger", "name": "王晓莺", "resident_id": number(born="20120501", sequence=124)},
        born | {"record_id": "older again", "name": "王晓燕", "source": "yongkang"},
    )
    assert person["older"] == person["older again"] != person["younger"]
    assert pairs.get(frozenset(("older", "younger")), "no-link") != "auto"


def test_father_and_son_of_one_name(tmp_path: Path) -> None:
    """One name, one home, one phone, a generation apart: two people."""
    same = {"name": "王国强", "sex": "1"}
    person, pairs = found(
        tmp_path,
        same | {"record_id": "father", "birth_date": "1968-03-12"},
        same | {"record_id": "son", "birth_date": "1994-09-30", "source": "yongkang"},
    )
    assert person["father"] != person["son"]
    assert "auto" not in pairs.values()


def test_one_phone_for_a_household(tmp_path: Path) -> None:
    """Four people of one roof and phone, none with a number: four people, and nobody has to look."""
    person, pairs = found(
        tmp_path,
        {"record_id": "father", "name": "王国强", "sex": "1", "birth_date": "1968-03-12", "spouse_name": "李梅"},
        {"record_id": "mother", "name": "李梅", "sex": "2", "birth_date": "1970-07-01", "spouse_name": "王国强"},
        {"record_id": "daughter", "name": "王晓燕", "sex": "2", "birth_date": "1995-05-01"},
        {"record_id": "son", "name": "王晓军", "sex": "1", "birth_date": "1998-02-14"},
    )
    assert len(set(person.values())) == 4
    assert pairs == {}


def test_an_id_used_by_two_people(tmp_path: Path) -> None:
    """Another name, another birth date, another home under one number: never joined, and a person looks."""
    elsewhere = {"origin_division": "341221001000", "origin_address": "安徽省阜阳市临泉县城关街道8号", "phone": ""}
    person, pairs = found(
        tmp_path,
        {"record_id": "owner", "name": "王晓燕", "sex": "2", "birth_date": "1990-05-01", "resident_id": number()},
        elsewhere
        | {"record_id": "borrower", "name": "赵春花", "sex": "2", "birth_date": "1978-10-22", "resident_id": number()},
    )
    assert person["owner"] != person["borrower"]
    assert pairs == {frozenset(("owner", "borrower")): "review"}


def test_a_record_that_bridges_two_rejected_clusters(tmp_path: Path) -> None:
    """Two people with numbers of their own, and a record without one that resembles both: it joins one of them.

    In a hub the same holds for what stewards have decided to be two people.
    """
    born = {"birth_date": "1990-05-01", "sex": "2", "name": "王晓燕"}
    person, _ = found(
        tmp_path,
        born | {"record_id": "one", "resident_id": number(sequence=122)},
        born | {"record_id": "bridge", "source": "yongkang"},
        born | {"record_id": "other", "resident_id": number(sequence=124)},
    )
    assert person["one"] != person["other"]
    assert person["bridge"] in (person["one"], person["other"])
    edges = [Edge(1, 3, 14.0), Edge(2, 3, 12.0), Edge(4, 1, 20.0), Edge(5, 2, 20.0)]
    kept = clusters.project([1, 2, 3, 4, 5], edges, cannot=[(1, 2)])
    assert kept == [frozenset({1, 3, 4}), frozenset({2, 5})]
