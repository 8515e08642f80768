"""Issues certificates: intend, register, sign, record the digest; each step durable before the next is begun.

What will be signed is stored before the hub reserves its status index, and the signed certificate before its digest is recorded: a crash
at any moment is followed by the same step again, under the same ids, and no certificate is issued twice.
"""

import json
import re
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.client.calls import HubClient
from adapters.client.clock import Clock
from adapters.client.receipts import CERTIFICATE, Receipts
from adapters.errors import GatewayError, Retry
from adapters.gateway.config import SealingSettings
from adapters.gateway.durable import write_file
from adapters.gateway.mapper import Mapped, routing_json
from adapters.gateway.records import Item, State
from adapters.gateway.sealer import Sealer
from adapters.gateway.spool import Change
from certs import kinds, sdjwt
from certs.errors import CertsError
from certs.status import StatusRef
from certs.trust import TrustList

_HOLDER_KEY = "holder_key"


class BadCertificate(GatewayError):
    """The row cannot become a certificate of its kind; the county must mend it."""

    code = "invalid-claims"
    retry = Retry.FIX_FIRST


class Issuer:
    """Issues in the name of one member; `folder` receives the certificates for the county to hand out."""

    def __init__(
        self,
        member: str,
        sealer: Sealer,
        client: HubClient,
        receipts: Receipts,
        settings: SealingSettings,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._member = member
        self._sealer = sealer
        self._client = client
        self._receipts = receipts
        self._settings = settings
        self._folder = folder
        self._clock = clock

    def intend(self, mapped: Mapped, trust: TrustList) -> Change:
        """Store what is to be signed. Raises BadCertificate, and TrustError before anything is reserved that we cannot sign."""
        item, now = mapped.item, self._clock().replace(microsecond=0)
        self._sealer.signing_key(trust, item.kind, now)
        claims = {name: value for name, value in (mapped.claims or {}).items() if value not in (None, "")}
        holder = claims.pop(_HOLDER_KEY, None)
        if mapped.key is None or mapped.routing is None:
            raise BadCertificate("the row has no certificate number or names no person")
        try:
            kinds.named(item.kind).check(claims)
            trust.check_division(self._member, str(claims.get("authority_division", "")))
        except CertsError as error:
            raise BadCertificate(f"{error.message.en} ({error.detail})", code=error.code) from error
        intended = {
            "number": str(claims.get("number", mapped.key)),
            "claims": claims,
            "holder": holder,
            "routing": routing_json(mapped.routing),
            "iat": now.isoformat(),
            "exp": (now + timedelta(days=self._settings.certificate_days)).isoformat(),
        }
        columns = {
            "certificate": _text(intended),
            "row": None,
            "business_key": mapped.key,
            "content_digest": mapped.content_digest,
            "issues": json.dumps(list(mapped.issues), ensure_ascii=False) if mapped.issues else None,
        }
        return Change(item.seq, item.state, State.INTENDED, "", columns)

    async def register(self, item: Item) -> Change:
        """Have a status index reserved. The id under which it is asked for is the message's for ever."""
        intended = _certificate(item)
        registration = await self._client.register_certificate(
            kind=item.kind,
            number=intended["number"],
            subject=intended["routing"]["subject"],
            message_id=registration_id(item),
        )
        stored = {
            **intended,
            "id": registration.certificate_id,
            "status_uri": registration.status_uri,
            "status_index": registration.status_index,
        }
        return Change(
            item.seq, item.state, State.REGISTERED, registration.certificate_id, {"certificate": _text(stored)}
        )

    def sign(self, item: Item, trust: TrustList) -> Change:
        """Sign what was intended. A signature made and lost in a crash left this machine for nobody; it is made anew."""
        stored = _certificate(item)
        issued_at = datetime.fromisoformat(stored["iat"])
        try:
            credential = sdjwt.issue(
                stored["claims"],
                vct=kinds.named(item.kind).vct,
                issuer=self._member,
                signer=self._sealer.signing_key(trust, item.kind, issued_at),
                iat=issued_at,
                exp=datetime.fromisoformat(stored["exp"]),
                status=StatusRef(stored["status_uri"], stored["status_index"]),
                holder=stored["holder"],
            )
        except CertsError as error:
            raise BadCertificate(f"{error.message.en} ({error.detail})", code=error.code) from error
        return Change(item.seq, item.state, State.ISSUED, "", {"credential": credential})

    async def record(self, item: Item) -> Change:
        """Give the hub the digest of what was signed. Its receipt is kept for ever: the proof that the issue was logged."""
        stored, credential = _certificate(item), item.credential or ""
        digest = f"sha-256:{sdjwt.parse(credential).digest}"
        receipt = await self._client.record_certificate(
            stored["id"], digest=digest, issued_at=stored["iat"], expires_at=stored["exp"]
        )
        leaf = self._receipts.check(
            receipt, what=CERTIFICATE, id_=stored["id"], message_id=registration_id(item), digest=digest
        )
        detail = f"receipt verified, log leaf {leaf[:16]}"
        return Change(item.seq, item.state, State.RECORDED, detail, {"issue_receipt": receipt})

    def hand_out(self, item: Item) -> Path:
        """Put the certificate into the county's folder, named by its number; the same certificate always at the same place."""
        number = re.sub(r"[^A-Za-z0-9-]", "_", _certificate(item)["number"])[:60]
        path = self._folder / f"{number}.{item.message_id[:8]}.sd-jwt"
        write_file(path, (item.credential or "").encode("ascii"), mode=0o600)
        return path


def registration_id(item: Item) -> str:
    """The message id under which the certificate of this message is registered, the same at every attempt."""
    return str(uuid.uuid5(uuid.UUID(item.message_id), "register"))


def stored_routing(item: Item) -> dict[str, Any]:
    """The routing stored with a certificate that is being issued."""
    routing: dict[str, Any] = _certificate(item)["routing"]
    return routing


def _certificate(item: Item) -> dict[str, Any]:
    if item.certificate is None:
        raise GatewayError("the certificate's intended content is missing in the spool", code="no-intent")
    return item.certificate


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
