"""The story and its truth: every paper has the fate its consent calls for, and the expected counts are the counts."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import combinations

import pytest

from hub.demo.population import Shape, Story, build
from hub.demo.population.papers import DELIVERED, BirthCertificate, Consent, Marriage, Report
from mappings import divisions, vocabulary

AS_OF = date(2025, 6, 1)


@pytest.fixture(scope="module")
def story() -> Story:
    return build(11, AS_OF, Shape(people=6000))


def test_the_same_seed_tells_the_same_story(story: Story) -> None:
    again = build(11, AS_OF, Shape(people=6000))
    assert again == story
    assert build(12, AS_OF, Shape(people=600)).truth != build(13, AS_OF, Shape(people=600)).truth


def test_expected_counts_follow_from_the_records(story: Story) -> None:
    expected, truth = story.truth.expected, story.truth
    readable = [r for rows in story.records.values() for r in rows if not r.defect]
    people = {county: {r.person for r in readable if r.county == county} for county in story.records}
    assert expected.people_recorded == len(people["yongkang"] | people["huiji"])
    assert expected.people_in_both == len(people["yongkang"] & people["huiji"]) > 1000
    assert expected.duplicates_within["yongkang"] == sum(r.county == "yongkang" for r in readable) - len(
        people["yongkang"]
    )
    few = [r for r in readable if r.person <= 400]
    pairs = sum(
        truth.same_person(f"{a.county}/{a.record_id}", f"{b.county}/{b.record_id}") for a, b in combinations(few, 2)
    )
    groups = Counter(r.person for r in few)
    assert pairs == sum(n * (n - 1) // 2 for n in groups.values())
    assert expected.true_pairs == sum(n * (n - 1) // 2 for n in Counter(r.person for r in readable).values())
    assert sum(expected.quarantined.values()) == len(truth.defects) > 20


def test_record_ids_of_the_two_counties_tell_nothing_of_each_other(story: Story) -> None:
    ids = {county: [r.record_id for r in rows] for county, rows in story.records.items()}
    for found in ids.values():
        assert len(set(found)) == len(found)
    assert not set(ids["yongkang"]) & set(ids["huiji"])
    digits = {county: {"".join(filter(str.isdigit, i)) for i in found} for county, found in ids.items()}
    assert not digits["yongkang"] & digits["huiji"]


def _covers(consent: Consent, report: Report) -> bool:
    home = {"huiji": "410108000000", "yongkang": "330784000000"}[report.recipient]
    return (
        consent.record.record_id == report.record.record_id
        and consent.withdrawn_on is None
        and consent.signed_on <= AS_OF < consent.ends_on
        and vocabulary.CONTRACEPTION_REPORT in consent.kinds
        and consent.purpose == "continuity-of-care"
        and consent.recipient in (home, home[:2] + "0" * 10)
    )


def test_a_report_is_delivered_exactly_when_a_consent_covers_it(story: Story) -> None:
    consents = {consent.number: consent for consent in story.consents}
    assert len(consents) == len(story.consents)
    for report in story.reports:
        consent = consents.get(report.consent_number)
        covered = consent is not None and _covers(consent, report)
        if report.fate in ("forbidden-content", "unreadable"):
            assert covered
        else:
            assert (report.fate == DELIVERED) == covered, report.case
        assert report.county != report.recipient == {"yongkang": "huiji", "huiji": "yongkang"}[report.county]
    fates = {fate for _, fate in story.truth.expected.reports}
    assert fates == {
        "delivered",
        "no-consent",
        "consent-withdrawn",
        "consent-expired",
        "forbidden-content",
        "unreadable",
    }


def test_certificates_travel_both_ways_under_numbers_of_their_own(story: Story) -> None:
    certificates: tuple[Sequence[Marriage | BirthCertificate], ...] = (story.marriages, story.births)
    for papers in certificates:
        assert {paper.county for paper in papers} == {"yongkang", "huiji"}
        numbers = [paper.number for paper in papers]
        assert len(set(numbers)) == len(numbers)
        for paper in papers:
            assert paper.record.county == paper.county != paper.recipient
    for marriage in story.marriages:
        subject = marriage.husband if marriage.holder == "a" else marriage.wife
        assert marriage.record.person == subject.id
        assert (marriage.husband.id, marriage.wife.id) in story.truth.couples
        assert marriage.registered_on < AS_OF
    for birth in story.births:
        assert birth.record.person == birth.mother.id == birth.child.mother
        assert birth.born_at.date() == birth.child.birth <= birth.issued_on < AS_OF


def test_papers_hang_on_rows_that_are_readable(story: Story) -> None:
    readable = {f"{r.county}/{r.record_id}" for rows in story.records.values() for r in rows if not r.defect}
    everything: list[Consent | Report | Marriage | BirthCertificate] = [
        *story.consents,
        *story.reports,
        *story.marriages,
        *story.births,
    ]
    assert {f"{paper.county}/{paper.record.record_id}" for paper in everything} <= readable


def test_every_division_is_in_the_national_table(story: Story) -> None:
    codes = {a.division[:6] for rows in story.records.values() for r in rows for a in (r.origin, r.residence)}
    codes |= {p.resident_id[:6] for h in story.households for p in h.members if p.birth.year > 2000}
    assert {code for code in codes if not divisions.known(code)} == set()


def test_no_two_papers_of_a_county_share_a_number() -> None:
    # On this day two certificates of one year are to be unreadable.
    story = build(1, date(2026, 11, 27), Shape(people=20_000))
    for kept in (story.consents, story.reports, story.marriages, story.births):
        numbers = [(one.county, one.number) for one in kept]
        assert len(set(numbers)) == len(numbers)
