"""FHIRPath Patch: HL7's own cases, places in all their forms, and that nothing is changed by what cannot be done."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Conflict, Invalid, Refused
from hub.fhir import exact
from hub.fhir.patch import read_fhirpath_patch
from tests.unit.fhir.patch.cases import CASES, FULL, Part, one, operation


def parameters(*operations: Part) -> Part:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def patched(resource: Part, *operations: Part) -> Part:
    """The resource, a Patient, with the operations done."""
    body = orjson.dumps({"resourceType": "Patient", **resource})
    found: Part = orjson.loads(read_fhirpath_patch(parameters(*operations)).patched(body))
    assert found.pop("resourceType") == "Patient"
    return found


@pytest.mark.parametrize(
    ("before", "operations", "after"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_official_cases(before: Part, operations: list[Part], after: Part | None) -> None:
    if after is None:
        with pytest.raises(Conflict):
            patched(before, *operations)
    else:
        assert patched(before, *operations) == after


GIVEN: Part = {
    "name": [{"given": ["A", None, "C"], "_given": [None, {"extension": [{"url": "urn:x", "valueCode": "b"}]}, None]}]
}


def test_what_is_beside_a_primitive_goes_with_it() -> None:
    move = operation("move", "Patient.name[0].given", source=1, destination=0)
    assert patched(GIVEN, move)["name"] == [
        {"given": [None, "A", "C"], "_given": [GIVEN["name"][0]["_given"][1], None, None]}
    ]
    gone = patched(GIVEN, operation("delete", "Patient.name[0].given[1]"))
    assert gone == {"name": [{"given": ["A", "C"]}]}
    added = patched(GIVEN, operation("add", "Patient.name[0]", name="given", valueString="D"))
    assert added["name"][0]["given"] == ["A", None, "C", "D"]
    assert len(added["name"][0]["_given"]) == 4


def test_extensions_of_primitives() -> None:
    said = {"url": "urn:x", "valueCode": "b"}
    add = operation("add", "Patient.birthDate", name="extension", valueExtension=said)
    found = patched({"birthDate": "1990-01-01"}, add)
    assert found == {"birthDate": "1990-01-01", "_birthDate": {"extension": [said]}}
    path = "Patient.birthDate.extension('urn:x')"
    changed = patched(found, operation("replace", f"{path}.value", valueString="c"))
    assert changed["_birthDate"]["extension"] == [{"url": "urn:x", "valueString": "c"}]
    assert patched(found, operation("delete", path)) == {"birthDate": "1990-01-01"}
    insert = operation("insert", "Patient.birthDate.extension", index=0, valueExtension=said)
    assert patched({"birthDate": "1990-01-01"}, insert) == found


def test_the_type_of_a_choice_may_change() -> None:
    found = patched({"deceasedBoolean": False}, operation("replace", "Patient.deceased", valueDateTime="2026-01-01"))
    assert found == {"deceasedDateTime": "2026-01-01"}
    assert patched({}, operation("add", "Patient", name="deceased", valueBoolean=True)) == {"deceasedBoolean": True}
    with pytest.raises(Conflict):
        patched({"deceasedBoolean": False}, operation("add", "Patient", name="deceased", valueDateTime="2026-01-01"))
    as_date = operation("delete", "Patient.deceased.ofType(dateTime)")
    assert patched({"deceasedBoolean": False}, as_date) == {"deceasedBoolean": False}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("Patient.identifier.where(value = 'value 2')", [1, 3]),
        ("Patient.identifier.where(system = 'http://example.org' and value = 'value 3')", [1, 2]),
        ("Patient.identifier.where(value != 'value 1' and value != 'value 3')", [1, 3]),
        ("Patient.identifier.where((value = 'value 1') or use.exists())", [2, 3]),
        ("Patient.identifier.first()", [2, 3]),
        ("Patient.identifier.last()", [1, 2]),
        ("Patient.identifier.where(period.start.exists())", [1, 2, 3]),
        ("Resource.identifier.value.where($this = 'value 9')", [1, 2, 3]),
    ],
)
def test_a_place_is_found_by_what_it_says(path: str, left: list[int]) -> None:
    found = patched({"identifier": [one(1), one(2), one(3)]}, operation("delete", path))
    assert found == {"identifier": [one(number) for number in left]}


def test_a_part_of_parts() -> None:
    parts = [
        {"name": "relationship", "valueCodeableConcept": {"text": "sister"}},
        {"name": "relationship", "valueCodeableConcept": {"text": "friend"}},
        {"name": "gender", "valueCode": "female"},
    ]
    found = patched({}, operation("add", "Patient", name="contact", value=parts))
    assert found["contact"] == [{"relationship": [{"text": "sister"}, {"text": "friend"}], "gender": "female"}]


def test_numbers_keep_their_digits() -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"unit":"kg","value":67.50}}'
    said = exact.read(
        b'{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},'
        b'{"name":"path","valueString":"Observation.value"},{"name":"value","valueQuantity":{"value":68.000,"unit":"kg"}}]}]}'
    )
    assert b'"value":68.000}' in read_fhirpath_patch(said).patched(body)
    unit = parameters(operation("replace", "Observation.value.unit", valueString="Kg"))
    assert b'"value":67.50}' in read_fhirpath_patch(unit).patched(body)
    where = parameters(operation("delete", "Observation.where(value.value = 67.5).value.unit"))
    assert b"unit" not in read_fhirpath_patch(where).patched(body)


_NAME = operation("add", "Patient", name="birthDate", valueDate="1930-01-01")


@pytest.mark.parametrize(
    "wrong",
    [
        operation("remove", "Patient.name"),
        operation("add", "Patient", valueString="x"),
        operation("insert", "Patient.name", valueHumanName={}),
        operation("move", "Patient.name", source=-1, destination=0),
        operation("delete", "Observation.status"),
        operation("delete", "name"),
        operation("delete", "Patient"),
        operation("delete", "Patient.nothing"),
        operation("delete", "Patient.name[-1]"),
        operation("delete", "Patient.name.resolve()"),
        operation("delete", "Patient.name.where(use)"),
        operation("delete", "Patient.name.where(use = 'a'"),
        operation("delete", "Patient.name.where(" * 20 + "use = 'a'" + ")" * 20),
        operation("delete", "Patient." + "a" * 1001),
        operation("delete", "Patient.name \x00"),
        operation("insert", "Patient.name[0]", index=0, valueHumanName={"text": "x"}),
        operation("insert", "Patient.gender", index=0, valueCode="male"),
        operation("replace", "Patient.name[0]", valueCodeableConcept={"text": "x"}),
        operation("replace", "Patient.name[0]", valueString="x"),
        operation("replace", "Patient.birthDate", valuePeriod={"start": "1990"}),
        operation("add", "Patient", name="contact", valueString="x"),
        operation("add", "Patient", name="contact", value=[{"name": "nothing", "valueString": "x"}]),
        operation("add", "Patient", name="contact", value=[]),
        operation("add", "Patient", name="nothing", valueString="x"),
        {"name": "other"},
        {"name": "operation", "part": [{"name": ["type"], "valueCode": "delete"}]},
        {"name": "operation", "part": [3]},
        {"name": "operation"},
        {"name": "operation", "part": [{"name": "type", "valueCode": "delete"}] * 2},
        {
            "name": "operation",
            "part": [{"name": "type", "valueInteger": 3}, {"name": "path", "valueString": "Patient"}],
        },
    ],
)
def test_what_is_no_patch(wrong: Part) -> None:
    with pytest.raises(Invalid) as refused:
        patched({"name": [{"text": "x"}], "birthDate": "1920-01-01", "gender": "male"}, wrong)
    assert refused.value.code == "bad-patch"


@pytest.mark.parametrize(
    "unfit",
    [
        operation("add", "Patient", name="birthDate", valueDate="1930-01-01"),
        operation("replace", "Patient.gender", valueCode="male"),
        operation("replace", "Patient.name", valueHumanName={"text": "y"}),
        operation("delete", "Patient.name"),
        operation("insert", "Patient.name", index=3, valueHumanName={"text": "y"}),
        operation("move", "Patient.name", source=2, destination=0),
        operation("add", "Patient.name", name="family", valueString="y"),
    ],
)
def test_what_does_not_fit_the_resource(unfit: Part) -> None:
    with pytest.raises(Conflict) as refused:
        patched({"name": [{"text": "x"}, {"text": "y"}], "birthDate": "1920-01-01"}, unfit)
    assert refused.value.code == "patch-conflict"


@pytest.mark.parametrize(
    "said", [None, [], {"resourceType": "Patient"}, {"resourceType": "Parameters", "parameter": {}}]
)
def test_what_are_no_parameters(said: Any) -> None:
    with pytest.raises(Invalid):
        read_fhirpath_patch(said)


def test_there_is_a_most_of_operations_and_of_what_they_look_at() -> None:
    with pytest.raises(Invalid):
        read_fhirpath_patch(parameters(*[_NAME] * 501))
    long = operation("delete", "Patient.identifier.where(" + " or ".join(["value = 'x'"] * 60) + ")")
    with pytest.raises(Refused) as refused:
        patched({"identifier": [one(number) for number in range(1_000)]}, *[long] * 20)
    assert refused.value.code == "too-costly"
    given = {"name": [{"given": ["x"] * 30_000}]}
    for step in (
        operation("move", "Patient.name[0].given", source=0, destination=29_999),
        operation("insert", "Patient.name[0].given", index=0, valueString="y"),
    ):
        with pytest.raises(Refused) as refused:
            patched(given, *[step] * 4)
        assert refused.value.code == "too-costly"


def test_no_patch_digs_deeper_than_is_read() -> None:
    """Each operation goes one item deeper than the one before it."""
    body = b'{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"0"}]}'
    deeper = [
        operation(
            "add",
            "QuestionnaireResponse" + ".item" * depth,
            name="item",
            value=[{"name": "linkId", "valueString": "x"}],
        )
        for depth in range(1, 180)
    ]
    assert read_fhirpath_patch(parameters(*deeper[:20])).patched(body).count(b'"item":') == 21
    with pytest.raises(Invalid) as refused:
        read_fhirpath_patch(parameters(*deeper)).patched(body)
    assert refused.value.code == "bad-patch"


_PATHS = st.lists(
    st.sampled_from(
        ["Patient", ".name", ".given", ".text", ".div", "[0]", "[1]", ".birthDate", ".extension", ".value", ".deceased", ".id",
         ".contained", ".first()", ".last()", ".where(", ")", "use = 'a'", "$this", " and ", ".exists()", ".ofType(", "date", "("]
    ),
    max_size=7,
).map(lambda pieces: "Patient" + "".join(pieces))  # fmt: skip
_VALUES = st.recursive(
    st.sampled_from([None, True, 3, "1990-01-01", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["text", "given", "_given", "extension", "url", "resourceType", "id"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["add", "insert", "delete", "replace", "move"]), "path": _PATHS},
    optional={
        "name": st.sampled_from(["name", "birthDate", "contained", "extension", "value", "deceased", "contact"]),
        "index": st.integers(0, 2),
        "source": st.integers(0, 2),
        "destination": st.integers(0, 2),
        "value": st.dictionaries(
            st.sampled_from(["valueHumanName", "valueString", "_valueString", "valueExtension", "resource", "part"]),
            _VALUES,
            max_size=2,
        ),
    },
)
_KINDS = {"type": "valueCode", "index": "valueInteger", "source": "valueInteger", "destination": "valueInteger"}


@given(asked=st.lists(_PARTS, max_size=4))
def test_whatever_is_asked_is_done_or_refused(asked: list[Part]) -> None:
    listed = [
        {"name": "operation", "part": [
            {"name": name, **(value if name == "value" else {_KINDS.get(name, "valueString"): value})}
            for name, value in one.items()
        ]}
        for one in asked
    ]  # fmt: skip
    body = exact.write({"resourceType": "Patient", **FULL, "contained": [{"resourceType": "Device", "id": "d"}]})
    said = orjson.dumps(listed)
    try:
        patch = read_fhirpath_patch(parameters(*listed))
        first = patch.patched(body)
    except Refused:
        return
    assert patch.patched(body) == first
    assert orjson.dumps(listed) == said
    assert orjson.loads(first)["resourceType"] == "Patient"
