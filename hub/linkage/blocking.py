"""Blocking keys: records that share one are compared. Keys are keyed hashes, so that the table of keys tells nothing.

A key is made only of values that are present: a missing value never widens the candidates. Values come in the forms
that survive the commonest faults (tone-less sound, year alone, plain characters).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

import numpy as np

from hub.linkage import addresses, dates, names
from hub.linkage.columns import Places
from hub.linkage.features import Features
from hub.linkage.layout import PLACE, ROW
from hub.linkage.resident_id import Form

_ID, _FORM, _BIRTH = PLACE["id_body"], PLACE["id_form"], PLACE["birth"]
_PHONES = (PLACE["phone"], PLACE["phone2"])
_DOCUMENT = PLACE["document"]
_NAMES = ("name", "former")
_TELLING = 4  # characters of an address that has a number in it: shorter ones name half a village


def keys(features: Features, secret: bytes) -> list[int]:
    """The record's keys as sorted signed 64-bit numbers. `secret` is 1 to 64 bytes and the same for every record."""
    return keyed(texts(features), secret)


def keyed(found: Iterable[str], secret: bytes) -> list[int]:
    """The keys of the texts `found`, as `keys` gives them."""
    return sorted(
        {
            int.from_bytes(blake2b(text.encode(), digest_size=8, key=secret).digest(), "little", signed=True)
            for text in found
        }
    )


def texts(features: Features) -> Iterator[str]:
    """What a record can be found by, in the clear: for `keyed`, wherever the secret is."""
    row = ROW.unpack(features.row)
    birth = row[_BIRTH]
    if row[_ID] and row[_FORM] != Form.CUT:
        yield f"id {row[_ID]}"
    if row[_DOCUMENT]:
        yield f"document {row[_DOCUMENT]}"
    known = [name for field in _NAMES for name in names.parse(features.text(field))[:1]]
    home = addresses.core(features.text("origin_address"))
    home = "" if len(home) < _TELLING or home.isalpha() else home
    for name in known:
        yield from _by_name(name, birth, home)
    if birth:
        for place in _PHONES:
            if row[place]:
                yield f"phone year {row[place]} {dates.year(birth)}"
        if home:
            yield f"home year {home} {dates.year(birth)}"


def _by_name(name: names.Name, birth: int, home: str) -> Iterator[str]:
    whole = name.plain_sound.replace(" ", "")
    if home:
        yield f"name home {whole} {home}"
    if birth:
        yield f"name year {whole} {dates.year(birth)}"
    if dates.whole(birth):
        yield f"name day {whole} {birth % 10000}"
        if name.surname:
            yield f"surname birth {name.surname_sound} {birth}"
            yield f"given birth {name.given_sound} {birth}"
        else:
            yield f"first birth {name.text[:1]} {birth}"


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
