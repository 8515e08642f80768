"""The page that lists what the search engine makes of the public FHIRPath test cases is true."""

import pytest

from tests.fhir import fhirpath_cases
from tests.house import fhirpath_page
from tests.npm import Unreachable


@pytest.mark.proof
def test_the_page_lists_what_is_found() -> None:
    try:
        found = list(fhirpath_cases.by_result())
    except Unreachable as reason:
        pytest.skip(f"the public test cases cannot be fetched: {reason}")
    assert len(found) > 900
    assert fhirpath_page.PAGE.read_text(encoding="utf-8") == fhirpath_page.page(found), (
        "docs/fhirpath.md: make fhirpath-page"
    )
    assert {case.name for case, result in found if result == "wrong"} == set(fhirpath_page.WRONG)


def test_the_page_counts_what_it_lists() -> None:
    text = fhirpath_page.PAGE.read_text(encoding="utf-8")
    told = fhirpath_page.counts(text)
    listed = fhirpath_page.listed(text)
    assert {name: len(names) for name, names in listed.items()} == told
    assert set(listed["wrong"]) == set(fhirpath_page.WRONG)
