"""Sets the stage: a new hub with its processes, the counties' and the partner's systems, everybody enrolled.

The hub answers as soon as it can; the first address to click is said then. The counties' registers are still empty.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hub.demo.story import cast
from hub.demo.story.cast import VISITOR, Cast
from hub.demo.story.children import Children
from hub.demo.story.member import Public
from hub.demo.story.narration import Narrator
from hub.demo.story.places import HUIJI, JINJIANG, YONGKANG, Places, environment, settings_of
from hub.runtime import Hub, open_hub
from hub.services import accounts


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs: the hub seen from inside and from outside, the processes, who takes part."""

    places: Places
    hub: Hub
    public: Public
    children: Children
    cast: Cast


@asynccontextmanager
async def set_stage(places: Places, port: int, narrator: Narrator) -> AsyncIterator[Stage]:
    """A running hub with its members; all of it is stopped on leaving."""
    settings = settings_of(places, port)
    children = Children(places, environment(settings))
    try:
        with narrator.step("making a hub"):
            await children.run("init", "hub", "init")
        async with open_hub(settings) as hub, Public(settings.base_url) as public:
            with narrator.step("starting the hub"):
                await children.start("hub", "hub", "serve")
                await cast.open_accounts(hub)
                await public.ask("GET", "/readyz")
            narrator.say(f"sign in here: {await accounts.make_sign_in_link(hub, VISITOR)}")
            with narrator.step("setting up two counties, their gateways and a partner"):
                await children.start("worker", "hub", "work")
                keys, partner_url = await asyncio.gather(_counties(children, places, port), _partner(children, places))
                troupe = await cast.enrol(hub, places, keys, partner_url)
            try:
                yield Stage(places, hub, public, children, troupe)
            finally:
                await children.stop()
    finally:
        await children.stop()


async def _counties(children: Children, places: Places, port: int) -> dict[str, dict[str, object]]:
    """Start both counties' systems and let their gateways make their keys; answers the public keys."""
    settings = settings_of(places, port)

    async def yongkang() -> dict[str, object]:
        url = await children.serve(
            "county-yongkang",
            f"hub.demo.counties.{YONGKANG}",
            "serve",
            "--state",
            str(places.register(YONGKANG)),
            "--secret-file",
            str(places.secret(YONGKANG, "interface")),
            "--page-size",
            "2000",
        )
        return await cast.make_keys(children, YONGKANG, cast.write_gateway(places, settings, YONGKANG, url))

    async def huiji() -> dict[str, object]:
        command = (f"hub.demo.counties.{HUIJI}", "run", "--folder", str(places.drop))
        await children.start("county-huiji", *command, "--state", str(places.register(HUIJI)), "--every", "0.3")
        return await cast.make_keys(children, HUIJI, cast.write_gateway(places, settings, HUIJI))

    first, second = await asyncio.gather(yongkang(), huiji())
    return {YONGKANG: first, HUIJI: second}


async def _partner(children: Children, places: Places) -> str:
    return await children.serve(
        "partner",
        "hub.demo.counties.partner",
        "serve",
        "--state",
        str(places.webhooks),
        "--secret-file",
        str(places.secret(JINJIANG, "webhook")),
    )


async def start_gateways(stage: Stage) -> None:
    """Let the gateways begin their work, each by its own configuration."""
    for county in (YONGKANG, HUIJI):
        configuration = stage.places.gateway(county) / "gateway.yaml"
        await stage.children.start(f"gateway-{county}", "adapters.cli", "run", str(configuration))
