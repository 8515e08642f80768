"""Whoever is left out of a reprojection would come out of it as she went in; whatever hangs together is in one part."""

from itertools import combinations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hub.linkage import clusters, reprojection
from hub.linkage.reprojection import Ends, Standing

_COUNT = 12
_IDS = [10 * (at + 1) for at in range(_COUNT)]
_PAIRS = st.sets(st.sampled_from(list(combinations(_IDS, 2))), max_size=10)


def _ends(pairs: set[tuple[int, int]]) -> Ends:
    listed = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return Ends(listed[:, 0], listed[:, 1])


def _persons(
    links: set[tuple[int, int]],
    must: set[tuple[int, int]],
    cannot: set[tuple[int, int]],
    numbers: dict[int, int],
    ids: list[int] = _IDS,
    *,
    model: int,
) -> dict[int, int]:
    """The person of each record, named by its oldest; `numbers` are the resident IDs that some records have.

    Each `model` has the links in another order.
    """
    edges = [clusters.Edge(a, b, float(a * b * model % 7)) for a, b in links]
    found = clusters.project(ids, edges, must, cannot, distinct=[numbers])
    return {record: min(one) for one in found for record in one}


_NUMBERS = st.dictionaries(st.sampled_from(_IDS), st.integers(1, 2), max_size=6)


@given(today=_PAIRS, links=_PAIRS, must=_PAIRS, cannot=_PAIRS, numbers=_NUMBERS, size=st.integers(1, 6))
@example(
    today={(10, 30), (30, 40)},
    links={(10, 30), (30, 40)},
    must={(10, 20)},
    cannot=set(),
    numbers={10: 1, 20: 2, 30: 1, 40: 2},
    size=3,
)
def test_parts_give_what_everybody_at_once_gives(
    today: set[tuple[int, int]],
    links: set[tuple[int, int]],
    must: set[tuple[int, int]],
    cannot: set[tuple[int, int]],
    numbers: dict[int, int],
    size: int,
) -> None:
    group = reprojection.groups(
        _COUNT, *(np.array([_IDS.index(pair[end]) for pair in sorted(must)], np.intp) for end in (0, 1))
    )
    cannot = {(a, b) for a, b in cannot if group[_IDS.index(a)] != group[_IDS.index(b)]}
    was = _persons(today, must, cannot, numbers, model=1)
    standing = Standing(np.array(_IDS), np.array([was[record] for record in _IDS]))
    becomes = dict(was)
    seen: list[int] = []
    for part in reprojection.parts(standing, _ends(links), _ends(must), size=size):
        ids = part.tolist()
        inside = {pair for pair in links if set(pair) <= set(ids)}
        assert not {pair for pair in links | must if len(set(pair) & set(ids)) == 1}
        becomes |= _persons(
            inside, set(_ends(must).within(part)), set(_ends(cannot).within(part)), numbers, ids, model=2
        )
        seen += ids
    assert len(seen) == len(set(seen))
    assert becomes == _persons(links, must, cannot, numbers, model=2)


@given(_PAIRS)
def test_groups_are_what_hangs_together(pairs: set[tuple[int, int]]) -> None:
    ends = [np.array([_IDS.index(pair[end]) for pair in sorted(pairs)], np.intp) for end in (0, 1)]
    found = {_IDS[at]: _IDS[first] for at, first in enumerate(reprojection.groups(_COUNT, *ends))}
    assert found == _persons(pairs, set(), set(), {}, model=1)


def test_nobody_is_read_where_nothing_changes() -> None:
    standing = Standing(np.array(_IDS), np.array([10, 10, *_IDS[2:]]))
    none = _ends(set())
    assert list(reprojection.parts(standing, _ends({(10, 20)}), none, size=5)) == []
    (part,) = reprojection.parts(standing, _ends({(10, 30)}), none, size=5)
    assert part.tolist() == [10, 20, 30]
