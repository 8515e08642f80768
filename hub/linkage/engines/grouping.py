"""Groups the records of a register into persons: `clusters.project`, spared wherever nothing speaks against a group."""

import numpy as np
import numpy.typing as npt

from hub.linkage import clusters
from hub.linkage.columns import Flags, Places, Table
from hub.linkage.engines.register import Register
from hub.linkage.engines.scoring import Scored
from hub.linkage.model import Floats
from hub.linkage.resident_id import Form

Persons = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint64]


def persons(register: Register, scored: Scored, linked: Flags) -> Persons:
    """For each record the first record of its person, when the pairs that `linked` marks are joined.

    No two different checked resident IDs come together: only what holds two of them has to be weighed pair by pair.
    """
    return joined(checked(register, len(register)), scored.left[linked], scored.right[linked], scored.weight[linked])


def joined(checked: Codes, left: Places, right: Places, weight: Floats) -> Persons:
    """See `persons`; `checked` gives each record its checked resident ID as a number, 0 for none."""
    person = _connected(len(checked), left, right)
    mixed = _mixed(person, checked)[person[left]]
    edges = [
        clusters.Edge(a, b, w)
        for a, b, w in zip(left[mixed].tolist(), right[mixed].tolist(), weight[mixed].tolist(), strict=True)
    ]
    records = np.unique(np.concatenate([left[mixed], right[mixed]]))
    values = {place: value for place, value in zip(records.tolist(), checked[records].tolist(), strict=True) if value}
    for cluster in clusters.project(records.tolist(), edges, distinct=[values]):
        members = list(cluster)
        person[members] = min(members)
    return person


def _connected(count: int, left: Places, right: Places) -> Persons:
    """For each record the first of all that hang together with it."""
    first: Persons = np.arange(count)
    while True:
        least = np.minimum(first[left], first[right])
        if (first[left] == least).all() and (first[right] == least).all():
            return first
        for ends in (left, right):
            np.minimum.at(first, first[ends], least)
        first = first[first]


def checked(table: Table, count: int) -> Codes:
    """The checked resident ID of each of `count` records, of which a person has one, as a number; 0 for none."""
    body, check, form = (table.column(name) for name in ("id_body", "id_check", "id_form"))
    if body is None or check is None or form is None:
        return np.zeros(count, dtype=np.uint64)
    found: Codes = np.where(form == Form.CHECKED, body.astype(np.uint64) * np.uint64(11) + check, np.uint64(0))
    return found


def _mixed(person: Persons, checked: Codes) -> Flags:
    """At the first record of each group: whether the group holds two different IDs."""
    holders = np.flatnonzero(checked)
    least = np.full(len(person), np.iinfo(np.uint64).max)
    most = np.zeros(len(person), dtype=np.uint64)
    np.minimum.at(least, person[holders], checked[holders])
    np.maximum.at(most, person[holders], checked[holders])
    found: Flags = most > least
    return found
