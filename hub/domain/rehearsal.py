"""The conformance gate: what a new member shows in the sandbox before it becomes a live one, by its own traffic.

Each item is compulsory by WIRE.md or SECURITY.md, and is seen by the hub in a request and its answer; nothing is taken
on anybody's word. Pure: the state is a JSON object of bounded size, and the same exchanges give the same state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

ITEMS: Final = (
    "sign-in",
    "submission",
    "resend",
    "outcome",
    "correction",
    "lease",
    "receipt",
    "error-receipt",
    "retry-after",
    "key-change",
    "opening",
    "webhook",
)
"""In the order in which a member comes to them. The last two are asked of those only that have what they are about."""
WEBHOOK: Final = "webhook"
OPENING: Final = "opening"
"""It opens what is sealed to its encryption key; a key that cannot sign has no other proof."""
TOKEN: Final = "/auth/token"  # noqa: S105 - an address
_SENDING: Final = frozenset(
    {
        ("POST", "/submissions"),
        ("POST", "/fhir"),
        ("POST", "/fhir/$process-message"),
        ("POST", "/fhir/$import"),
        ("PUT", "/fhir/Patient"),
    }
)
"""Where messages come in that are answered with a receipt."""
_FAULTY: Final = frozenset({400, 422})
_MOST_SENT: Final = 50
_MOST_KEYS: Final = 8
MOST_MEMBER_KEYS: Final = 16
"""Keys that one member may take up while it rehearses."""
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a member and how it was answered, between `began_at` and `at`.

    `key` is the kid of the key it signed in with, where a token was given; `submission` names the message that the answer
    acknowledges, `handed` is how many messages were lent, `outcome` what a mailbox receipt said, `retry_after` seconds.
    """

    method: str
    path: str
    status: int
    began_at: datetime
    at: datetime
    key: str = ""
    submission: str = ""
    handed: int = 0
    outcome: str = ""
    retry_after: int = 0


def new() -> State:
    """Nothing was seen yet."""
    return {
        "seen": {},
        "sent": [],
        "keys": [],
        "opened": [],
        "sealed": {},
        "refused": [],
        "throttled_at": "",
        "until": "",
    }


def step(state: State, exchange: Exchange) -> State:
    """The state after one more exchange; the same object where nothing new was seen."""
    after = {**state, "seen": dict(state["seen"])}
    _throttle(after, exchange)
    if exchange.path == TOKEN:
        _sign_in(after, exchange)
    elif (exchange.method, exchange.path) in _SENDING:
        _send(after, exchange)
    elif exchange.status == 200:
        _read(after, exchange)
    return state if after == state else after


def missing(state: State, *, has_webhook: bool, opens: bool) -> list[str]:
    """The items not seen yet, in their order; of a member that has a webhook, and that has a key to open with."""
    needless = {WEBHOOK: not has_webhook, OPENING: not opens}
    return [item for item in ITEMS if item not in state["seen"] and not needless.get(item, False)]


def saw(state: State, item: str, at: datetime) -> State:
    """The state with an item that was seen; the first time stays."""
    return {**state, "seen": {item: _text(at), **state["seen"]}}


def challenged(state: State, key: str, digest: str) -> State:
    """The state once something was sealed to a key: the SHA-256 of what comes back if it is opened."""
    return {**state, "sealed": {"key": key, "digest": digest}}


def opened(state: State, digest: str, at: datetime) -> State | None:
    """The state once what was sealed came back; None where it is not that."""
    if not digest or state["sealed"].get("digest") != digest:
        return None
    keys = sorted({*state["opened"], state["sealed"]["key"]})[:MOST_MEMBER_KEYS]
    return saw({**state, "sealed": {}, "opened": keys}, OPENING, at)


def _note(state: State, item: str, exchange: Exchange) -> None:
    state["seen"].setdefault(item, _text(exchange.at))


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _sign_in(state: State, exchange: Exchange) -> None:
    if exchange.status != 200 or not exchange.key:
        return
    _note(state, "sign-in", exchange)
    if exchange.key not in state["keys"]:
        if state["keys"]:
            _note(state, "key-change", exchange)
        state["keys"] = [*state["keys"], exchange.key][-_MOST_KEYS:]


def _send(state: State, exchange: Exchange) -> None:
    """An accepted message, the same one again, or one after another that was refused at the same address."""
    if exchange.status in _FAULTY:
        state["refused"] = sorted({*state["refused"], exchange.path})
    elif 200 <= exchange.status < 300 and exchange.submission:
        if exchange.submission in state["sent"]:
            _note(state, "resend", exchange)
            return
        _note(state, "submission", exchange)
        state["sent"] = [*state["sent"], exchange.submission][-_MOST_SENT:]
        if exchange.path in state["refused"]:
            _note(state, "correction", exchange)


def _read(state: State, exchange: Exchange) -> None:
    asked = exchange.path.removeprefix("/submissions/").partition("/")[0]
    if exchange.method == "GET" and (asked in state["sent"] or (exchange.path == "/submissions" and state["sent"])):
        _note(state, "outcome", exchange)
    elif exchange.method == "POST" and exchange.path == "/mailbox" and exchange.handed:
        _note(state, "lease", exchange)
    elif exchange.method == "POST" and exchange.path.startswith("/mailbox/") and exchange.outcome:
        _note(state, "error-receipt" if exchange.outcome == "BUSINESS_ERROR" else "receipt", exchange)


def _throttle(state: State, exchange: Exchange) -> None:
    """A 429 is honoured when nothing is asked before its time is over; what was under way already does not count."""
    if state["until"] and exchange.began_at > datetime.fromisoformat(state["throttled_at"]):
        if exchange.began_at >= datetime.fromisoformat(state["until"]) and exchange.status != 429:
            _note(state, "retry-after", exchange)
        state["throttled_at"] = state["until"] = ""
    if exchange.status == 429 and exchange.retry_after and "retry-after" not in state["seen"]:
        state["throttled_at"] = _text(exchange.at)
        state["until"] = _text(exchange.at + timedelta(seconds=exchange.retry_after))
