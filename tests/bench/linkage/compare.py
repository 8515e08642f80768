"""`hub dedupe` and Splink 5 side by side, same registers, same machine: `python -m tests.bench.linkage.compare`.

    [--people 10000] [--only "FEBRL 4"] [--markdown FILE]

Each register is linked by the model that ships, by one trained on the register itself (no labels), by one that also
learnt from 2,000 labelled pairs of another register of the same make, and by Splink. Every threshold was fixed before:
ours are those of the model that ships, Splink's stand in `splink_peer`. FEBRL 4 is two files without duplicates: ours
is told (--unique-sources), Splink links only between them. Needs the extra `train` and the dependency group `bench`.
"""

import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hub.linkage import score
from hub.linkage.columns import Pairs
from hub.linkage.engines import candidates, files, model_files, name_columns, register
from tests.bench.dedupe import watched
from tests.bench.linkage import febrl
from tests.bench.linkage.cases import Case, all_cases

LABELS = 2000
HEADER = (
    "register", "system", "pairs: precision", "recall", "F1", "best F1", "clusters: F1", "auto: precision", "recall",
    "blocking", "wall s", "cpu s", "MiB",
)  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """Pairs are those whose records came out as one person; `best` is F1 at the best cut through the pairs' weights."""

    precision: float
    recall: float
    f1: float
    best: float
    clusters: float
    auto_precision: float
    auto_recall: float
    compared: float


def quality(truth: Path, out: Path) -> Quality:
    """The results in the folder `out` against the truth."""
    person = {row["record_id"]: row["person"] for row in _rows(truth)}
    found = {row["record_id"]: row["person_id"] for row in _rows(out / "clusters.csv")}
    true, said = Counter(person.values()), Counter(found.values())
    both = Counter((found[record], one) for record, one in person.items())
    total, hits, claimed = _pairs(true), _pairs(both), _pairs(said)
    whole = sum(size == said[a] == true[b] for (a, b), size in both.items())
    weights, good, auto = [], [], []
    for row in _rows(out / "pairs.csv"):
        weights.append(float(row["weight"]))
        good.append(person[row["record_id_l"]] == person[row["record_id_r"]])
        auto.append(row["decision"] == "auto")
    right, sure = np.array(good, dtype=np.bool_), np.array(auto, dtype=np.bool_)
    running = np.cumsum(right[np.argsort(-np.array(weights), kind="stable")])
    best = (2 * running / (np.arange(1, len(running) + 1) + total)).max(initial=0.0)
    certain = int((right & sure).sum())
    return Quality(
        hits / max(claimed, 1), hits / total, 2 * hits / (claimed + total), float(best),
        2 * whole / (len(true) + len(said)), certain / max(int(sure.sum()), 1), certain / total, right.sum() / total,
    )  # fmt: skip


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def _pairs(sizes: Counter[str] | Counter[tuple[str, str]]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def blocking(source: Path, truth: Path) -> float:
    """The share of true pairs that `hub dedupe` compares."""
    person = {row["record_id"]: row["person"] for row in _rows(truth)}
    of = [person[row["record_id"]] for row in _rows(source)]
    cells = files.read(source, 2)
    found = candidates.find(register.read(cells))
    same = sum(of[a] == of[b] for a, b in zip(found.left.tolist(), found.right.tolist(), strict=True))
    return float(same / _pairs(Counter(of)))


def label(source: Path, truth: Path, out: Path, seed: int = 5) -> None:
    """Labels as reviews give them: half of the pairs about which the model that ships knows least, half of any."""
    person = {row["record_id"]: row["person"] for row in _rows(truth)}
    ids = [row["record_id"] for row in _rows(source)]
    cells = files.read(source, 2)
    read = register.read(cells)
    found = candidates.find(read)
    model = model_files.parsed(model_files.content(None)).for_population(len(read))
    scored = score.score_places(model.spelled(name_columns.spelled), Pairs.of(read, found.left, found.right))
    near = np.argsort(np.abs(scored.weight - model.likely), kind="stable")
    others = np.random.default_rng(seed).permutation(near[LABELS // 2 :])[: LABELS - LABELS // 2]
    with out.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("record_id_l", "record_id_r", "same"))
        for at in [*near[: LABELS // 2].tolist(), *others.tolist()]:
            left, right = ids[found.left[at]], ids[found.right[at]]
            writer.writerow((left, right, int(person[left] == person[right])))


def systems(case: Case, source: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands to compare, each to be given a folder for its results; what they need is made first."""
    dedupe = [sys.executable, "-m", "hub", "dedupe", "--no-report", *case.options]
    yield "model that ships", [*dedupe, str(source)]
    yield "trained, no labels", [*dedupe, "--train", str(source)]
    if case.sibling is not None:
        other, truth, labels, model = (
            folder / name for name in ("other.csv", "truth.csv", "labels.csv", "taught.json")
        )
        case.sibling(other, truth)
        label(other, truth, labels)
        watched(
            [*dedupe, "--train", "--labels", str(labels), "--save-model", str(model), str(other), str(folder / "o")]
        )
        yield "2,000 labels", [*dedupe, "--model", str(model), str(source)]
    yield "Splink 5", [sys.executable, "-m", "tests.bench.linkage.splink_peer", str(_for_peer(case, source, folder))]


def _for_peer(case: Case, source: Path, folder: Path) -> Path:
    """Splink reads FEBRL in its own columns."""
    if case.peer == "chinese":
        return source
    rows = list(febrl.rows(int(case.peer[-1])))
    path = folder / "peer.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.DictWriter(handle, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


def measure(case: Case, folder: Path) -> list[tuple[str, ...]]:
    """A line of the table for each system."""
    source, truth = folder / "register.csv", folder / "person.csv"
    case.write(source, truth)
    compared, lines = blocking(source, truth), []
    for name, command in systems(case, source, folder):
        out = folder / name.replace(" ", "-")
        peer = name.startswith("Splink")
        seconds, processor, memory = watched([*command, str(out), *([case.peer] if peer else [])])
        q = quality(truth, out)
        figures = (q.precision, q.recall, q.f1, q.best, q.clusters, q.auto_precision, q.auto_recall)
        lines.append(
            (case.name, name, *(f"{figure:.5f}" for figure in figures), f"{q.compared if peer else compared:.5f}",
             f"{seconds:.1f}", f"{processor:.1f}", f"{memory / 2**20:.0f}")
        )  # fmt: skip
    return lines


def main() -> None:
    """Run the comparison and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=Path)
    asked = parser.parse_args()
    table, lines = Table(*HEADER), [HEADER, tuple("---" for _ in HEADER)]
    for case in all_cases(asked.people):
        if asked.only not in case.name:
            continue
        with tempfile.TemporaryDirectory(prefix="lianqiao-compare-") as folder:
            for line in measure(case, Path(folder)):
                table.add_row(*line)
                lines.append(line)
        if asked.markdown:
            text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
            asked.markdown.write_text(text, encoding="utf-8")
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
