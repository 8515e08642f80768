"""The spool in any order of putting, moving, refusing, crashing and reopening."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from adapters.errors import GatewayError
from adapters.gateway.records import Entry, Route, State
from adapters.gateway.spool import Change, Spool

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class SpoolMachine(RuleBasedStateMachine):
    """One message for each key and round, none lost."""

    keys = Bundle("keys")

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "gateway.db"
        self.spool = Spool(self.path)
        self.expected: dict[str, State] = {}
        self.ids: dict[str, str] = {}

    @rule(target=keys, key=st.text("abc", min_size=1, max_size=3))
    def put(self, key: str) -> str:
        put = self.spool.outgoing.put([Entry(key, "s", "person", "m", Route.RAW, 1, body=b"x", row=None)], now=NOW)
        assert put.stored == (key not in self.expected)
        self.expected.setdefault(key, State.READY)
        return key

    @rule(key=keys, after=st.sampled_from([State.ACCEPTED, State.REFUSED]))
    def move(self, key: str, after: State) -> None:
        seq = self._seq(key)
        if self.expected[key] is State.READY:
            self.spool.outgoing.move([Change(seq, State.READY, after)], now=NOW)
            self.expected[key] = after
        else:
            with pytest.raises(GatewayError):
                self.spool.outgoing.move([Change(seq, State.READY, after)], now=NOW)

    @rule(key=keys)
    def half_a_batch_fails(self, key: str) -> None:
        """A batch with a wrong step in it changes nothing at all."""
        before = self._states()
        with pytest.raises(GatewayError):
            self.spool.outgoing.move(
                [
                    *(
                        [Change(self._seq(key), State.READY, State.ACCEPTED)]
                        if self.expected[key] is State.READY
                        else []
                    ),
                    Change(10**6, State.READY, State.ACCEPTED),
                ],
                now=NOW,
            )
        assert self._states() == before

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool(self.path)

    @invariant()
    def nothing_lost_or_doubled(self) -> None:
        if not hasattr(self, "spool"):
            return
        states = self._states()
        assert {key: state for key, (state, _) in states.items()} == self.expected
        for key, (_, message) in states.items():
            assert self.ids.setdefault(key, message) == message

    def _seq(self, key: str) -> int:
        with self.spool._store.read() as db:
            return int(db.execute("SELECT seq FROM items WHERE key = ?", (key,)).fetchone()["seq"])

    def _states(self) -> dict[str, tuple[State, str]]:
        with self.spool._store.read() as db:
            rows = db.execute("SELECT key, state, message_id FROM items").fetchall()
        assert len(rows) == len({row["key"] for row in rows})
        return {row["key"]: (State(row["state"]), row["message_id"]) for row in rows}

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            self.folder.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
