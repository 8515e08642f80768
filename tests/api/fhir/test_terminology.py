"""What a code becomes by the hub's own tables, and what it means: ConceptMap, $translate, $lookup, $validate-code."""

from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.conceptmap import ConceptMap
from fhir.resources.R4B.parameters import Parameters

from hub.fhir import concept_maps
from hub.fhir.concept_maps import Asked
from mappings.engine import codes
from mappings.vocabulary import DIVISION_SYSTEM, MARITAL, RELATION, SEX, V3_MARITAL
from tests.api.fhir.conftest import Client

HUIJI = "urn:lianqiao:huiji:marital"
GENDER = "http://hl7.org/fhir/administrative-gender"


def said(found: httpx2.Response) -> dict[str, Any]:
    """result, message, display … of a valid Parameters; matches as (equivalence, code, map)."""
    assert found.status_code == 200, found.text
    body = found.json()
    Parameters.model_validate(body)
    told: dict[str, Any] = {"match": []}
    for one in body["parameter"]:
        value = next((one[key] for key in one if key.startswith("value")), None)
        if one["name"] == "match":
            parts = {part["name"]: part for part in one["part"]}
            code = parts["concept"]["valueCoding"]["code"] if "concept" in parts else ""
            told["match"].append((parts["equivalence"]["valueCode"], code, parts["source"]["valueUri"]))
        elif one["name"] == "property":
            told[one["part"][0]["valueCode"]] = next(v for k, v in one["part"][1].items() if k.startswith("value"))
        else:
            told[one["name"]] = value
    return told


def coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def asked(**values: Any) -> dict[str, Any]:
    kinds = {"coding": "valueCoding", "codeableConcept": "valueCodeableConcept", "reverse": "valueBoolean"}
    listed = [{"name": name, kinds.get(name, "valueUri"): value} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": listed}


def test_every_table_is_a_valid_map() -> None:
    assert len(concept_maps.ids()) == len(codes.names()) > 20
    assert not {"divisions", "forbidden"} & set(concept_maps.ids())
    for id_ in concept_maps.ids():
        made = concept_maps.concept_map(id_)
        ConceptMap.model_validate(made)
        lines = [element for group in made["group"] for element in group["element"]]
        assert len(lines) == len(codes.table(id_).entries)
        unclear = [one for line in lines for one in line["target"] if one["equivalence"] in ("narrower", "inexact")]
        assert all("comment" in one for one in unclear), id_  # cmd-1


def test_reading_a_table_backwards_finds_what_leads_there() -> None:
    for id_ in concept_maps.ids():
        url = concept_maps.url_of(id_)
        for entry in codes.table(id_).entries.values():
            (there,) = concept_maps.translate(Asked((entry.source[:2],), url))
            assert there.concept == (None if entry.target is None else {**entry.target.to_fhir()})
            if entry.target is not None:
                back = concept_maps.translate(Asked((entry.target[:2],), url, reverse=True))
                assert entry.source.code in [one.concept["code"] for one in back if one.concept is not None]


async def test_a_code_becomes_what_the_mapping_makes_of_it(as_huiji: Client) -> None:
    one = f"system={HUIJI}&code=单身"
    expected = {"result": True, "match": [("wider", "10", "urn:lianqiao:concept-map:huiji-marital")]}
    assert said(await as_huiji("GET", f"/fhir/ConceptMap/$translate?{one}")) == expected
    assert said(await as_huiji("GET", f"/fhir/ConceptMap/huiji-marital/$translate?{one}")) == expected
    assert said(await as_huiji("GET", f"/fhir/ConceptMap/$translate?{one}&target={MARITAL}")) == expected
    assert said(await as_huiji("GET", f"/fhir/ConceptMap/$translate?{one}&targetsystem={MARITAL}")) == expected
    by_body = asked(coding=coding(HUIJI, "单身"), url="urn:lianqiao:concept-map:huiji-marital", source=HUIJI)
    assert said(await as_huiji("POST", "/fhir/ConceptMap/$translate", json=by_body)) == expected


async def test_what_has_no_counterpart_or_is_not_known_is_no_translation(as_huiji: Client) -> None:
    none = said(await as_huiji("GET", f"/fhir/ConceptMap/$translate?system={RELATION}&code=02"))
    assert (none["result"], none["match"]) == (False, [("unmatched", "", "urn:lianqiao:concept-map:gbt4761-relation")])
    for query in (f"system={SEX}&code=77", "system=urn:x&code=1", f"system={SEX}&code=1&target=urn:x"):
        found = said(await as_huiji("GET", f"/fhir/ConceptMap/$translate?{query}"))
        assert (found["result"], found["match"]) == (False, [])
        assert "message" in found


async def test_it_is_read_backwards_and_of_several_codings(as_huiji: Client) -> None:
    back = asked(coding=coding(V3_MARITAL, "S"), reverse=True, target=V3_MARITAL)
    found = said(await as_huiji("POST", "/fhir/ConceptMap/$translate", json=back))
    assert found == {"result": True, "match": [("equivalent", "10", "urn:lianqiao:concept-map:gbt2261-2-marital")]}
    two = asked(codeableConcept={"coding": [coding(SEX, "1"), coding(SEX, "0")], "text": "男"}, target=GENDER)
    found = said(await as_huiji("POST", "/fhir/ConceptMap/$translate", json=two))
    assert [(equivalence, code) for equivalence, code, _ in found["match"]] == [
        ("equivalent", "male"),
        ("wider", "unknown"),
    ]
    inverse = asked(coding=coding(GENDER, "unknown"), reverse=True)
    found = said(await as_huiji("POST", "/fhir/ConceptMap/$translate", json=inverse))
    assert [(equivalence, code) for equivalence, code, _ in found["match"]] == [("narrower", "0"), ("narrower", "9")]


async def test_the_maps_are_listed_and_read(as_huiji: Client) -> None:
    every = (await as_huiji("GET", "/fhir/ConceptMap")).json()
    assert every["total"] == len(every["entry"]) == len(codes.names())
    one = (await as_huiji("GET", f"/fhir/ConceptMap?source-system={SEX}&nonsense=1")).json()
    assert [entry["resource"]["id"] for entry in one["entry"]] == ["gbt2261-1-sex"]
    assert "nonsense" not in one["link"][0]["url"]
    assert (await as_huiji("GET", "/fhir/ConceptMap/gbt2261-1-sex")).json() == one["entry"][0]["resource"]
    none = (await as_huiji("GET", "/fhir/ConceptMap?url=urn:x")).json()
    assert (none["total"], "entry" in none) == (0, False)


async def test_a_code_is_looked_up(as_huiji: Client) -> None:
    assert said(await as_huiji("GET", f"/fhir/CodeSystem/$lookup?system={SEX}&code=1"))["display"] == "男"
    place = said(await as_huiji("GET", f"/fhir/CodeSystem/$lookup?system={DIVISION_SYSTEM}&code=410108"))
    assert (place["display"], place["inactive"]) == ("河南省郑州市惠济区", False)
    before = f"/fhir/CodeSystem/$lookup?system={DIVISION_SYSTEM}&code=410108&date=2003-01-01"
    assert "惠济" not in said(await as_huiji("GET", before))["display"]
    for query in (f"system={SEX}&code=77", f"system={V3_MARITAL}&code=S", f"system={DIVISION_SYSTEM}&code=41010"):
        assert (await as_huiji("GET", f"/fhir/CodeSystem/$lookup?{query}")).status_code == 404


async def test_a_code_is_validated(as_huiji: Client) -> None:
    ask = f"/fhir/CodeSystem/$validate-code?url={SEX}&code="
    assert said(await as_huiji("GET", f"{ask}1"))["result"] is True
    assert said(await as_huiji("GET", f"{ask}1&display=男"))["result"] is True
    wrong = said(await as_huiji("GET", f"{ask}1&display=女"))
    assert (wrong["result"], wrong["display"]) == (False, "男")
    assert said(await as_huiji("GET", f"{ask}77"))["result"] is False
    body = asked(url=SEX, codeableConcept={"coding": [coding("urn:x", "1"), coding(SEX, "2")]})
    assert said(await as_huiji("POST", "/fhir/CodeSystem/$validate-code", json=body))["result"] is True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ConceptMap/$translate", 400),
        ("ConceptMap/$translate?code=1", 400),
        ("ConceptMap/$translate?code=1&system=x&conceptMapVersion=2", 400),
        ("ConceptMap/$translate?code=1&system=x&url=urn:x", 404),
        ("ConceptMap/nothing/$translate?code=1&system=x", 404),
        ("ConceptMap/nothing", 404),
        ("CodeSystem/$lookup?system=x&code=1", 404),
        (f"CodeSystem/$lookup?system={SEX}&code=1&date=now", 400),
        ("CodeSystem/$validate-code?url=x&code=1", 404),
    ],
)
async def test_what_cannot_be_asked_is_refused(as_huiji: Client, path: str, status: int) -> None:
    assert (await as_huiji("GET", f"/fhir/{path}")).status_code == status


async def test_only_members_ask(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/fhir/ConceptMap")).status_code == 401
