"""The county of Yongkang: signed requests, its bad manners, and an inbox that counts every arrival."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.demo.counties.yongkang.server import Manners, create_app
from hub.demo.counties.yongkang.signatures import sign
from hub.demo.counties.yongkang.store import Conflict, Store

SECRET = b"a secret of the county"


class Client:
    """Signs what it sends, as a gateway would."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def send(self, method: str, target: str, body: Any = None, **headers: str) -> httpx2.Response:
        content = b"" if body is None else json.dumps(body).encode()
        timestamp = str(int(time.time()))
        signed = {
            "X-App-Id": "lianqiao",
            "X-Timestamp": timestamp,
            "X-Sign": sign(SECRET, method, target, timestamp, content),
        }
        return await self._http.request(method, target, content=content, headers=signed | headers)

    async def data(self, method: str, target: str, body: Any = None) -> Any:
        answer = (await self.send(method, target, body)).json()
        assert answer["code"] == 200, answer
        return answer["data"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "county.sqlite")
    found.put("ldrk", [{"rybh": f"R{n:03d}", "xm": "王芳"} for n in range(23)])
    return found


async def _client(store: Store, **manners: Any) -> AsyncIterator[Client]:
    app = create_app(store, Manners(secrets={"lianqiao": SECRET}, **manners))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as http:
        yield Client(http)
    store.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[Client]:
    async for found in _client(store, failures=0.0, page_size=10, overlap=2):
        yield found


async def test_pages_come_in_order_of_version_and_overlap(client: Client) -> None:
    pages = [await client.data("GET", f"/api/v2/ldrk?since=0&page={n}") for n in (1, 2, 3, 4)]
    numbers = [[row["rybh"] for row in page["list"]] for page in pages]
    assert [len(found) for found in numbers] == [10, 12, 5, 0]
    assert numbers[1][:2] == numbers[0][-2:]
    assert {n for found in numbers for n in found} == {f"R{n:03d}" for n in range(23)}
    assert (pages[0]["pages"], pages[0]["total"], pages[0]["rowver"]) == (3, 23, 23)


async def test_reading_on_from_a_version_repeats_the_last_rows(client: Client) -> None:
    page = await client.data("GET", "/api/v2/ldrk?since=20&page=1")
    assert [row["rowver"] for row in page["list"]] == [19, 20, 21, 22, 23]
    nothing_new = await client.data("GET", "/api/v2/ldrk?since=23&page=1")
    assert [row["rowver"] for row in nothing_new["list"]] == [22, 23]
    assert nothing_new["pages"] == 1


async def test_a_changed_row_moves_to_the_end_and_an_unchanged_one_stays(client: Client) -> None:
    assert await client.data("POST", "/api/v2/ldrk", {"rybh": "R005", "xm": "王芳"}) == {"rowver": 6}
    assert await client.data("POST", "/api/v2/ldrk", {"rybh": "R005", "xm": "王方"}) == {"rowver": 24}
    page = await client.data("GET", "/api/v2/ldrk?since=23&page=1")
    assert page["list"][-1] == {"rybh": "R005", "xm": "王方", "rowver": 24}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Sign": "0" * 64},
        {"X-App-Id": "somebody"},
        {"X-Timestamp": "1500000000"},
        {"X-Timestamp": "now"},
    ],
)
async def test_a_request_whose_signature_does_not_fit_is_refused(client: Client, headers: dict[str, str]) -> None:
    answer = await client.send("GET", "/api/v2/ldrk?since=0&page=1", **headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == 401
    assert answer.json()["data"] is None


async def test_the_signature_covers_the_query_and_the_body(client: Client) -> None:
    timestamp = str(int(time.time()))
    stolen = sign(SECRET, "POST", "/api/v2/tbfk", timestamp, b'{"message_id": "1"}')
    answer = await client.send("POST", "/api/v2/tbfk", {"message_id": "2"}, **{"X-Sign": stolen})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "target", "body", "code"),
    [
        ("GET", "/api/v2/unknown", None, 404),
        ("GET", "/api/v2/ldrk?since=yesterday", None, 400),
        ("POST", "/api/v2/ldrk", {"xm": "王芳"}, 400),
        ("POST", "/api/v2/ldrk", ["R001"], 400),
        ("POST", "/api/v2/tbfk", {"kind": "no id"}, 400),
    ],
)
async def test_nonsense_is_answered_with_its_code(
    client: Client, method: str, target: str, body: Any, code: int
) -> None:
    assert (await client.send(method, target, body)).json()["code"] == code


async def test_a_write_back_is_kept_once_and_counted_each_time(client: Client, store: Store) -> None:
    message = {"message_id": "m-1", "kind": "contraception-report", "fields": {"method": "iud"}}
    first = await client.data("POST", "/api/v2/tbfk", message)
    again = await client.data("POST", "/api/v2/tbfk", message)
    assert (first["new"], again["new"]) == (True, False)
    await client.data("POST", "/api/v2/tbfk", {"message_id": "m-2", "kind": "acknowledgement"})
    changed = (await client.send("POST", "/api/v2/tbfk", message | {"fields": {}})).json()
    assert changed["code"] == 409
    assert await client.data("GET", "/api/v2/tbfk") == {
        "messages": {"acknowledgement": 1, "contraception-report": 1},
        "arrivals": 4,
        "repeated": 2,
        "conflicting": 1,
    }
    assert store.messages("contraception-report") == [message]


async def test_errors_inside_a_success_go_away_when_the_request_is_sent_again(store: Store) -> None:
    async for client in _client(store, failures=0.5, seed=3):
        first, second = [], []
        for page in range(1, 31):
            target = f"/api/v2/ldrk?since=0&page={page}"
            answers = [await client.send("GET", target) for _ in range(2)]
            assert {answer.status_code for answer in answers} == {200}
            first.append(answers[0].json()["code"])
            second.append(answers[1].json()["code"])
        assert set(second) == {200}
        assert 5 < first.count(500) < 25


def test_the_store_keeps_what_it_answered_when_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "county.sqlite"
    store = Store(file)
    assert store.put("tysq", [{"sqbh": "1"}, {"sqbh": "2"}]) == 2
    assert store.receive("m", "k", b"{}", "2025-06-01T00:00:00+00:00")
    other = Store(file)
    assert other.put("tysq", [{"sqbh": "1"}, {"sqbh": "2", "zt": "9"}]) == 1
    assert not other.receive("m", "k", b"{}", "2025-06-01T00:00:01+00:00")
    with pytest.raises(Conflict):
        other.receive("m", "k", b"[]", "2025-06-01T00:00:02+00:00")
    assert other.inbox().arrivals == 3
    store.close()
    other.close()
