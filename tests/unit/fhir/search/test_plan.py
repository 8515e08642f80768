"""What the database tests by texts loses nothing that is asked for, and is all that is asked for where it says so."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import TooLarge
from hub.fhir.search import Clause, Meta, Plan, matches, parse, plan, plan_all, tokens
from tests.unit.fhir.search.asking import BASE, META, NOW, PREFIXES, clauses

Told = dict[str, list[tuple[dict[str, Any], frozenset[str]]]]
CASES = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture(scope="module")
def told(examples: tuple[dict[str, Any], ...]) -> Told:
    """The examples by type, each with its texts."""
    found: Told = {}
    for one in examples:
        found.setdefault(one["resourceType"], []).append((one, tokens(one)))
    return found


def passes(asked: Plan, texts: frozenset[str], meta: Meta = META) -> bool:
    """What the database would answer."""
    times = asked.updated or ((None, None),)
    return (
        asked.passes(texts)
        and (asked.ids is None or meta.id in asked.ids)
        and any((not low or meta.updated_at >= low) and (not end or meta.updated_at < end) for low, end in times)
    )


def clause(type_: str, name: str, value: str) -> Clause:
    return parse(type_, [(name, value)], now=NOW, base=BASE, strict=True).clauses[0]


def agree(asked: Clause, resource: dict[str, Any], texts: frozenset[str]) -> tuple[bool, bool]:
    """Whether a resource matches and passes, after checking that the two agree as far as the plan promises."""
    tested = plan(asked)
    found, passed = matches(asked, resource, META), passes(tested, texts)
    assert passed or not found, (asked.name, asked.operands, tested)
    assert found or not (passed and tested.is_exact), (asked.name, asked.operands, tested)
    return found, passed


@settings(CASES, max_examples=400)
@given(st.data())
def test_nothing_that_is_asked_for_is_lost(told: Told, data: st.DataObject) -> None:
    resources = told[data.draw(st.sampled_from(sorted(told)))]
    asked = data.draw(clauses(data.draw(st.sampled_from([one for one, _ in resources]))))
    for resource, texts in resources:
        agree(asked, resource, texts)


@settings(CASES, max_examples=150)
@given(st.data())
def test_codes_and_days_are_told_from_others_by_texts_alone(told: Told, data: st.DataObject) -> None:
    resources = told["Observation"]
    code = data.draw(st.sampled_from(("code", "combo-code", "category", "status", "subject", "patient", "date")))
    said = [one for one, _ in resources if one.get("effectiveDateTime")]
    resource = data.draw(st.sampled_from(said))
    value = {
        "status": "final",
        "date": resource["effectiveDateTime"][:10],
        "subject": "Patient/example",
        "patient": "example",
    }
    coding = {"code": resource["code"], "combo-code": resource["code"], "category": resource.get("category", [{}])[0]}
    first = coding.get(code, {}).get("coding", [{}])[0]
    asked = clause("Observation", code, value.get(code) or f"{first.get('system', '')}|{first.get('code', 'none')}")
    assert plan(asked).is_exact
    for one, texts in resources:
        agree(asked, one, texts)


days = st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.dates(date(2019, 11, 20), date(2021, 2, 10))
moments = st.builds(
    lambda start, seconds: start + timedelta(seconds=seconds),
    st.sampled_from(
        (datetime(1880, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 6, 1, tzinfo=UTC))
    ),
    st.integers(0, 60 * 86_400) | st.integers(0, 900_000_000),
)


@st.composite
def dates(draw: st.DrawFn) -> str:
    """A date in one of its precisions, or a moment in some zone."""
    day = draw(days).isoformat()
    moment = draw(moments) + timedelta(milliseconds=draw(st.integers(0, 999)))
    zone = draw(st.sampled_from(("Z", "+08:00", "-11:00", "+14:00")))
    exact = moment.replace(tzinfo=None).isoformat(timespec=draw(st.sampled_from(("seconds", "milliseconds"))))
    found: str = draw(st.sampled_from((day[:4], day[:7], day, day, exact + zone)))
    return found


@st.composite
def periods(draw: st.DrawFn) -> dict[str, str]:
    """A Period, open or not; sometimes the wrong way round."""
    sides = draw(st.sampled_from((("start",), ("end",), ("start", "end"), ("start", "end"))))
    return {side: draw(dates()) for side in sides}


@settings(CASES, max_examples=1_000)
@given(periods() | dates(), st.sampled_from(PREFIXES), dates())
def test_no_span_of_time_is_lost(said: dict[str, str] | str, prefix: str, date_: str) -> None:
    element = {"effectivePeriod": said} if isinstance(said, dict) else {"effectiveDateTime": said}
    resource = {"resourceType": "Observation", **element}
    asked = clause("Observation", "date", prefix + date_)
    agree(asked, resource, tokens(resource))
    if prefix != "ne":
        assert plan(asked).is_selective
        assert len(plan(asked).all_of[0]) <= 200


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2021", "end": "2020"},
        {"start": "2020-07", "end": "2020-06"},
        {"start": "2020-06-15", "end": "2020-06-14"},
        {"start": "2020-12-31T16:00:00Z", "end": "2020-12-31"},  # no rule of R4 says that it ends before it starts
    ],
)
def test_a_period_that_starts_when_its_end_is_over_is_within_neither(period: dict[str, str]) -> None:
    resource = {"resourceType": "Observation", "effectivePeriod": period}
    texts = tokens(resource)
    for said in ("2020", "2021", "2020-06", "2020-07", "2020-06-14", "2020-06-15", "2020-12-31", "2021-01-01"):
        for prefix in PREFIXES:
            agree(clause("Observation", "date", prefix + said), resource, texts)
    for said in period.values():
        assert not matches(clause("Observation", "date", said[:10]), resource, META)
    assert matches(clause("Observation", "date", f"ap{period['end']}"), resource, META)


@settings(CASES, max_examples=600)
@given(
    st.lists(periods() | dates().map(lambda day: {"start": day, "end": day}), min_size=1, max_size=2),
    st.lists(st.tuples(st.sampled_from(PREFIXES), dates()), min_size=2, max_size=3),
    st.sampled_from(("Composition", "Encounter")),
)
def test_no_span_is_lost_between_two_dates(
    said: list[dict[str, str]], asked: list[tuple[str, str]], type_: str
) -> None:
    once = {"resourceType": "Encounter", "period": said[0]}
    often = {"resourceType": "Composition", "event": [{"period": one} for one in said]}
    name, resource = ("date", once) if type_ == "Encounter" else ("period", often)
    all_ = [clause(type_, name, prefix + date_) for prefix, date_ in asked]
    assert passes(plan_all(all_), tokens(resource)) or not all(matches(one, resource, META) for one in all_)


@settings(CASES, max_examples=300)
@given(moments, st.sampled_from(PREFIXES), dates())
def test_no_time_of_storage_is_lost(stored: datetime, prefix: str, date_: str) -> None:
    asked, meta = clause("Task", "_lastUpdated", prefix + date_), Meta("x", stored)
    assert passes(plan(asked), frozenset(), meta) or not matches(asked, {"resourceType": "Task"}, meta)


texts = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "Zs")), min_size=1, max_size=30)


@settings(CASES, max_examples=300)
@given(texts, st.integers(0, 30), st.sampled_from(("", ":exact", ":contains")))
def test_no_text_is_lost(said: str, length: int, modifier: str) -> None:
    resource = {"resourceType": "Patient", "name": [{"text": said}]}
    part = said[:length] if length else said.upper()
    if part.strip():
        for mark in "\\,$|":
            part = part.replace(mark, "\\" + mark)
        agree(clause("Patient", "name" + modifier, part), resource, tokens(resource))


@pytest.mark.parametrize(
    ("name", "value", "is_selective", "is_exact"),
    [
        ("family", "王", False, False),
        ("family", "欧阳", True, False),
        ("family:contains", "阳", False, False),
        ("family:exact", "欧阳", True, False),
        ("gender", "male", True, True),
        ("gender:not", "male", False, False),
        ("gender:missing", "true", False, False),
        ("identifier", "urn:a|1,urn:b|2", True, True),
        ("identifier", "urn:a|", True, True),
        ("phone", "13800138000", True, False),
        ("birthdate", "1990-05", True, True),
        ("birthdate", "ne1990", False, False),
        ("general-practitioner:identifier", "urn:a|1", True, False),
        ("organization", "Organization/1", True, True),
        ("_id", "a,b", True, True),
        ("_lastUpdated", "gt2024-01-01", True, False),
        ("deceased", "true", True, True),
    ],
)
def test_a_plan_says_what_it_is_good_for(name: str, value: str, is_selective: bool, is_exact: bool) -> None:
    found = plan(clause("Patient", name, value))
    assert (found.is_selective, found.is_exact) == (is_selective, is_exact)


def test_a_range_of_days_is_few_days_months_years_and_decades() -> None:
    found = plan(clause("Patient", "birthdate", "gt1990-05-03")).all_of[0]
    told = Counter(len(text.partition("@")[2]) for text in found if text.partition("@")[2][0] in "12")
    assert (told[10], told[7], told[4], told[3]) == (29, 7, 9, 10)  # the 3rd itself too: it is compared afterwards
    assert "Patient.birthDate@1990-05-03" in found
    assert "Patient.birthDate@1990-05" not in found


def test_two_ends_of_a_range_are_tested_as_that_range() -> None:
    ends = [
        clause("Patient", "birthdate", "ge1990-01"),
        clause("Patient", "gender", "male"),
        clause("Patient", "birthdate", "lt1991"),
    ]
    birth, gender = sorted(plan_all(ends).all_of, key=len, reverse=True)
    assert gender == {"Patient.gender=male"}
    assert "Patient.birthDate@1990" in birth
    assert "Patient.birthDate@199" not in birth
    assert passes(plan_all(ends), frozenset(("Patient.gender=male", "Patient.birthDate@1990")))
    apart = [clause("Patient", "birthdate", "gt1991"), clause("Patient", "birthdate", "lt1990")]
    assert len(plan_all(apart).all_of) == 2
    often = [clause("Composition", "period", "gt1990"), clause("Composition", "period", "lt1991")]
    assert len(plan_all(often).all_of) == 2


def test_times_of_storage_are_narrowed_together() -> None:
    found = plan_all([clause("Task", "_lastUpdated", "ge2024-01-01"), clause("Task", "_lastUpdated", "lt2024-02-01")])
    assert found.updated is not None
    ((low, end),) = found.updated
    assert low is not None
    assert end is not None
    assert (end - low).days == 31


def test_plans_of_several_clauses_are_tested_together() -> None:
    asked = [
        clause("Patient", "gender", "male"),
        clause("Patient", "birthdate", "1990"),
        clause("Patient", "_id", "a,b"),
    ]
    found = plan_all([*asked, clause("Patient", "_id", "b,c")])
    assert (len(found.all_of), found.ids, found.is_exact) == (2, frozenset("b"), True)
    assert not plan_all([*asked, clause("Patient", "given:contains", "x")]).is_exact


def test_a_subject_is_told_once_for_both_its_parameters() -> None:
    texts = tokens({"resourceType": "Observation", "subject": {"reference": "Patient/p1"}})
    assert texts == {"Observation.subject>Patient/p1", "Observation.subject>p1"}
    (group,) = plan(clause("Observation", "patient", "p1")).all_of
    assert group == {"Observation.subject>Patient/p1", f"Observation.subject>@{BASE}/Patient/p1"}


def test_one_character_of_a_name_is_not_told() -> None:
    assert tokens({"resourceType": "Patient", "name": [{"family": "王", "given": ["伟"]}]}) == {
        "Patient.deceased=false"
    }


def test_a_resource_that_says_too_much_is_refused() -> None:
    identifiers = [{"value": f"number-{i}"} for i in range(6_000)]
    with pytest.raises(TooLarge, match="10000"):
        tokens({"resourceType": "Patient", "identifier": identifiers})


people_days = st.sampled_from(("1987-03-14", "1987-03-15", "1987-03", "1987"))
names_ = st.text("王李Wẃ\u0301 é秀英", min_size=1, max_size=3)


@st.composite
def persons(draw: st.DrawFn) -> dict[str, Any]:
    """A Patient of few names and days, so that two often share them; a date may be less than a day, or missing."""
    names = draw(st.lists(st.fixed_dictionaries({}, optional={
        "text": names_, "family": names_, "given": st.lists(names_, min_size=1, max_size=2)}), max_size=2))  # fmt: skip
    born = draw(st.none() | people_days)
    return {"resourceType": "Patient", "name": names} | ({} if born is None else {"birthDate": born})


named = st.sampled_from(("name", "family", "given", "family:exact", "name:contains"))
starts = st.text("王李wẃé秀", min_size=1, max_size=2)


@settings(CASES, max_examples=400)
@given(persons(), named, starts, people_days, st.sampled_from(("", "ge", "ne", "ap")))
def test_a_name_of_one_character_beside_a_day_loses_nobody(
    person: dict[str, Any], code: str, start: str, day: str, prefix: str
) -> None:
    for value in (start, f"{start},英"):
        asked = parse("Patient", [(code, value), ("birthdate", prefix + day)], now=NOW, base=BASE, strict=True).clauses
        found = all(matches(one, person, META) for one in asked)
        assert passes(plan_all(asked), tokens(person)) or not found, (person, asked, plan_all(asked))


def test_a_name_of_one_character_beside_a_day_finds_few() -> None:
    wang = {"resourceType": "Patient", "birthDate": "1987-03-14", "name": [{"family": "王", "given": ["秀英"]}]}
    others = [wang | {"birthDate": "1987-03-15"}, wang | {"name": [{"family": "李", "given": ["秀英"]}]}]
    asked = parse("Patient", [("family", "王"), ("birthdate", "1987-03-14")], now=NOW, base=BASE, strict=True).clauses
    assert passes(plan_all(asked), tokens(wang))
    assert [passes(plan_all(asked), tokens(one)) for one in others] == [False, False]
    # Alone it is not told, and a month would tell too much.
    assert not any(text.endswith(("^王", "^王@1987-03")) for text in tokens(wang))


@pytest.mark.parametrize("day", ["1970-01-01", "1949-10-01"])
def test_days_on_which_many_are_said_to_be_born_are_told_alone(day: str) -> None:
    person = {"resourceType": "Patient", "birthDate": day, "name": [{"family": "王"}]}
    asked = parse("Patient", [("family", "王"), ("birthdate", day)], now=NOW, base=BASE, strict=True).clauses
    assert plan_all(asked).all_of == (frozenset((f"Patient.birthDate@{day}",)),)
    assert passes(plan_all(asked), tokens(person))
    assert not any("王@" in one for one in tokens(person))


def test_names_and_days_are_joined_to_a_bound() -> None:
    letters = ",".join(map(chr, range(0x4E00, 0x4E00 + 100)))
    days_ = ",".join(str(date(1980, 2, 1) + timedelta(days=one)) for one in range(20))
    said = [("family", letters)] * 10 + [("birthdate", days_)] * 10
    asked = parse("Patient", said, now=NOW, base=BASE, strict=True).clauses
    assert sum(map(len, plan_all(asked).all_of)) <= 1_000 + 20


def test_what_folds_to_nothing_begins_every_name() -> None:
    person = {"resourceType": "Patient", "birthDate": "1987-03-14", "name": [{"family": "李"}]}
    asked = parse(
        "Patient", [("family", "王,\u0301"), ("birthdate", "1987-03-14")], now=NOW, base=BASE, strict=True
    ).clauses
    assert all(matches(one, person, META) for one in asked)
    assert passes(plan_all(asked), tokens(person))
