"""Pairs of a register that share a blocking key: the keys of `linkage.blocking`, by column.

A key is made of present values only. One that more than `limit` records share says too little and gives no pairs; how
many records and pairs each kind of key accounts for is kept for the report.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage.columns import Places
from hub.linkage.engines import name_columns
from hub.linkage.engines.register import Register
from hub.linkage.resident_id import Form

LIMIT = 500
KIND_FIELDS = {
    "resident ID": frozenset(("resident_id",)),
    "phone and birth year": frozenset(("phone", "birth")),
    "phone2 and birth year": frozenset(("phone", "birth")),
    "name, sex and birth year": frozenset(("surname", "given", "sex", "birth")),
    "name and birthday": frozenset(("surname", "given", "birth")),
    "surname, sex and birth date": frozenset(("surname", "sex", "birth")),
    "given name and birth date": frozenset(("given", "birth")),
    "first character and birth date": frozenset(("given", "birth")),
    "former name and birth year": frozenset(("surname", "given", "birth")),
    "former name and birthday": frozenset(("surname", "given", "birth")),
}
"""The kinds of key, and the compared fields of which each is made."""
_SEXES = 3  # unknown is one of its own
_MIX = np.uint64(0x9E3779B97F4A7C15)
Keys = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int64]
Keyed = tuple[str, Places, Keys]
"""A kind of key, the records that have one and the keys."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one kind of key: records that have one, pairs it gives, records left out because too many share theirs."""

    kind: str
    records: int
    pairs: int
    crowded: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """Distinct pairs of places, left < right, in the order of left and right."""

    left: Places
    right: Places
    coverage: tuple[Coverage, ...]


def by_kind(register: Register, *, limit: int = LIMIT) -> list[tuple[Coverage, Codes]]:
    """The pairs that each kind of key gives, as left * records + right."""
    with ThreadPoolExecutor(register.cells.threads) as pool:
        return list(pool.map(lambda one: _pairs_of(one, len(register), limit), _with_former_names(register)))


def find(register: Register, *, limit: int = LIMIT) -> Candidates:
    """All candidate pairs of the register."""
    return joined(by_kind(register, limit=limit), len(register))


def joined(parts: Sequence[tuple[Coverage, Codes]], count: int) -> Candidates:
    """The candidates that the pairs of each kind of key come to."""
    codes = np.sort(np.concatenate([codes for _, codes in parts]))
    codes = codes[np.r_[True, codes[1:] != codes[:-1]]] if len(codes) else codes
    left = codes // np.int64(max(count, 1))
    return Candidates(left, codes - left * count, tuple(coverage for coverage, _ in parts))


def kinds(register: Register) -> Iterator[Keyed]:
    """Each kind of key that follows from a record alone: its name, the records that have one and the keys."""
    get, zeros = register.column, np.zeros(len(register), dtype=np.uint64)

    def column(name: str) -> Keys:
        found = get(name)
        return zeros if found is None else found.astype(np.uint64)

    birth, body, form = column("birth"), column("id_body"), column("id_form")
    year, day, whole = birth // 10000, birth % 10000, birth % 100 > 0
    names, sound = register.names, column("sound")
    yield "resident ID", *_some(body, (body > 0) & (form != Form.CUT))
    for name in ("phone", "phone2"):
        phone = column(name)
        yield f"{name} and birth year", *_some(_mixed(phone, year), (phone > 0) & (birth > 0))
    sex = column("sex")
    yield "name, sex and birth year", *_some(_mixed(sound, year * _SEXES + sex), (sound > 0) & (birth > 0))
    yield "name and birthday", *_some(_mixed(sound, day), (sound > 0) & whole)
    surname = column("surname")
    with_surname = (surname > 0) & whole
    yield "surname, sex and birth date", *_some(_mixed(names.surname_sound, birth * _SEXES + sex), with_surname)
    yield "given name and birth date", *_some(_mixed(names.given_sound, birth), with_surname)
    yield "first character and birth date", *_some(_mixed(names.first, birth), (surname == 0) & (sound > 0) & whole)


def _with_former_names(register: Register) -> Iterator[Keyed]:
    """Each kind of key."""
    yield from kinds(register)
    places, sounds = formers(register)
    own = register.names.columns["sound"]
    same = np.flatnonzero(np.isin(own, sounds))
    at = np.concatenate([places, same])
    yield from by_former_name(at, np.concatenate([sounds, own[same]]), _births(register, at))


def formers(register: Register) -> tuple[Places, Keys]:
    """The few records that have a former name, and its sound: they are looked up under both."""
    place = np.array([at for at, found in register.names.odd.items() if len(found) > 1], dtype=np.intp)
    former = [register.names.odd[at][1] for at in place.tolist()]
    sounds = [name_columns.sounded(name.plain_sound.replace(" ", "")) for name in former]
    return place, np.array(sounds, dtype=np.uint64)


def by_former_name(places: Places, sounds: Keys, born: Keys) -> Iterator[Keyed]:
    """Keys of the records at `places` by former names, and by present ones that somebody may have had before."""
    yield "former name and birth year", *_some(_mixed(sounds, born // 10000), born > 0, places)
    yield "former name and birthday", *_some(_mixed(sounds, born % 10000), born % 100 > 0, places)


def _births(register: Register, places: Places) -> Keys:
    column = register.column("birth")
    return np.zeros(len(places), dtype=np.uint64) if column is None else column[places].astype(np.uint64)


def _some(keys: Keys, where: npt.NDArray[np.bool_], places: Places | None = None) -> tuple[Places, Keys]:
    chosen = np.flatnonzero(where)
    return (chosen if places is None else places[chosen]), keys[chosen]


def _mixed(a: Keys, b: Keys) -> Keys:
    """One number for two; different ones hardly ever meet."""
    value = (a * _MIX) ^ (b + _MIX)
    value ^= value >> np.uint64(29)
    return value * _MIX


def _pairs_of(keyed: Keyed, count: int, limit: int) -> tuple[Coverage, Codes]:
    """The pairs that share a key, as left * count + right, and what the kind covers."""
    kind, places, keys = keyed
    keys, places = _sorted(keys, places, count)
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(keys)])
    codes = [np.empty(0, np.int64)]
    for size in np.unique(sizes[(sizes > 1) & (sizes <= limit)]):
        members = np.sort(places[starts[sizes == size][:, None] + np.arange(size)], axis=1)
        left, right = np.triu_indices(int(size), 1)
        apart = members[:, left] * np.int64(count) + members[:, right]
        codes.append(apart[members[:, left] != members[:, right]].ravel())
    found = np.concatenate(codes)
    return Coverage(kind, len(places), len(found), int(sizes[sizes > limit].sum())), found


def _sorted(keys: Keys, places: Places, count: int) -> tuple[Keys, Places]:
    """Keys in order, and whose they are. The lowest bits of a key give way to the place: one sort of plain numbers.

    Keys are hashes: two that differ in these bits only meet by chance, and then somebody is compared in vain.
    """
    bits = np.uint64(max(int(count - 1).bit_length(), 1))
    mixed = (keys * _MIX) >> bits << bits | places.astype(np.uint64)
    mixed.sort()
    return mixed >> bits, (mixed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.intp)
