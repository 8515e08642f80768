"""What the exchange refuses, as data (codes/forbidden.csv): repealed fees, plan marks, accusing codes, pregnancy results.

A row that holds any of it is refused as a whole. The issue names the reason and the column, never the content.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from mappings.engine import codes
from mappings.engine.issues import make
from mappings.engine.model import BrokenMapping, Issue, Row
from mappings.engine.transforms.text import squeeze


@dataclass(frozen=True, slots=True)
class Term:
    """One forbidden thing: where it shows (`column` name, cell `text`, or exact `code`, `finding` of a check) and why it is refused."""

    reason: str
    where: str
    term: str
    kinds: frozenset[str]
    what: str
    what_zh: str
    basis: str
    basis_zh: str

    def applies(self, kind: str) -> bool:
        return "*" in self.kinds or kind in self.kinds

    @property
    def words(self) -> dict[str, Any]:
        """What the sentence of the issue is filled with."""
        return {"what": self.what, "what_zh": self.what_zh, "basis": self.basis, "basis_zh": self.basis_zh}


@cache
def terms() -> tuple[Term, ...]:
    """All terms of the table."""
    lines = csv.DictReader(codes.read("forbidden").decode("utf-8").splitlines())
    return tuple(
        Term(
            line["reason"],
            line["where"],
            line["term"],
            frozenset(line["kinds"].split()),
            line["what"],
            line["what_zh"],
            line["basis"],
            line["basis_zh"],
        )
        for line in lines
    )


def reason(name: str) -> Term:
    """A term that stands for the reason `name`; raises BrokenMapping when the table does not know it."""
    for term in terms():
        if term.reason == name:
            return term
    raise BrokenMapping(f"codes/forbidden.csv has no reason {name}")


def column_term(column: str, kind: str) -> Term | None:
    """The term that forbids a column of this name, if any."""
    for term in terms():
        if term.where == "column" and term.term in column and term.applies(kind):
            return term
    return None


_HARMLESS = re.compile("避孕|孕前优生|待孕|备孕")


def checker(
    kind: str, refused: dict[str, Term], coded: frozenset[str], findings: frozenset[str]
) -> Callable[[Row], Issue | None]:
    """A function that finds forbidden content in a row.

    `refused` are columns that the mapping itself names with their reason; `coded` those whose cells are codes;
    `findings` those with the results of a check, which are read more strictly than other text.
    """
    texts = tuple(term for term in terms() if term.where == "text" and term.applies(kind))
    strict = tuple(term for term in terms() if term.where == "finding" and term.applies(kind))
    exact = {term.term: term for term in terms() if term.where == "code" and term.applies(kind)}

    @lru_cache(maxsize=1024)
    def of_code(text: str) -> Term | None:
        return exact.get(squeeze(text).upper())

    def of_finding(text: str) -> Term | None:
        plain = _HARMLESS.sub("", text)
        return next((one for one in strict if one.term in plain), None)

    def judge(column: str) -> Callable[[str], Term | None] | None:
        """How the cells of a column are judged beyond the terms that no text may hold."""
        term = refused.get(column) or column_term(column, kind)
        if term is not None:
            return lambda text: term
        return of_code if column in coded else of_finding if column in findings else None

    @lru_cache(maxsize=64)
    def judges(columns: tuple[str, ...]) -> list[tuple[str, Callable[[str], Term | None]]]:
        return [(column, judged) for column in columns if (judged := judge(column)) is not None]

    words = tuple(term.term for term in texts)

    def check(row: Row) -> Issue | None:
        cells = row.cells
        for column, judged in judges(tuple(cells)):
            if (text := cells[column]) is not None and (term := judged(text)) is not None:
                return make("forbidden-content", row=row.number, column=column, **term.words)
        blob = "\n".join(filter(None, cells.values()))
        for word, term in zip(words, texts, strict=True):
            if word in blob:
                where = next((c for c, text in row.cells.items() if text is not None and term.term in text), None)
                return make("forbidden-content", row=row.number, column=where, **term.words)
        return None

    return check
