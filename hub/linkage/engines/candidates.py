"""Pairs of a register that share a blocking key: the keys of `linkage.blocking`, by column.

A key is made of present values only. One that more than `limit` records share says too little and gives no pairs; how
many records and pairs each kind of key accounts for is kept for the report.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import blocking, layout
from hub.linkage.columns import Places
from hub.linkage.engines import name_columns
from hub.linkage.engines.register import Register
from hub.linkage.resident_id import Form

LIMIT = 500
_NAMESAKES = {"county": (np.uint64(10**6), 20), "township": (np.uint64(1000), 50)}
"""What is cut off a division's code, and how many of one name there may be for it to tell anybody without a date."""
_RARE = 6
KIND_FIELDS = {
    "resident ID": frozenset(("resident_id",)),
    "other document": frozenset(("document",)),
    "postal code and birth date": frozenset(("postal", "birth")),
    "phone and birth year": frozenset(("phone", "birth")),
    "phone2 and birth year": frozenset(("phone", "birth")),
    "name and birth year": frozenset(("surname", "given", "birth")),
    "name and birthday": frozenset(("surname", "given", "birth")),
    "surname and birth date": frozenset(("surname", "birth")),
    "given name and birth date": frozenset(("given", "birth")),
    "first character and birth date": frozenset(("given", "birth")),
    "former name and birth year": frozenset(("surname", "given", "birth")),
    "former name and birthday": frozenset(("surname", "given", "birth")),
    "one Latin name and birth date": frozenset(("surname", "given", "birth")),
    "one Latin name and postal code": frozenset(("surname", "given", "postal")),
    "Latin names and birth year": frozenset(("surname", "given", "birth")),
    "Latin names and birthday": frozenset(("surname", "given", "birth")),
    "Latin initial and house": frozenset(("residence",)),
    "name and origin county, no birth date": frozenset(("surname", "given", "origin")),
    "name and origin township, no birth date": frozenset(("surname", "given", "origin")),
    "name and residence county, no birth date": frozenset(("surname", "given", "residence")),
    "name and residence township, no birth date": frozenset(("surname", "given", "residence")),
    "phone, no birth date": frozenset(("phone",)),
    "rare name, no birth date": frozenset(("surname", "given")),
}
"""The kinds of key, and the compared fields of which each is made."""
EITHER = frozenset(("one Latin name and birth date", "one Latin name and postal code"))
"""Of these kinds of key, surname or given name is enough."""
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
        found = list(pool.map(lambda one: _pairs_of(one, len(register), limit), _kinds(register)))
    return found + _undated(register)


def _undated(register: Register) -> list[tuple[Coverage, Codes]]:
    """Records without a birth date, which few other kinds of key can find: by name and place, with whoever is there."""
    zeros = np.zeros(len(register), dtype=np.uint64)
    birth, sound, phone = (
        zeros if column is None else column for column in map(register.column, ("birth", "sound", "phone"))
    )
    lacking = birth == 0
    if not lacking.any():
        return []
    named = np.isin(sound, sound[lacking]) & (sound > 0)
    called = np.isin(phone, phone[lacking]) & (phone > 0)
    parts = [
        (("phone, no birth date", *_some(phone.astype(np.uint64), called)), LIMIT),
        (("rare name, no birth date", *_some(sound.astype(np.uint64), named)), _RARE),
    ]
    for role in ("origin", "residence"):
        place = register.column(role)
        if place is None:
            continue
        for part, (below, most) in _NAMESAKES.items():
            known = named & (place // below % 1000 > 0)
            kind = f"name and {role} {part}, no birth date"
            parts.append(((kind, *_some(_mixed(sound, place // below), known)), most))
    return [_having(*_pairs_of(keyed, len(register), most), lacking) for keyed, most in parts]


def _having(coverage: Coverage, codes: Codes, lacking: npt.NDArray[np.bool_]) -> tuple[Coverage, Codes]:
    """The pairs in which either record lacks a birth date."""
    left, right = np.divmod(codes, len(lacking))
    codes = codes[lacking[left] | lacking[right]]
    return Coverage(coverage.kind, coverage.records, len(codes), coverage.crowded), codes


def find(register: Register, *, limit: int = LIMIT) -> Candidates:
    """All candidate pairs of the register."""
    return joined(by_kind(register, limit=limit), len(register))


def joined(parts: Sequence[tuple[Coverage, Codes]], count: int) -> Candidates:
    """The candidates that the pairs of each kind of key come to."""
    codes = np.unique(np.concatenate([codes for _, codes in parts]))
    left = codes // np.int64(max(count, 1))
    return Candidates(left, codes - left * count, tuple(coverage for coverage, _ in parts))


def _kinds(register: Register) -> Iterator[Keyed]:
    """Each kind of key: its name, the records that have one and the keys."""
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
    yield "name and birth year", *_some(_mixed(sound, year), (sound > 0) & (birth > 0))
    yield "name and birthday", *_some(_mixed(sound, day), (sound > 0) & whole)
    surname = column("surname")
    with_surname = (surname > 0) & whole
    yield "surname and birth date", *_some(_mixed(names.surname_sound, birth), with_surname)
    yield "given name and birth date", *_some(_mixed(names.given_sound, birth), with_surname)
    yield "first character and birth date", *_some(_mixed(names.first, birth), (surname == 0) & (sound > 0) & whole)
    yield from _former(register, birth)
    if register.column("document") is not None:
        document = column("document")
        yield "other document", *_some(document, document > 0)
    postal = column("postal")
    if register.column("postal") is not None:
        yield "postal code and birth date", *_some(_mixed(postal, birth), (postal > 0) & whole)
    yield from _latin(register, birth, postal)


def _latin(register: Register, birth: Keys, postal: Keys) -> Iterator[Keyed]:
    """Latin names by the sounds of their two names, in whatever order they come."""
    own = register.names.columns
    place = np.flatnonzero((own["full"] > 0) & (own["c1"] == 0) & (own["g1"] == 0))
    if not len(place):
        return
    one, two = (own[field][place].astype(np.uint64) for field in ("c1_near", "g1_near"))
    at, sounds = np.concatenate([place, place]), np.concatenate([one, two])
    born, code = birth[at], postal[at]
    yield "one Latin name and birth date", *_some(_mixed(sounds, born), (sounds > 0) & (born % 100 > 0), at)
    yield "one Latin name and postal code", *_some(_mixed(sounds, code), (sounds > 0) & (code > 0), at)
    together, born = _mixed(np.minimum(one, two), np.maximum(one, two)), birth[place]
    both = (one > 0) & (two > 0)
    yield "Latin names and birth year", *_some(_mixed(together, born // 10000), both & (born > 0), place)
    yield "Latin names and birthday", *_some(_mixed(together, born % 10000), both & (born % 100 > 0), place)
    yield "Latin initial and house", *_houses(register, place)


def _houses(register: Register, place: Places) -> tuple[Places, Keys]:
    found = [
        (at, layout.digest(key))
        for at, text in zip(place.tolist(), register.cells.texts("residence_address", place), strict=True)
        for key in blocking.by_house(register.names.odd[at][0], text)
    ]
    at = np.array([one for one, _ in found], dtype=np.intp)
    return at, np.array([key for _, key in found], dtype=np.uint64)


def _former(register: Register, birth: Keys) -> Iterator[Keyed]:
    """Former names, as if they were present ones: the few records that have one are looked up under both."""
    own = register.names.columns["sound"]
    place = np.array([at for at, found in register.names.odd.items() if len(found) > 1], dtype=np.intp)
    former = [register.names.odd[at][1] for at in place.tolist()]
    sound = np.array([name_columns.sounded(name.plain_sound.replace(" ", "")) for name in former], dtype=np.uint64)
    known = np.flatnonzero(birth > 0)
    same = known[np.isin(own[known], sound)]
    at, sounds = np.concatenate([place, same]), np.concatenate([sound, own[same]])
    born = birth[at]
    yield "former name and birth year", *_some(_mixed(sounds, born // 10000), born > 0, at)
    yield "former name and birthday", *_some(_mixed(sounds, born % 10000), born % 100 > 0, at)


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
