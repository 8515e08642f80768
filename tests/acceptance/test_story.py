"""The whole job once, small but real: every number right, an address to click soon, nothing left behind; and a word inside a
sealed report that nobody but its recipient ever sees.
"""

import json
import time
from collections.abc import Iterator

import httpx2
import pytest

from hub.demo.counties.yongkang.signatures import sign
from hub.demo.counties.yongkang.store import Store
from hub.demo.story import lookups
from hub.demo.story.places import HUIJI, YONGKANG, Places
from mappings import vocabulary
from tests.acceptance import traces
from tests.acceptance.demo import Demo, demo

pytestmark = pytest.mark.timeout(400)

CANARY = "金丝雀Kanarienvogel7391"
"""A word that stands in one sealed report and nowhere else."""


@pytest.fixture(scope="module")
def told() -> Iterator[Demo]:
    """A small story that has been told, its processes still running. After the last test it ends when it is told to, and
    leaves nothing running: what is asserted here cannot be asked before the other tests.
    """
    with demo("--people", "600", "--seed", "11") as running:
        running.wait_for("Everything keeps running until Ctrl-C", 360)
        yield running
        assert running.stop() == 0, running.said()
        assert running.left_behind() == []
        assert not (running.data / "processes.json").exists()
        assert (running.data / "hub").is_dir()


def test_every_number_is_right(told: Demo) -> None:
    lines = told.table()
    assert {line["what"]: (line["expected"], line["found"]) for line in lines if not line["ok"]} == {}, told.said()
    whats = " ".join(line["what"] for line in lines)
    for part in (
        "received",
        "translated",
        "quarantined",
        "linked",
        "sent to review",
        "certificates issued",
        "shown",
        "reports delivered with consent",
        "refused without",
        "duplicates reconciled",
        "notifications delivered",
        "audit verified",
    ):
        assert part in whats


def test_nobody_died(told: Demo) -> None:
    assert "Started again" not in told.said()
    assert set(told.running()) >= {"hub", "worker", "gateway-yongkang", "gateway-huiji", "partner"}


def test_the_last_link_signs_in_and_the_pages_are_there(told: Demo) -> None:
    first, last = told.links()
    assert first != last
    opened_by_hand = {"Sec-Fetch-Site": "none"}
    with httpx2.Client(trust_env=False, follow_redirects=True, headers=opened_by_hand) as browser:
        page = browser.get(last)
        assert page.status_code == 200
        assert "/console" in str(page.url)
        assert "token=" not in str(page.url)
        for path in ("/console/", "/console/conflicts", "/console/deliveries"):
            found = browser.get(str(page.url.join(path)))
            assert (found.status_code, found.url.path) == (200, path)


def test_a_word_inside_a_sealed_report_is_seen_by_its_recipient_only(told: Demo) -> None:
    places = Places(told.data)
    number = send_canary(places)
    deadline = time.monotonic() + 60
    while number not in lookups.arrived(places, HUIJI).numbers[vocabulary.CONTRACEPTION_REPORT]:
        assert time.monotonic() < deadline, "the report did not arrive"
        time.sleep(0.3)
    letters = list((places.drop / "inbox" / "read").glob("*.csv"))
    assert any(CANARY in letter.read_text(encoding="utf-8-sig") for letter in letters)

    dump = traces.dump(places.hub)
    assert len(dump) > 100_000
    assert traces.find(CANARY, {"dump": dump}) == []
    for folder in (places.hub, places.logs):
        files = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert files
        assert traces.find(CANARY, files) == []


def send_canary(places: Places) -> str:
    """Let the county write one more report about a woman who consented, with the word in two of its cells."""
    known = lookups.arrived(places, HUIJI).numbers[vocabulary.CONTRACEPTION_REPORT][0]
    register = Store(places.register(YONGKANG))
    row = register.row("byjy", known)
    register.close()
    assert row is not None
    number = f"{known}9"
    changed = {**row, "bgdbh": number, "jcdw": f"{CANARY}卫生院", "jbr": CANARY}
    changed.pop("rowver")
    body = json.dumps(changed, ensure_ascii=False).encode()
    url = json.loads((places.logs / "county-yongkang.out").read_text(encoding="utf-8").splitlines()[0])["url"]
    secret = places.secret(YONGKANG, "interface").read_text(encoding="ascii").strip().encode()
    code = 0
    for _ in range(2):  # the county has its bad moments
        timestamp = str(int(time.time()))
        headers = {
            "X-App-Id": "lianqiao",
            "X-Timestamp": timestamp,
            "X-Sign": sign(secret, "POST", "/api/v2/byjy", timestamp, body),
        }
        code = httpx2.post(f"{url}/api/v2/byjy", content=body, headers=headers, trust_env=False).json()["code"]
        if code == 200:
            break
    assert code == 200
    return number
