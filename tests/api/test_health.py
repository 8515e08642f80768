"""Alive, ready, and numbers: true while it is so, and without anybody's data."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text

from hub.api import health
from hub.runtime import Hub, open_hub
from hub.settings import Settings
from tests.documents import NAMELESS, Beside, row, sheet, taken_in
from tests.hubs import Enrolled, serve, settings_for
from tests.messages import agree, allow, posted

HERE = {"Host": "127.0.0.1:8080"}


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, health.router) as made:
        yield made


async def test_a_hub_is_alive_and_ready(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_people_who_type_the_address_come_to_the_console(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


async def test_another_schema_is_not_ready(hub: Hub, client: httpx2.AsyncClient) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "schema-outdated")
    assert (await client.get("/healthz")).status_code == 200


async def test_without_a_database_it_is_alive_but_not_ready(hub: Hub, hub_settings: Settings, tmp_path: Path) -> None:
    gone = settings_for(hub_settings.data_dir, f"postgresql://nobody@/none?host={tmp_path}")
    async with open_hub(gone) as cut_off, serve(cut_off, health.router) as client:
        assert (await client.get("/healthz")).status_code == 200
        for path in ("/readyz", "/metrics"):
            answer = await client.get(path, headers=HERE)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_numbers_are_prometheus_text_and_name_nobody(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await taken_in(hub, huiji, Beside(), sheet([row(1), row(2), row(3, **NAMELESS)]))
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    await posted(hub, yongkang, huiji)
    answer = await client.get("/metrics", headers=HERE)
    assert answer.status_code == 200
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found[("hub_work_waiting",)] == 0
    assert found[("hub_submissions_received",)] == 3
    assert found[("hub_submissions_translated",)] == 3
    assert found[("hub_quarantined", ("code", "required-missing"))] == 1
    assert found[("hub_mailbox_items", ("kind", "contraception-report"), ("state", "AVAILABLE"))] == 1
    assert "process_resident_memory_bytes" in {name for name, *_ in found}
    for secret in (row(1)["姓名"], row(1)["身份证号码"], "HJ0000001", "YK0000001"):
        assert secret not in answer.text


def token(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


NEAR, FAR = "127.0.0.1", "203.0.113.7"
SECRET = "three quiet otters"
CALLS: list[tuple[str, str, dict[str, str], bool]] = [
    ("", NEAR, {}, True),
    ("", "::1", {}, True),
    ("", NEAR, {"Host": "localhost"}, True),
    ("", NEAR, {"Host": "LocalHost:80"}, True),
    ("", "::1", {"Host": "[::1]:8080"}, True),
    ("", NEAR, {"Host": "hub.example"}, False),
    ("", NEAR, {"Host": "localhost.hub.example"}, False),
    ("", NEAR, {"Host": "127.0.0.1.hub.example:80"}, False),
    ("", NEAR, {"Host": ""}, False),
    ("", FAR, {}, False),
    ("", FAR, token(""), False),
    ("", NEAR, {"X-Forwarded-For": NEAR}, False),
    ("", NEAR, {"Forwarded": "for=127.0.0.1"}, False),
    ("", NEAR, {"X-Real-IP": FAR}, False),
    (SECRET, NEAR, {}, True),
    (SECRET, FAR, token(SECRET), True),
    (SECRET, FAR, token(SECRET) | {"Host": "hub.example"}, True),
    (SECRET, NEAR, token(SECRET) | {"X-Forwarded-For": FAR}, True),
    (SECRET, FAR, token("three quiet ottery"), False),
    (SECRET, FAR, {"Authorization": f"Basic {SECRET}"}, False),
]


@pytest.mark.parametrize(("secret", "host", "headers", "told"), CALLS)
async def test_numbers_are_for_this_machine_or_for_who_has_the_token(
    hub: Hub, secret: str, host: str, headers: dict[str, str], told: bool
) -> None:
    settings = hub.settings.model_copy(update={"metrics_token": SecretStr(secret)})
    headers = HERE | headers
    async with serve(replace(hub, settings=settings), health.router, host=host) as client:
        answer = await client.get("/metrics", headers=headers)
        if told:
            assert answer.status_code == 200
            assert "hub_work_waiting" in answer.text
        else:
            nothing = await client.get("/nothing-here", headers=headers)
            assert answer.status_code == nothing.status_code == 404
            assert answer.json() | {"trace_id": ""} == nothing.json() | {"trace_id": ""}


def test_the_token_is_not_printed_with_the_settings() -> None:
    made = Settings.model_validate({"metrics_token": SECRET})
    assert SECRET not in f"{made!r}{made}{made.model_dump_json()}"
