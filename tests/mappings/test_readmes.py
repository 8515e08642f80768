"""Each mapping's README names every column, and the issue texts are complete in both languages."""

import string

import pytest

import mappings
from mappings.engine.issues import catalogue
from mappings.engine.load import root


@pytest.mark.parametrize("name", mappings.names())
def test_readme_names_every_column(name: str) -> None:
    text = (root() / name / "README.md").read_text("utf-8")
    missing = [column for column in mappings.load(name).columns if f"| {column} |" not in text]
    assert missing == []


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_issue_says_the_same_in_both_languages(code: str) -> None:
    template = catalogue()[code]
    words = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in template[1:]]
    assert template.severity in ("error", "warning", "information")
    assert template.text.isascii() or "“" in template.text
    assert any("\u4e00" <= c <= "\u9fff" for c in template.text_zh)
    assert {word.removesuffix("_zh") for word in words[0]} >= {word.removesuffix("_zh") for word in words[1]}
