"""The command `mappings`: examples compared, a file tried, a new mapping that works from the start."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mappings import cli, examples, scaffold, vocabulary
from mappings.engine.load import load_folder, names, root

RUN = CliRunner(env={"COLUMNS": "200"})
QUIRKS = root() / "huiji/person.v1/examples/quirks.source.csv"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_out", Console(width=200))


def test_list_names_every_mapping() -> None:
    result = RUN.invoke(cli.app, ["list"])
    assert result.exit_code == 0
    assert "huiji/person.v1" in result.output


def test_nothing_is_cut_off_on_a_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_out", Console(width=80))
    listed = RUN.invoke(cli.app, ["list"]).output
    assert set(names()) <= set(listed.split())
    tried = RUN.invoke(cli.app, ["try", "huiji/person.v1", str(QUIRKS)]).output
    assert max(len(line) for line in (listed + tried).splitlines()) <= 80
    assert "…" not in listed + tried


def test_test_runs_the_examples_of_one_mapping() -> None:
    result = RUN.invoke(cli.app, ["test", "huiji/person.v1"])
    assert result.exit_code == 0, result.output
    assert "0 failed" in result.output


def test_test_shows_where_an_example_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "compare", lambda *_: [examples.Difference("results/0/ok", True, False)])
    result = RUN.invoke(cli.app, ["test", "huiji/consent.v1"])
    assert result.exit_code == 1
    assert "results/0/ok" in result.output


def test_try_shows_translation_and_issues() -> None:
    result = RUN.invoke(cli.app, ["try", "huiji/person.v1", str(QUIRKS), "--limit", "3"])
    assert result.exit_code == 0
    assert "王芳" in result.output
    assert "id-ruined" in result.output
    assert "12 rows" in result.output
    assert "3 shown" in result.output
    assert "科学计数法" in RUN.invoke(cli.app, ["try", "huiji/person.v1", str(QUIRKS), "--zh"]).output


@pytest.mark.parametrize("name", ["huiji/marriage_certificate.v1", "huiji/contraception_report.v1", "huiji/consent.v1"])
def test_try_reads_every_kind(name: str) -> None:
    for example in examples.examples(root() / name):
        assert RUN.invoke(cli.app, ["try", name, str(example.source)]).exit_code == 0


def test_try_says_why_a_file_cannot_be_read() -> None:
    result = RUN.invoke(cli.app, ["try", "yongkang/person.v1", str(QUIRKS)])
    assert result.exit_code == 1
    assert "wrong-format" in result.output


def test_text_from_a_file_is_never_markup(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(
        "姓名,性别,身份证号码,出生年月,户籍地,现居住地\r\n[bold]王,女,,1990.5,[red],永康\r\n".encode("gb18030")
    )
    assert "[bold]王" in RUN.invoke(cli.app, ["try", "huiji/person.v1", str(file)]).output


def test_main_tells_a_broken_mapping_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mappings", "test", "nowhere/person.v1"])
    monkeypatch.setattr(cli, "_out", Console(width=200))
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert "nowhere/person.v1" in capsys.readouterr().out


@pytest.mark.parametrize("kind", sorted(vocabulary.RECORD_KINDS))
def test_a_new_mapping_works_from_the_start(tmp_path: Path, kind: str) -> None:
    result = RUN.invoke(cli.app, ["new", f"shantang/{kind}", "--into", str(tmp_path)])
    assert result.exit_code == 0, result.output
    stem = kind.replace("-", "_")
    mapping = load_folder(tmp_path / f"shantang/{stem}.v1", f"shantang/{stem}.v1")
    (example,) = examples.examples(tmp_path / f"shantang/{stem}.v1")
    assert examples.compare(mapping, example) == []
    outcome = examples.run(mapping, example)
    assert [row["ok"] for row in outcome.results] == [True]
    assert outcome.issues == []
    assert scaffold.create(tmp_path, "shantang", kind).name == f"{stem}.v2"


def test_a_new_mapping_of_no_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(scaffold.ScaffoldError, match="no record kind"):
        scaffold.create(tmp_path, "shantang", "gossip")


def test_a_missing_expectation_is_a_difference(tmp_path: Path) -> None:
    folder = scaffold.create(tmp_path, "shantang", "person")
    (folder / "examples/first.expected.json").unlink()
    mapping = load_folder(folder, "shantang/person.v1")
    (example,) = examples.examples(folder)
    assert [difference.place for difference in examples.compare(mapping, example)] == ["results"]
