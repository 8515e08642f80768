"""The simulated systems as processes: they say where they listen, survive kill -9 with all they answered, and end when told."""

import contextlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

import mappings
from adapters.rest_json.pages import page_of
from adapters.rest_json.requests import CountyRequests
from adapters.rest_json.settings import RestJsonSettings
from hub.demo.counties.yongkang.signatures import sign
from hub.demo.counties.yongkang.store import Store
from hub.demo.population import Shape, build
from hub.demo.population.dialects.yongkang import tables
from mappings import vocabulary

AS_OF = date(2025, 6, 1)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, "-m", f"hub.demo.counties.{arguments[0]}", *arguments[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def _post(url: str, path: str, message: dict[str, object]) -> httpx2.Response:
    body = json.dumps(message).encode()
    timestamp = str(int(time.time()))
    headers = {
        "X-App-Id": "lianqiao",
        "X-Timestamp": timestamp,
        "X-Sign": sign(SECRET.encode(), "POST", path, timestamp, body),
    }
    return httpx2.post(url + path, content=body, headers=headers, trust_env=False)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n", "ascii")
    return file


def test_yongkang_keeps_what_it_answered_through_kill_9(tmp_path: Path, secret_file: Path) -> None:
    arguments = ("yongkang", "serve", "--state", str(tmp_path / "c.sqlite"), "--secret-file", str(secret_file))
    with _process(*arguments) as (process, ready):
        for number in range(5):
            answer = _post(ready["url"], "/api/v2/tbfk", {"message_id": f"m-{number}", "kind": "notice"})
            if answer.json()["code"] == 500:
                answer = _post(ready["url"], "/api/v2/tbfk", {"message_id": f"m-{number}", "kind": "notice"})
            assert answer.json()["data"] == {"message_id": f"m-{number}", "new": True}
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    counted = subprocess.run(
        [sys.executable, "-m", "hub.demo.counties.yongkang", "inbox", "--state", str(tmp_path / "c.sqlite")],
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(counted.stdout) == {"messages": {"notice": 5}, "arrivals": 5, "repeated": 0, "conflicting": 0}


async def test_the_gateway_reads_yongkang_page_by_page_and_misses_nothing(tmp_path: Path, secret_file: Path) -> None:
    secret_file.chmod(0o600)
    state = tmp_path / "c.sqlite"
    story = build(7, AS_OF, Shape(people=900))
    store = Store(state)
    rows = tables(story, [vocabulary.PERSON])["ldrk"]
    store.put("ldrk", rows)
    store.close()
    arguments = ("yongkang", "serve", "--state", str(state), "--secret-file", str(secret_file), "--failures", "0.4")
    with _process(*arguments, "--page-size", "100") as (_, ready):
        settings = RestJsonSettings(
            type="rest_json", url=ready["url"], app_id="lianqiao", secret_file=secret_file, pause_seconds=0.001
        )
        county = CountyRequests(settings)
        mapping = mappings.load("yongkang/person.v1")
        seen: list[str] = []
        since, last = 0, False
        while not last:
            content, data = await county.get("/api/v2/ldrk", {"since": since, "page": 1})
            page = page_of(data)
            since, last = page.newest(since), page.last
            seen += [str(row.cells["rybh"]) for batch in mapping.read(io.BytesIO(content)) for row in batch.rows]
        assert (await county.post("/api/v2/tbfk", {"message_id": "m-1", "kind": "notice"}))["new"]
        await county.aclose()
    assert set(seen) == {row["rybh"] for row in rows}
    assert len(seen) > len(rows)


def test_the_partner_ends_when_told_and_keeps_its_ledger(tmp_path: Path, secret_file: Path) -> None:
    arguments = ("partner", "serve", "--state", str(tmp_path / "p.sqlite"), "--secret-file", str(secret_file))
    with _process(*arguments) as (process, ready):
        now = datetime.now(UTC)
        headers = {
            "webhook-id": "n-1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("n-1", now, "{}"),
        }
        assert httpx2.post(f"{ready['url']}/hook", content="{}", headers=headers, trust_env=False).status_code == 204
        counts = httpx2.get(f"{ready['url']}/deliveries", trust_env=False).json()
        assert (counts["notices"], counts["duplicates"]) == (1, 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in (0, -signal.SIGTERM)


def test_huiji_takes_in_what_lies_in_its_inbox_and_ends_when_told(tmp_path: Path) -> None:
    arguments = ("huiji", "run", "--folder", str(tmp_path / "drop"), "--state", str(tmp_path / "h.sqlite"))
    with _process(*arguments, "--every", "0.05") as (process, ready):
        inbox = Path(ready["inbox"])
        (inbox / "m-1.csv").write_text("报告单号\r\n1\r\n", "utf-8")
        deadline = time.monotonic() + 10
        while not list((inbox / "read").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert [entry.name for entry in (inbox / "read").iterdir()] == ["1-m-1.csv"]
