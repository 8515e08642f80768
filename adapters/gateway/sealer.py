"""Finds the region a sealed record goes to, and seals it for that region's key.

A contraception report goes to the origin region; a certificate to the other of the person's two regions. The payload is canonical JSON
of kind, content and routing; the header names the person by our own record id only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import mappings
from adapters.errors import GatewayError, Retry, TrustError
from adapters.gateway.config import SealingSettings
from adapters.gateway.keys import KeyRing
from adapters.gateway.mapper import canonical, routing_json
from adapters.gateway.records import Route
from certs.errors import CertsError, UnknownMember
from certs.keys import SigningKey
from certs.seal import Header, seal
from certs.trust import Member, TrustList


class UnknownRecipient(GatewayError):
    """No member of the exchange answers for the region the record belongs to."""

    code = "unknown-recipient"
    retry = Retry.CONTACT


@dataclass(frozen=True, slots=True)
class ToSeal:
    """One record about to be sealed: `content` is {"resources": [...]} or {"credential": "..."}."""

    message_id: str
    kind: str
    route: Route
    routing: mappings.Routing
    content: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    envelope: bytes = field(repr=False)
    recipient: str
    consent_ref: str | None


class Sealer:
    """Seals in the name of one member."""

    def __init__(self, member: str, keys: KeyRing, settings: SealingSettings) -> None:
        self._member = member
        self._keys = keys
        self._settings = settings

    def recipient(self, route: Route, routing: mappings.Routing, trust: TrustList) -> Member | None:
        """The member it goes to; None if the person has no region but ours. Raises UnknownRecipient."""
        wanted = [routing.origin_division]
        if route is Route.CERTIFICATE:
            wanted.append(routing.residence_division)
        codes = [code for code in wanted if code]
        if not codes:
            raise UnknownRecipient("the record names no division that it could go to", code="no-division")
        found = [_answering(code, trust) for code in codes]
        others = [member for member in found if member is not None and member.name != self._member]
        if others:
            return others[0]
        if None in found:
            raise UnknownRecipient("no member of the exchange answers for the person's other region")
        return None

    def signing_key(self, trust: TrustList, kind: str, now: datetime) -> SigningKey:
        """Our newest key that the trust list lets sign this kind today. Raises TrustError."""
        for key in self._keys.sig:
            try:
                trust.verify_key(key.kid, member=self._member, typ=kind, signed_at=now)
            except CertsError:
                continue
            return key
        # A newer trust list mends it, so it is tried again by itself.
        text = f"none of our keys may sign {kind} today according to the trust list"
        raise TrustError(text, code="own-key-not-listed", retry=Retry.NORMAL)

    def seal(self, records: Sequence[tuple[ToSeal, Member]], trust: TrustList, now: datetime) -> list[Sealed]:
        return [self._seal(record, to, trust, now) for record, to in records]

    def _seal(self, record: ToSeal, to: Member, trust: TrustList, now: datetime) -> Sealed:
        settings, routing = self._settings, record.routing
        report = record.route is not Route.CERTIFICATE
        signer = self.signing_key(trust, record.kind, now)
        try:
            recipient = trust.encryption_key(to.name, now)
            header = Header(
                id=record.message_id,
                from_=self._member,
                to=to.name,
                to_kid=recipient.kid,
                sig_kid=signer.kid,
                suite=recipient.suite,
                typ=record.kind,
                subject=routing.subject,
                purpose=routing.purpose or (settings.report_purpose if report else settings.certificate_purpose),
                legal_basis=settings.report_basis if report else settings.certificate_basis,
                consent_ref=routing.consent_ref,
                iat=now,
                exp=now + timedelta(days=settings.days),
            )
            payload = canonical({"kind": record.kind, **record.content, "routing": routing_json(routing)})
            envelope = seal(payload, header, signer, recipient)
        except CertsError as error:
            raise GatewayError(error.message.en, code=error.code, retry=Retry(error.retry)) from error
        return Sealed(envelope, to.name, routing.consent_ref)


def _answering(code: str, trust: TrustList) -> Member | None:
    try:
        return trust.member_for_division(code)
    except UnknownMember:
        return None
