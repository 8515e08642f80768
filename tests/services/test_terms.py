"""Agreements: entered and ended with a leaf each, and nothing agreed that the exchange does not know."""

from datetime import timedelta
from uuid import uuid4

import pytest

from hub.domain.policy import Agreement
from hub.errors import Invalid, NotFound
from hub.runtime import Hub
from hub.services import terms
from hub.storage import agreements
from tests.hubs import Clock, Enrolled, acts
from tests.messages import CARE, REPORT, agree


async def _in_force(hub: Hub, sender: Enrolled, recipient: Enrolled) -> Agreement | None:
    async with hub.database.read() as connection:
        return await agreements.between(connection, sender.member.id, recipient.member.id, REPORT, CARE, hub.now())


async def test_an_agreement_holds_in_one_direction_from_its_day_to_its_end(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    id_ = await agree(hub, yongkang, huiji, days=10)
    found = await _in_force(hub, yongkang, huiji)
    assert found is not None
    assert found.id == id_
    assert await _in_force(hub, huiji, yongkang) is None
    clock.advance(days=10)
    assert await _in_force(hub, yongkang, huiji) is None
    (entered,) = await acts(hub, "agree")
    assert (entered["agreement"], entered["actor"]) == (str(id_), "operator")


async def test_ended_is_ended_at_once_and_once(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> None:
    id_ = await agree(hub, yongkang, huiji)
    clock.advance(hours=1)
    await terms.end(hub, id_)
    assert await _in_force(hub, yongkang, huiji) is None
    with pytest.raises(NotFound):
        await terms.end(hub, id_)
    with pytest.raises(NotFound):
        await terms.end(hub, uuid4())
    assert [act["agreement"] for act in await acts(hub, "end-agreement")] == [str(id_)]


async def test_the_newest_of_several_counts(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> None:
    older = await agree(hub, yongkang, huiji)
    clock.advance(days=1)
    newer = await agree(hub, yongkang, huiji, days=2)
    found = await _in_force(hub, yongkang, huiji)
    assert found is not None
    assert found.id == newer
    clock.advance(days=3)
    found = await _in_force(hub, yongkang, huiji)
    assert found is not None
    assert found.id == older


@pytest.mark.parametrize(
    ("kinds", "purposes"),
    [([], [CARE]), ([REPORT], []), (["social-maintenance-fee"], [CARE]), ([REPORT], ["curiosity"])],
)
async def test_only_known_kinds_and_purposes_can_be_agreed(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, kinds: list[str], purposes: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await agree(hub, yongkang, huiji, kinds=kinds, purposes=purposes)
    assert refused.value.code == "bad-agreement"
    assert await terms.listed(hub) == []
    assert await acts(hub, "agree") == []


async def test_an_agreement_ends_after_it_begins(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    with pytest.raises(Invalid) as refused:
        await agree(hub, yongkang, huiji, days=-1)
    assert refused.value.code == "bad-agreement"


async def test_parties_are_two_members(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    one, other = await terms.parties(hub, "yongkang", "huiji")
    assert (one, other) == (yongkang.member, huiji.member)
    with pytest.raises(NotFound, match="nobody"):
        await terms.parties(hub, "yongkang", "nobody")
    with pytest.raises(Invalid):
        await terms.parties(hub, "huiji", "huiji")


async def test_they_are_listed_with_the_names_of_both(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    id_ = await agree(hub, yongkang, huiji)
    ((title, found, sender, recipient),) = await terms.listed(hub)
    assert (title, found.id, sender, recipient) == ("for a test", id_, "yongkang", "huiji")
    assert found.valid_to - found.valid_from == timedelta(days=365)
