"""The table of the demonstration is not fooled: what is broken, missing or out of proportion makes its line wrong."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.demo.population import Shape, Story, build
from hub.demo.story import checks, checks_on_people
from hub.demo.story.conflicts import DECIDED, Decided, Outcome
from hub.demo.story.proofs import ASKED, Audited

MISSED = 4


@pytest.fixture(scope="module")
def story() -> Story:
    return build(5, date(2025, 6, 1), Shape(people=6000))


@pytest.fixture
def found(story: Story) -> SimpleNamespace:
    """What a hub finds that missed a few pairs, asked about them, and did as its steward said."""
    ids: dict[int, UUID] = {}
    records = {name: ids.setdefault(person, uuid4()) for name, person in story.truth.person_of.items()}
    single: dict[UUID, list[str]] = {}
    for name, person in records.items():
        single.setdefault(person, []).append(name)
    pairs = [names for names in single.values() if len(names) == 2]
    for _, second in pairs[:MISSED]:
        records[second] = uuid4()
    standing = tuple(Decided(a, b, same=True) for a, b in pairs[MISSED : MISSED + DECIDED - 1])
    outcome = Outcome(waiting=12, asked=DECIDED, followed=DECIDED, undone=True, standing=standing)
    return SimpleNamespace(
        records=records,
        reviews={"REVIEW": 9, "CONFIRMED": 5, "WITHDRAWN": 400},
        review_pairs=MISSED,
        conflicts=outcome,
        audited=Audited(size=10_000, proved=ASKED, asked=ASKED, continued=True),
    )


def verdicts(story: Story, found: Any) -> dict[str, bool]:
    lines = [*checks_on_people.linked(story, found), checks.audited(story, found)]
    return {line.what: line.ok for line in lines}


def test_what_is_right_is_right(story: Story, found: SimpleNamespace) -> None:
    assert set(verdicts(story, found).values()) == {True}


@pytest.mark.parametrize(
    "changed",
    [
        {"review_pairs": 0},
        {"review_pairs": MISSED // 2 - 1},
        {"reviews": {}},
        {"reviews": {"WITHDRAWN": 400}},
        {"reviews": {"REVIEW": 5000}},
    ],
)
def test_who_asks_nobody_or_everybody_is_found_out(
    story: Story, found: SimpleNamespace, changed: dict[str, Any]
) -> None:
    vars(found).update(changed)
    assert [what for what, ok in verdicts(story, found).items() if not ok] == ["sent to review"]


@pytest.mark.parametrize(
    "changed",
    [
        {"asked": 0, "followed": 0, "undone": False, "standing": ()},  # the queue shows nothing
        {"asked": 1, "followed": 1, "standing": ()},  # it shows too little
        {"followed": DECIDED - 1},
        {"undone": False},
        {"standing": ()},
        {"waiting": 0},
        {"waiting": DECIDED - 1},
    ],
)
def test_a_steward_who_is_not_heard_is_found_out(story: Story, found: SimpleNamespace, changed: dict[str, Any]) -> None:
    found.conflicts = replace(found.conflicts, **changed)
    assert [what for what, ok in verdicts(story, found).items() if not ok] == ["decided by a steward"]


def test_a_decision_that_does_not_last_is_found_out(story: Story, found: SimpleNamespace) -> None:
    found.records[found.conflicts.standing[0].b] = uuid4()
    assert not verdicts(story, found)["decided by a steward"]


@pytest.mark.parametrize(
    "changed", [{"proved": 1, "asked": 1}, {"proved": 0, "asked": 0}, {"proved": ASKED - 1}, {"size": 0}, {"size": 50}]
)
def test_a_log_that_lost_its_leaves_is_found_out(story: Story, found: SimpleNamespace, changed: dict[str, Any]) -> None:
    found.audited = replace(found.audited, **changed)
    assert [what for what, ok in verdicts(story, found).items() if not ok] == ["audit verified"]
