"""Every example of every mapping gives what its files say, and what it gives is FHIR and JSON."""

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

import mappings
from mappings import examples
from mappings.engine.load import root

ALL = [(name, example) for name in mappings.names() for example in examples.examples(root() / name)]
IDS = [f"{name}:{example.name}" for name, example in ALL]


@pytest.mark.parametrize(("name", "example"), ALL, ids=IDS)
def test_example_gives_what_is_expected(name: str, example: examples.Example) -> None:
    differences = examples.compare(mappings.load(name), example)
    assert not differences, "\n".join(
        f"{d.place}: expected {d.expected!r}, found {d.found!r}" for d in differences[:10]
    )


@pytest.mark.parametrize(("name", "example"), ALL, ids=IDS)
def test_resources_are_fhir_r4(name: str, example: examples.Example) -> None:
    for result in json.loads(example.expected.read_text("utf-8")):
        for resource in result["resources"]:
            if resource["resourceType"] == "DocumentReference":
                resource = resource | {"content": [{"attachment": {"contentType": "application/dc+sd-jwt"}}]}
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("name", mappings.names())
def test_every_mapping_has_an_example_that_succeeds_and_one_that_is_refused(name: str) -> None:
    found = [examples.run(mappings.load(name), example) for example in examples.examples(root() / name)]
    assert any(result["ok"] for outcome in found for result in outcome.results)
    assert any(issue["severity"] == "error" for outcome in found for issue in outcome.issues)


@pytest.mark.parametrize("name", mappings.names())
def test_no_issue_quotes_forbidden_content(name: str) -> None:
    for example in examples.examples(root() / name):
        for issue in json.loads(example.issues.read_text("utf-8")):
            assert issue["code"] != "forbidden-content" or issue["value"] is None


def test_certificate_claims_are_those_of_their_kind() -> None:
    from certs import kinds

    checked = 0
    for name in mappings.names():
        mapping = mappings.load(name)
        if not mapping.sealed or mapping.kind == "contraception-report":
            continue
        for example in examples.examples(root() / name):
            for result in examples.run(mapping, example).results:
                if result["ok"]:
                    claims = {key: value for key, value in result["claims"].items() if key != "holder_key"}
                    kinds.named(mapping.kind).check(claims)
                    checked += 1
    assert checked >= 8
