"""Addresses: one core and one signature however they are written, whole or put together from two halves."""

import re
from zlib import crc32

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.linkage import addresses

PARTS = (
    "河南省", "郑州市", "惠济区", "古荥镇", "岭军峪村", "村民委员会", "三组", "十二号", "3组", "15号", "１５号", "①", "²", "㈠", "号楼",
    "2单元", "501室", "弄", "幢", "楼", "-", "A座", " ", "\u3000", "（东）", "市区", "路", "大街",
    "#", "无", "同上", "\uf9d1", "é", "e\u0301",
)  # fmt: skip
texts = st.one_of(st.lists(st.sampled_from(PARTS), max_size=9).map("".join), st.text(max_size=16))


def test_one_address_however_much_of_it_is_written() -> None:
    forms = (
        "河南省郑州市惠济区古荥镇岭军峪村3组15号",
        "郑州市邙山区古荥镇岭军峪村三组15号",
        "惠济区古荥镇 岭军峪村３组十五号",
    )
    assert {addresses.core(form) for form in forms} == {"岭军峪村3组15"}
    assert len({addresses.signature(form) for form in forms}) == 1


@pytest.mark.parametrize("text", ["", "无", "不详", "同上"])
def test_an_address_that_says_nothing_has_no_signature(text: str) -> None:
    assert addresses.signature(text) == (0, 0)


@given(texts)
@example("1区2号")
@example("胜利村6组27号")
@example("号楼5号-")
def test_a_signature_has_a_bit_for_every_two_neighbours_and_every_number(text: str) -> None:
    core = addresses.core(text)
    tokens = [core[at : at + 2] for at in range(len(core) - 1)] + [f"n{number}" for number in re.findall(r"\d+", core)]
    whole = 0
    for token in tokens:
        whole |= 1 << crc32(token.encode("utf-8", "surrogatepass")) % 128
    assert addresses.signature(text) == (whole & (1 << 64) - 1, whole >> 64)


@given(st.lists(texts, max_size=6))
@example(["胜利村②组7号", "７号8号", ""])
@example(["三楼", "3楼", "5号楼", "十", "号"])
@example(["胜利村\0三组7号", "7号"])
def test_cores_are_put_together_from_their_halves(found: list[str]) -> None:
    heads, tails = ([addresses.halves(text)[half] for text in found] for half in (0, 1))
    assert [head + tail for head, tail in zip(heads, tails, strict=True)] == found
    for text, tail, street, door in zip(found, tails, addresses.streets(heads), addresses.doors(tails), strict=True):
        if tail and street is not None and door is not None:
            assert addresses.core(text) == street + door


def test_the_usual_address_has_two_halves() -> None:
    head, tail = addresses.halves("浙江省金华市永康市西溪镇人民路12号3幢2单元501室")
    assert (addresses.streets([head]), addresses.doors([tail])) == (["人民路"], ["12号3号2-501"])


@pytest.mark.parametrize("text", ["1" * 400_000 + "省", "1a" * 200_000 + "省", "零" * 400_000, "1" * 400_000 + "\n"])
def test_however_long_a_row_of_figures_is_it_is_read_once(text: str) -> None:
    """Read from each of its figures anew, such an address would take hours."""
    assert addresses.signature(text) != (0, 0)
    head, tail = addresses.halves(text)
    assert head + tail == text
    assert addresses.streets([text]) == [None] or addresses.doors([text]) == [None]
