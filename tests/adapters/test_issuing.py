"""A certificate is registered before it is signed, signed once that anybody sees, and never issued twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.gateway.assembly import Gateway
from adapters.gateway.records import State
from certs import sdjwt, seal
from tests.adapters import kit


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture
def county(tmp_path: Path) -> Iterator[kit.County]:
    with kit.yongkang_county(tmp_path) as made:
        yield made


async def test_each_step_is_kept_before_the_next(world: kit.Exchange, county: kit.County, tmp_path: Path) -> None:
    county.store.put("jhz", [kit.marriage(1)])
    kit.huiji_gateway(world)
    seen = []
    async with kit.opened(kit.yongkang_gateway(world, county.url)) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.intaking.cycle()
        while items := gateway.spool.outgoing.to_prepare(9, gateway.clock()):
            (item,) = items
            seen.append(item.state)
            if item.state is State.INTENDED:
                assert world.ledger.certificates == {}, "what will be signed is stored before it is registered"
            if item.state is State.ISSUED:
                (registered,) = world.ledger.certificates.values()
                assert registered.digests == [], "and what was signed before its digest is recorded"
                signed = sdjwt.parse(item.credential or "")
                assert signed.status.index == registered.index
            await gateway.preparing.cycle()
        (ready,) = gateway.spool.outgoing.to_submit(9, gateway.clock(), consents_through=9, person_floor=None)
        assert (ready.row, ready.credential, ready.certificate) == (None, None, None), (
            "no plaintext is kept once sealed"
        )
        header = seal.read_header(gateway.spool.outgoing.body(ready.seq))
        assert (header.subject, header.purpose, header.consent_ref) == ("YK1", "certificate-service", None)
    assert seen == [State.SPOOLED, State.INTENDED, State.REGISTERED, State.ISSUED, State.RECORDED]
    (registered,) = world.ledger.certificates.values()
    (handed,) = (tmp_path / "yongkang" / "county" / "certificates").iterdir()
    assert registered.digests == [f"sha-256:{sdjwt.parse(handed.read_text()).digest}"]
    assert handed.stat().st_mode & 0o777 == 0o600
    assert handed.name.startswith("J3307842020000001.")


async def test_a_number_issued_before_is_not_issued_again(world: kit.Exchange, county: kit.County) -> None:
    county.store.put("jhz", [kit.marriage(1)])
    kit.huiji_gateway(world)
    sender = kit.yongkang_gateway(world, county.url)
    assert (await kit.drain(sender)).clean
    county.store.put("jhz", [kit.marriage(1, djy="钱进")])
    assert (await kit.drain(sender)).clean
    assert len(world.ledger.certificates) == 1
    async with kit.opened(sender) as gateway:
        assert gateway.spool.counts()["marriage-certificate"] == {"ACCEPTED": 1, "REFUSED": 1}
        report = [c for d in _deliveries(gateway) for c in gateway.spool.deliveries.report(d).complaints]
    assert [complaint.code for complaint in report if complaint.severity == "error"] == ["already-issued"]


def _deliveries(gateway: Gateway) -> list[str]:
    with gateway.spool._store.read() as db:
        return [row["id"] for row in db.execute("SELECT id FROM deliveries")]


async def test_a_key_the_trust_list_does_not_know_signs_nothing(world: kit.Exchange, county: kit.County) -> None:
    county.store.put("jhz", [kit.marriage(1)])
    kit.huiji_gateway(world)
    sender = kit.yongkang_gateway(world, county.url)
    world.hub.world.enrol(
        "yongkang", kit.DIVISIONS["yongkang"], kit.ring_of("yongkang").jwks(), frozenset({"birth-certificate"})
    )
    async with kit.opened(sender) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.intaking.cycle()
        await gateway.preparing.cycle()
        (trouble,) = gateway.spool.stuck()
        assert (trouble["error_code"], trouble["held"], trouble["state"]) == ("own-key-not-listed", None, State.SPOOLED)
        assert world.ledger.certificates == {}
        world.enrol("yongkang")
    assert (await kit.drain(sender)).clean
    assert len(world.ledger.of("yongkang", raw=False)) == 1
