"""Other members' people in an export: only under an agreement that names exports, in the fewest fields, while it lasts."""

from uuid import UUID

import httpx2
import orjson
import pytest

from hub.domain.scopes import EVERYTHING
from hub.errors import Invalid, NotAllowed
from hub.fhir.patients import FEWEST
from hub.runtime import Hub
from hub.services import terms, tokens
from hub.services.exchange import export_files
from hub.services.tokens import Access
from mappings.vocabulary import CONSENT, CONTRACEPTION_REPORT, PERSON
from tests.api.fhir.conftest import Client, ledger
from tests.api.fhir.test_export import asked, lines, manifest, named, there
from tests.hubs import Clock, Enrolled, acts
from tests.messages import CARE, agree

__all__ = ["there"]


async def _files(as_member: Client, hub: Hub, path: str = "$export", purpose: str | None = CARE) -> list[str]:
    """The files of people in an export: their addresses."""
    asked_for = await as_member("GET", f"/fhir/{path}", purpose=purpose, headers={"Prefer": "respond-async"})
    told = await manifest(as_member, hub, asked_for.headers["Content-Location"])
    return [one["url"] for one in told["output"] if one["type"] == "Patient"]


async def _people(as_member: Client, hub: Hub, purpose: str | None = CARE) -> list[str]:
    found = []
    for url in await _files(as_member, hub, purpose=purpose):
        content = (await as_member("GET", url)).content
        found += [line for line in content.decode().splitlines() if '"urn:lianqiao:yongkang:record"' in line]
    return found


async def test_they_go_along_in_the_fewest_fields_and_are_noted(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await agree(hub, yongkang, huiji, kinds={PERSON}, bulk=True)
    told = await manifest(as_huiji, hub, await asked(as_huiji))
    theirs = next(one for one in told["output"] if "count" not in one)
    own = [one for one in told["output"] if one is not theirs]
    assert there["other"] not in named(await lines(as_huiji, own))
    (line,) = (await as_huiji("GET", theirs["url"])).content.splitlines()
    assert (await as_huiji("GET", f"/fhir/{there['other']}")).json() == orjson.loads(line)
    assert b"410108198805120016" not in line
    assert b"SUBSETTED" in line
    assert ("huiji", "export", CARE, "permit", FEWEST) in await ledger(hub, yongkang, "Y1")


@pytest.mark.parametrize("purpose", [None, "entitlement"])
async def test_without_the_purpose_they_do_not(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled, purpose: str | None
) -> None:
    await agree(hub, yongkang, huiji, kinds={PERSON}, purposes={CARE}, bulk=True)
    assert await _people(as_huiji, hub, purpose) == []
    assert len(await _people(as_huiji, hub)) == 1


async def test_an_agreement_that_does_not_name_it_lets_none_go(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await agree(hub, yongkang, huiji, kinds={PERSON})
    await agree(hub, huiji, yongkang, kinds={PERSON}, bulk=True)  # the other direction
    assert await _people(as_huiji, hub) == []


async def test_when_the_agreement_ends_what_is_left_stays(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled, clock: Clock
) -> None:
    agreement = await agree(hub, yongkang, huiji, kinds={PERSON}, bulk=True)
    (theirs,) = [url for url in await _files(as_huiji, hub) if b"yongkang" in (await as_huiji("GET", url)).content]
    await terms.end(hub, agreement)
    clock.advance(seconds=1)
    found = await as_huiji("GET", theirs)
    assert (found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]) == (403, "no-agreement")
    assert (await acts(hub, "refuse"))[-1]["reason"] == "no-agreement"


async def test_when_it_ends_between_two_parts_that_is_noted_too(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled, clock: Clock
) -> None:
    agreement = await agree(hub, yongkang, huiji, kinds={PERSON}, bulk=True)
    (theirs,) = [url for url in await _files(as_huiji, hub) if b"yongkang" in (await as_huiji("GET", url)).content]
    export, number = theirs.rsplit("/", 2)[1:]
    parts = await export_files.open_file(hub, Access(huiji.member, frozenset({EVERYTHING})), UUID(export), int(number))
    await terms.end(hub, agreement)
    clock.advance(seconds=1)
    with pytest.raises(NotAllowed, match="no-agreement"):
        await anext(parts)
    assert (await acts(hub, "refuse"))[-1] == {"actor": "huiji", "message": export, "reason": "no-agreement"}


async def test_a_narrower_token_fetches_what_it_may_have_asked_for(
    as_huiji: Client, http: httpx2.AsyncClient, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    async def fetched(scope: str, url: str, method: str = "GET") -> tuple[int, str]:
        client = Client(http, await tokens.issue_token(hub, huiji.member, scope=scope))
        found = await client(method, url, purpose=None)
        return found.status_code, found.headers.get("WWW-Authenticate", "").partition("scope=")[2].strip('"')

    await agree(hub, yongkang, huiji, kinds={PERSON}, bulk=True)
    urls = {b"yongkang" in (await as_huiji("GET", url)).content: url for url in await _files(as_huiji, hub)}
    listed = urls[True].rpartition("/")[0]
    for url in (listed, urls[False]):
        assert await fetched("system/*.r", url) == (200, "")
        assert await fetched("system/*.cuds", url) == (403, "system/*.r")
    assert await fetched("system/*.r", urls[True]) == (403, f"lianqiao/purpose.{CARE}")
    assert await fetched(f"system/*.r lianqiao/purpose.{CARE}", urls[True]) == (200, "")
    assert await fetched("system/*.d", listed, "DELETE") == (403, "system/*.r")
    assert await fetched("system/*.r", listed, "DELETE") == (202, "")


async def test_who_is_deleted_meanwhile_is_left_out(
    as_huiji: Client, as_yongkang: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await agree(hub, yongkang, huiji, kinds={PERSON}, bulk=True)
    (theirs,) = [url for url in await _files(as_huiji, hub) if b"yongkang" in (await as_huiji("GET", url)).content]
    await as_yongkang("DELETE", f"/fhir/{there['other']}")
    assert (await as_huiji("GET", theirs)).content == b""


@pytest.mark.parametrize(
    "how", [{"kinds": {CONSENT, CONTRACEPTION_REPORT}}, {"kinds": {PERSON}, "case_required": True}]
)
async def test_an_agreement_names_it_for_people_or_not_at_all(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, how: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as refused:
        await agree(hub, yongkang, huiji, bulk=True, **how)  # type: ignore[arg-type]
    assert refused.value.code == "bad-agreement"
