"""Features of any content for the tests of pairs: numbers that often meet, and numbers that no record should have."""

from collections.abc import Mapping

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hub.linkage import documents
from hub.linkage.features import TEXTS, Features
from hub.linkage.layout import FIELDS, PLACE, ROW, hashed
from hub.linkage.names import LOST
from hub.linkage.phones import packed
from mappings.vocabulary import record_system

_LARGEST = {"B": 2**8 - 1, "I": 2**32 - 1, "Q": 2**64 - 1}
_HASHES = (0, 1, 2)
_BODIES = (
    0, 41010819900501123, 41010819900501141, 41010819900501132, 41010819900501100, 41010819910501123, 33078419621130088,
)  # fmt: skip
_DATES = (0, 19900501, 19900105, 19900500, 19900000, 19910501, 20000501, 19891231, 19620501, 19900515)
_CHARACTERS = (0, 0, *map(ord, f"王汪晓晒己已{LOST}{LOST}𠮷"))
_SOUNDS = (0, 8, 9, 16, 17)
_PHONES = (0, *map(packed, ("13812345670", "13812345607", "13812345671", "13912345607", "037163578899")))
_PLACES = (0, 410108003000, 410108003207, 410108000000, 410105003000, 410300000000, 330784001000)
_BITS = (0, 1, 2, 3, 2**64 - 1, 0b1111111111, 0b1111111011, 0b1110001111111)
_SHORT_TEXTS = st.text("01AZ", min_size=1, max_size=documents.SIZE + 2).map(documents.packed) | st.sampled_from(
    (0, *map(documents.packed, ("G1234567", "G1234576", "G123456", "450044", "450004")))
)
NAMES = (
    "", "王晓燕", "买买提·艾力", "买买提艾力", "买买提艾利", "艾力买买提", "Green, Mitchell", "Mitchell Green",
    "mitchel green", "Mitchell, Green", "Greem, M", "Greene, Mitch", "Webb,", "Erin, Green", "Green",
)  # fmt: skip
_KNOWN: dict[str, tuple[int, ...]] = {
    "id_body": _BODIES, "spouse_id": _BODIES, "father_id": _BODIES, "mother_id": _BODIES,
    "id_form": tuple(range(6)), "id_check": (0, 1, 10), "given_length": (0, 1, 2, 3, 255),
    "live": (0, 1, 1), "source": (0, 1, hashed(record_system("huiji"))), "death": (0, 20200101), "active": (0, 20191231, 20200102),
    **dict.fromkeys(("c1", "g1", "g2"), _CHARACTERS),
    **{f"{at}_{kind}": _SOUNDS for at in ("c1", "g1", "g2") for kind in ("sound", "near")},
    "phone": _PHONES, "phone2": _PHONES, "origin": _PLACES, "residence": _PLACES,
    **{f"{role}_{half}": _BITS for role in ("origin", "residence") for half in ("low", "high")},
}  # fmt: skip


def _numbers(name: str, code: str) -> SearchStrategy[int]:
    if name in ("document", "postal"):
        return _SHORT_TEXTS
    if name in ("birth", "birth_lunar"):  # what `dates` makes: years of four figures, any parts
        return st.sampled_from(_DATES) | st.integers(0, 9999_99_99)
    return st.sampled_from(_KNOWN.get(name, _HASHES)) | st.integers(0, _LARGEST[code])


_STRATEGIES = {name: _numbers(name, code) for name, code in FIELDS}
EVERYTHING = Features(ROW.pack(*[1] * len(FIELDS)), "\x1f" * (len(TEXTS) - 1))
"""A record that says something in every field: beside it no field is left out for saying nothing."""


def pairs(*names: str) -> SearchStrategy[tuple[Features, Features]]:
    """Features with any numbers in these fields, none in others, and any name; the second often has what the first has."""
    drawn = st.fixed_dictionaries({name: _STRATEGIES[name] for name in names})
    kept = st.fixed_dictionaries({name: st.booleans() for name in names})
    return st.builds(_pair, drawn, drawn, kept, st.sampled_from(NAMES), st.sampled_from(NAMES))


def _pair(
    one: Mapping[str, int], other: Mapping[str, int], kept: Mapping[str, bool], name: str, name_b: str
) -> tuple[Features, Features]:
    second = {field: one[field] if kept[field] else number for field, number in other.items()}
    return packed_row(one, name), packed_row(second, name_b)


def packed_row(numbers: Mapping[str, int], name: str = "") -> Features:
    """Features with these numbers, none in other fields, and a name as it was written."""
    row = [0] * len(PLACE)
    for field, number in numbers.items():
        row[PLACE[field]] = number
    return Features(ROW.pack(*row), name + "\x1f" * (len(TEXTS) - 1))
