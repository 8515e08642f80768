"""Takes rows of sealed kinds from the spool to READY: translate, issue where it is a certificate, seal.

Works on batches; one bad row never stops the others. Each step ends in the spool before the next begins, so that this is also how work
goes on after a crash.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import mappings
from adapters.client.clock import Clock
from adapters.errors import GatewayError, HubUnreachable, SignInRefused
from adapters.gateway.failures import Failures
from adapters.gateway.issuer import BadCertificate, Issuer, stored_routing
from adapters.gateway.mapper import Mapped, translate
from adapters.gateway.records import Item, Route, State
from adapters.gateway.reports import issue
from adapters.gateway.sealer import Sealer, ToSeal, UnknownRecipient
from adapters.gateway.spool import Change, Spool
from adapters.gateway.trust import TrustStore
from certs.trust import TrustList

BATCH = 100


class Preparing:
    """The step between reading and submitting."""

    def __init__(
        self,
        spool: Spool,
        member: str,
        trust: TrustStore,
        sealer: Sealer,
        issuer: Issuer,
        failures: Failures,
        clock: Clock,
        parallel: int,
    ) -> None:
        self._spool = spool
        self._member = member
        self._trust = trust
        self._sealer = sealer
        self._issuer = issuer
        self._failures = failures
        self._clock = clock
        self._parallel = asyncio.Semaphore(parallel)

    async def cycle(self) -> int:
        """Take one batch one step further; the number of messages touched. Raises what concerns all of them."""
        items = await asyncio.to_thread(self._spool.outgoing.to_prepare, BATCH, self._clock())
        if not items:
            return 0
        trust = await asyncio.to_thread(self._trust.current)
        rows = [item for item in items if item.state is State.SPOOLED]
        if rows:
            await asyncio.to_thread(self._translate, rows, trust)
        steps = [self._certificate_step(item, trust) for item in items if item.state is not State.SPOOLED]
        # All are let finish before an error that concerns all of them is raised.
        for result in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        return len(items)

    def _translate(self, items: Sequence[Item], trust: TrustList) -> None:
        """The first step of a batch, in one transaction; in several where a record occurs twice in it."""
        changes: list[Change] = []
        records: set[str | None] = set()
        for mapped in translate(items, self._member):
            if mapped.key in records:
                self._spool.outgoing.move(changes, now=self._clock())
                changes, records = [], set()
            change = self._change_of(mapped, trust)
            if change is not None:
                changes.append(change)
                records.add(mapped.key)
        self._spool.outgoing.move(changes, now=self._clock())

    def _change_of(self, mapped: Mapped, trust: TrustList) -> Change | None:
        """The step of one row; None if it is to be tried again later."""
        try:
            return self._first_step(mapped, trust)
        except BadCertificate as error:
            return _quarantine(mapped, issue("error", error.code, error.text, "该行不能形成有效证照。"))
        except UnknownRecipient as error:
            return _quarantine(mapped, issue("error", error.code, error.text, "没有负责接收地区的成员单位，未发送。"))
        except GatewayError as error:
            self._failures.of(mapped.item, error)
            return None

    def _first_step(self, mapped: Mapped, trust: TrustList) -> Change:
        item = mapped.item
        if not mapped.ok or mapped.routing is None:
            return _quarantine(mapped)
        supersedes = None
        if mapped.key is not None:
            earlier = self._spool.outgoing.earlier(item.kind, mapped.key, item.seq)
            if earlier is not None and earlier[2] == mapped.content_digest:
                # Without an identity of its own: the next correction is compared with the message that was sent.
                detail = f"unchanged: says the same as message {earlier[0]}"
                return Change(item.seq, item.state, State.NOT_SENT, detail, {"row": None})
            supersedes = earlier[0] if earlier is not None and earlier[1] is not State.NOT_SENT else None
        if item.route is Route.CERTIFICATE:
            return self._issuer.intend(mapped, trust)
        to = self._sealer.recipient(item.route, mapped.routing, trust)
        if to is None:
            columns: dict[str, object] = {"row": None, **_identity(mapped)}
            return Change(item.seq, item.state, State.NOT_SENT, "same-region: the origin is our own", columns)
        record = ToSeal(item.message_id, item.kind, item.route, mapped.routing, {"resources": list(mapped.resources)})
        sealed = self._sealer.seal([(record, to)], trust, self._clock())[0]
        columns = {
            "row": None,
            "body": sealed.envelope,
            "size": len(sealed.envelope),
            "recipient": sealed.recipient,
            "needs_consent": int(sealed.consent_ref is not None),
            "supersedes": supersedes,
            **_identity(mapped),
        }
        return Change(item.seq, item.state, State.READY, f"sealed for {sealed.recipient}", columns)

    async def _certificate_step(self, item: Item, trust: TrustList) -> None:
        step: dict[State, Callable[[], Awaitable[Change]]] = {
            State.INTENDED: lambda: self._issuer.register(item),
            State.REGISTERED: lambda: asyncio.to_thread(self._issuer.sign, item, trust),
            State.ISSUED: lambda: self._issuer.record(item),
            State.RECORDED: lambda: asyncio.to_thread(self._seal_certificate, item, trust),
        }
        async with self._parallel:
            try:
                change = await step[item.state]()
            except (HubUnreachable, SignInRefused):
                raise
            except GatewayError as error:
                await asyncio.to_thread(self._failures.of, item, error)
                return
            await asyncio.to_thread(self._spool.outgoing.move, [change], now=self._clock())

    def _seal_certificate(self, item: Item, trust: TrustList) -> Change:
        self._issuer.hand_out(item)
        routing = mappings.Routing(**stored_routing(item))
        forget = {"row": None, "credential": None, "certificate": None}
        try:
            to = self._sealer.recipient(item.route, routing, trust)
        except UnknownRecipient as error:
            found = issue(
                "warning",
                error.code,
                "the certificate was issued, but " + error.text,
                "证照已签发，但没有可送达的地区。",
            )
            told = {**forget, "issues": _issues([found], item)}
            return Change(item.seq, item.state, State.NOT_SENT, error.code, told)
        if to is None:
            return Change(item.seq, item.state, State.NOT_SENT, "same-region", forget)
        record = ToSeal(item.message_id, item.kind, item.route, routing, {"credential": item.credential})
        sealed = self._sealer.seal([(record, to)], trust, self._clock())[0]
        columns: dict[str, object] = {
            **forget,
            "body": sealed.envelope,
            "size": len(sealed.envelope),
            "recipient": sealed.recipient,
            "needs_consent": int(sealed.consent_ref is not None),
        }
        return Change(item.seq, item.state, State.READY, f"sealed for {sealed.recipient}", columns)


def _quarantine(mapped: Mapped, *more: dict[str, object]) -> Change:
    columns = {"issues": _issues([*mapped.issues, *more], mapped.item)}
    return Change(
        mapped.item.seq, mapped.item.state, State.QUARANTINED, f"{len(mapped.issues) + len(more)} issues", columns
    )


def _identity(mapped: Mapped) -> dict[str, str | None]:
    warnings = _issues(mapped.issues, mapped.item) if mapped.issues else None
    return {"business_key": mapped.key, "content_digest": mapped.content_digest, "issues": warnings}


def _issues(found: Sequence[dict[str, object]], item: Item) -> str:
    return json.dumps([{"row": item.row_number or None, **entry} for entry in found], ensure_ascii=False)
