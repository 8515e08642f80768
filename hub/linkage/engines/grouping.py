"""Groups the records of a register into persons: `clusters.project`, spared for whoever has one partner only."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hub.linkage import clusters
from hub.linkage.columns import Flags
from hub.linkage.engines.register import Register
from hub.linkage.engines.scoring import Scored
from hub.linkage.resident_id import Form

Persons = npt.NDArray[np.int64]


def persons(register: Register, scored: Scored, linked: Flags, distinct: Sequence[Mapping[int, int]] = ()) -> Persons:
    """For each record the first record of its person, when the pairs that `linked` marks are joined.

    No two different checked resident IDs come together, nor two values of what else is `distinct`; pairs of records
    that have no other partner need no weighing.
    """
    person: Persons = np.arange(len(register))
    left, right, weight = scored.left[linked], scored.right[linked], scored.weight[linked]
    partners = np.bincount(left, minlength=len(register)) + np.bincount(right, minlength=len(register))
    alone = (partners[left] == 1) & (partners[right] == 1)
    person[right[alone]] = left[alone]
    edges = [
        clusters.Edge(a, b, w)
        for a, b, w in zip(left[~alone].tolist(), right[~alone].tolist(), weight[~alone].tolist(), strict=True)
    ]
    records = np.unique(np.concatenate([left[~alone], right[~alone]]))
    for cluster in clusters.project(records.tolist(), edges, distinct=[_checked(register, records), *distinct]):
        members = list(cluster)
        person[members] = min(members)
    return person


def _checked(register: Register, records: npt.NDArray[np.intp]) -> dict[int, tuple[int, int]]:
    """The checked resident IDs of these records, of which a person has one."""
    body, check, form = (register.column(name) for name in ("id_body", "id_check", "id_form"))
    if body is None or check is None or form is None:
        return {}
    having = records[form[records] == Form.CHECKED]
    return dict(zip(having.tolist(), zip(body[having].tolist(), check[having].tolist(), strict=True), strict=True))
