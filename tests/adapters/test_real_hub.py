"""Two gateways, two counties and the real hub: what one county writes is in the other's hands, and what may not go does not."""

import csv
from pathlib import Path

from tests.adapters import kit
from tests.adapters.real import real_hub


async def test_the_story_with_the_real_hub(tmp_path: Path, database_url: str) -> None:
    with real_hub(tmp_path, database_url) as hub, kit.yongkang_county(tmp_path, failures=0.2) as county:
        sender, receiver = kit.yongkang_gateway(hub, county.url), kit.huiji_gateway(hub)
        hub.agree("yongkang", "huiji")
        county.store.put("ldrk", [kit.person(n) for n in range(1, 9)])
        county.store.put("byjy", [kit.contraception_report(n) for n in range(1, 6)])
        county.store.put("tysq", [kit.consent(n) for n in range(1, 5)])
        county.store.put("jhz", [kit.marriage(n) for n in range(1, 4)])

        sent = await kit.drain(sender, timeout=60)
        assert sent.clean, sent
        received = await kit.drain(receiver, timeout=60)
        assert received.clean, received
        await kit.drain(sender, timeout=60)

        async with kit.opened(sender) as gateway:
            counts = gateway.spool.counts()
        assert counts["contraception-report"] == {"SETTLED": 4, "REFUSED": 1}
        assert counts["marriage-certificate"] == {"SETTLED": 3}
        assert set(counts["person"]) == set(counts["consent"]) == {"SETTLED"}

        inbox = list((tmp_path / "huiji" / "drop" / "inbox").glob("*.csv"))
        assert len(inbox) == 7
        lines = []
        for path in inbox:
            with path.open(encoding="utf-8-sig", newline="") as file:
                lines += list(csv.DictReader(file))
        assert sorted({line["类别"] for line in lines}) == ["结婚证", "避孕节育情况报告单"]
        (issues,) = (tmp_path / "yongkang" / "county" / "issues").glob("*reports*.csv")
        assert "no-consent" in issues.read_text(encoding="utf-8-sig")
