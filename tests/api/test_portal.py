"""A newcomer applies, is admitted to the sandbox, shows each item by its own traffic, and becomes a live member."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from certs import tokens as signed_tokens
from certs.encoding import b64url, unb64url
from certs.keys import DecryptionKey, SigningKey
from hub.api import turns
from hub.app import create_app
from hub.domain.rehearsal import ITEMS
from hub.errors import Conflict, NotFound
from hub.runtime import Hub, open_hub
from hub.services import accounts, applications, promotion, tokens
from hub.storage import members, retention
from tests import documented
from tests.hubs import BASE_URL, Clock, acts
from tests.sandboxes import AUDIENCE, Newcomer, open_sandbox, proofs

NAME = "qingshan"
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": f"urn:lianqiao:{NAME}:record", "value": "1"}],
    "name": [{"text": "青山一"}],
    "gender": "male",
}


@pytest.fixture
async def sandbox(
    tmp_path: Path, database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hub]:
    monkeypatch.setattr(turns, "HOLD", 0.0)
    async with open_sandbox(tmp_path / "sandbox", database_url, clock) as opened:
        yield opened


@asynccontextmanager
async def interface(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the whole application."""
    app = create_app(hub.settings)
    app.state.hub = hub
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, event_hooks=documented.HOOKS) as client:
        yield client


@pytest.fixture
async def client(sandbox: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with interface(sandbox) as made:
        yield made


@pytest.fixture
def newcomer(clock: Clock) -> Newcomer:
    return Newcomer(NAME, clock)


async def admitted(sandbox: Hub, client: httpx2.AsyncClient, who: Newcomer) -> str:
    """Applied and admitted; the ticket."""
    applied = (await client.post("/portal/applications", json=who.application())).json()
    await applications.admit(sandbox, uuid.UUID(applied["application"]))
    ticket: str = applied["ticket"]
    return ticket


async def seen(client: httpx2.AsyncClient, ticket: str) -> set[str]:
    told = (await client.get(f"/portal/applications/{ticket}")).json()
    return {line["item"] for line in told["items"] if line["seen_at"]}


async def feed(client: httpx2.AsyncClient, id_: str, patient: dict[str, Any]) -> httpx2.Response:
    under = {"identifier": f"urn:lianqiao:{NAME}:record|1"}
    return await client.put("/fhir/Patient", params=under, json=patient, headers={"Message-Id": id_})


async def show_everything(client: httpx2.AsyncClient, who: Newcomer, clock: Clock) -> None:
    await who.sign_in(client)
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    assert (await feed(client, first, {**PATIENT, "gender": "blue"})).status_code in (400, 422)
    sent = await feed(client, second, PATIENT)
    assert sent.status_code == 201, sent.text
    again = await feed(client, second, PATIENT)
    assert again.headers["receipt"] == sent.headers["receipt"]
    assert (await client.get("/submissions", params={"message_id": second})).status_code == 200
    letters = (await client.post("/mailbox", json={})).json()["items"]
    assert [letter["kind"] for letter in letters] == ["exercise", "exercise"]
    for letter, (state, errors) in zip(
        letters, (("PROCESSED", []), ("BUSINESS_ERROR", [{"code": "unusable", "text": "x"}])), strict=True
    ):
        answer = {"state": state, "digest": letter["digest"], "errors": errors}
        assert (await client.post(f"/mailbox/{letter['id']}/receipt", json=answer)).status_code == 200
    key = SigningKey.generate()
    bare = [{**key.public.to_jwk(), "purpose": "auth"}]
    added = await client.post("/portal/keys", json={"keys": proofs(who, {key.kid: key}, bare)})
    assert added.json() == {"added": [key.kid]}, added.text
    await who.sign_in(client, key)
    sealed = (await client.post("/portal/sealed")).json()
    secret = who.enc.open(unb64url(sealed["sealed"]), sealed["info"].encode())
    assert (await client.post("/portal/opened", json={"opened": b64url(b"x" * 32)})).status_code == 400
    assert (await client.post("/portal/opened", json={"opened": b64url(secret)})).json() == {"kid": who.enc.kid}
    await overdo(client)
    clock.advance(seconds=60)
    assert (await client.get("/submissions")).status_code == 200


async def overdo(client: httpx2.AsyncClient) -> int:
    for _ in range(100):
        answer = await client.get("/submissions")
        if answer.status_code == 429:
            return int(answer.headers["retry-after"])
    raise AssertionError("never too many")


async def test_from_a_stranger_to_a_live_member(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock, hub: Hub, tmp_path: Path
) -> None:
    applied = await client.post("/portal/applications", json=newcomer.application())
    assert applied.status_code == 201, applied.text
    ticket = applied.json()["ticket"]
    told = (await client.get(f"/portal/applications/{ticket}")).json()
    assert (told["state"], told["items"], told["passed"]) == ("WAITING", [], False)
    assert (await client.post("/auth/token", data=newcomer.form())).status_code == 401  # not a member yet
    await applications.admit(sandbox, uuid.UUID(applied.json()["application"]))
    assert await seen(client, ticket) == set()
    with pytest.raises(Conflict) as early:
        await promotion.report(sandbox, NAME)
    assert early.value.code == "not-passed"
    await show_everything(client, newcomer, clock)
    told = (await client.get(f"/portal/applications/{ticket}")).json()
    assert {line["item"] for line in told["items"] if line["seen_at"]} == set(ITEMS) - {"webhook"}
    assert told["passed"]
    assert next(iter(await acts(sandbox, "conformance")))["item"] == "sign-in"
    await _promote(hub, sandbox, newcomer, tmp_path)
    assert [one["member"] for one in await acts(sandbox, "admit")] == [NAME]


async def _promote(hub: Hub, sandbox: Hub, newcomer: Newcomer, tmp_path: Path) -> None:
    """The live hub has its own keys, database and tokens; only the check-list goes over."""
    for name in ("first", "second"):
        await accounts.create_user(hub, name=name, display=name, roles=["administrator"])
    settings = hub.settings.model_copy(update={"sandbox_key_file": sandbox.settings.data_dir / promotion.KEY_FILE})
    async with open_hub(settings, now=hub.now) as live, interface(live) as client:
        text = await promotion.report(sandbox, NAME)
        made = await promotion.propose(live, text, ["330702000000"], "first")
        await promotion.approve(live, made.id, "second")
        token = await newcomer.sign_in(client)
        assert (await client.get("/submissions")).json()["items"] == []
        async with live.database.read() as connection:
            member = await members.by_name(connection, NAME)
        assert member is not None
        assert member.divisions == ("330702000000",)
        assert (await client.get(f"/portal/progress/{uuid.uuid4().hex}")).status_code == 404  # nobody applied here
        async with interface(sandbox) as other:
            answer = await other.get("/submissions", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401  # the token of one counts for nothing at the other


async def test_what_the_operator_does_in_a_members_name_shows_nothing(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    ticket = await admitted(sandbox, client, newcomer)
    client.headers["Authorization"] = f"Bearer {await tokens.issue_token_for(sandbox, NAME)}"
    assert (await feed(client, str(uuid.uuid4()), PATIENT)).status_code == 201
    assert await seen(client, ticket) == set()


async def test_who_does_not_wait_has_not_shown_it(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock
) -> None:
    ticket = await admitted(sandbox, client, newcomer)
    await newcomer.sign_in(client)
    assert await overdo(client) >= 1
    clock.advance(seconds=0.9)
    assert (await client.get("/submissions")).status_code == 200
    clock.advance(seconds=120)
    assert (await client.get("/submissions")).status_code == 200
    assert "retry-after" not in await seen(client, ticket)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"iss": "yongkang"}, "no-possession"),
        ({"aud": f"{BASE_URL}/auth/token"}, "no-possession"),
        ({"aud": [AUDIENCE]}, "no-possession"),
        ({"exp": 0}, "no-possession"),
        ({"exp": 2**40}, "no-possession"),
        ({"exp": "soon"}, "no-possession"),
        ({"keys": []}, "no-possession"),
    ],
    ids=str,
)
async def test_a_proof_is_for_this_member_here_and_now(
    client: httpx2.AsyncClient, newcomer: Newcomer, wrong: dict[str, Any], code: str
) -> None:
    answer = await client.post("/portal/applications", json=newcomer.application(keys=newcomer.keys(**wrong)))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_keys_of_others_and_private_keys_are_not_taken(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock
) -> None:
    async def apply(keys: list[dict[str, Any]]) -> str:
        answer = await client.post("/portal/applications", json=newcomer.application(keys=keys))
        assert answer.status_code == 400
        code: str = answer.json()["code"]
        return code

    right, stranger = newcomer.keys(), Newcomer("another", clock)
    swapped = [{**key, "proof": other.get("proof")} for key, other in zip(right, stranger.keys(), strict=True)]
    assert await apply(swapped) == "no-possession"
    assert (
        await apply([{name: value for name, value in key.items() if name != "proof"} for key in right])
        == "no-possession"
    )
    assert await apply([*right[:2], stranger.keys()[2]]) == "no-possession"  # not among those that are named
    assert await apply([{**newcomer.enc.public.to_jwk(), "purpose": "enc"}]) == "no-possession"
    assert await apply([{**newcomer.auth.to_jwk(), "purpose": "auth"}]) == "private-key"
    assert await apply([right[0], right[0]]) == "malformed-key"
    assert (
        await apply(proofs(newcomer, {newcomer.sig.kid: newcomer.sig}, [right[1] | {"proof": ""}])) == "malformed-key"
    )
    assert {one["reason"] for one in await acts(sandbox, "refuse")} == {"no-possession", "private-key", "malformed-key"}


async def test_strangers_cannot_fill_the_hub(
    sandbox: Hub, client: httpx2.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [Newcomer(f"n{number:02}", clock).application() for number in range(12)]
    answers = [await client.post("/portal/applications", json=one) for one in wanted]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    clock.advance(hours=2)
    monkeypatch.setattr(applications, "MOST_WAITING", 10)
    full = await client.post("/portal/applications", json=Newcomer("n20", clock).application())
    assert (full.status_code, full.json()["code"]) == (503, "unavailable")
    long = await client.post("/portal/applications", json=Newcomer("n21", clock).application(contact="x" * 201))
    assert long.status_code == 400
    many = [{"kty": "EC"}] * 9
    assert (
        await client.post("/portal/applications", json=Newcomer("n22", clock).application(keys=many))
    ).status_code == 400


async def test_a_declined_one_reads_why_and_is_forgotten(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock
) -> None:
    applied = (await client.post("/portal/applications", json=newcomer.application())).json()
    await applications.decline(sandbox, uuid.UUID(applied["application"]), "no county of that name")
    told = (await client.get(f"/portal/applications/{applied['ticket']}")).json()
    assert (told["state"], told["reason"]) == ("DECLINED", "no county of that name")
    with pytest.raises(Conflict):
        await applications.admit(sandbox, uuid.UUID(applied["application"]))
    now = clock.advance(days=8)
    async with sandbox.database.begin() as connection:
        assert (await retention.forget(connection, now=now, before=now))["application"] == 1
    assert (await client.get(f"/portal/applications/{applied['ticket']}")).status_code == 404


async def test_a_member_leaves_the_sandbox_and_its_name_is_free(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock
) -> None:
    ticket = await admitted(sandbox, client, newcomer)
    await newcomer.sign_in(client)
    assert await applications.lapse(sandbox) == 0
    clock.advance(days=sandbox.settings.sandbox_days)
    assert await applications.lapse(sandbox) == 1
    assert (await client.get(f"/portal/applications/{ticket}")).status_code == 404
    assert (await client.post("/auth/token", data=newcomer.form())).status_code == 401
    again = Newcomer(NAME, clock)
    await admitted(sandbox, client, again)
    await again.sign_in(client)


async def test_keys_that_were_put_into_an_application_are_not_admitted(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock
) -> None:
    right = (await client.post("/portal/applications", json=newcomer.application())).json()
    other = (await client.post("/portal/applications", json=Newcomer("other", clock).application())).json()
    swap = "UPDATE application SET keys = (SELECT keys FROM application WHERE id = :other) WHERE id = :right"
    async with sandbox.database.begin() as connection:
        await connection.execute(text(swap), {"other": other["application"], "right": right["application"]})
    with pytest.raises(NotFound):
        await applications.admit(sandbox, uuid.UUID(right["application"]))
    assert [one.name for one in await applications.listed(sandbox)] == ["other"]
    assert await applications.admit(sandbox, uuid.UUID(other["application"])) == "other"


async def test_two_who_want_one_name(sandbox: Hub, client: httpx2.AsyncClient, clock: Clock) -> None:
    one, other = Newcomer(NAME, clock), Newcomer(NAME, clock)
    waiting = (await client.post("/portal/applications", json=other.application())).json()["application"]
    await admitted(sandbox, client, one)
    with pytest.raises(Conflict) as taken:
        await applications.admit(sandbox, uuid.UUID(waiting))
    assert taken.value.code == "name-taken"
    assert (await client.post("/auth/token", data=other.form())).status_code == 401
    refused = await client.post("/portal/applications", json=other.application())
    assert (refused.status_code, refused.json()["code"]) == (409, "name-taken")


async def test_a_key_of_another_member_is_not_taken(sandbox: Hub, client: httpx2.AsyncClient, clock: Clock) -> None:
    one, other = Newcomer("one", clock), Newcomer("other", clock)
    await admitted(sandbox, client, one)
    other.auth = one.auth
    with pytest.raises(Conflict) as taken:
        await admitted(sandbox, client, other)
    assert taken.value.code == "key-taken"


async def test_a_key_that_opened_nothing_does_not_go_along(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer, clock: Clock
) -> None:
    """Whoever names another's encryption key as its own has nothing of it."""
    await admitted(sandbox, client, newcomer)
    await show_everything(client, newcomer, clock)
    another = DecryptionKey.generate()
    fresh = SigningKey.generate()
    bare = [{**another.public.to_jwk(), "purpose": "enc"}, {**fresh.public.to_jwk(), "purpose": "auth"}]
    answer = await client.post("/portal/keys", json={"keys": proofs(newcomer, {fresh.kid: fresh}, bare)})
    assert set(answer.json()["added"]) == {another.kid, fresh.kid}, answer.text
    said = signed_tokens.claims_of(signed_tokens.take_apart(await promotion.report(sandbox, NAME)))
    carried = {key["kid"] for key in said["keys"] if key["purpose"] == "enc"}
    assert carried == {newcomer.enc.kid}


async def test_a_list_for_a_spreadsheet_is_answered_too(
    sandbox: Hub, client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    await admitted(sandbox, client, newcomer)
    await newcomer.sign_in(client)
    sent = await feed(client, str(uuid.uuid4()), PATIENT)
    address = f"/submissions/{sent.headers['submission-id']}/issues"
    answer = await client.get(address, headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
