"""From a file to a folder: the same input gives the same bytes, in any order the same persons, and all or nothing."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub.errors import Invalid
from hub.linkage.engines import candidates, dedupe, folders, model_files, training
from hub.linkage.engines.dedupe import Order
from tests.unit.linkage.engines import rows
from tests.unit.linkage.engines.rows import Row

MODEL = model_files.content(None)
PEOPLE = rows.people(3000)


def persons(out: Path) -> set[frozenset[str]]:
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows.read(out / "clusters.csv"):
        groups[row["person_id"]].add(row["record_id"])
    return {frozenset(group) for group in groups.values()}


def linked(folder: Path, people: Sequence[Row], **order: Any) -> Path:
    folder.mkdir(exist_ok=True)
    source, out = rows.write(folder / "people.csv", people), folder / "out"
    dedupe.run(source, out, Order(MODEL, **order))
    return out


def test_every_record_comes_out_once_in_order_and_pairs_are_of_them(tmp_path: Path) -> None:
    out = linked(tmp_path, PEOPLE)
    assert sorted(path.name for path in out.iterdir()) == ["clusters.csv", "pairs.csv"]
    clusters, pairs = rows.read(out / "clusters.csv"), rows.read(out / "pairs.csv")
    assert list(clusters[0]) == ["record_id", "person_id"]
    assert list(pairs[0]) == ["record_id_l", "record_id_r", "weight", "probability", "decision"]
    ids = [row["record_id"] for row in PEOPLE]
    assert [row["record_id"] for row in clusters] == ids
    person = {row["record_id"]: row["person_id"] for row in clusters}
    assert all(person[first] == first for first in person.values())
    assert {row["decision"] for row in pairs} <= {"auto", "review"}
    assert {row[end] for row in pairs for end in ("record_id_l", "record_id_r")} <= set(ids)
    weights = [float(row["weight"]) for row in pairs]
    assert weights == sorted(weights, reverse=True)
    assert all(person[row["record_id_l"]] == person[row["record_id_r"]] for row in pairs if row["decision"] == "auto")


def test_the_same_file_gives_the_same_bytes_however_many_threads(tmp_path: Path) -> None:
    one, four = (linked(tmp_path / str(threads), PEOPLE, threads=threads) for threads in (1, 4))
    for name in ("clusters.csv", "pairs.csv"):
        assert (one / name).read_bytes() == (four / name).read_bytes()


def test_the_order_of_rows_does_not_change_the_persons(tmp_path: Path) -> None:
    other = list(PEOPLE)
    random.Random(3).shuffle(other)
    assert persons(linked(tmp_path / "a", PEOPLE)) == persons(linked(tmp_path / "b", other))


def test_csv_in_gbk_and_parquet_give_the_same_persons(tmp_path: Path) -> None:
    plain = [row for row in PEOPLE[:800] if "".join(row.values()).encode("gbk", "replace").count(b"?") == 0]
    expected = linked(tmp_path / "utf8", plain)
    for name in ("people.csv", "people.parquet"):
        folder = tmp_path / name
        folder.mkdir()
        if name.endswith("csv"):
            rows.write(folder / name, plain, encoding="gbk")
        else:
            duckdb.read_csv(str(tmp_path / "utf8" / "people.csv"), all_varchar=True).write_parquet(str(folder / name))
        dedupe.run(folder / name, folder / "out", Order(MODEL))
        assert (folder / "out" / "clusters.csv").read_bytes() == (expected / "clusters.csv").read_bytes()


def test_missing_columns_say_nothing(tmp_path: Path) -> None:
    source = rows.write(tmp_path / "people.csv", PEOPLE[:500], ["record_id", "name", "birth_date", "resident_id"])
    counts = dedupe.run(source, tmp_path / "out", Order(MODEL))
    assert counts.records == 500
    assert counts.persons < 500


def test_ids_come_out_as_they_went_in(tmp_path: Path) -> None:
    ids = ["=1+1", "@x", ' padded "a,b" ', "00012", "-3", "王\n2", "#5", "#" * 300, "长" * 900]
    people = [{**PEOPLE[at], "record_id": name} for at, name in enumerate(ids)]
    assert [row["record_id"] for row in rows.read(linked(tmp_path, people) / "clusters.csv")] == ids


def test_auto_joins_less(tmp_path: Path) -> None:
    likely, auto = (persons(linked(tmp_path / cut, PEOPLE, cut=cut)) for cut in ("likely", "auto"))
    assert len(auto) >= len(likely)
    assert all(any(group <= larger for larger in likely) for group in auto)


def test_one_record_is_one_person(tmp_path: Path) -> None:
    assert persons(linked(tmp_path, PEOPLE[:1])) == {frozenset({PEOPLE[0]["record_id"]})}


def test_results_are_never_mixed_with_others(tmp_path: Path) -> None:
    out = linked(tmp_path, PEOPLE[:10])
    with pytest.raises(Invalid, match="folder-exists"):
        dedupe.run(tmp_path / "people.csv", out, Order(MODEL))
    with pytest.raises(Invalid, match="folder-missing"):
        dedupe.run(tmp_path / "people.csv", tmp_path / "nowhere" / "out", Order(MODEL))


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, ValueError, OSError])
def test_what_is_broken_off_leaves_nothing(tmp_path: Path, fault: type[BaseException]) -> None:
    def broken_off() -> None:
        with folders.whole(tmp_path / "out") as making:
            (making / "clusters.csv").write_text("half")
            raise fault

    with pytest.raises(fault):
        broken_off()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_and_what_a_live_one_holds_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".out.0123abcd.part"
    left.mkdir()
    (left / "clusters.csv").write_text("half")

    def overtaken() -> None:
        with folders.whole(tmp_path / "out") as slow:
            assert not left.exists()
            with folders.whole(tmp_path / "out") as quick:
                assert slow.exists()
                (quick / "clusters.csv").write_text("whole")

    with pytest.raises(Invalid, match="folder-exists"):
        overtaken()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "clusters.csv").read_text() == "whole"


def test_a_trained_model_is_kept_and_gives_the_same_result_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(register: object, content: dict[str, Any], seed: int) -> dict[str, Any]:
        return {**content, "id": f"{content['id']}-trained-{seed}", "prior": content["prior"] / 2}

    monkeypatch.setattr(training, "fit", fit)
    source, kept = rows.write(tmp_path / "people.csv", PEOPLE[:600]), tmp_path / "model.json"
    dedupe.run(source, tmp_path / "trained", Order(MODEL, train=True, save_model=kept))
    assert json.loads(kept.read_text(encoding="utf-8"))["id"].endswith("-trained-1")
    dedupe.run(source, tmp_path / "again", Order(model_files.content(kept)))
    for name in ("clusters.csv", "pairs.csv"):
        assert (tmp_path / "trained" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    with pytest.raises(Invalid, match="model-exists"):
        dedupe.run(source, tmp_path / "third", Order(MODEL, train=True, save_model=kept))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": 2}', '{"format": 1, "classes": []}'])
def test_a_model_that_does_not_fit_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "model.json"
    file.write_text(content)
    with pytest.raises(Invalid, match="model-invalid"):
        model_files.parsed(model_files.content(file))
    with pytest.raises(Invalid, match="model-missing"):
        model_files.content(tmp_path / "none.json")


def test_a_record_without_a_birth_date_is_found_by_name_and_place(tmp_path: Path) -> None:
    """By township, by county where few bear the name, by a rare name alone, and by telephone."""
    common = {"source": "huiji", "sex": "2", "birth_date": "1990-05-01"}
    home = {"origin_division": "410108003000", "origin_address": "古荥镇岭军峪村3组15号"}
    people = [
        common | home | {"record_id": "1", "name": "禚晓燕"},
        common | home | {"record_id": "2", "name": "禚晓燕", "birth_date": ""},
        common | {"record_id": "3", "name": "王芳", "birth_date": "", "phone": "13812345670"},
        common | {"record_id": "4", "name": "王小芳", "phone": "13812345670"},
        common | {"record_id": "5", "name": "李芳"},
    ]
    columns = ["record_id", "source", "name", "sex", "birth_date", "phone", "origin_division", "origin_address"]
    register = rows.register_of(rows.write(tmp_path / "people.csv", people, columns))
    found = candidates.find(register)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 1), (2, 3)]


def test_two_records_with_dates_are_not_compared_for_want_of_a_third_ones(tmp_path: Path) -> None:
    people = [
        {"record_id": str(at), "name": "禚晓燕", "birth_date": birth, "origin_division": "410108003000"}
        for at, birth in enumerate(("1990-05-01", "1962-11-30", ""))
    ]
    columns = ["record_id", "name", "birth_date", "origin_division"]
    register = rows.register_of(rows.write(tmp_path / "people.csv", people, columns))
    found = candidates.find(register)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 2), (1, 2)]
