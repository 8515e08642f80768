"""What was asked for and is not there is told in the log, and what is written in another way is read all the same."""

from uuid import uuid4

import pytest

from hub.runtime import Hub
from tests.api.fhir.conftest import Client
from tests.hubs import acts

ORGANIZATION = {"resourceType": "Organization", "name": "一"}


async def test_each_read_leaves_a_leaf_whatever_it_finds(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    id_ = (await as_huiji("POST", "/fhir/Organization", json=ORGANIZATION)).json()["id"]
    asked = [f"{one}{more}" for one in (id_, uuid4()) for more in ("", "/_history", "/_history/1")]
    for where in asked:
        assert (await as_yongkang("GET", f"/fhir/Organization/{where}")).status_code == 404
    leaves = [one for one in await acts(hub, "look-up") if one["actor"] == "yongkang"]
    assert [(one["asked"], one["rows"]) for one in leaves] == [("read", [])] * len(asked)
    assert len({one["digest"] for one in leaves}) == 1, "what is another's looks like what is not there"


async def test_what_is_deleted_is_asked_for_in_the_log_too(as_huiji: Client, hub: Hub) -> None:
    where = f"/fhir/Organization/{(await as_huiji('POST', '/fhir/Organization', json=ORGANIZATION)).json()['id']}"
    await as_huiji("DELETE", where)
    for asked, status in ((where, 410), (f"{where}/_history/2", 410), (f"{where}/_history/3", 404)):
        assert (await as_huiji("GET", asked)).status_code == status
    assert len(await acts(hub, "look-up")) == 3


@pytest.mark.parametrize("said", ["计划外", "&#x8BA1;&#21010;&#x5916;", "计划\\u5916"])
async def test_what_nobody_may_exchange_is_found_however_it_is_escaped(as_huiji: Client, said: str) -> None:
    body = (
        '{"resourceType":"Organization","name":"x","text":{"status":"generated","div":'
        f'"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">{said}</div>"}}}}'
    )
    found = await as_huiji(
        "POST", "/fhir/Organization", content=body.encode(), headers={"Content-Type": "application/fhir+json"}
    )
    assert (found.status_code, "forbidden-content" in found.text) == (400, True)
