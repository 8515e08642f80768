"""Blocking keys: records that share one are compared. Keys are keyed hashes, so that the table of keys tells nothing.

A key is made only of values that are present: a missing value never widens the candidates. Values come in the forms
that survive the commonest faults (tone-less sound, year alone, plain characters).
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

import numpy as np

from hub.linkage import addresses, dates, hanzi, latin, names, phones
from hub.linkage.columns import Places
from hub.linkage.features import TEXT_PLACE, Features
from hub.linkage.layout import PLACE, ROW
from hub.linkage.resident_id import Form

_ID, _FORM, _BIRTH = PLACE["id_body"], PLACE["id_form"], PLACE["birth"]
_PHONES = (PLACE["phone"], PLACE["phone2"])
_DOCUMENT, _POSTAL = PLACE["document"], PLACE["postal"]
_NAMES = (TEXT_PLACE["name"], TEXT_PLACE["former"])
_HOME, _RESIDENCE = TEXT_PLACE["origin_address"], TEXT_PLACE["residence_address"]
_TELLING = 4  # characters of an address that has a number in it: shorter ones name half a village


def keys(features: Features, secret: bytes) -> list[int]:
    """The record's keys as sorted signed 64-bit numbers. `secret` is 1 to 64 bytes and the same for every record."""
    return keyed(texts(features), secret)


def keyed(found: Iterable[str], secret: bytes) -> list[int]:
    """The keys of the texts `found`, as `keys` gives them."""
    begun = blake2b(digest_size=8, key=secret)
    made: set[int] = set()
    for text in found:
        hashing = begun.copy()
        hashing.update(text.encode())
        made.add(int.from_bytes(hashing.digest(), "little", signed=True))
    return sorted(made)


def texts(features: Features) -> tuple[str, ...]:
    """What a record can be found by, in the clear: for `keyed`, wherever the secret is."""
    row, words = ROW.unpack(features.row), features.texts()
    birth = row[_BIRTH]
    year = dates.year(birth)
    found: list[str] = []
    if row[_ID] and row[_FORM] != Form.CUT:
        found.append(f"id {row[_ID]}")
    if row[_DOCUMENT]:
        found.append(f"document {row[_DOCUMENT]}")
    postal = row[_POSTAL]
    if postal and dates.whole(birth):
        found.append(f"postal birth {postal} {birth}")
    home = addresses.core(words[_HOME])
    home = "" if len(home) < _TELLING or home.isalpha() else home
    for place in _NAMES:
        if words[place] and (parsed := names.parse(words[place])):
            found += _by_name(parsed[0], birth, home)
            if parsed[0].latin:
                found += _by_words(parsed[0], birth, postal)
                found += [f"house {key}" for key in by_house(parsed[0], words[_RESIDENCE])]
    if birth:
        found += [f"phone year {row[place]} {year}" for place in _PHONES if row[place]]
        if home:
            found.append(f"home year {home} {year}")
    return tuple(found)


def _by_name(name: names.Name, birth: int, home: str) -> Iterator[str]:
    plain, split = [sound.plain for sound in name.spelt], len(name.surname)
    whole = "".join(plain)
    if home:
        yield f"name home {whole} {home}"
    if birth:
        yield f"name year {whole} {dates.year(birth)}"
    if dates.whole(birth):
        yield f"name day {whole} {birth % 10000}"
        if name.latin:
            return
        if split:
            yield f"surname birth {' '.join(plain[:split])} {birth}"
            yield f"given birth {' '.join(plain[split:])} {birth}"
        if name.surname not in names.single_surnames():  # a long name cut short looks as if it had one
            yield f"first birth {name.text[:1]} {birth}"


def _by_words(name: names.Name, birth: int, postal: int) -> Iterator[str]:
    """A Latin name by the sounds of its words, in whatever order they come."""
    sounds = sorted(filter(None, map(latin.sound, (name.surname, name.given))))
    if dates.whole(birth):
        yield from (f"initial birth {word[0]} {birth}" for word in (name.surname, name.given) if word)
    for sound in sounds:
        if dates.whole(birth):
            yield f"word birth {sound} {birth}"
        if postal:
            yield f"word postal {sound} {postal}"
    if len(sounds) == 2:
        together = " ".join(sounds)
        if birth:
            yield f"words year {together} {dates.year(birth)}"
        if dates.whole(birth):
            yield f"words day {together} {birth % 10000}"


def by_house(name: names.Name, address: str) -> list[str]:
    """House, street and an initial of a Latin name, or street and both: what stays where dates and numbers are wrong."""
    (number, street), initials = addresses.house(address), sorted({name.surname[:1], name.given[:1]} - {""})
    if not street:
        return []
    sound = latin.sound(street)
    found = [f"{number} {sound} {initial}" for initial in initials] if number else []
    return [*found, f"{sound} {''.join(initials)}"] if name.surname and name.given else found


def by_parts(surname: str, given: str, days: Sequence[int], years: Sequence[int], phone: str) -> tuple[str, ...]:
    """What records can be found by of whom only parts are known, the most telling kind only; '' and none stand for unknown.

    `days` are whole birth dates as numbers (YYYYMMDD), `years` those in which the birth may lie.
    """
    surname, given = (hanzi.fold(unicodedata.normalize("NFKC", part).strip()) for part in (surname, given))
    packed = phones.packed(phones.parse(phone))
    return (
        _latin_parts(surname, given, days, years)
        or _parts(surname, given, days, years)
        or (tuple(f"phone year {packed} {year}" for year in years) if packed else ())
    )


def _parts(surname: str, given: str, days: Sequence[int], years: Sequence[int]) -> tuple[str, ...]:
    if surname and given:
        whole = names.parse(surname + given)
        plain = "".join(sound.plain for sound in whole[0].spelt) if whole else ""
        found = tuple(f"name day {plain} {day % 10000}" for day in days)
        return found or tuple(f"name year {plain} {year}" for year in years)
    if not (surname or given):
        return ()
    sounds = " ".join(hanzi.spelt(sound).plain for sound in names.sounds(surname, given))
    return tuple(f"{'surname' if surname else 'given'} birth {sounds} {day}" for day in days)


def _latin_parts(surname: str, given: str, days: Sequence[int], years: Sequence[int]) -> tuple[str, ...]:
    letters = latin.plain(f"{surname}, {given}")
    if letters is None:
        return ()
    words = latin.split(letters)
    sounds = sorted(filter(None, map(latin.sound, (words.family, words.given))))
    if len(sounds) == 2:
        together = " ".join(sounds)
        found = tuple(f"words day {together} {day % 10000}" for day in days)
        return found or tuple(f"words year {together} {year}" for year in years)
    return tuple(f"word birth {sound} {day}" for sound in sounds for day in days)


def pairs(keys_of: Sequence[Sequence[int]], *, limit: int = 500) -> tuple[Places, Places]:
    """Places of the records that share a key, each pair once, left < right.

    A key held by more than `limit` records says too little and is skipped; `crowded` names such keys.
    """
    if not keys_of:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    records = np.repeat(np.arange(len(keys_of), dtype=np.int64), [len(k) for k in keys_of])
    values = np.fromiter((key for found in keys_of for key in found), dtype=np.int64, count=len(records))
    order = np.lexsort((records, values))
    records, values = records[order], values[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(values)])
    codes = [np.empty(0, np.int64)]
    for size in np.unique(sizes[(sizes > 1) & (sizes <= limit)]):
        members = records[starts[sizes == size][:, None] + np.arange(size)]
        left, right = np.triu_indices(int(size), 1)
        codes.append(np.unique(members[:, left].ravel() * len(keys_of) + members[:, right].ravel()))
    unique = np.unique(np.concatenate(codes))
    return (unique // len(keys_of)).astype(np.intp), (unique % len(keys_of)).astype(np.intp)


def crowded(keys_of: Sequence[Sequence[int]], limit: int = 500) -> dict[int, int]:
    """Keys held by more than `limit` records, with how many hold them."""
    counts = Counter(key for found in keys_of for key in found)
    return {key: count for key, count in counts.items() if count > limit}
