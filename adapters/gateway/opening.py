"""Opens what arrived and decides whether it may be believed: sender's seal, and for certificates signature, period and status.

Returns what the county is to be given, or raises BusinessError: a fault of the message itself, which is told to its sender and final.
Whatever may pass by itself (no trust list, no status list, the hub away) is raised as GatewayError and tried again.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from adapters.client.answers import MAX_ANSWER, MAX_DEPTH
from adapters.client.calls import HubClient
from adapters.client.clock import Clock
from adapters.errors import GatewayError, Retry, TrustError
from adapters.gateway.keys import KeyRing
from adapters.gateway.records import Incoming, WriteBack
from adapters.gateway.statuslists import StatusLists
from adapters.gateway.trust import TrustStore
from adapters.gateway.writeback import flatten
from certs import sdjwt, seal
from certs.encoding import load_json
from certs.errors import CertsError, KeyNotValid, UnknownIssuer
from certs.trust import TrustList
from mappings import vocabulary

_CERTIFICATES = frozenset({vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE})


class BusinessError(GatewayError):
    """The message itself is wrong; its sender is told and it is not tried again."""

    code = "business-error"
    retry = Retry.FIX_FIRST


class Opener:
    """Opens messages for one member."""

    def __init__(
        self,
        member: str,
        keys: KeyRing,
        trust: TrustStore,
        statuses: StatusLists,
        client: HubClient,
        clock: Clock,
    ) -> None:
        self._member = member
        self._keys = {key.kid: key for key in keys.enc}
        self._trust = trust
        self._statuses = statuses
        self._client = client
        self._clock = clock

    async def open(self, message: Incoming) -> WriteBack:
        """What the county is given. Raises BusinessError (final), GatewayError (again later)."""
        if message.digest != f"sha-256:{hashlib.sha256(message.body).hexdigest()}":
            raise BusinessError("the content is not the one the digest speaks of", code="digest-conflict")
        if message.content_type.split(";")[0].strip() != vocabulary.SEALED_MEDIA_TYPE:
            return self._plain(message)
        opened = await self._unseal(message)
        trust = self._trust.current()
        payload = _payload(opened.payload, message.kind)
        content: dict[str, Any] = {"routing": payload.get("routing")}
        if message.kind in _CERTIFICATES:
            credential = payload.get("credential")
            if not isinstance(credential, str):
                raise BusinessError("the sealed message holds no certificate", code="malformed-payload")
            claims = await self._check_certificate(credential, message, trust)
            content |= {"credential": credential, "claims": claims}
            fields = {**flatten(claims), "credential": credential}
        else:
            resources = payload.get("resources")
            if not isinstance(resources, list):
                raise BusinessError("the sealed message holds no resources", code="malformed-payload")
            content |= {"resources": resources}
            fields = flatten({"resources": resources})
        return WriteBack(
            message.message_id,
            message.kind,
            message.sender,
            message.subjects,
            opened.header.iat,
            fields,
            content,
        )

    def _plain(self, message: Incoming) -> WriteBack:
        """A message of an ordinary kind: what the hub vouches for, as it is."""
        if message.kind in vocabulary.SEALED_KINDS:
            raise BusinessError("a record of this kind arrived unsealed", code="not-sealed")
        try:
            document = load_json(message.body, max_bytes=MAX_ANSWER, max_depth=MAX_DEPTH)
        except ValueError:
            raise BusinessError("the content is not JSON", code="malformed-payload") from None
        content = {"document": document}
        return WriteBack(
            message.message_id,
            message.kind,
            message.sender,
            message.subjects,
            message.received_at,
            flatten(content),
            content,
        )

    async def _unseal(self, message: Incoming) -> seal.Opened:
        try:
            opened = self._opened(message, self._trust.current())
        except (UnknownIssuer, KeyNotValid):
            # The sender may have a key that is newer than our list.
            trust = await self._trust.refresh(self._client)
            opened = self._open_again(message, trust)
        except CertsError as error:
            raise _of(error) from error
        header = opened.header
        said = (header.id, header.to, header.from_, header.typ)
        if said != (message.message_id, self._member, message.sender, message.kind):
            raise BusinessError("the sealed header speaks of another message, sender or kind", code="header-mismatch")
        return opened

    def _open_again(self, message: Incoming, trust: TrustList) -> seal.Opened:
        try:
            return self._opened(message, trust)
        except CertsError as error:
            raise _of(error) from error

    def _opened(self, message: Incoming, trust: TrustList) -> seal.Opened:
        return seal.open_trusted(message.body, self._keys, trust, self._clock(), logged_at=message.received_at)

    async def _check_certificate(self, credential: str, message: Incoming, trust: TrustList) -> dict[str, Any]:
        try:
            await self._statuses.fetch(sdjwt.parse(credential).status, trust)
            found = sdjwt.verify_issued(
                credential,
                trust=trust,
                status=self._statuses.standing,
                now=self._clock(),
                logged_at=message.received_at,
            )
        except CertsError as error:
            raise _of(error) from error
        if (found.kind, found.issuer) != (message.kind, message.sender):
            raise BusinessError("the certificate is not of this kind or not its sender's", code="header-mismatch")
        return found.claims


def _payload(data: bytes, kind: str) -> Mapping[str, Any]:
    try:
        payload = load_json(data, max_bytes=MAX_ANSWER, max_depth=MAX_DEPTH)
    except ValueError:
        raise BusinessError("the sealed content is not JSON", code="malformed-payload") from None
    if not isinstance(payload, dict) or payload.get("kind") != kind:
        raise BusinessError("the sealed content is of another kind than its header says", code="header-mismatch")
    return payload


def _of(error: CertsError) -> GatewayError:
    """What can pass by itself is tried again; the rest is the message's own fault."""
    if error.retry == "NORMAL":
        return TrustError(error.message.en, code=error.code, retry=Retry.NORMAL)
    return BusinessError(error.message.en, code=error.code)
