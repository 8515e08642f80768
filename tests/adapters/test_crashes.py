"""A gateway that dies at any commit, or by kill -9 at any moment, sends every row once and writes every message back once."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from adapters.gateway.spool.schema import Store
from adapters.gateway.testing.ledger import Manners
from tests.adapters import kit


class Crash(BaseException):
    """The process is gone: nothing catches it on the way."""


@contextmanager
def crashing(monkeypatch: pytest.MonkeyPatch, draws: random.Random, longest: int) -> Iterator[Callable[[], int]]:
    """Every few commits the process dies: before the commit (all undone) or right after it (all done, nobody told)."""
    state = {"left": draws.randint(1, longest), "crashes": 0}
    real = Store.write

    @contextmanager
    def write(self: Store) -> Iterator[sqlite3.Connection]:
        state["left"] -= 1
        dying = state["left"] <= 0
        before = dying and draws.random() < 0.5
        with real(self) as db:
            yield db
            if before:
                state.update(left=draws.randint(1, longest), crashes=state["crashes"] + 1)
                raise Crash
        if dying:
            state.update(left=draws.randint(1, longest), crashes=state["crashes"] + 1)
            raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", write)
        yield lambda: state["crashes"]


async def drain_through_crashes(config: Path) -> None:
    for _ in range(500):
        try:
            drained = await kit.drain(config)
        except Crash:
            continue
        assert drained.clean, drained
        return
    pytest.fail("the gateway did not get through")


def fill(county: kit.County) -> None:
    county.store.put("tysq", [kit.consent(n) for n in range(1, 8)])
    county.store.put("ldrk", [kit.person(n) for n in range(1, 12)])
    county.store.put("byjy", [kit.contraception_report(n) for n in range(1, 8)])
    county.store.put("jhz", [kit.marriage(n) for n in range(1, 6)])


def assert_story(world: kit.Exchange, inbox: list[str]) -> None:
    """Seven reports and five certificates, each once; each written back once under its message id."""
    ledger = world.ledger
    sealed = ledger.of("yongkang", raw=False)
    assert Counter(s.kind for s in sealed) == {"contraception-report": 7, "marriage-certificate": 5}
    raw = [s.digest for s in ledger.of("yongkang", raw=True)]
    assert len(raw) == len(set(raw)) == 5, "two pages of consents, three of persons"
    assert not ledger.refused
    assert len(ledger.certificates) == 5
    assert all(len(set(certificate.digests)) == 1 for certificate in ledger.certificates.values())
    assert sorted(inbox) == sorted(s.message_id for s in sealed)
    assert all(letter.state == "PROCESSED" for letter in ledger.letters.values())


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(1, 9))])
async def test_dying_at_any_commit(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manners = Manners(seed=seed, lost=0.1, busy=0.1, longest_lease=0.5)
    draws = random.Random(seed)
    with kit.exchange(tmp_path, manners) as world, kit.yongkang_county(tmp_path, failures=0.2) as county:
        fill(county)
        sender, receiver = kit.yongkang_gateway(world, county.url), kit.huiji_gateway(world)
        with crashing(monkeypatch, draws, longest=9) as crashes:
            await drain_through_crashes(sender)
            # What was leased by a process that died is lent again when the lease is over.
            while any(letter.state != "PROCESSED" for letter in world.ledger.letters.values()):
                await drain_through_crashes(receiver)
            assert crashes() > 10
        inbox = [path.stem for path in (tmp_path / "huiji" / "drop" / "inbox").iterdir()]
        assert_story(world, inbox)


class Running:
    """A gateway as a process of its own, with its own log."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "adapters.cli", "run", str(config)],
                stdout=out,
                stderr=out,
                cwd=Path(__file__).parents[2],
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, deadline: float) -> int:
        """The exit code after an orderly stop; before it has started there is nobody to be orderly."""
        while b'"gateway started"' not in self.log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def take_as_clerk(inbox: Path, taken: list[str]) -> None:
    """A clerk who works through the inbox all the time: what appears is counted and taken away."""
    for path in inbox.glob("*.csv"):
        taken.append(path.stem)
        path.unlink()


def kill_9_story(folder: Path, kills: int, seed: int) -> None:
    draws = random.Random(seed)
    with (
        kit.exchange(folder, Manners(seed=seed, lost=0.05, longest_lease=1)) as world,
        kit.yongkang_county(folder) as county,
    ):
        configs = [kit.yongkang_gateway(world, county.url), kit.huiji_gateway(world)]
        fill(county)
        taken: list[str] = []
        inbox = folder / "huiji" / "drop" / "inbox"
        logs = (folder / f"gateway-{number}.log" for number in count())
        running = [Running(config, next(logs)) for config in configs]
        deadline = time.monotonic() + 100
        try:
            for _ in range(kills):
                time.sleep(draws.uniform(1.0, 3.5))
                victim = draws.randrange(2)
                running[victim].kill()
                take_as_clerk(inbox, taken)
                running[victim] = Running(configs[victim], next(logs))
            while len(taken) < 12 and time.monotonic() < deadline:
                take_as_clerk(inbox, taken)
                time.sleep(0.1)
            time.sleep(1)
            take_as_clerk(inbox, taken)
            assert [gateway.stop(deadline) for gateway in running] == [0, 0]
        finally:
            for gateway in running:
                gateway.kill()
        assert_story(world, taken)
        assert not any(kit.CANARY.encode() in path.read_bytes() for path in folder.glob("*.log"))


@pytest.mark.timeout(150)
def test_kill_9_twice(tmp_path: Path) -> None:
    kill_9_story(tmp_path, kills=2, seed=7)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_kill_9_many_times(seed: int, tmp_path: Path) -> None:
    kill_9_story(tmp_path, kills=12, seed=seed)
