"""`hub link-private`: from two registers to pairs of pseudonyms, without a value in any file or on the screen."""

import csv
import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hub.cli.root import app
from hub.errors import Invalid
from hub.linkage.engines import encodings, files
from hub.linkage.private import keys
from tests.unit.linkage.private.rows import SECRET, Row, people

ROWS = people(120)
HIDDEN = ("name", "birth_date", "resident_id", "phone", "record_id")


def register(file: Path, rows: list[Row]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def table(file: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two registers that share sixty people, and a key."""
    register(tmp_path / "a.csv", ROWS[:90])
    register(tmp_path / "b.csv", [one | {"record_id": f"other{one['record_id']}"} for one in ROWS[30:]])
    (tmp_path / "key").write_bytes(SECRET)
    (tmp_path / "key").chmod(0o600)
    return tmp_path


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["link-private", *map(str, words)])
    return done.exit_code, done.output


def encoded(folder: Path, side: str, *more: object) -> Path:
    out = folder / f"{side}.npz"
    code, said = run("encode", folder / f"{side}.csv", out, "--key-file", folder / "key", *more)
    assert (code, "encoded 90 records; left out 0" in said) == (0, True), said
    return out


def test_two_regions_find_whom_both_know_and_no_value_is_written(folder: Path) -> None:
    first = encoded(folder, "a", "--exchange", "2026-1", "--pseudonyms", folder / "a.names")
    second = encoded(folder, "b", "--exchange", "2026-1", "--pseudonyms", folder / "b.names")
    code, said = run("compare", first, second, folder / "pairs.csv")
    assert (code, "paired 60 of 90 and 90 records" in said) == (0, True), said
    own, other = (dict(table(folder / f"{side}.names")) for side in "ab")
    heading, *pairs = table(folder / "pairs.csv")
    assert heading == ["pseudonym_a", "pseudonym_b"]
    assert {(own[a], other[b]) for a, b in pairs} == {(f"r{at}", f"otherr{at}") for at in range(30, 90)}
    for file in (first, second, folder / "pairs.csv"):
        content = file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
        assert not [
            value for one in ROWS for name in HIDDEN if len(value := one[name]) > 3 and value.encode() in content
        ]
        assert SECRET not in content
    assert not [value for one in ROWS for name in ("name", "resident_id") if (value := one[name]) in said]


def test_the_same_register_gives_the_same_file_in_any_order(folder: Path) -> None:
    first = encoded(folder, "a").read_bytes()
    (folder / "a.npz").unlink()
    register(folder / "a.csv", ROWS[:90][::-1])
    assert encoded(folder, "a").read_bytes() == first


def test_encodings_of_two_exchanges_are_not_compared(folder: Path) -> None:
    first, second = encoded(folder, "a", "--exchange", "1"), encoded(folder, "b", "--exchange", "2")
    code, said = run("compare", first, second, folder / "pairs.csv")
    assert (code, "keys-differ" in said, (folder / "pairs.csv").exists()) == (1, True, False)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda key: key.chmod(0o644), "key-exposed"),
        (lambda key: key.write_bytes(b"short"), "key-short"),
        (lambda key: key.unlink(), "key-unreadable"),
        (lambda key: key.with_name("a.npz").touch(), "file-exists"),
        (lambda key: key.with_name("a.csv").unlink(), "file-missing"),
    ],
)
def test_what_is_wrong_is_said_in_words(folder: Path, spoil: object, code: str) -> None:
    assert callable(spoil)
    spoil(folder / "key")
    done, said = run("encode", folder / "a.csv", folder / "a.npz", "--key-file", folder / "key")
    assert (done, f"({code})" in said, "Traceback" in said) == (1, True, False)


def _archive(content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return made.getvalue()


def test_a_file_that_lies_is_refused_before_it_is_believed(folder: Path) -> None:
    whole = encoded(folder, "a").read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    huge = parts["bits.npy"].replace(b"(90, 16), }   ", b"(90000, 16), }", 1)
    assert huge != parts["bits.npy"]
    objects = io.BytesIO()
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    fewer = io.BytesIO()
    np.save(fewer, np.zeros((3, 16), dtype=np.uint8))
    lies = {
        "nothing": b"",
        "text": b"record_id,name\n",
        "cut": whole[: len(whole) // 2],
        "compressed": _archive(parts, zipfile.ZIP_DEFLATED),
        "a part is missing": _archive({name: data for name, data in parts.items() if name != "bands.npy"}),
        "larger than it is": _archive(parts | {"bits.npy": huge}),
        "objects": _archive(parts | {"bits.npy": objects.getvalue()}),
        "fewer pseudonyms": _archive(parts | {"pseudonyms.npy": fewer.getvalue()}),
        "another header": _archive(parts | {"header.npy": parts["header.npy"].replace(b"lianqiao", b"lianqia0")}),
    }
    believed = []
    for why, content in lies.items():
        (folder / "lie.npz").write_bytes(content)
        try:
            encodings.read(folder / "lie.npz")
            believed.append(why)
        except Invalid as refused:
            believed += [why] if refused.code != "encodings-unreadable" else []
    assert believed == []


def test_working_memory_does_not_grow_with_the_register(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "PIECE", 100)
    made = keys.derive(SECRET, "")

    def peak(count: int) -> int:
        file = register(folder / f"{count}.csv", people(count))
        cells = files.read(file, threads=1)
        tracemalloc.start()
        try:
            encodings.of(cells, made)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(400)  # tables and caches, once
    few, many = peak(100), peak(400)
    each = 4 * (
        304 + 3 * 128
    )  # what is kept of a record, with its arrays' heads, and once more while it is put in order
    assert many - few < 300 * each
