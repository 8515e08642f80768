"""Two counties, two gateways, one stand-in hub: records go out in order, arrive once, and what is refused is told."""

from pathlib import Path

from tests.adapters import kit


async def test_reports_and_certificates_arrive_at_the_other_county(tmp_path: Path) -> None:
    with kit.exchange(tmp_path) as world, kit.yongkang_county(tmp_path) as county:
        county.store.put("ldrk", [kit.person(n) for n in range(1, 13)])
        county.store.put("byjy", [kit.contraception_report(n) for n in range(1, 13)])
        county.store.put("jhz", [kit.marriage(n) for n in range(1, 4)])
        county.store.put("tysq", [kit.consent(n) for n in range(1, 12)])
        sender, receiver = kit.yongkang_gateway(world, county.url), kit.huiji_gateway(world)

        drained = await kit.drain(sender)
        assert drained.clean, drained
        received = await kit.drain(receiver)
        assert received.clean, received

        kinds = sorted(s.kind for s in world.ledger.of("yongkang"))
        assert kinds.count("contraception-report") == 11
        assert kinds.count("marriage-certificate") == 3
        assert world.ledger.refused == [("yongkang", "no-consent")]
        inbox = sorted((tmp_path / "huiji" / "drop" / "inbox").iterdir())
        assert len(inbox) == 14
        assert all(letter.states == ["RECEIVED", "PROCESSED"] for letter in world.ledger.letters.values())
