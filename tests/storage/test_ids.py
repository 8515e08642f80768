"""Ids: of version 7, in order of time, never twice."""

import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

from hub.storage.ids import new_id, new_ids, read_id


def test_an_id_tells_its_version_and_the_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= after
    assert datetime.fromtimestamp((made.int >> 80) / 1000, UTC).year >= 2026


def test_ids_are_never_twice_the_same_and_later_ones_are_greater() -> None:
    made = [new_id() for _ in range(5000)]
    assert len(set(made)) == 5000
    time.sleep(0.002)
    assert new_id() > max(made)


def test_ids_made_at_once_ascend_and_are_no_other_than_single_ones() -> None:
    made = new_ids(1000)
    assert made == sorted(set(made))
    assert len(made) == 1000
    assert all((id_.version, id_.variant) == (7, "specified in RFC 4122") for id_ in made)
    assert {UUID(str(id_)) for id_ in made} == set(made)
    assert new_ids(0) == []


def test_an_id_is_read_from_a_text_and_nothing_else_is() -> None:
    id_ = new_id()
    assert read_id(str(id_)) == id_
    assert read_id("01978E5C-7AB0-7CC3-98C4-DC0C0C07398F") is None  # an id of FHIR is compared letter for letter
    assert [read_id(text) for text in (id_.hex, "", "p1", "x" * 36, str(uuid4()), f"#{id_.hex}", id_.hex * 2)] == [
        None
    ] * 7
