"""`hub load` and `hub reconcile`: what was set aside comes first, everything is to be had, and nothing is cut off."""

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import WIDTH, Say
from tests.documents import NAMELESS, PERSON_SHEET, row, rows, sheet
from tests.hubs import Enrolled

LUNAR = {"出生年月": "农历1990年五月初三", "身份证号码": ""}


@pytest.fixture
def register(huiji: Enrolled, tmp_path: Path) -> Path:
    """Thirty rows of which something is told, and then one without a name."""
    file = tmp_path / "五月.csv"
    file.write_bytes(sheet([*(row(number, **LUNAR) for number in range(1, 31)), row(31, **NAMELESS)]))
    return file


async def test_what_was_set_aside_is_told_first(say: Say, register: Path) -> None:
    said = await say("load", register, "--mapping", PERSON_SHEET)
    assert said.exit_code == 0, said.output
    told = [line for line in said.output.splitlines() if line.startswith(("error", "warning", "information"))]
    assert told[0].startswith("error: 五月.csv, row 32, column 姓名: ")
    assert told[0].endswith(" (required-missing)")
    assert not any(line.startswith("error") for line in told[1:])
    assert "more: load the file again with --issues FILE" in said.output
    table = [line for line in said.output.splitlines() if line.startswith(("┃", "│"))]
    assert max(map(len, table)) <= WIDTH
    assert "…" not in "".join(table)


async def test_a_file_that_is_known_says_so_and_gives_all_its_issues(
    say: Say, register: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await say("load", register, "--mapping", PERSON_SHEET)
    assert "already" not in first.output
    monkeypatch.setattr("hub.services.submitted._PAGE", 10)
    written = tmp_path / "issues.csv"
    again = await say("load", register, "--mapping", PERSON_SHEET, "--issues", written)
    assert "The hub has this very file already; nothing was done again." in again.output
    assert str(written) in again.output
    with written.open(encoding="utf-8-sig", newline="") as lines:
        found = list(csv.DictReader(lines))
    assert [one["severity"] for one in found].count("error") == 1
    assert {int(one["row"]) for one in found} == set(range(2, 33))
    assert len(found) > 30


async def test_issues_are_asked_for_before_anything_is_loaded(say: Say, register: Path, tmp_path: Path) -> None:
    said = await say("load", register, "--mapping", PERSON_SHEET, "--issues", tmp_path / "none" / "issues.csv")
    assert said.exit_code == 1
    assert "nothing was loaded" in said.output
    assert "already" not in (await say("load", register, "--mapping", PERSON_SHEET)).output


async def test_runs_are_listed_on_a_narrow_screen(say: Say, huiji: Enrolled, tmp_path: Path) -> None:
    file = tmp_path / "五月.csv"
    file.write_bytes(sheet(rows(3)))
    await say("load", file, "--mapping", PERSON_SHEET)
    assert (await say("reconcile", "--now")).exit_code == 0
    lines = (await say("reconcile")).output.splitlines()
    assert max(map(len, lines)) <= WIDTH
    (run,) = [line.split("│") for line in lines if "UTC" in line]
    assert [cell.strip() for cell in run[2:6]] == ["DONE", "by hand", "everyone", "examined 3"]
