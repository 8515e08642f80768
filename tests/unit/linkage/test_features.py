"""Features: what is read from a Patient, and the bytes that storage keeps."""

from typing import Any

import pytest
from hypothesis import given

from hub.linkage import layout
from hub.linkage.features import Features, extract
from mappings import vocabulary
from tests.unit.linkage.people import contact, number, patient, patients, record, records


@given(records)
def test_bytes_lead_back_to_the_same_features(one: Features) -> None:
    assert Features.from_bytes(one.to_bytes()) == one


@given(patients)
def test_equal_records_have_equal_features(one: dict[str, object]) -> None:
    assert extract(one) == extract(dict(one))


def test_bytes_of_another_layout_are_refused() -> None:
    data = record().to_bytes()
    with pytest.raises(ValueError, match="another layout"):
        Features.from_bytes(bytes((layout.VERSION + 1,)) + data[1:])
    with pytest.raises(ValueError, match="another layout"):
        Features.from_bytes(data[:20])


def test_an_empty_patient_has_features_of_nothing() -> None:
    nothing = extract({"resourceType": "Patient"})
    assert {field for field in layout.PLACE if nothing.number(field)} == {"live"}
    assert all(nothing.text(field) == "" for field in ("name", "resident_id", "phones", "spouse"))


def test_birth_date_and_sex_come_from_the_number_where_the_record_lacks_them() -> None:
    one = record(birth="", sex="", id_number=number(born="19850317", sequence=124))
    assert (one.birth, one.sex) == (19850317, 2)
    stated = record(birth="1985-03", sex="male", id_number=number(born="19850317", sequence=124))
    assert (stated.birth, stated.sex) == (19850300, 1)


def test_a_number_with_a_wrong_check_digit_lends_no_birth_date() -> None:
    wrong = number(born="19850317")[:17] + ("1" if number(born="19850317")[17] != "1" else "2")
    assert record(birth="", id_number=wrong).birth == 0


def test_a_lunar_birth_date_becomes_solar() -> None:
    assert record(birth="", lunar="1990-04-07").birth == 19900501


def test_a_renamed_division_is_the_same_division() -> None:
    """441827 清新县 became 441803 清新区 in 2012."""
    before, after = record(origin_division="441827101000"), record(origin_division="441803101000")
    assert before.number("origin") // 10**6 == after.number("origin") // 10**6 == 441803


def test_a_former_name_and_relatives_are_read() -> None:
    one = record(
        "李燕（曾用名：王晓燕）", spouse=("李刚", number(sequence=9)), father=("王福", ""), children=("李晨", "李曦")
    )
    assert one.text("former") == "王晓燕"
    assert one.number("former") == record("王晓燕").number("full")
    assert (one.text("spouse"), one.text("father"), one.text("children")) == ("李刚", "王福", "李晨、李曦")
    assert one.number("spouse_id") == int(number(sequence=9)[:17])


def test_a_wife_under_her_husband_s_surname_keeps_her_own_name_as_another() -> None:
    assert record("喻贾玲", spouse=("喻强", "")).text("former") == "贾玲"
    assert record("喻贾玲", spouse=("喻强", ""), sex="male").text("former") == ""


def test_relations_that_are_no_kin_are_left_out() -> None:
    one = patient()
    one["contact"] = [contact("FRND", "赵六", number())]
    assert extract(one) == extract(patient())


def test_separators_inside_texts_do_not_shift_the_fields() -> None:
    one = record("王\x1f晓燕", origin="岭军峪村\x1f3组", record="7\x1f8")
    assert one.text("record") == "7 8"
    assert one.text("source") == "huiji"


@pytest.mark.parametrize(
    "odd",
    [
        {"ethnicity": "²"},
        {"ethnicity": "①"},
        {"name": "½" * 67 + "王"},
        {"spouse": "½" * 67 + "王"},
        {"given": [None, "英"]},
    ],
)
def test_odd_texts_that_are_valid_are_read(odd: dict[str, Any]) -> None:
    person: dict[str, Any] = {
        "resourceType": "Patient",
        "gender": "female",
        "name": [{"text": odd["name"]} if "name" in odd else {"family": "王", "given": odd.get("given", ["英"])}],
        "contact": [
            {
                "relationship": [{"coding": [{"system": vocabulary.V3_ROLE, "code": "SPS"}]}],
                "name": {"text": odd.get("spouse", "李强")},
            }
        ],
        "extension": [
            {
                "url": vocabulary.ETHNICITY,
                "valueCodeableConcept": {
                    "coding": [{"system": vocabulary.ETHNICITY_CODES, "code": odd.get("ethnicity", "01")}]
                },
            }
        ],
    }
    assert extract(person)
