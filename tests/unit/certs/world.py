"""Two regions, a hub and three roots, all synthetic, and short ways to a certificate, a presentation and a sealed message."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from certs import sdjwt, seal
from certs.keys import DecryptionKey, SigningKey
from certs.kinds import birth, contraception, marriage
from certs.status import Status, StatusList, StatusRef
from certs.suites import Jwk
from certs.trust import Member, TrustedKey, TrustList
from certs.verification import StatusSource, Verified

NOW = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KINDS = frozenset({"marriage-certificate", "birth-certificate", "contraception-report"})
STATUS_URI = "https://hub.example/status/1"
AUDIENCE = "https://verifier.example"
NONCE = "n-4f1d"

YONGKANG, HUIJI = "330784000000", "410108000000"

MARRIAGE: dict[str, Any] = {
    "number": "J330784-2024-000123",
    "kind": "marriage",
    "authority": "永康市民政局婚姻登记处",
    "authority_division": YONGKANG,
    "registrar": "施登记",
    "registered_on": "2024-05-20",
    "holder": "a",
    "party_a_name": "欧阳桂兰",
    "party_a_sex": "female",
    "party_a_nationality": "中国",
    "party_a_birth_date": "1996-02-29",
    "party_a_id_type": "01",
    "party_a_id_number": "330784199602290024",
    "party_b_name": "吾买尔·热合曼",
    "party_b_sex": "male",
    "party_b_nationality": "中国",
    "party_b_birth_date": "1994-11-03",
    "party_b_id_type": "01",
    "party_b_id_number": "410108199411030016",
}
BIRTH: dict[str, Any] = {
    "number": "X330784001",
    "child_name": "欧阳小满",
    "child_sex": "female",
    "birth_time": "2025-05-21T04:32:00+08:00",
    "birth_place": "永康市妇幼保健院",
    "birth_place_kind": "医院",
    "birth_division": YONGKANG,
    "gestation_weeks": 39,
    "length_cm": 50.5,
    "weight_g": 3250,
    "mother_name": "欧阳桂兰",
    "mother_id_type": "01",
    "mother_id_number": "330784199602290024",
    "issued_on": "2025-05-25",
    "authority": "永康市卫生健康局",
    "authority_division": YONGKANG,
}
CONTRACEPTION: dict[str, Any] = {
    "number": "BG-2026-0007",
    "person_name": "欧阳桂兰",
    "person_id_type": "01",
    "person_id_number": "330784199602290024",
    "reported_on": "2026-05-30",
    "facility": "惠济区妇幼保健院",
    "method": "201",
    "method_since": "2025-08-01",
    "check_result": "避孕措施正常",
    "officer": "郑记录",
    "origin_division": YONGKANG,
    "residence_division": HUIJI,
    "consent_ref": "TY-2026-000045",
    "authority_division": HUIJI,
}
VCT = {"marriage": marriage.VCT, "birth": birth.VCT, "contraception": contraception.VCT}


@dataclass(frozen=True)
class Region:
    """A member and its private keys."""

    name: str
    division: str
    display: str
    sig: SigningKey = field(default_factory=SigningKey.generate)
    enc: DecryptionKey = field(default_factory=DecryptionKey.generate)
    types: frozenset[str] = KINDS

    def member(self, **changes: Any) -> Member:
        """Its entry in the trust list; `changes` go into its signing key."""
        nbf, naf = NOW - 300 * DAY, NOW + 60 * DAY
        signing = TrustedKey.of(self.sig.public, nbf=nbf, naf=naf, types=self.types)
        sealing = TrustedKey.of(self.enc.public, nbf=NOW - 10 * DAY, naf=NOW + 80 * DAY)
        return Member(self.name, (self.division,), self.display, (replace(signing, **changes), sealing))


ROOTS = tuple(SigningKey.generate() for _ in range(3))
ROOT_KEYS = tuple(root.public for root in ROOTS)
HUB = SigningKey.generate()
HOLDER = SigningKey.generate()
Y = Region("yongkang", YONGKANG, "永康市")
H = Region("huiji", HUIJI, "郑州市惠济区")


def trust_list(*members: Member, version: int = 7, issued_at: datetime = NOW - DAY) -> TrustList:
    """A list of these members, or of the two regions."""
    return TrustList(version, issued_at, issued_at + 5 * DAY, members or (Y.member(), H.member()))


TRUST = trust_list()
REF = StatusRef(STATUS_URI, 815)


def status_list(status: Status = Status.VALID, index: int = REF.index) -> StatusList:
    """A verified list in which one certificate has this status."""
    token = StatusList(STATUS_URI, 4096, {index: status}).sign(HUB, NOW - timedelta(hours=1))
    return StatusList.verify(token, HUB.public, NOW)


ALL_VALID = status_list()


def certificate(claims: dict[str, Any] = MARRIAGE, /, **changes: Any) -> str:
    """A certificate of yongkang, bound to HOLDER unless changed."""
    vct = changes.pop("vct", VCT["birth" if "child_sex" in claims else "marriage"])
    arguments: dict[str, Any] = {
        "vct": vct,
        "issuer": Y.name,
        "signer": Y.sig,
        "iat": NOW - 10 * DAY,
        "exp": NOW + 80 * DAY,
        "status": REF,
        "holder": HOLDER.public.to_jwk(),
    }
    return sdjwt.issue(claims, **arguments | changes)


def shown(credential: str, select: Collection[str] = ("party_a_name", "registered_on"), /, **changes: Any) -> str:
    """What the holder shows to AUDIENCE for NONCE unless changed."""
    arguments: dict[str, Any] = {"holder_key": HOLDER, "nonce": NONCE, "audience": AUDIENCE, "now": NOW}
    return sdjwt.present(credential, select, **arguments | changes)


def verified(
    presentation: str,
    *,
    trust: TrustList = TRUST,
    status: StatusSource = ALL_VALID,
    now: datetime = NOW,
    nonce: str | None = NONCE,
    audience: str | None = AUDIENCE,
    logged_at: datetime | None = None,
) -> Verified:
    """The verdict of AUDIENCE, who asked with NONCE."""
    return sdjwt.verify(
        presentation, trust=trust, status=status, now=now, nonce=nonce, audience=audience, logged_at=logged_at
    )


def bare(key: SigningKey) -> Jwk:
    """A public JWK as a wallet writes it."""
    return {name: value for name, value in key.public.to_jwk().items() if name in {"kty", "crv", "x", "y"}}


def header(**changes: Any) -> seal.Header:
    """A contraception report from huiji to yongkang."""
    arguments: dict[str, Any] = {
        "id": str(UUID(int=0x7E57 << 64 | 1)),
        "from_": H.name,
        "to": Y.name,
        "to_kid": Y.enc.kid,
        "sig_kid": H.sig.kid,
        "suite": "intl-1",
        "typ": "contraception-report",
        "subject": "HJ-000017",
        "purpose": "continuity-of-care",
        "legal_basis": "consent",
        "consent_ref": "TY-2026-000045",
        "iat": NOW,
        "exp": NOW + 30 * DAY,
    }
    return seal.Header(**arguments | changes)


def sealed(payload: bytes = b'{"resourceType":"Bundle"}', /, **changes: Any) -> bytes:
    """An envelope from huiji to yongkang."""
    return seal.seal(payload, header(**changes), H.sig, Y.enc.public)


def opened(envelope: bytes, now: datetime = NOW) -> seal.Opened:
    """What yongkang opens, expecting huiji."""
    return seal.open_sealed(envelope, Y.enc, H.sig.public, now)
