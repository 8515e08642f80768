"""Scores belong to a model: no statement reads or writes them without saying whose."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORAGE = sorted(path for path in (ROOT / "hub" / "storage").glob("*.py"))
READS = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+pair_score\b")
EVERY_MODEL = re.compile(r"DELETE FROM pair_score WHERE [ab] = ANY")
"""Forgets what all models said of a record."""


def statements(source: str) -> list[str]:
    """The texts in a module, f-strings with the names of what stands in them."""
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            found.append(node.value)
    return found


def nameless(source: str) -> list[str]:
    """Statements about scores that name no model."""
    return [
        text
        for text in statements(source)
        if READS.search(text) and "model" not in text.lower() and not EVERY_MODEL.search(text)
    ]


def test_every_statement_about_scores_names_a_model() -> None:
    found = {path.name: texts for path in STORAGE if (texts := nameless(path.read_text(encoding="utf-8")))}
    assert found == {}


def test_a_statement_without_a_model_is_found() -> None:
    assert nameless('x = "SELECT a FROM pair_score WHERE a = 1"')
    assert nameless('x = f"SELECT a FROM pair_score WHERE a = {y}"')
    assert not nameless('x = f"SELECT a FROM pair_score WHERE model = {OF_MODEL_IN_FORCE}"')
