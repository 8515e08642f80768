"""Writes clusters.csv and pairs.csv. Record ids come out as they went in, whatever a spreadsheet may see in them: whoever
joins the results to their own file needs them unchanged.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hub.linkage import score
from hub.linkage.engines import crew
from hub.linkage.engines.cells import Cells
from hub.linkage.engines.grouping import Persons
from hub.linkage.engines.scoring import Scored
from hub.linkage.engines.texts import MARGIN, PART, Places, Texts

_AUTO = score.DECISIONS.index("auto")
_COMMA, _LINE = b",\n"
_QUOTED = b',"\r\n'


def write(cells: Cells, persons: Persons, scored: Scored, clusters: Path, pairs: Path) -> None:
    """Whose person each record is, the first of its records, and the pairs that are one person or may be."""
    ids = _quoted(cells.column("record_id"))

    def whose() -> None:
        _write(clusters, "record_id,person_id", len(ids), lambda rows: (ids.at(rows), ids.at(persons[rows])))

    def alike() -> None:
        order = np.argsort(-scored.weight, kind="stable")  # the pairs are in the order of left and right
        said, of = _said(scored)
        _write(
            pairs,
            "record_id_l,record_id_r,weight,probability,decision",
            len(order),
            lambda rows: (
                ids.at(scored.left[order[rows]]), ids.at(scored.right[order[rows]]), said.at(of[order[rows]])
            ),
        )  # fmt: skip

    crew.each(lambda part: (whose, alike)[part](), 2, cells.threads)


def _quoted(ids: Texts) -> Texts:
    """The ids with quotation marks around those that would not be one cell without."""
    return Texts.of([_cell(text) for text in ids.strings()]) if any(map(_odd, ids.parts())) else ids


def _odd(ids: Texts) -> bool:
    """Whether one of the ids may need quotation marks."""
    width = int(ids.sizes.max())
    if width > MARGIN:
        return True
    rows = ids.left(width)
    return bool((rows[:, 0] == ord("#")).any()) or any((rows == sign).any() for sign in _QUOTED)


def _cell(text: str) -> str:
    if text[0] != "#" and not any(chr(sign) in text for sign in _QUOTED):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _said(scored: Scored) -> tuple[Texts, Places]:
    """What is said of a pair, weight, probability and decision, each different text once, and which each pair has."""
    auto = scored.decision == _AUTO
    weights, at, of = np.unique(scored.weight, return_index=True, return_inverse=True)
    told = [
        f"{weight!r},{chance!r}"
        for weight, chance in zip(weights.tolist(), scored.probability[at].tolist(), strict=True)
    ]
    return Texts.of([f"{one},{decision}" for one in told for decision in ("review", "auto")]), of * 2 + auto


def _write(file: Path, header: str, count: int, columns: Callable[[Places], Sequence[Texts]]) -> None:
    """A CSV file of so many rows; `columns` gives the cells of some of them."""
    with file.open("wb") as out:
        out.write(f"{header}\n".encode())
        for start in range(0, count, PART):
            out.write(_lines(columns(np.arange(start, min(start + PART, count)))))


def _lines(columns: Sequence[Texts]) -> bytes:
    """The lines of a CSV file: all cells side by side in rows of one width, of which what is no cell falls away."""
    widths = [int(texts.sizes.max()) for texts in columns]
    if max(widths) > MARGIN:
        return "".join(
            f"{','.join(row)}\n" for row in zip(*(texts.strings() for texts in columns), strict=True)
        ).encode()
    rows = np.empty((len(columns[0]), sum(widths) + len(widths)), dtype=np.uint8)
    kept = np.ones(rows.shape, dtype=np.bool_)
    stop = 0
    for texts, width in zip(columns, widths, strict=True):
        start, stop = stop, stop + width + 1
        rows[:, start : stop - 1] = texts.left(width)
        kept[:, start : stop - 1] = texts.own(width)
        rows[:, stop - 1] = _COMMA
    rows[:, -1] = _LINE
    return rows[kept].tobytes()
