"""The hub's signed receipts: nothing counts as acknowledged before its receipt names exactly what was handed over.

A receipt says what it is for ("submission", "mailbox", "certificate"), under which id the hub keeps it, whose it is, the message and the
digest. It does not say which answer to a mailbox message it acknowledges. That the log holds its leaf is not looked up here.
"""

from datetime import datetime
from typing import Protocol

from adapters.client.clock import Clock
from adapters.errors import ReceiptRefused, TrustError
from certs import tokens
from certs.errors import CertsError
from certs.keys import VerifyKey
from certs.trust import RECEIPT, TrustList

TYPE = "lianqiao-receipt+jwt"
SUBMISSION, MAILBOX, CERTIFICATE = "submission", "mailbox", "certificate"


class Trusted(Protocol):
    """Where the trust list of the moment comes from: the gateway keeps it on disk, a client in memory."""

    def current(self) -> TrustList:
        """The list to work with now. Raises TrustError if there is none that may still be used."""
        ...


class Receipts:
    """Checks the receipts given to one member by one hub, with the trust list of the moment."""

    def __init__(self, trust: Trusted, clock: Clock, *, hub: str, member: str) -> None:
        self._trust = trust
        self._clock = clock
        self._hub = hub
        self._member = member

    def check(self, receipt: str, *, what: str, id_: str, message_id: str, digest: str) -> str:
        """The log leaf it names. Raises ReceiptRefused; TrustError while there is no trust list to check it with."""
        said = {"what": what, "id": id_, "sub": self._member, "message_id": message_id, "digest": digest}
        claims = check_receipt(receipt, self._trust.current(), said, hub=self._hub, now=self._clock())
        return str(claims["leaf"])


def check_receipt(
    receipt: str, trust: TrustList, said: dict[str, str], *, hub: str, now: datetime
) -> dict[str, object]:
    """The claims, once the hub signed them and they say all that is in `said`. Raises ReceiptRefused."""
    try:
        token = tokens.take_apart(receipt)
        claims = tokens.check(token, hub_key(trust, token.kid, hub, now, typ=RECEIPT), typ=TYPE)
    except CertsError as error:
        raise ReceiptRefused(f"the hub's receipt does not verify: {error.message.en}", code=error.code) from error
    except TrustError as error:
        raise ReceiptRefused(f"the hub's receipt does not verify: {error.text}", code=error.code) from error
    if any(claims.get(name) != value for name, value in said.items()) or not isinstance(claims.get("leaf"), str):
        raise ReceiptRefused("the hub's receipt speaks of another message, other bytes or another act")
    return claims


def hub_key(trust: TrustList, kid: str | None, hub: str, now: datetime, *, typ: str) -> VerifyKey:
    """The hub's own key of that name, if it is listed for documents of type `typ` and may be used now. Raises TrustError."""
    try:
        return trust.verify_key(kid or "", member=hub, typ=typ, signed_at=now)
    except CertsError as error:
        text = f"the hub signed with a key that is not its own for this or not valid now: {error.message.en}"
        raise TrustError(text, code=error.code) from error
