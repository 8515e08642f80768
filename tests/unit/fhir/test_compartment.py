"""The patient compartment: as HL7 defines it, and with every parameter that the types have."""

import tarfile

import orjson
import pytest

from hub.fhir import compartment, search
from hub.fhir.search.spans import Span, span_of
from hub.services.exchange.checking import TYPES
from tests import r4

PATIENT = "00000000-0000-7000-8000-00000000000a"


def test_it_is_the_one_of_r4() -> None:
    try:
        package = r4.archive()
    except r4.Unreachable as error:
        pytest.skip(str(error))
    with tarfile.open(package) as listed:
        content = listed.extractfile("package/CompartmentDefinition-patient.json")
        assert content is not None
        said = orjson.loads(content.read())
    defined = {one["code"]: tuple(one["param"]) for one in said["resource"] if "param" in one and one["code"] in TYPES}
    assert defined == compartment.MEMBERS


def test_every_parameter_is_one_of_its_type() -> None:
    for type_, codes in compartment.MEMBERS.items():
        assert {search.parameters(type_)[code].kind for code in codes} == {"reference"}
    for type_, codes in compartment.CARE.items():
        assert type_ in compartment.MEMBERS
        assert {search.parameters(type_)[code].kind for code in codes} == {"date"}


@pytest.mark.parametrize("reference", [f"Patient/{PATIENT}", f"http://hub/fhir/Patient/{PATIENT}"])
def test_what_is_told_to_the_index_finds_what_is_in_it(reference: str) -> None:
    base = "http://hub/fhir"
    for said in (
        {"resourceType": "Observation", "performer": [{"reference": reference}]},
        {"resourceType": "Provenance", "target": [{"reference": "Observation/1"}, {"reference": reference}]},
        {"resourceType": "Composition", "attester": [{"mode": "legal", "party": {"reference": reference}}]},
        {"resourceType": "Patient", "link": [{"other": {"reference": reference}, "type": "seealso"}]},
    ):
        assert compartment.holds(said, PATIENT, base)
        assert search.tokens(said) & compartment.texts([str(said["resourceType"])], PATIENT, base)
        assert not compartment.holds(said, PATIENT.replace("a", "b"), base)
    elsewhere = {"resourceType": "Observation", "subject": {"reference": f"http://other/fhir/Patient/{PATIENT}"}}
    assert not compartment.holds(elsewhere, PATIENT, base)


def _span(start: str, end: str) -> Span:
    first, last = span_of(start), span_of(end)
    assert first is not None
    assert last is not None
    return Span(first.start, last.end)


@pytest.mark.parametrize(
    ("period", "is_within"),
    [
        ({"start": "2024-02-20", "end": "2024-03-01"}, True),
        ({"start": "2024-02-20", "end": "2024-02-29"}, False),
        ({"start": "2024-03-31"}, True),
        ({"start": "2024-04-01"}, False),
        ({"end": "2024-02-01"}, False),
        (None, True),
    ],
)
def test_care_falls_within_a_time_when_some_of_it_does(period: dict[str, str] | None, is_within: bool) -> None:
    stay = {"resourceType": "Encounter", **({"period": period} if period else {})}
    assert compartment.falls_within(stay, _span("2024-03-01", "2024-03")) is is_within


def test_an_illness_lasts_from_its_onset_to_its_end() -> None:
    ill = {"resourceType": "Condition", "onsetDateTime": "2023-01", "abatementDateTime": "2025-01"}
    assert compartment.falls_within(ill, _span("2024", "2024"))
    assert not compartment.falls_within(ill, _span("2026", "2026"))
