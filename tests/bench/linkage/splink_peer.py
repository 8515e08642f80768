"""Splink 5 on a register of `hub dedupe`, set up as its documentation advises: `python -m tests.bench.linkage.splink_peer`.

Columns are cleaned as its guides ask, one thing a column: NFKC, upper case, numbers of 15 digits made 17, dates made
ISO, surname and given name apart, pinyin beside the characters. Names are compared with `NameComparison` or by exact
characters, sounds and Levenshtein, birth dates with `DateOfBirthComparison`, numbers with Damerau-Levenshtein, all with
term frequencies where a value may be common. Prior, u (random sampling) and m (two or three EM passes) are estimated
as in the tutorial; FEBRL 3 and 4 use the comparisons and blocking rules of Splink's own FEBRL example. Persons are
`cluster_pairwise_predictions_at_threshold` at .95, the automatic zone .999: both fixed before any result was seen.
"""

import csv
import logging
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from pypinyin import lazy_pinyin
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_rule_library import CustomRule

JOINED, AUTO = 0.95, 0.999
_COMPOUND = ("欧阳", "上官", "司徒", "诸葛", "司马", "皇甫", "夏侯", "尉迟")
Row = dict[str, Any]


def chinese(row: dict[str, str]) -> Row:
    """A record of a Chinese register, cleaned."""
    name = re.sub(r"[(（].*", "", unicodedata.normalize("NFKC", row["name"])).replace("·", "").replace(" ", "")
    split = 2 if name[:2] in _COMPOUND else 1
    number = unicodedata.normalize("NFKC", row["resident_id"]).upper().replace(" ", "")
    if re.fullmatch(r"\d{15}", number):
        number = number[:6] + "19" + number[6:]
    digits = re.sub(r"\D", "", row["phone"])[-11:]
    return {
        "unique_id": row["record_id"],
        "name": name or None,
        "surname": name[:split] or None,
        "given": name[split:] or None,
        "pinyin": "".join(lazy_pinyin(name)) or None,
        "sex": row["sex"] or None,
        "birth": _iso(row["birth_date"]),
        "number": number[:17] if len(set(number)) > 2 else None,
        "phone": digits or None,
        "origin": row["origin_division"] or None,
        "home": row["origin_address"] or None,
        "residence": row["residence_division"] or None,
        "address": row["residence_address"] or None,
        "spouse": row["spouse_name"] or None,
    }


def _iso(text: str) -> str | None:
    found = re.findall(r"\d+", text)
    if len(found) == 1 and len(found[0]) == 8:
        found = [found[0][:4], found[0][4:6], found[0][6:]]
    return f"{found[0]}-{int(found[1]):02d}-{int(found[2]):02d}" if len(found) == 3 else None


def australian(row: dict[str, str]) -> Row:
    """A record of FEBRL as its own file has it."""
    found: Row = {name: value or None for name, value in row.items()}
    return {**found, "unique_id": row["rec_id"]}


def _division(column: str) -> cl.CustomComparison:
    levels = [cll.NullLevel(column), cll.ExactMatchLevel(column)]
    levels += [
        cll.CustomLevel(f"left({column}_l, {size}) = left({column}_r, {size})", f"the first {size} digits")
        for size in (9, 6, 4)
    ]
    return cl.CustomComparison(comparison_levels=[*levels, cll.ElseLevel()], output_column_name=column)


def _name() -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            cll.NullLevel("name"),
            cll.ExactMatchLevel("name", term_frequency_adjustments=True),
            cll.ExactMatchLevel("pinyin"),
            cll.LevenshteinLevel("name", 1),
            cll.ExactMatchLevel("surname", term_frequency_adjustments=True),
            cll.ElseLevel(),
        ],
    )


def of_chinese() -> tuple[SettingsCreator, list[Any], list[Any]]:
    """Settings, rules that are nearly always right (for the prior), rules to train m under."""
    year = "left(birth, 4)"
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            _name(),
            cl.DateOfBirthComparison("birth", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("number", [1, 2]),
            cl.LevenshteinAtThresholds("phone", 1).configure(term_frequency_adjustments=True),
            cl.ExactMatch("sex"),
            _division("origin"),
            cl.JaroWinklerAtThresholds("home", [0.95, 0.88]),
            _division("residence"),
            cl.JaroWinklerAtThresholds("address", [0.95, 0.88]),
            cl.ExactMatch("spouse"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("number"),
            block_on("phone", year),
            block_on("pinyin", year),
            block_on("pinyin", "right(birth, 5)"),
            block_on("surname", "birth"),
            block_on("given", "birth"),
            block_on("name", "home"),
        ],
        retain_matching_columns=False,
    )
    sure = [block_on("number"), block_on("name", "birth", "phone")]
    return settings, sure, [block_on("number"), block_on("name", "birth"), block_on("phone")]


def of_febrl(link: bool) -> tuple[SettingsCreator, list[Any], list[Any]]:
    """The comparisons and rules of Splink's FEBRL example."""
    settings = SettingsCreator(
        link_type="link_only" if link else "dedupe_only",
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("soc_sec_id"),
            block_on("given_name", "surname"),
            CustomRule("l.given_name = r.surname and l.surname = r.given_name"),
            block_on("date_of_birth"),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
            block_on("postcode"),
        ],
        retain_matching_columns=False,
    )
    sure = [
        block_on("soc_sec_id"),
        block_on("given_name", "surname", "date_of_birth"),
        "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
    ]
    return settings, sure, [block_on("date_of_birth"), block_on("postcode")]


def _table(connection: duckdb.DuckDBPyConnection, name: str, rows: list[Row]) -> str:
    columns = ", ".join(f'"{column}" VARCHAR' for column in rows[0])
    connection.execute(f"CREATE TABLE {name} ({columns})")
    marks = ", ".join("?" for _ in rows[0])
    connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [list(row.values()) for row in rows])  # noqa: S608
    return name


def run(register: Path, out: Path, kind: str) -> None:
    """Train on the register, weigh, cluster, and write pairs.csv and clusters.csv as `hub dedupe` does."""
    logging.disable(logging.WARNING)
    with register.open(encoding="utf-8", newline="") as handle:
        read = list(csv.DictReader(handle))
    connection = duckdb.connect()
    rows = [chinese(row) if kind == "chinese" else australian(row) for row in read]
    link = kind == "febrl4"
    settings, sure, under = of_chinese() if kind == "chinese" else of_febrl(link)
    parts = (
        [[row for row in rows if row["file"] == file] for file in sorted({row["file"] for row in rows})]
        if link
        else [rows]
    )
    api = DuckDBAPI(connection)
    tables = [api.register(_table(connection, f"part_{at}", part)) for at, part in enumerate(parts)]
    linker = Linker(tables if link else tables[0], settings)
    linker.training.estimate_probability_two_random_records_match(sure, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in under:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    pairs = linker.inference.predict()
    persons = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=JOINED)
    out.mkdir()
    connection.table(pairs.physical_name).project(
        "unique_id_l AS record_id_l, unique_id_r AS record_id_r, match_weight AS weight, match_probability AS probability,"
        f" CASE WHEN match_probability >= {AUTO} THEN 'auto' ELSE 'review' END AS decision"
    ).order("weight DESC, record_id_l, record_id_r").write_csv(str(out / "pairs.csv"), header=True)
    connection.table(persons.physical_name).project("unique_id AS record_id, cluster_id AS person_id").order(
        "record_id"
    ).write_csv(str(out / "clusters.csv"), header=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
