"""Certificates for tests: issued as a gateway does it (register, sign, record), about people who do not exist."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from certs import kinds, sdjwt
from certs.encoding import b64url, dump_json
from certs.keys import SigningKey
from certs.sdjwt import StatusRef
from hub.runtime import Hub
from hub.services import certificates, status_lists
from hub.services.certificates import Registration
from tests.hubs import Enrolled

MARRIAGE = "marriage-certificate"


@dataclass(frozen=True, slots=True)
class Paper:
    """A certificate in its holder's hands; `holder` is her device's key, if it is bound to one."""

    id: UUID
    credential: str
    status: StatusRef
    holder: SigningKey | None


def marriage(number: str = "J330784-2024-000123", **changes: Any) -> dict[str, Any]:
    """The claims of a marriage registered in Yongkang."""
    claims = {
        "number": number,
        "kind": "marriage",
        "authority": "永康市民政局",
        "authority_division": "330784000000",
        "registered_on": "2024-05-20",
        "holder": "b",
        "party_a_name": "陈建国",
        "party_a_id_number": "33078419900101001X",
        "party_b_name": "王小芳",
        "party_b_id_number": "410108199203040024",
    }
    return claims | changes


async def register(hub: Hub, issuer: Enrolled, number: str = "J330784-2024-000123") -> tuple[UUID, StatusRef]:
    """The registration of a marriage certificate that is not signed yet."""
    asked = Registration(uuid4(), MARRIAGE, number, "R-1")
    made = await certificates.register(hub, issuer.member, asked)
    return made.id, StatusRef(status_lists.uri_of(hub, made.list_id), made.list_index)


def sign(
    hub: Hub,
    issuer: Enrolled,
    status: StatusRef,
    *,
    signer: SigningKey | None = None,
    holder: SigningKey | None = None,
    days: float = 3650,
    since: timedelta = timedelta(0),
    name: str = "",
    **claims: Any,
) -> str:
    """The certificate as its issuer signs it; `since` puts the date inside it back."""
    return sdjwt.issue(
        marriage(**claims),
        vct=kinds.named(MARRIAGE).vct,
        issuer=name or issuer.member.name,
        signer=signer or issuer.sig,
        iat=hub.now() - since,
        exp=hub.now() - since + timedelta(days=days),
        status=status,
        holder=holder.public.to_jwk() if holder else None,
    )


async def record(hub: Hub, issuer: Enrolled, id_: UUID, credential: str) -> str:
    """Tell the hub what was signed; the receipt."""
    parsed = sdjwt.parse(credential)
    return await certificates.record(
        hub,
        issuer.member,
        id_,
        digest=bytes.fromhex(parsed.digest),
        issued_at=parsed.issued_at,
        expires_at=parsed.expires_at,
    )


async def issue(hub: Hub, issuer: Enrolled, *, bound: bool = False, **how: Any) -> Paper:
    """A certificate, registered, signed and recorded."""
    id_, status = await register(hub, issuer, how.get("number", "J330784-2024-000123"))
    holder = SigningKey.generate() if bound else None
    credential = sign(hub, issuer, status, holder=holder, **how)
    await record(hub, issuer, id_, credential)
    return Paper(id_, credential, status, holder)


def show(hub: Hub, paper: Paper, *claims: str, nonce: str | None = None, audience: str | None = None) -> str:
    """What the holder shows, confirmed on her device if her certificate asks for it."""
    return sdjwt.present(
        paper.credential, claims, holder_key=paper.holder, nonce=nonce, audience=audience, now=hub.now()
    )


async def replace_trust_list(hub: Hub, version: int, document: bytes) -> None:
    """Put another document in place of a published list, as whoever holds the database could."""
    async with hub.database.begin() as connection:
        await connection.execute(
            text("UPDATE trust_list SET document = :document WHERE version = :version"),
            {"document": document, "version": version},
        )


def header(alg: str, kid: str) -> str:
    """The header of a certificate that asks for another algorithm."""
    return b64url(dump_json({"alg": alg, "kid": kid, "typ": "dc+sd-jwt"}))


async def tables_holding(hub: Hub, word: str) -> list[str]:
    """The tables in which a word stands in plain text, as text or as bytes."""
    found = []
    async with hub.database.read() as connection:
        names = await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        for name in names.scalars().all():
            rows = await connection.execute(
                text(f"SELECT 1 FROM {name} t WHERE t::text LIKE :word OR t::text LIKE :hex LIMIT 1"),  # noqa: S608
                {"word": f"%{word}%", "hex": f"%{word.encode().hex()}%"},
            )
            if rows.first() is not None:
                found.append(name)
    return found
