"""A counter of the county's registry office: issues single certificates to a person who holds a key of her own.

The same steps as a gateway's, by hand: reserve the status, sign, record the digest. The numbers are taken from a range
that the invented population does not use.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from certs import kinds, sdjwt
from certs.keys import SigningKey
from certs.status import StatusRef
from hub.demo.story.member import Member
from hub.demo.story.places import Places
from mappings import vocabulary

_DIVISION = "330784"
_FIRST = 990000


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate in its holder's hands."""

    id: str
    credential: str
    holder: SigningKey


class Counter:
    """Issues marriage certificates of one county; `sender` is the county as the hub's client."""

    def __init__(self, sender: Member, county: str, signer: SigningKey) -> None:
        self._sender = sender
        self._county = county
        self._signer = signer

    async def issue(
        self, serial: int, valid: timedelta, *, signer: SigningKey | None = None, division: str = f"{_DIVISION}000000"
    ) -> Issued:
        """Issue number `serial` of the counter's range, valid for so long.

        Wrong on purpose: `signer` another key than the county's own, `division` another than it answers for.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        number = f"J{_DIVISION}{now.year}{_FIRST + serial:06d}"
        kind = kinds.named(vocabulary.MARRIAGE_CERTIFICATE)
        registered = await self._sender.ask(
            "POST",
            "/certificates",
            {"kind": kind.name, "number": number, "subject": f"counter-{serial}"},
            {"Message-Id": str(uuid5(NAMESPACE_URL, f"counter:{number}"))},
        )
        if registered.status != 201:
            raise PermissionError(f"the counter's certificate was not registered: {registered.code}")
        holder = SigningKey.generate()
        credential = sdjwt.issue(
            _claims(number, now, division),
            vct=kind.vct,
            issuer=self._county,
            signer=signer or self._signer,
            iat=now,
            exp=now + valid,
            status=StatusRef(registered.body["status_uri"], registered.body["status_index"]),
            holder=holder.public.to_jwk(),
        )
        recorded = {
            "digest": f"sha-256:{sdjwt.parse(credential).digest}",
            "issued_at": now.isoformat(),
            "expires_at": (now + valid).isoformat(),
        }
        id_ = registered.body["certificate_id"]
        done = await self._sender.ask("PUT", f"/certificates/{id_}", recorded)
        if done.status != 200:
            raise PermissionError(f"the counter's certificate was not recorded: {done.code}")
        return Issued(id_, credential, holder)

    async def revoke(self, issued: Issued) -> None:
        """Withdraw a certificate for good."""
        body = {"status": "revoked", "reason": "issued in error"}
        await self._sender.ask("POST", f"/certificates/{issued.id}/status", body)


def _claims(number: str, now: datetime, division: str) -> dict[str, str]:
    return {
        "number": number,
        "kind": "marriage",
        "authority": "永康市民政局婚姻登记处",
        "authority_division": division,
        "registrar": "何丽萍",
        "registered_on": f"{now:%Y-%m-%d}",
        "holder": "b",
        "party_a_name": "施建国",
        "party_a_id_number": "330784199001010017",
        "party_b_name": "郭晓梅",
        "party_b_id_number": "410108199203040028",
    }


def signing_key(places: Places, county: str, use: str) -> SigningKey:
    """A key that the county's gateway made; opening it is slow on purpose."""
    passphrase = places.secret(county, "passphrase").read_text(encoding="ascii").rstrip("\n")
    (file,) = Path(places.gateway(county) / "keys").glob(f"{use}-*.key")
    return SigningKey.unlock(file.read_bytes(), passphrase)
