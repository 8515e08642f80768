"""Encodings: the same from the same, without relation across keys and exchanges, and silent about what is missing."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage.private import bands, encode, filters, keys, schema
from hub.linkage.private.compare import THRESHOLD, dice
from hub.linkage.private.encode import Encodings
from tests.unit.linkage.private.rows import SECRET, Row, people, row

KEYS = keys.derive(SECRET, "2026-1")
NUMBER = "410108199005010426"
SLIPS = st.sampled_from(["王晓艳", "汪晓燕", "王小燕", "王晓", "王燕"])


def encoded(*rows: Row, with_keys: keys.Keys = KEYS) -> Encodings:
    return encode.encode(rows, with_keys)


def likeness(a: Row, b: Row) -> float:
    return float(dice(encoded(a).bits, encoded(b).bits)[0])


def test_the_same_key_gives_the_same_encodings_in_any_company() -> None:
    rows = people(40)
    once, again = encoded(*rows, with_keys=keys.derive(SECRET, "2026-1")), encoded(*rows)
    alone = [encoded(one) for one in rows]
    for name in ("pseudonyms", "bits", "bands"):
        assert np.array_equal(getattr(once, name), getattr(again, name))
        assert np.array_equal(getattr(once, name), np.concatenate([getattr(one, name) for one in alone]))


def test_an_encoding_is_the_same_at_every_region_and_in_every_release() -> None:
    found = encoded(row(number=NUMBER))
    parts = (found.pseudonyms.tobytes(), found.bits.astype("<u8").tobytes(), found.bands.astype("<u4").tobytes())
    digest = sha256(b"".join(parts)).hexdigest()
    assert (schema.VERSION, digest[:16]) == (1, "07c4f2062bb759ae"), "another encoding needs another schema.VERSION"


@pytest.mark.parametrize("other", [keys.derive(SECRET, "2026-2"), keys.derive(SECRET[::-1], "2026-1")])
def test_another_key_or_exchange_has_nothing_in_common(other: keys.Keys) -> None:
    rows = people(300)
    here, there = encoded(*rows), encoded(*rows, with_keys=other)
    same = dice(here.bits, there.bits)
    strangers = np.concatenate([dice(here.bits, np.roll(there.bits, by, axis=0)) for by in (1, 7, 50)])
    assert same.mean() == pytest.approx(strangers.mean(), abs=0.01)
    assert same.max() < THRESHOLD
    assert not (here.bands == there.bands).any()
    assert not {one.tobytes() for one in here.pseudonyms} & {one.tobytes() for one in there.pseudonyms}
    assert KEYS.check != other.check


@given(field=st.sampled_from(["name", "birth_date", "phone", "sex", "origin_division", "residence_division"]))
def test_a_missing_field_sets_no_bit(field: str) -> None:
    whole = row(number=NUMBER)
    tokens = schema.tokens(whole | {field: "", "resident_id": ""})
    assert [name for name, found in tokens.items() if not found]
    left = schema.tokens(whole | {"resident_id": ""})
    assert all(tokens[name] in ((), left[name]) for name in tokens)


def test_a_field_that_is_missing_gives_no_band_of_its_group() -> None:
    found = encoded(row(phone="", number="")).bands[0]
    ends = np.cumsum([group.bands for group in bands.GROUPS])
    missing = [{"digits", "order", "phone"} & set(group.fields) != set() for group in bands.GROUPS]
    for group, of, end in zip(missing, bands.GROUPS, ends, strict=True):
        assert (found[end - of.bands : end] == bands.NONE).all() == group


def test_placeholders_are_missing() -> None:
    assert schema.tokens(row(name="不详", birth="1900-01-01", phone="13800000000", number="111111111111111111")) == (
        schema.tokens(row(name="", birth="", phone="", number=""))
    )


def test_too_little_is_left_out_and_counted() -> None:
    found = encoded(
        row("a"), row("b", birth="", phone=""), row("c", name="", birth=""), row("d", name="", number=NUMBER)
    )
    assert (len(found), found.left_out) == (2, 2)
    assert len(encoded()) == 0


@given(name=SLIPS, phone=st.sampled_from(["13912345671", "", "13912345670"]))
def test_a_slip_lowers_likeness_and_does_not_end_it(name: str, phone: str) -> None:
    true = row(number=NUMBER)
    slipped = likeness(true, row(name=name, phone=phone, number=NUMBER))
    assert THRESHOLD < slipped < 1.0
    assert likeness(true, true) == 1.0


def test_likeness_falls_with_every_further_slip() -> None:
    true = row(number=NUMBER)
    slips = [
        {"name": "王晓艳"},
        {"phone": "13912345671"},
        {"birth_date": "1990-05-02"},
        {"resident_id": NUMBER[:15] + "324"},
    ]
    fallen = [likeness(true, true)]
    worse = true
    for slip in slips:
        worse = worse | slip
        fallen.append(likeness(true, worse))
    assert fallen == sorted(fallen, reverse=True)
    assert fallen[0] == 1.0
    stranger = likeness(true, people(1)[0])
    assert fallen[-1] > stranger


def test_old_and_new_form_of_a_number_are_alike() -> None:
    assert likeness(row(number=NUMBER), row(number=NUMBER[:6] + NUMBER[8:17])) == 1.0


def test_twins_are_below_likeness_of_one_person_with_slips() -> None:
    first = row(name="王晓燕", number="410108199005011226")
    second = row(name="王晓莉", number="410108199005011242")
    assert likeness(first, second) < likeness(first, first | {"name": "王晓艳"})


@given(bits=st.integers(0, 200), tokens=st.integers(1, 30))
def test_a_fields_weight_is_shared_out_whole(bits: int, tokens: int) -> None:
    found = filters.shares(bits, tokens)
    assert (sum(found), len(found)) == (bits, tokens)
    assert max(found) - min(found) <= 1


def test_about_a_third_of_the_bits_is_set() -> None:
    filled = np.bitwise_count(encoded(*people(200)).bits).sum(axis=1) / filters.FOLDED
    assert 0.3 < filled.mean() < 0.42
