"""The keys and the trust list of a small exchange, for tests: real keys, three roots, a hub, and members as they are added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from certs.keys import EncryptionKey, SigningKey, VerifyKey
from certs.trust import CHECKPOINT, RECEIPT, STATUS, Member, TrustedKey, TrustList

HUB_TYPES = frozenset({CHECKPOINT, RECEIPT, STATUS})
SEALED_TYPES = frozenset({"contraception-report", "marriage-certificate", "birth-certificate"})


@dataclass(slots=True)
class World:
    """Who takes part. `auth` are the keys members sign in with."""

    now: datetime
    hub_key: SigningKey = field(default_factory=SigningKey.generate)
    roots: tuple[SigningKey, ...] = field(default_factory=lambda: tuple(SigningKey.generate() for _ in range(3)))
    auth: dict[str, list[VerifyKey]] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    version: int = 1

    def __post_init__(self) -> None:
        self.members.append(Member("hub", (), "Hub", (self._trusted(self.hub_key.public, HUB_TYPES),)))

    def enrol(
        self, name: str, divisions: Sequence[str], jwks: Mapping[str, Any], types: frozenset[str] = SEALED_TYPES
    ) -> None:
        """Take a member up with the keys `gateway keygen` printed; a member known before is replaced."""
        keys: list[TrustedKey] = []
        self.auth[name] = []
        for jwk in jwks["keys"]:
            plain = {key: value for key, value in jwk.items() if key != "purpose"}
            match jwk["purpose"]:
                case "auth":
                    self.auth[name].append(VerifyKey.from_jwk(plain))
                case "sig":
                    keys.append(self._trusted(VerifyKey.from_jwk(plain), types))
                case _:
                    keys.append(self._trusted(EncryptionKey.from_jwk(plain), frozenset()))
        self.members = [member for member in self.members if member.name != name]
        self.members.append(Member(name, tuple(divisions), name.title(), tuple(keys)))
        self.version += 1

    def trust_list(self, now: datetime) -> TrustList:
        issued = now - timedelta(minutes=1)
        return TrustList(self.version, issued, issued + timedelta(days=6), tuple(self.members))

    def signed_trust_list(self, now: datetime) -> bytes:
        return self.trust_list(now).sign(*self.roots[:2])

    def roots_jwks(self) -> dict[str, Any]:
        return {"keys": [root.public.to_jwk() for root in self.roots]}

    def _trusted(self, key: VerifyKey | EncryptionKey, types: frozenset[str]) -> TrustedKey:
        return TrustedKey.of(key, nbf=self.now - timedelta(days=1), naf=self.now + timedelta(days=80), types=types)
