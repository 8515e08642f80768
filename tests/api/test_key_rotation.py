"""A member changes the key that it signs in with, and is never without one: over HTTP, while it goes on asking."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from certs.keys import SigningKey
from hub.api import auth, submissions
from hub.errors import Conflict, NotFound
from hub.runtime import Hub
from hub.services import enrolment, tokens
from tests.api.test_auth import assertion, form
from tests.hubs import Clock, Enrolled, acts, serve


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, auth.router, submissions.router) as made:
        yield made


async def test_two_keys_count_at_once_and_the_old_one_ends(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, clock: Clock
) -> None:
    async def sign_in(key: SigningKey) -> httpx2.Response:
        return await client.post("/auth/token", data=form(assertion(key, "huiji", clock)))

    async def ask(signed_in: httpx2.Response) -> int:
        headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        return (await client.get("/submissions", headers=headers)).status_code

    old, new = huiji.auth, SigningKey.generate()
    before = await sign_in(old)
    with pytest.raises(Conflict) as last:
        await enrolment.retire_key(hub, old.kid)
    assert last.value.code == "last-key"
    await enrolment.add_keys(hub, "huiji", {"keys": [new.public.to_jwk() | {"purpose": "auth"}]})
    both = [await sign_in(key) for key in (old, new)]
    assert [await ask(one) for one in (before, *both)] == [200, 200, 200]
    await enrolment.retire_key(hub, old.kid)
    refused = await sign_in(old)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid-client")
    clock.advance(seconds=tokens.RECHECK.total_seconds())
    after = await sign_in(new)
    assert [await ask(one) for one in (before, *both, after)] == [200, 200, 200, 200]  # to their own end
    clock.advance(seconds=hub.settings.token_seconds)
    assert [await ask(one) for one in (before, await sign_in(new))] == [401, 200]
    assert [one["key"] for one in await acts(hub, "retire-key")] == [old.kid]
    with pytest.raises(NotFound):
        await enrolment.retire_key(hub, old.kid)


async def test_a_signing_key_ends_for_everybody_with_the_list(hub: Hub, huiji: Enrolled) -> None:
    new = SigningKey.generate()
    await enrolment.add_keys(hub, "huiji", {"keys": [new.public.to_jwk() | {"purpose": "sig"}]})
    published = await enrolment.retire_key(hub, huiji.sig.kid)
    (listed,) = [member for member in published.members if member.name == "huiji"]
    assert {key.kid: key.naf for key in listed.keys}[huiji.sig.kid] <= hub.now()
    await enrolment.report_stolen(hub, new.kid, hub.now())
    with pytest.raises(NotFound):
        await enrolment.retire_key(hub, huiji.sig.kid)
