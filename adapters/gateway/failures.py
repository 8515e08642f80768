"""What a failure means for one message, by its retry class: try later, refuse for good, or set aside for a person.

One place decides, for submitting and preparing alike. What the county must know becomes an issue; the rest is for the operator.
"""

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from adapters.client.backoff import delay
from adapters.client.clock import Clock
from adapters.errors import GatewayError, HubError, ReceiptRefused, Retry
from adapters.gateway.config import RunSettings
from adapters.gateway.records import Item, Route, State
from adapters.gateway.reports import issue
from adapters.gateway.spool import Change, Spool

_DOCUMENT_FAULTS = frozenset({"too-large", "digest-conflict"})
# With the usual pauses most of an hour: time enough for a new trust list or a passing fault.
MOST_RECEIPTS_REFUSED = 12
_TEXTS_ZH = {
    "no-consent": "当事人未同意将该记录为此目的提供给该地区。取得并登记同意后再次提交该行。",
    "consent-withdrawn": "当事人已撤回同意，未发送。",
    "consent-expired": "当事人的同意已过期，未发送。",
    "no-agreement": "两地之间没有针对该类记录和用途的有效协议，未发送。",
    "no-case": "协议要求存在已立项的服务事项，当前没有，未发送。",
    "not-allowed": "该类记录不得用于此目的的交换，未发送。",
    "unknown-recipient": "没有负责接收地区的成员单位，未发送。",
    "already-issued": "该编号的证照已由本机关签发过，不能重复签发。",
}


class Failures:
    """Decides and records. `draw` gives the jitter in [0, 1)."""

    def __init__(
        self, spool: Spool, settings: RunSettings, clock: Clock, draw: Callable[[], float] = random.random
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._clock = clock
        self._draw = draw

    def of(self, item: Item, error: GatewayError) -> None:
        """Record what `error` means for `item`, which stays in its state unless it is refused."""
        now = self._clock()
        if isinstance(error, ReceiptRefused) and self._refused_too_often(item, error):
            text = (
                f"{error.text}. Its receipt was refused {MOST_RECEIPTS_REFUSED} times, so it is not asked again by itself: ask the hub's "
                "operator whether its receipt key was withdrawn, then use `gateway retry`"
            )
            self._spool.outgoing.hold(item.seq, code=error.code, text=text, now=now)
        elif _is_final(item, error):
            self.refuse(item, error)
        elif error.retry is Retry.CONTACT or error.retry is Retry.FIX_FIRST:
            self._spool.outgoing.hold(item.seq, code=error.code, text=error.text, now=now)
        else:
            due = now + timedelta(seconds=self.wait(item.attempts + 1, error))
            self._spool.outgoing.defer(item.seq, code=error.code, text=error.text, due=due, now=now)

    def _refused_too_often(self, item: Item, error: ReceiptRefused) -> bool:
        """The hub answers the same bytes with the receipt it stored: one that can never verify must not be asked for without end."""
        times = self._spool.outgoing.receipt_refused(item.seq, code=error.code, now=self._clock())
        return times >= MOST_RECEIPTS_REFUSED

    def wait(self, attempt: int, error: GatewayError) -> float:
        """Seconds until the next attempt."""
        asked = error.retry_after if isinstance(error, HubError) else None
        settings = self._settings
        return delay(
            attempt,
            first=settings.retry_first_seconds,
            cap=settings.retry_cap_seconds,
            draw=self._draw(),
            retry_after=asked,
        )

    def refuse(self, item: Item, error: GatewayError) -> None:
        """Final for this message; the county is told why. The plaintext it was made from is not kept."""
        found = issue("error", error.code, error.text, _TEXTS_ZH.get(error.code, "交换平台拒绝了此消息，未发送。"))
        self._spool.outgoing.move([refusal(item, found)], now=self._clock())


def refusal(item: Item, found: dict[str, Any]) -> Change:
    columns = {
        "issues": json.dumps([{**found, "row": item.row_number or None}], ensure_ascii=False),
        "error_code": found["code"],
        "error_text": found["text"],
        "row": None,
        "certificate": None,
        "credential": None,
    }
    return Change(item.seq, item.state, State.REFUSED, found["code"], columns)


def _is_final(item: Item, error: GatewayError) -> bool:
    """Policy's refusals are. So is what is wrong with a sealed record: it is made anew from a mended row. A document that the hub cannot
    take for another reason (it does not know the mapping) is kept and can be sent again as it is."""
    if not isinstance(error, HubError) or not 400 <= error.status < 500:
        return False
    if error.code in _TEXTS_ZH or error.code in _DOCUMENT_FAULTS:
        return True
    return error.retry is Retry.FIX_FIRST and item.route is not Route.RAW
