"""Another linkage model is proposed by one and approved by another, exactly as it was shown, one at a time."""

import pytest
from sqlalchemy import text

from hub.errors import Conflict, HubError, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import accounts, model_change, shadows
from hub.storage import people
from tests.hubs import Enrolled, acts
from tests.models import (
    APPROVER,
    PROPOSER,
    arrive_all,
    change,
    decide_all,
    members,
    open_tasks,
    projection,
    register,
    scores_in_force,
    shifted,
)
from tests.people import arrive, patient

__all__ = ["members"]
STRICT = shifted("strict", 9.0)
LOOSE = shifted("loose", -6.0, phone=3.0)


async def test_a_difference_that_has_changed_is_not_applied(hub: Hub, members: dict[str, Enrolled]) -> None:
    rows = register(8, 60)
    await arrive_all(hub, members, rows)
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    shown = (await model_change.preview(hub)).difference
    moved = min(shown.moves)
    async with hub.database.read() as connection:
        mates = await people.records_of(connection, shown.moves[moved][0])
    other = next(mate for mate in mates if mate != moved)
    await decide_all(hub, [("MUST", min(moved, other), max(moved, other))])
    before = await projection(hub), await scores_in_force(hub), await open_tasks(hub)
    with pytest.raises(Conflict) as refused:
        await model_change.apply(hub, APPROVER, shown.digest)
    assert refused.value.code == "stale"
    assert (await projection(hub), await scores_in_force(hub), await open_tasks(hub)) == before
    assert {epoch.state for epoch, _ in await model_change.listed(hub)} == {"IN_FORCE", "SHADOW"}
    assert await acts(hub, "apply-model") == []
    (attempt,) = await acts(hub, "refuse-apply-model")
    assert (attempt["actor"], attempt["code"], attempt["digest"]) == (APPROVER, "stale", shown.digest)
    again = (await model_change.preview(hub)).difference
    await model_change.apply(hub, APPROVER, again.digest)


async def test_it_takes_two_of_the_hubs_own_staff(hub: Hub, members: dict[str, Enrolled]) -> None:
    await accounts.create_user(hub, name="county", display="C", roles=["steward"], member="huiji")
    await accounts.create_user(hub, name="reader", display="R", roles=["auditor"])
    await arrive_all(hub, members, register(9, 20))
    for nobody in ("county", "reader", "nobody"):
        with pytest.raises(NotAllowed):
            await shadows.propose(hub, STRICT, nobody)
    assert [attempt["actor"] for attempt in await acts(hub, "refuse-model")] == ["county", "reader", "nobody"]
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    digest = (await model_change.preview(hub)).difference.digest
    with pytest.raises(NotAllowed) as own:
        await model_change.apply(hub, PROPOSER, digest)
    assert own.value.code == "own-proposal"
    await accounts.set_disabled(hub, APPROVER, True)
    with pytest.raises(NotAllowed):
        await model_change.apply(hub, APPROVER, digest)
    await accounts.set_disabled(hub, APPROVER, False)
    await model_change.apply(hub, APPROVER, digest)
    (act,) = await acts(hub, "apply-model")
    assert (act["proposed_by"], act["approved_by"], act["digest"]) == (PROPOSER, APPROVER, digest)
    back = (await model_change.preview(hub, "FORMER")).difference.digest
    with pytest.raises(Conflict, match="not-proposed"):
        await model_change.roll_back(hub, APPROVER, back)


async def test_one_model_is_previewed_at_a_time(hub: Hub, members: dict[str, Enrolled]) -> None:
    with pytest.raises(NotFound):
        await model_change.preview(hub)
    await arrive_all(hub, members, register(9, 20))
    shadow = await shadows.propose(hub, STRICT, PROPOSER)
    with pytest.raises(Conflict, match="unscored"):
        await model_change.preview(hub)
    with pytest.raises(Conflict, match="another-shadow"):
        await shadows.propose(hub, LOOSE, PROPOSER)
    assert await shadows.propose(hub, STRICT, APPROVER) == shadow
    await shadows.discard(hub, APPROVER)
    with pytest.raises(Conflict, match="lease-lost"):
        await shadows.score(hub, shadow)
    await change(hub, LOOSE)
    with pytest.raises(Conflict, match="already-in-force"):
        await shadows.propose(hub, LOOSE, PROPOSER)
    await change(hub, STRICT)
    with pytest.raises(Conflict, match="is-former"):
        await shadows.propose(hub, LOOSE, PROPOSER)


async def test_a_model_that_the_hub_did_not_write_scores_nobody(hub: Hub, members: dict[str, Enrolled]) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE linkage_model SET hash = repeat('0', 64)"))
    with pytest.raises(HubError, match="no-model"):
        await arrive(hub, members["huiji"].member, [patient("huiji", "H1")])
