"""A certificate says what its kind names, all that is required, nothing else, each item within its limits."""

from typing import Any

import pytest

from certs import kinds
from certs.errors import InvalidClaims, UnknownKind
from certs.kinds import birth, contraception, marriage
from certs.kinds.model import Kind, without_blanks
from mappings import vocabulary
from tests.unit.certs.world import BIRTH, CONTRACEPTION, MARRIAGE

WHOLE = [(marriage.KIND, MARRIAGE), (birth.KIND, BIRTH), (contraception.KIND, CONTRACEPTION)]


def test_the_names_are_those_of_the_shared_vocabulary() -> None:
    assert {kind.name for kind, _ in WHOLE} == vocabulary.SEALED_KINDS


@pytest.mark.parametrize(("kind", "claims"), WHOLE)
def test_a_whole_certificate_passes(kind: Kind, claims: dict[str, Any]) -> None:
    kind.check(claims)
    assert kinds.by_vct(kind.vct) is kinds.named(kind.name) is kind


@pytest.mark.parametrize("check", [marriage.check, birth.check, contraception.check])
def test_each_kind_has_its_own_check(check: Any) -> None:
    with pytest.raises(InvalidClaims):
        check({})


@pytest.mark.parametrize(("kind", "claims"), WHOLE)
def test_what_is_required_cannot_be_missing(kind: Kind, claims: dict[str, Any]) -> None:
    required = [name for name, claim in kind.claims.items() if claim.required]
    assert "authority_division" in required
    for name in required:
        with pytest.raises(InvalidClaims, match=name):
            kind.check({other: value for other, value in claims.items() if other != name})


@pytest.mark.parametrize(("kind", "claims"), WHOLE)
def test_what_is_optional_can_be_missing(kind: Kind, claims: dict[str, Any]) -> None:
    kind.check({name: value for name, value in claims.items() if kind.claims[name].required})


@pytest.mark.parametrize(("kind", "claims"), WHOLE)
def test_a_problem_names_the_claim_and_not_its_value(kind: Kind, claims: dict[str, Any]) -> None:
    for name in claims:
        with pytest.raises(InvalidClaims, match=name) as caught:
            kind.check(claims | {name: "\u0007secret"})
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("kind", "claims"), WHOLE)
@pytest.mark.parametrize("value", [None, "", " x", [], {}, {"a": 1}, True, "x" * 300])
def test_no_claim_takes_just_anything(kind: Kind, claims: dict[str, Any], value: object) -> None:
    for name in claims:
        with pytest.raises(InvalidClaims, match=name):
            kind.check(claims | {name: value})


@pytest.mark.parametrize(("kind", "claims"), WHOLE)
@pytest.mark.parametrize("name", ["social_maintenance_fee", "in_plan", "pregnant", "_sd", "iss", "holder_key"])
def test_a_claim_the_kind_does_not_name_is_refused(kind: Kind, claims: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidClaims):
        kind.check(claims | {name: "1"})
    with pytest.raises(InvalidClaims):
        kind.check_shown({name: "1"})


@pytest.mark.parametrize(
    ("claims", "name", "good", "bad"),
    [
        (
            MARRIAGE,
            "number",
            ["J330784-2024-000123", "BJ3307842024000123", "L330784-2024-000001", "BL330784-2024-000001"],
            [
                "330784-2024-000123",
                "X330784-2024-000123",
                "J330784-2024-00012",
                "j330784-2024-000123",
                "J٣٣٠٧٨٤-2024-000123",
            ],
        ),
        (MARRIAGE, "kind", ["marriage", "reissue", "divorce"], ["wedding", "Marriage"]),
        (
            MARRIAGE,
            "registered_on",
            ["2024-02-29"],
            ["2023-02-29", "2024-2-9", "20240229", "1899-12-31", "2024-05-20T00:00"],
        ),
        (MARRIAGE, "party_a_name", ["吾买尔·热合曼", "𠮷田"], ["a\nb", "欧阳\u2028", "兰 "]),
        (MARRIAGE, "authority_division", ["330784000000"], ["330784", "030784000000", "33078400000X"]),
        (
            MARRIAGE,
            "party_a_id_number",
            ["33078419960229002X", "330784960229002", "H12345678(0)", "军字第1234567号"],
            ["12", "330784*", "33078419960229002x"],
        ),
        (BIRTH, "number", ["X320101001"], ["XX32010100", "X32010100", "x320101001", "3201010011"]),
        (
            BIRTH,
            "birth_time",
            ["2025-05-21T04:32:00+08:00", "2025-05-21T04:32Z"],
            ["2025-05-21T04:32:00", "2025-05-21"],
        ),
        (BIRTH, "gestation_weeks", [28, 41], [12, 60, 39.5, "39"]),
        (BIRTH, "length_cm", [50, 50.5], [2, 200, float("nan"), "50"]),
        (BIRTH, "weight_g", [3250], [3, 3250.5, 100_000]),
        (CONTRACEPTION, "method", ["201", "100", "A96", "10"], ["A95", "上环", ""]),
        (
            CONTRACEPTION,
            "check_result",
            ["避孕措施正常", "环位正常"],
            ["未孕", "早孕", "HCG 阴性", "not pregnant", "妊娠 8 周"],
        ),
    ],
)
def test_limits(claims: dict[str, Any], name: str, good: list[object], bad: list[object]) -> None:
    kind = next(kind for kind, whole in WHOLE if whole is claims)
    for value in good:
        kind.check(claims | {name: value})
    for value in bad:
        with pytest.raises(InvalidClaims, match=name):
            kind.check(claims | {name: value})


def test_a_father_is_never_required() -> None:
    assert not any(claim.required for name, claim in birth.KIND.claims.items() if name.startswith("father"))


def test_a_divorce_cannot_be_shown_as_a_marriage() -> None:
    assert {"kind", "authority_division"} == marriage.KIND.always


def test_blanks_are_absent_items() -> None:
    assert without_blanks({"a": None, "b": "", "c": 0, "d": "x"}) == {"c": 0, "d": "x"}


@pytest.mark.parametrize("name", ["", "marriage", "urn:lianqiao:vct:marriage-certificate:2", "family-status"])
def test_an_unknown_kind_has_its_own_error(name: str) -> None:
    with pytest.raises(UnknownKind):
        kinds.by_vct(name)
    with pytest.raises(UnknownKind):
        kinds.named(name)
