"""Every disclosure has one place, every digest one disclosure, and nothing is shown in the place of something else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.disclosures import Disclosure, decoy, make, parse, reveal
from certs.encoding import b64url, dump_json, unb64url
from certs.errors import CertsError, DuplicateDisclosure, MalformedPresentation, UnreferencedDisclosure

NAME, AGE = make("name", "桂兰"), make("age", 30)


def element(value: Any) -> Disclosure:
    return parse(b64url(dump_json(["salt", value])))


def test_a_disclosure_is_salted_afresh() -> None:
    assert make("name", "桂兰").digest != NAME.digest
    assert (NAME.name, NAME.value) == ("name", "桂兰")
    assert len(unb64url(decoy())) == 32


def test_only_what_is_disclosed_appears() -> None:
    payload = {"iss": "y", "_sd": [NAME.digest, AGE.digest, decoy()], "_sd_alg": "sha-256"}
    assert reveal(payload, []) == {"iss": "y"}
    assert reveal(payload, [AGE]) == {"iss": "y", "age": 30}
    assert reveal(payload, [AGE, NAME]) == {"iss": "y", "age": 30, "name": "桂兰"}


def test_nested_disclosures_and_elements_of_arrays() -> None:
    first, second = element("甲"), element({"_sd": [NAME.digest]})
    payload = {"list": [{"...": first.digest}, "plain", {"...": second.digest}, {"...": decoy()}]}
    assert reveal(payload, [second, NAME]) == {"list": ["plain", {"name": "桂兰"}]}
    assert reveal(payload, [first, second]) == {"list": ["甲", "plain", {}]}
    with pytest.raises(UnreferencedDisclosure):
        reveal(payload, [first, NAME])


def test_what_only_looks_like_a_digest_stays() -> None:
    plain = {"list": [5, None, "...", ["..."], {}, {"a": "..."}], "a": "_sd"}
    assert reveal(plain, []) == plain


def test_a_disclosure_nobody_signed_is_refused() -> None:
    with pytest.raises(UnreferencedDisclosure):
        reveal({"_sd": [NAME.digest]}, [NAME, AGE])
    with pytest.raises(UnreferencedDisclosure):
        reveal({}, [NAME])


def test_a_disclosure_given_twice_is_refused() -> None:
    with pytest.raises(DuplicateDisclosure):
        reveal({"_sd": [NAME.digest]}, [NAME, NAME])


@pytest.mark.parametrize(
    ("payload", "given"),
    [
        ({"_sd": [NAME.digest, NAME.digest]}, [NAME]),
        ({"_sd": [decoy()] * 2}, []),
        ({"_sd": [NAME.digest], "a": {"_sd": [NAME.digest]}}, [NAME]),
        ({"_sd": [NAME.digest], "name": "别人"}, [NAME]),
        ({"_sd": [element(1).digest]}, [element(1)]),
        ({"list": [{"...": NAME.digest}]}, [NAME]),
        ({"_sd": NAME.digest}, [NAME]),
        ({"_sd": {}}, []),
        ({"_sd": None}, []),
        ({"list": [{"...": NAME.digest, "more": 1}]}, [NAME]),
        ({"_sd": [5]}, []),
        ({"list": [{"...": 5}]}, []),
        ({"...": NAME.digest}, [NAME]),
        ({"a": {"...": NAME.digest}}, [NAME]),
    ],
)
def test_a_payload_whose_digests_are_wrong_is_refused(payload: dict[str, Any], given: list[Disclosure]) -> None:
    with pytest.raises(MalformedPresentation):
        reveal(payload, given)


@pytest.mark.parametrize(
    "content",
    [[], ["s"], ["s", "n", 1, 2], [1, "n", 2], ["s", 5, 2], ["s", "_sd", []], ["s", "...", "x"], {"a": 1}, "x", None],
)
def test_what_is_no_disclosure_is_refused(content: object) -> None:
    with pytest.raises(MalformedPresentation):
        parse(b64url(dump_json(content)))


@pytest.mark.parametrize(
    "encoded", ["", "!", "中文", "AAA=", b64url(b'["s","n",1'), b64url(b'["s","n",{"a":1,"a":2}]')]
)
def test_a_damaged_disclosure_is_refused(encoded: str) -> None:
    with pytest.raises(MalformedPresentation):
        parse(encoded)


names = st.sampled_from(["_sd", "...", "name", "a"])


@given(st.recursive(st.integers() | names, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=8))
def test_hostile_payloads_end_in_an_answer_or_a_refusal(value: Any) -> None:
    try:
        revealed = reveal({"_sd": [NAME.digest], "value": value}, [NAME])
    except CertsError:
        return
    assert revealed["name"] == "桂兰"
