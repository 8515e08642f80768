"""What Spark's workers do: read a share of the records by column, tell what each can be found by, weigh pairs.

Everything here is pure Python over one batch; `search` says what goes where.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hub.linkage import score
from hub.linkage.columns import Column, Pairs, Places
from hub.linkage.engines import candidates, files, grouping, name_columns, register
from hub.linkage.engines.candidates import Keys
from hub.linkage.layout import FIELDS
from hub.linkage.model import Model

SHARE = 20_000
"""Records that are read at once."""
_PAIRS = 16_384
_ROW = np.dtype([(name, "<u8") for name, _ in FIELDS])
_NAMES = frozenset(name for name, _ in FIELDS)
_KINDS = tuple(candidates.KIND_FIELDS)
Numbered = tuple[tuple[str | None, ...], int]
"""The cells of a record, in the order of `cells.COLUMNS`, and its place in the register."""


class End(NamedTuple):
    """One record of a pair; `checked` is its checked resident ID as `grouping.checked` has it."""

    place: int
    id: str
    checked: int


class Weighed(NamedTuple):
    """A pair worth keeping, left before right in the register; see `score.Scores`."""

    left: End
    right: End
    weight: float
    vetoes: int
    decision: int


class Sought(NamedTuple):
    """What makes a key worth having, of the whole register: sounds of former names, sounds and telephones of records
    without a birth date.
    """

    formers: Keys
    sounds: Keys
    phones: Keys


@dataclass(frozen=True, slots=True)
class Piece:
    """A share of the records, read: where they stand, their numbers, names and ids, and what they can be found by."""

    places: Places
    rows: npt.NDArray[np.void]
    names: list[str]
    ids: list[str]
    keys: list[tuple[str, Places, Keys]]
    formers: tuple[Places, Keys]


@dataclass(frozen=True, slots=True)
class _Packed:
    """A table of such records, see `columns.Table`."""

    rows: npt.NDArray[np.void]
    names: list[str]
    _columns: dict[str, Column] = field(default_factory=dict)

    def column(self, name: str) -> Column | None:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = np.ascontiguousarray(self.rows[name])
        return found

    def texts(self, name: str, places: Places) -> list[str]:
        if name != "name":
            raise KeyError(name)
        return [self.names[place] for place in places]


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def read(records: Iterable[Numbered]) -> Iterator[Piece]:
    """A worker's share of the records, read by column as one machine reads all of them."""
    for batch in _batches(records, SHARE):
        places = np.array([place for _, place in batch], dtype=np.int64)
        read = register.read(files.gathered([texts for texts, _ in batch]))
        rows = np.zeros(len(read), dtype=_ROW)
        for name, column in read.columns.items():
            if name in _NAMES:
                rows[name] = column
        names = read.texts("name", np.arange(len(read)))
        keys = [(kind, places[at], found) for kind, find in candidates.kinds(read) for at, found in (find(),)]
        at, sounds = candidates.formers(read)
        yield Piece(places, rows, names, [texts[0] or "" for texts, _ in batch], keys, (places[at], sounds))


def keys(piece: Piece, sought: Sought) -> Iterator[tuple[int, int, int, bool]]:
    """(kind, key, place, open) of everything that the records can be found by. Of a pair one record must be `open`."""
    holders, former = piece.formers
    same = np.flatnonzero(np.isin(piece.rows["sound"], sought.formers))
    at = np.concatenate([np.searchsorted(piece.places, holders), same])
    heard = np.concatenate([former, piece.rows["sound"][same]])
    by_name = candidates.by_former_name(piece.places[at], heard, piece.rows["birth"][at])
    for kind, places, keys in chain(piece.keys, ((kind, *find()) for kind, find in by_name)):
        for key, place in zip(keys.view(np.int64).tolist(), places.tolist(), strict=True):
            yield _KINDS.index(kind), key, place, True
    table, lacking = _Packed(piece.rows, piece.names), piece.rows["birth"] == 0
    for kind, find in candidates.by_place(table, len(piece.rows), sought.sounds, sought.phones):
        at, keys = find()
        rows = zip(keys.view(np.int64).tolist(), piece.places[at].tolist(), lacking[at].tolist(), strict=True)
        for key, place, undated in rows:
            yield _KINDS.index(kind), key, place, undated


def undated(piece: Piece) -> tuple[Keys, Keys]:
    """See `candidates.undated`."""
    return candidates.undated(_Packed(piece.rows, piece.names), len(piece.rows))


def records(piece: Piece) -> Iterator[tuple[int, str, str, bytes]]:
    size, packed = _ROW.itemsize, piece.rows.tobytes()
    for at, (place, id_, name) in enumerate(zip(piece.places.tolist(), piece.ids, piece.names, strict=True)):
        yield place, id_, name, packed[at * size : (at + 1) * size]


def weigh(rows: Iterable[Any], model: Model) -> Iterator[Weighed]:
    """The pairs worth keeping of rows (place, id, name, numbers, place, id, name, numbers)."""
    model = model.spelled(name_columns.spelled)
    for batch in _batches(rows, _PAIRS):
        at: dict[int, int] = {}
        ids: list[str] = []
        names: list[str] = []
        packed: list[bytes] = []
        for row in batch:
            for place, id_, name, numbers in (row[:4], row[4:]):
                if at.setdefault(place, len(at)) == len(ids):
                    ids.append(id_)
                    names.append(name)
                    packed.append(bytes(numbers))
        table = _Packed(np.frombuffer(b"".join(packed), dtype=_ROW), names)
        left, right = (np.array([at[row[end]] for row in batch], dtype=np.intp) for end in (0, 4))
        found = score.score_places(model, Pairs.of(table, left, right))
        checked = grouping.checked(table, len(ids)).tolist()
        ends = [End(place, ids[one], checked[one]) for place, one in at.items()]
        for pair in np.flatnonzero(found.decision):
            weight, vetoes, decision = (part[pair].item() for part in (found.weight, found.vetoes, found.decision))
            yield Weighed(ends[left[pair]], ends[right[pair]], weight, vetoes, decision)
