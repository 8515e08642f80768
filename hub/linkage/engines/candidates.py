"""Pairs of a register that share a blocking key: the keys of `linkage.blocking`, by column.

A key is made of present values only. One that more than `limit` records share says too little and gives no pairs; how
many records and pairs each kind of key accounts for is kept for the report.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from hub.linkage import blocking, layout
from hub.linkage.columns import Places, Table
from hub.linkage.engines import crew, name_columns
from hub.linkage.engines.distinct import among
from hub.linkage.engines.register import Register
from hub.linkage.names import single_surnames
from hub.linkage.resident_id import Form

LIMIT = 500
KIND_FIELDS = {
    "resident ID": frozenset(("resident_id",)),
    "other document": frozenset(("document",)),
    "postal code and birth date": frozenset(("postal", "birth")),
    "phone and birth year": frozenset(("phone", "birth")),
    "phone2 and birth year": frozenset(("phone", "birth")),
    "name, sex and birth year": frozenset(("surname", "given", "sex", "birth")),
    "name and birthday": frozenset(("surname", "given", "birth")),
    "surname, sex and birth date": frozenset(("surname", "sex", "birth")),
    "given name and birth date": frozenset(("given", "birth")),
    "first character and birth date": frozenset(("given", "birth")),
    "name and registered home": frozenset(("surname", "given", "origin")),
    "name and lunar date": frozenset(("surname", "given", "birth")),
    "former name and birth year": frozenset(("surname", "given", "birth")),
    "former name and birthday": frozenset(("surname", "given", "birth")),
    "one Latin name and birth date": frozenset(("surname", "given", "birth")),
    "one Latin name and postal code": frozenset(("surname", "given", "postal")),
    "Latin names and birth year": frozenset(("surname", "given", "birth")),
    "Latin names and birthday": frozenset(("surname", "given", "birth")),
    "Latin initial and birth date": frozenset(("birth",)),
    "Latin initials and address": frozenset(("residence",)),
    "no birth date: phone": frozenset(("phone",)),
    "no birth date: rare name": frozenset(("surname", "given")),
    "no birth date: name and origin county": frozenset(("surname", "given", "origin")),
    "no birth date: name and origin township": frozenset(("surname", "given", "origin")),
    "no birth date: name and residence county": frozenset(("surname", "given", "residence")),
    "no birth date: name and residence township": frozenset(("surname", "given", "residence")),
}
"""The kinds of key, and the compared fields of which each is made."""
EITHER = frozenset(("one Latin name and birth date", "one Latin name and postal code"))
"""Of these kinds of key, surname or given name is enough."""
MOST = {"no birth date: rare name": 6} | {
    f"no birth date: name and {role} {part}": most
    for role in ("origin", "residence")
    for part, most in (("county", 20), ("township", 50))
}
"""Of these kinds, how many records may share a key: more of one name tell nobody apart without a date."""
UNDATED = frozenset(kind for kind in KIND_FIELDS if kind.startswith("no birth date"))
"""Of these kinds, one record of a pair has no birth date."""
_BELOW = {"county": np.uint64(10**6), "township": np.uint64(1000)}
_TELLING = 4  # bits of an address's signature: fewer name half a village
_MARCH = 3
_SEXES = 3  # unknown is one of its own
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NEAR = 1 << 15  # numbers that stay near the processor
Keys = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int64]
Found = tuple[Places, Keys]
"""The records that have a key of some kind, and the keys."""
Keyed = tuple[str, Callable[[], Found]]
"""A kind of key, and how to find it."""


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
    every = list(_every_kind(register))
    return crew.each(lambda at: _pairs_of(every[at], register, limit), len(every), register.cells.threads)


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

    def column(name: str) -> Keys:
        return _of(register, name, len(register))

    birth, body, form = column("birth"), column("id_body"), column("id_form")
    year, day, whole = birth // 10000, birth % 10000, birth % 100 > 0
    names, sound, sex = register.names.columns, column("sound"), column("sex")
    yield "resident ID", lambda: _some(body, (body > 0) & (form != Form.CUT))
    one, other = column("phone"), column("phone2")
    yield "phone and birth year", lambda: _some(_mixed(one, year), (one > 0) & (birth > 0))
    yield "phone2 and birth year", lambda: _some(_mixed(other, year), (other > 0) & (birth > 0))
    yield "name, sex and birth year", lambda: _some(_mixed(sound, year * _SEXES + sex), (sound > 0) & (birth > 0))
    yield "name and birthday", lambda: _some(_mixed(sound, day), (sound > 0) & whole)
    with_surname = (column("surname") > 0) & whole
    dated = birth * _SEXES + sex
    yield "surname, sex and birth date", lambda: _some(_mixed(names["surname_sound"], dated), with_surname)
    yield "given name and birth date", lambda: _some(_mixed(names["given_sound"], birth), with_surname)
    yield "first character and birth date", lambda: _by_first(names["first"], birth, column("surname"), sound)
    yield "name and registered home", lambda: _by_home(column("origin_low"), column("origin_high"), sound)
    yield "name and lunar date", lambda: _lunar(sound, birth, column("birth_lunar"))
    document, postal = column("document"), column("postal")
    if register.column("document") is not None:
        yield "other document", lambda: _some(document, document > 0)
    if register.column("postal") is not None:
        yield "postal code and birth date", lambda: _some(_mixed(postal, birth), (postal > 0) & whole)
    yield from _latin(register, birth, postal)


def _by_first(first: Keys, birth: Keys, surname: Keys, sound: Keys) -> Found:
    """The first character of names that are not split, or were where there was nothing to split."""
    unsplit = (surname == 0) | ~np.isin(first, _surnames())
    return _some(_mixed(first, birth), unsplit & (sound > 0) & (birth % 100 > 0))


def _by_home(low: Keys, high: Keys, sound: Keys) -> Found:
    told = (sound > 0) & (np.bitwise_count(low) + np.bitwise_count(high) >= _TELLING)
    return _some(_mixed(_mixed(low, high), sound), told)


@cache
def _surnames() -> Keys:
    return np.array([ord(char) for char in single_surnames()], dtype=np.uint64)


def _lunar(sound: Keys, birth: Keys, lunar: Keys) -> Found:
    """Dates that fall into the next year when their figures are lunar ones, and dates that such may fall on."""
    moved = np.flatnonzero((sound > 0) & (lunar // 10000 > birth // 10000) & (birth % 100 > 0))
    reached = np.flatnonzero((sound > 0) & (birth % 10000 // 100 <= _MARCH) & (birth % 100 > 0))
    keys = [_mixed(sound[moved], lunar[moved]), _mixed(sound[reached], birth[reached])]
    return np.concatenate([moved, reached]), np.concatenate(keys)


def _latin(register: Register, birth: Keys, postal: Keys) -> Iterator[Keyed]:
    """Latin names by the sounds of their two names, in whatever order they come."""
    own = register.names.columns
    place = np.flatnonzero((own["full"] > 0) & (own["c1"] == 0) & (own["g1"] == 0))
    if not len(place):
        return
    one, two = (own[field][place].astype(np.uint64) for field in ("c1_near", "g1_near"))
    at, sounds = np.concatenate([place, place]), np.concatenate([one, two])
    born, code = birth[at], postal[at]
    yield "one Latin name and birth date", partial(_some, _mixed(sounds, born), (sounds > 0) & (born % 100 > 0), at)
    yield "one Latin name and postal code", partial(_some, _mixed(sounds, code), (sounds > 0) & (code > 0), at)
    together, born = _mixed(np.minimum(one, two), np.maximum(one, two)), birth[place]
    both = (one > 0) & (two > 0)
    yield "Latin names and birth year", partial(_some, _mixed(together, born // 10000), both & (born > 0), place)
    yield "Latin names and birthday", partial(_some, _mixed(together, born % 10000), both & (born % 100 > 0), place)
    name = [register.names.odd[at][0] for at in place.tolist()]
    found = [(at, ord(word[0])) for at, one in zip(place.tolist(), name, strict=True) for word in one[1:3] if word]
    at, initials = (np.array(part) for part in zip(*found, strict=True))
    born = birth[at]
    yield "Latin initial and birth date", partial(_some, _mixed(initials.astype(np.uint64), born), born % 100 > 0, at)
    texts = register.cells.texts("residence_address", place)
    houses = [
        (at, layout.digest(key))
        for at, one, text in zip(place.tolist(), name, texts, strict=True)
        for key in blocking.by_house(one, text)
    ]
    at, keys = (np.array([one[part] for one in houses], dtype=np.uint64) for part in (0, 1))
    yield "Latin initials and address", partial(_some, keys, keys > 0, at.astype(np.intp))


def _every_kind(register: Register) -> Iterator[Keyed]:
    """Each kind of key, those too that others' values make worth having."""
    yield from kinds(register)
    yield from by_place(register, len(register), *undated(register, len(register)))
    places, sounds = formers(register)
    own = register.names.columns["sound"]
    same = np.flatnonzero(among(own, sounds))
    at = np.concatenate([places, same])
    yield from by_former_name(at, np.concatenate([sounds, own[same]]), _of(register, "birth", len(register))[at])


def undated(table: Table, count: int) -> tuple[Keys, Keys]:
    """Sounds and telephones of the records without a birth date, which few other kinds of key can find."""
    lacking = _of(table, "birth", count) == 0
    return np.unique(_of(table, "sound", count)[lacking]), np.unique(_of(table, "phone", count)[lacking])


def by_place(table: Table, count: int, sounds: Keys, phones: Keys) -> Iterator[Keyed]:
    """Keys by name and place of whoever is called as one without a birth date is, and by telephone."""
    sound, phone = _of(table, "sound", count), _of(table, "phone", count)
    called = among(phone, phones) & (phone > 0)
    named = np.flatnonzero(among(sound, sounds) & (sound > 0))
    if called.any():
        yield "no birth date: phone", partial(_some, phone, called)
    if not len(named):
        return
    sound = sound[named]
    yield "no birth date: rare name", partial(_some, sound, sound > 0, named)
    for role in ("origin", "residence"):
        place = _of(table, role, count)[named]
        for part, below in _BELOW.items():
            known = place // below % 1000 > 0
            yield f"no birth date: name and {role} {part}", partial(_some, _mixed(sound, place // below), known, named)


def _of(table: Table, name: str, count: int) -> Keys:
    column = table.column(name)
    return np.zeros(count, dtype=np.uint64) if column is None else column.astype(np.uint64, copy=False)


def formers(register: Register) -> tuple[Places, Keys]:
    """The few records that have a former name, and its sound: they are looked up under both."""
    place = np.array([at for at, found in register.names.odd.items() if len(found) > 1], dtype=np.intp)
    former = [register.names.odd[at][1] for at in place.tolist()]
    sounds = [name_columns.sounded(name.plain_sound.replace(" ", "")) for name in former]
    return place, np.array(sounds, dtype=np.uint64)


def by_former_name(places: Places, sounds: Keys, born: Keys) -> Iterator[Keyed]:
    """Keys of the records at `places` by former names, and by present ones that somebody may have had before."""
    yield "former name and birth year", partial(_some, _mixed(sounds, born // 10000), born > 0, places)
    yield "former name and birthday", partial(_some, _mixed(sounds, born % 10000), born % 100 > 0, places)


def _some(keys: Keys, where: npt.NDArray[np.bool_], places: Places | None = None) -> Found:
    chosen = np.flatnonzero(where)
    return (chosen if places is None else places[chosen]), keys[chosen]


def _mixed(a: Keys, b: Keys) -> Keys:
    """One number for two; different ones hardly ever meet."""
    found = np.empty(len(a), dtype=np.uint64)
    for start in range(0, len(a), _NEAR):
        value = np.multiply(a[start : start + _NEAR], _MIX, out=found[start : start + _NEAR])
        value ^= b[start : start + _NEAR] + _MIX
        value ^= value >> np.uint64(29)
        value *= _MIX
    return found


def _pairs_of(keyed: Keyed, register: Register, limit: int) -> tuple[Coverage, Codes]:
    """The pairs that share a key, as left * count + right, and what the kind covers."""
    (kind, find), count = keyed, len(register)
    (places, keys), limit = find(), MOST.get(kind, limit)
    places, starts, sizes = _shared(keys, places, count)
    codes = [np.empty(0, np.int64)]
    for size in np.flatnonzero(np.bincount(sizes[sizes <= limit])).tolist():
        members = places[starts[sizes == size][:, None] + np.arange(size)]
        left, right = np.triu_indices(size, 1)
        apart = members[:, left] * np.int64(count) + members[:, right]
        codes.append(apart[members[:, left] != members[:, right]].ravel())
    found = np.concatenate(codes)
    if kind in UNDATED:
        lacking = _of(register, "birth", count) == 0
        found = found[lacking[found // count] | lacking[found % count]]
    return Coverage(kind, len(keys), len(found), int(sizes[sizes > limit].sum())), found


def _shared(keys: Keys, places: Places, count: int) -> tuple[Places, Places, Places]:
    """Whose keys others have too, in the order of key and place, and where each key begins and how many have it.

    The lowest bits of a key give way to the place: one sort of plain numbers. Keys are hashes: two that differ in these
    bits only meet by chance, and then somebody is compared in vain.
    """
    bits = np.uint64(max(int(count - 1).bit_length(), 1))
    below = (np.uint64(1) << bits) - np.uint64(1)
    mixed = keys * _MIX
    mixed &= ~below
    mixed |= places.astype(np.uint64)
    mixed.sort()
    alike = np.flatnonzero(mixed[1:] ^ mixed[:-1] <= below)  # as its successor is
    ends = np.flatnonzero(np.diff(alike, append=len(mixed) + 1) > 1)
    sizes = np.diff(ends, prepend=-1) + 1
    starts = np.cumsum(sizes) - sizes
    at = np.repeat(alike[ends] + 2 - np.cumsum(sizes), sizes) + np.arange(int(sizes.sum()))
    return (mixed[at] & below).astype(np.intp), starts, sizes
