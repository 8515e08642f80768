"""Every issue that this package can report: stable code, usual severity, and its sentence in English and Chinese.

One home for the texts, so that a clerk at any county reads the same words. Places (file, row, column) are added
by whoever reports. Texts must not repeat personal data: the offending text travels in `value` only.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple, cast

from mappings.engine.model import VALUE_LIMIT, Issue, Note, Severity


class Template(NamedTuple):
    severity: Severity
    text: str
    text_zh: str


@cache
def catalogue() -> dict[str, Template]:
    """All templates by code, from issues.csv beside this file."""
    lines = files("mappings.engine").joinpath("issues.csv").read_text("utf-8").splitlines()
    return {
        line["code"]: Template(cast(Severity, line["severity"]), line["text"], line["text_zh"])
        for line in csv.DictReader(lines)
    }


def make(
    code: str,
    /,
    *,
    severity: Severity | None = None,
    file: str | None = None,
    row: int | None = None,
    column: str | None = None,
    value: str | None = None,
    **words: object,
) -> Issue:
    """Issue of the catalogue with its sentence filled in; `value` is cut at 200 characters."""
    template = catalogue()[code]
    return Issue(
        severity or template.severity,
        code,
        template.text.format(column=column, **words),
        template.text_zh.format(column=column, **words),
        file or None,
        row,
        column,
        None if value is None else value[:VALUE_LIMIT],
    )


_SECRET = frozenset({"holder-key-unreadable"})  # the text at fault may be a private key


def place(note: Note, *, row: int, column: str | None, value: str | None) -> Issue:
    """The issue that a transform's note becomes at a place."""
    if note.code in _SECRET:
        value = None
    return make(note.code, severity=note.severity, row=row, column=column, value=value, **dict(note.words))
