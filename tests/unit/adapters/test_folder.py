"""The drop folder takes whole ordinary files only, and puts no name a county chose where it could do harm."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import TransportError
from adapters.excel_drop.folder import DropFolder, matches, readable_name

ID = "0a1b2c3d-0000-4000-8000-000000000000"


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    made = DropFolder(tmp_path / "drop", settle_seconds=30)
    made.make()
    return made


def drop(folder: DropFolder, name: str, age: float = 60) -> Path:
    path = folder.base / name
    path.write_bytes(b"content")
    os.utime(path, (time.time() - age,) * 2)
    return path


def names(folder: DropFolder) -> list[str]:
    return [dropped.path.name for dropped in folder.look()[0]]


def test_files_are_taken_oldest_first(folder: DropFolder) -> None:
    drop(folder, "b.csv", age=90)
    drop(folder, "a.XLSX", age=60)
    assert names(folder) == ["b.csv", "a.XLSX"]


def test_a_file_that_may_still_grow_is_left(folder: DropFolder) -> None:
    drop(folder, "a.csv", age=1)
    assert folder.look() == ([], True)


def test_a_file_dated_in_the_future_is_watched_instead(tmp_path: Path) -> None:
    folder = DropFolder(tmp_path / "drop", settle_seconds=0.05)
    folder.make()
    drop(folder, "a.csv", age=-3600)
    assert folder.look() == ([], True)
    time.sleep(0.06)
    assert names(folder) == ["a.csv"]


@pytest.mark.parametrize("name", ["~$a.xlsx", ".a.csv", "a.csv.part", "a.tmp", "readme.txt"])
def test_what_is_not_a_table_is_not_looked_at(folder: DropFolder, name: str) -> None:
    drop(folder, name)
    assert folder.look() == ([], False)


def test_links_and_folders_are_refused_not_followed(folder: DropFolder, tmp_path: Path) -> None:
    target = tmp_path / "secret.csv"
    target.write_bytes(b"secret")
    (folder.base / "soft.csv").symlink_to(target)
    (folder.base / "hard.csv").hardlink_to(target)
    (folder.base / "folder.csv").mkdir()
    found, _ = folder.look()
    assert {dropped.path.name: dropped.why_not is not None for dropped in found} == {
        "soft.csv": True,
        "hard.csv": True,
        "folder.csv": True,
    }


def test_a_name_in_another_encoding_is_refused(folder: DropFolder) -> None:
    drop(folder, os.fsdecode("人员.csv".encode("gb18030")))
    ((dropped,), waiting) = folder.look()
    assert (dropped.why_not is not None, waiting) == (True, False)
    assert readable_name(dropped.path.name, ID).encode()


def test_a_folder_of_ours_replaced_by_a_link_stops_the_work(folder: DropFolder, tmp_path: Path) -> None:
    folder.check_own()
    folder.staging.rmdir()
    folder.check_own()
    assert folder.staging.is_dir(), "one that was deleted is made again"
    folder.staging.rmdir()
    folder.staging.symlink_to(tmp_path)
    with pytest.raises(TransportError) as caught:
        folder.check_own()
    assert caught.value.code == "drop-folder-replaced"
    folder.staging.unlink()
    folder.staging.write_bytes(b"")
    with pytest.raises(TransportError):
        folder.check_own()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80) | st.text("𠀀𠀁", min_size=60))
def test_a_readable_name_is_one_harmless_file_name(name: str) -> None:
    made = readable_name(name, ID)
    assert Path(made).name == made
    assert not made.startswith((".", "~", "-"))
    assert made.isprintable()
    assert "0a1b2c3d" in made
    assert len(made.encode()) < 220, "there is room for what is put behind it"


def test_a_readable_name_keeps_what_a_clerk_knows() -> None:
    assert readable_name("避孕节育（三月）.XLSX", ID) == "避孕节育（三月）.0a1b2c3d.xlsx"
    assert readable_name("../../etc/passwd", ID) == "etc_passwd.0a1b2c3d.bin"


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("避孕节育_202603.csv", "*避孕*", True),
        ("避孕节育_202603.CSV", "*.csv", True),
        ("人员.csv", "*避孕*", False),
        ("e\u0301tat.csv", "\u00e9tat*", True),
    ],
)
def test_patterns_fit_whole_names(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) is expected
