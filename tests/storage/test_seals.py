"""Rows that say who may do what: whoever writes to the database alone adds none, changes none, and is found out."""

from datetime import timedelta
from uuid import UUID

import orjson
import pytest
from sqlalchemy import text

from certs.keys import SigningKey
from hub.runtime import Hub
from hub.services import auditing, diagnosis, enrolment, matters, terms, trust
from hub.storage import agreements, members, seals
from tests.hubs import Enrolled
from tests.messages import agree, allow, withdraw


async def run(hub: Hub, statement: str, **values: object) -> None:
    async with hub.database.begin() as connection:
        assert (await connection.execute(text(statement), values)).rowcount > 0


async def forged(hub: Hub) -> list[str]:
    async with hub.database.read() as connection:
        return await seals.forged(connection)


async def test_what_the_hub_wrote_is_genuine(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    agreed = await agree(hub, yongkang, huiji, case_required=True)
    await allow(hub, yongkang)
    await withdraw(hub, yongkang)
    await enrolment.report_stolen(hub, huiji.sig.kid, hub.now() - timedelta(hours=1))
    await terms.end(hub, agreed)
    assert await forged(hub) == []


async def test_a_key_put_into_the_database_is_never_listed(hub: Hub, yongkang: Enrolled) -> None:
    thief = SigningKey.generate().public
    await run(
        hub,
        """INSERT INTO member_key
           SELECT CAST(:kid AS text), member_id, use, suite, types, CAST(:jwk AS jsonb), not_before, not_after, NULL,
                  now(), seal
           FROM member_key WHERE kid = :like""",
        kid=thief.kid,
        jwk=orjson.dumps(thief.to_jwk()).decode(),
        like=yongkang.sig.kid,
    )
    assert thief.kid not in {key.kid for key in (await trust.publish(hub)).member("yongkang").keys}
    assert await forged(hub) == [f"member_key {thief.kid}"]
    (finding,) = (await auditing.verify(hub)).findings
    assert (finding.code, finding.places) == ("row-forged", (f"member_key {thief.kid}",))
    rights = await diagnosis._rows(hub)
    assert not rights.ok
    # The true owner of a key is not kept out by a row that was put there before her.
    await enrolment.add_keys(hub, "yongkang", {"keys": [{**thief.to_jwk(), "purpose": "sig"}]})
    assert await forged(hub) == []


CHANGES = [
    "UPDATE member_key SET compromised_at = NULL WHERE compromised_at IS NOT NULL",
    "UPDATE member_key SET member_id = (SELECT id FROM member WHERE name = 'huiji') WHERE use = 'sig' AND types <> '{}'",
    "UPDATE member SET divisions = '{110000000000}' WHERE name = 'huiji'",
    "UPDATE consent SET withdrawn_at = NULL",
    "UPDATE consent SET valid_to = valid_to + interval '1 year'",
    "UPDATE agreement SET ended_at = NULL",
    "UPDATE agreement SET case_required = false",
    "UPDATE exchange_case SET state = 'OPEN'",
    "UPDATE exchange_case SET seal = NULL",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_row_counts_as_absent(hub: Hub, yongkang: Enrolled, huiji: Enrolled, change: str) -> None:
    agreed = await agree(hub, yongkang, huiji, case_required=True)
    await allow(hub, yongkang)
    await withdraw(hub, yongkang)
    await enrolment.report_stolen(hub, yongkang.enc.kid, hub.now() - timedelta(hours=1))
    async with hub.database.begin() as connection:
        await agreements.open_case(
            connection,
            from_member=yongkang.member.id,
            to_member=huiji.member.id,
            kind="person",
            subject=b"s",
            now=hub.now(),
            until=hub.now() + timedelta(days=1),
            move=False,
        )
    (case,) = await matters.listed(hub)
    await matters.close(hub, case.case.id)
    await terms.end(hub, agreed)
    await run(hub, change)
    found = await forged(hub)
    assert found
    table = change.split()[1]
    assert {row.split()[0] for row in found} == {table}
    async with hub.database.read() as connection:
        reads = {
            "member": len(await members.all_members(connection)),
            "member_key": len(await members.keys(connection)),
            "agreement": len(await agreements.listed(connection)),
            "exchange_case": len(await agreements.cases(connection)),
        }
    if table == "consent":
        row = found[0].split()[1]
        async with hub.database.read() as connection:
            assert await agreements.consent_by_id(connection, UUID(row)) is None
    else:
        total = {"member": 3, "member_key": 7, "agreement": 1, "exchange_case": 1}[table]
        assert reads[table] == total - len(found)


async def test_a_forged_row_is_not_made_genuine_by_a_change(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    agreed = await agree(hub, yongkang, huiji)
    await run(hub, "UPDATE agreement SET kinds = '{person}'")
    await run(hub, "UPDATE member_key SET types = '{person}' WHERE use = 'enc'")
    async with hub.database.begin() as connection:
        assert not await agreements.end(connection, agreed, hub.now())
        assert not await members.mark_compromised(connection, yongkang.enc.kid, hub.now())
    assert len(await forged(hub)) == 3
