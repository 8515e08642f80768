"""The walk through the story: what the counties exchange, what people decide, what is shown, reconciled, told and proved.

Numbers are gathered here and judged elsewhere (`hub.demo.story.checks`).
"""

import asyncio
from datetime import date

from hub.demo.population import Shape, Story, build
from hub.demo.story import conflicts, exchange, lookups, notifications, proofs, showing, stage
from hub.demo.story.counter import Counter, signing_key
from hub.demo.story.findings import Findings
from hub.demo.story.member import Member
from hub.demo.story.narration import Narrator
from hub.demo.story.places import COUNTIES, HUIJI, JINJIANG, YONGKANG
from hub.demo.story.stage import Stage
from hub.storage import certificates, reconciliations, reviews


async def walk(on: Stage, narrator: Narrator, people: int, seed: int, as_of: date) -> tuple[Story, Findings]:
    """Walk it from beginning to end; answers the story and all that was found."""
    with narrator.step(f"inventing {people:,} people and writing them into both counties' registers"):
        story, _ = await asyncio.gather(
            asyncio.to_thread(build, seed, as_of, Shape(people=people)),
            exchange.fill_registers(on.children, on.places, people, seed, as_of.isoformat()),
        )
    await stage.start_gateways(on)
    with narrator.step("exchanging records") as step:
        if not await exchange.watch(on.hub, on.places, story, step, on.children):
            narrator.say("nothing moves any more, and not everything has arrived")
    earlier = await proofs.head(on.public, on.hub)
    with narrator.step("deciding conflicts"):
        decided = await conflicts.decide_some(on.hub, story)
    (shown, cases), run = await asyncio.gather(_show(on, narrator), _reconcile(on, narrator))
    with narrator.step("notifying") as step:
        slot, clocks = await notifications.make_digest(on.hub)
        await notifications.await_delivery(on.hub, step.at)
        async with Member(on.hub.settings.base_url, JINJIANG, on.cast.partner_key) as partner:
            mailbox_digests = await notifications.read_mailbox(partner, slot)
    with narrator.step("verifying the audit log"):
        audited = await proofs.audit_all(on.children, on.public, on.hub, earlier)
    with narrator.step("looking everything up"):
        records = await lookups.records(on.hub)
        async with on.hub.database.read() as connection:
            registered = await certificates.totals(connection)
            totals = await reviews.totals(connection, None)
        found = Findings(
            records=records,
            held={county: await lookups.held_people(on.hub, county) for county in COUNTIES},
            consents=await lookups.consents(on.hub, story),
            gateways={county: exchange.gateway_state(on.places, county) for county in COUNTIES},
            refused=await lookups.refused(on.hub),
            told={county: lookups.told(on.places, county) for county in COUNTIES},
            arrived={county: lookups.arrived(on.places, county) for county in COUNTIES},
            reviews=totals,
            review_pairs=await lookups.true_pairs_in_review(on.hub, story, records),
            conflicts=decided,
            registered=registered,
            at_counter=showing.ISSUED_AT_COUNTER,
            shown=shown,
            cases=cases,
            duplicates=run.counts["duplicates"],
            run=str(run.id),
            slot=slot,
            clocks=clocks,
            received=notifications.received(on.places),
            mailbox_digests=mailbox_digests,
            audited=audited,
        )
    return story, found


async def _show(on: Stage, narrator: Narrator) -> tuple[showing.Shown, dict[str, str]]:
    """Show every certificate that a county handed out, and those that must be refused."""
    files = [path for county in COUNTIES for path in (on.places.told(county) / "certificates").glob("*.sd-jwt")]
    with narrator.step("showing certificates") as step:
        shown = await showing.show_all(on.public, files, step)
        auth, own, foreign = await asyncio.gather(
            asyncio.to_thread(signing_key, on.places, YONGKANG, "auth"),
            asyncio.to_thread(signing_key, on.places, YONGKANG, "sig"),
            asyncio.to_thread(signing_key, on.places, HUIJI, "sig"),
        )
        async with Member(on.hub.settings.base_url, YONGKANG, auth) as office:
            cases = await showing.show_bad_ones(on.public, Counter(office, YONGKANG, own), foreign)
    return shown, cases


async def _reconcile(on: Stage, narrator: Narrator) -> reconciliations.Run:
    with narrator.step("reconciling duplicates"):
        await on.children.run("reconcile", "hub", "reconcile", "--now")
        async with on.hub.database.read() as connection:
            return (await reconciliations.newest(connection, 1))[0]
