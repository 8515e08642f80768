"""What is committed is at home anywhere: no machine's paths, no registry's hosts, no unfinished marks; a changelog."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS = {".git", ".venv", "__pycache__", "data", "dist", "node_modules", "var"}
TEXTS = {"", ".cfg", ".css", ".csv", ".html", ".ini", ".js", ".json", ".mako", ".md", ".po", ".py", ".sh", ".sql"}
TEXTS |= {".svg", ".toml", ".tsv", ".txt", ".xml", ".yaml", ".yml", ".lock"}
# Assembled here, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.:/}-])/(?:home|root|Users|work)/\w|\b[A-Z]:\\\\?Users")
HOSTS = ("pypi.org", "pythonhosted.org", "npmjs.org", "npmjs.com", "debian.org", "docker.io", "ghcr.io", "quay.io")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
HEADING = re.compile(r"## \[(Unreleased|\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d)\]?")
PARTS = {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}


def texts() -> Iterator[tuple[str, str]]:
    """Path and contents of every text of ours."""
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        top = relative.parts[0]
        cache = top.startswith(".") and top not in {".ci", ".dockerignore", ".gitignore"}
        if cache or NOT_OURS & {top, *relative.parts[1:-1]} - ({"data"} if top != "data" else set()):
            continue
        if path.is_file() and path.suffix in TEXTS and relative.name != "test_texts.py":
            yield relative.as_posix(), path.read_bytes().decode("utf-8", errors="replace")


def test_no_path_of_a_machine() -> None:
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_machine_paths_are_recognised() -> None:
    assert MACHINE_PATH.search("cd /home" + "/someone/hub")
    assert MACHINE_PATH.search('Path("/work' + '/main")')
    assert not MACHINE_PATH.search("https://hub.example/work/queue")
    assert not MACHINE_PATH.search("GET {base}/home/page")


def test_no_host_of_a_registry() -> None:
    found = [(name, host) for name, text in texts() if name != "uv.lock" for host in HOSTS if host in text]
    assert found == []


def test_nothing_is_marked_unfinished() -> None:
    assert [name for name, text in texts() if UNFINISHED.search(text)] == []


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
    assert all(HEADING.fullmatch(heading) for heading in headings)
    assert {line[4:] for line in text.splitlines() if line.startswith("### ")} <= PARTS
    dates = re.findall(r"^## \[[^\]]+\] - (\S+)$", text, re.MULTILINE)
    assert dates == sorted(dates, reverse=True)
    released = re.findall(r"^## \[(\d\S+)\]", text, re.MULTILINE)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert not released or released[0] == version


def test_decisions_are_numbered_indexed_and_whole() -> None:
    folder = ROOT / "hub" / "decisions"
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert f"({record.name})" in index
        assert re.search(r"^Status: (in force|replaced by \d{4})$", text, re.MULTILINE), record.name
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["The question", "The decision", "What else was considered", "What follows"], record.name
