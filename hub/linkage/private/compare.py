"""What the hub does: candidates from bands, Dice similarity of bits, and one partner at most for each record.

Needs no key and learns no value. Pairs are looked at in pieces of a set size, so memory does not grow with their number.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from hub.linkage.columns import Places
from hub.linkage.private.bands import NONE, Bands
from hub.linkage.private.filters import Bits

THRESHOLD = 0.62
"""Chosen on seeds 11 and 12 of the invented population; measured on others."""
CROWDED = 500
"""Records of one side that may share a band before it is taken to say too little."""
PIECE = 1 << 18
Similarities = npt.NDArray[np.float64]
Found = tuple[Places, Places, Similarities]
"""Places on the left, places on the right, and how alike each two are."""


def dice(left: Bits, right: Bits) -> Similarities:
    """2 |a and b| / (|a| + |b|), row by row; 0 where both are empty."""
    common = np.bitwise_count(left & right).sum(axis=1, dtype=np.int64)
    together = np.bitwise_count(left).sum(axis=1, dtype=np.int64) + np.bitwise_count(right).sum(axis=1, dtype=np.int64)
    similarity: Similarities = 2.0 * common / np.maximum(together, 1)
    return similarity


def alike(
    left: tuple[Bits, Bands],
    right: tuple[Bits, Bands],
    threshold: float,
    *,
    crowded: int = CROWDED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Found:
    """Each pair once that shares a band and is as alike as `threshold`, in order of left and right."""
    kept = [(np.empty(0, np.int64), np.empty(0))]
    size, total = np.int64(max(len(right[0]), 1)), left[1].shape[1]
    for band in range(total):
        for a, b in candidates(left[1][:, band], right[1][:, band], crowded):
            similarity = dice(left[0][a], right[0][b])
            good = similarity >= threshold
            kept.append((a[good] * size + b[good], similarity[good]))
        kept = [_once(kept)]
        progress(band + 1, total)
    codes, similarity = kept[0]
    return (codes // size).astype(np.intp), (codes % size).astype(np.intp), similarity


def _once(
    kept: list[tuple[npt.NDArray[np.int64], Similarities]],
) -> tuple[npt.NDArray[np.int64], Similarities]:
    codes, at = np.unique(np.concatenate([codes for codes, _ in kept]), return_index=True)
    return codes, np.concatenate([similarity for _, similarity in kept])[at]


def candidates(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], crowded: int
) -> Iterator[tuple[Places, Places]]:
    """Places of records that share one band, in pieces; a crowded band gives none."""
    order_a, order_b = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
    keys, starts_a, sizes_a = np.unique(left[order_a], return_index=True, return_counts=True)
    starts_b = np.searchsorted(right[order_b], keys, side="left")
    sizes_b = np.searchsorted(right[order_b], keys, side="right") - starts_b
    good = (keys != NONE) & (sizes_b > 0) & (sizes_a <= crowded) & (sizes_b <= crowded)
    starts_a, sizes_a, starts_b, sizes_b = starts_a[good], sizes_a[good], starts_b[good], sizes_b[good]
    pairs = sizes_a * sizes_b
    ends = np.cumsum(pairs)
    for first, last in _pieces(ends):
        count = pairs[first:last]
        group = np.repeat(np.arange(first, last), count)
        turn = np.arange(len(group)) - np.repeat(ends[first:last] - count - (ends[first] - pairs[first]), count)
        yield order_a[starts_a[group] + turn // sizes_b[group]], order_b[starts_b[group] + turn % sizes_b[group]]


def _pieces(ends: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs of groups with about PIECE pairs together; `ends` counts the pairs up to each group's end."""
    first = 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + PIECE, side="right")))
        yield first, last
        first = last


def one_to_one(found: Found) -> Found:
    """The pairs that are left when each record takes its likest partner, the likest pair of all first."""
    left, right, similarity = found
    order = np.lexsort((right, left, -similarity))
    taken_left, taken_right, chosen = set[int](), set[int](), list[int]()
    for at, a, b in zip(order.tolist(), left[order].tolist(), right[order].tolist(), strict=True):
        if a not in taken_left and b not in taken_right:
            taken_left.add(a)
            taken_right.add(b)
            chosen.append(at)
    where = np.sort(np.array(chosen, dtype=np.intp))
    return left[where], right[where], similarity[where]
