"""Certificates whose holder chooses what to show: SD-JWT (RFC 9901), `dc+sd-jwt`, in a profile of its own.

Flat claims, SHA-256, one level of disclosures padded with decoys; iss, vct, iat, exp, status and the kind's always-visible
claims in the open. A certificate with a holder key is shown only with a fresh confirmation (KB-JWT) for this verifier's
nonce. Verifying (`verification`) answers with what was shown or raises the one reason against it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from certs import disclosures, kinds, tokens
from certs.disclosures import SD, SD_ALG
from certs.errors import ClaimNotPresent, HolderBindingInvalid, HolderBindingMissing, InvalidClaims, NonceRequired
from certs.instants import seconds
from certs.keys import Signer, VerifyKey
from certs.kinds.model import without_blanks
from certs.sdjwt_parts import HASH, KB_TYP, TYP, Parsed, hash_of, parse
from certs.status import StatusRef
from certs.suites import Jwk
from certs.verification import StatusSource, Verified, verify, verify_issued

__all__ = [
    "Parsed",
    "StatusRef",
    "StatusSource",
    "Verified",
    "issue",
    "issue_batch",
    "parse",
    "present",
    "verify",
    "verify_issued",
]


def issue(
    claims: Mapping[str, Any],
    *,
    vct: str,
    issuer: str,
    signer: Signer,
    iat: datetime,
    exp: datetime,
    status: StatusRef,
    holder: Jwk | None = None,
    always: Collection[str] = (),
) -> str:
    """A certificate: the signed part, then a disclosure for each claim that is not always visible, `~` after each.

    `always` adds to the kind's always-visible claims; `holder` is the holder's public key. Blank claims are left out.
    Raises UnknownKind, InvalidClaims, MalformedKey.
    """
    kind = kinds.by_vct(vct)
    said = without_blanks(claims)
    kind.check(said)
    visible = kind.always | set(always)
    if not visible <= set(kind.claims):
        raise InvalidClaims(f"{kind.name} has no {', '.join(sorted(visible - set(kind.claims)))}")
    if not seconds(iat) < seconds(exp):
        raise InvalidClaims("a certificate expires after it is issued")
    hidden = [disclosures.make(name, value) for name, value in said.items() if name not in visible]
    decoys = [disclosures.decoy() for _ in range(len(kind.claims) - len(visible) - len(hidden))]
    payload = {name: value for name, value in said.items() if name in visible} | {
        "iss": issuer,
        "vct": vct,
        "iat": seconds(iat),
        "exp": seconds(exp),
        "status": {"status_list": {"idx": status.index, "uri": status.uri}},
        SD: sorted([disclosure.digest for disclosure in hidden] + decoys),
        SD_ALG: HASH,
    }
    if holder is not None:
        payload["cnf"] = {"jwk": _bare(VerifyKey.from_jwk(holder))}
    signed = tokens.sign(payload, typ=TYP, signer=signer)
    return "~".join([signed, *(disclosure.encoded for disclosure in hidden), ""])


def issue_batch(
    claims: Mapping[str, Any],
    *,
    vct: str,
    issuer: str,
    signer: Signer,
    iat: datetime,
    exp: datetime,
    statuses: Sequence[StatusRef],
    holders: Sequence[Jwk | None],
    always: Collection[str] = (),
) -> list[str]:
    """One certificate several times, to be shown once each: no salt, digest, index or holder key is in two of them."""
    if len(statuses) != len(holders) or len(set(statuses)) != len(statuses):
        raise InvalidClaims("each certificate of a batch has its own status index and its own holder key")
    names = [VerifyKey.from_jwk(holder).kid for holder in holders if holder is not None]
    if len(set(names)) != len(names):
        raise InvalidClaims("each certificate of a batch has its own holder key")
    return [
        issue(
            claims,
            vct=vct,
            issuer=issuer,
            signer=signer,
            iat=iat,
            exp=exp,
            status=status,
            holder=holder,
            always=always,
        )
        for status, holder in zip(statuses, holders, strict=True)
    ]


def present(
    credential: str,
    select: Collection[str],
    *,
    holder_key: Signer | None = None,
    nonce: str | None = None,
    audience: str | None = None,
    now: datetime,
) -> str:
    """What the holder shows: the signed part, the selected claims, and her confirmation if the certificate has her key.

    Raises ClaimNotPresent, HolderBindingMissing (key needed), HolderBindingInvalid (another key), NonceRequired.
    """
    parsed = parse(credential)
    offered = {disclosure.name: disclosure.encoded for disclosure in parsed.disclosures}
    missing = sorted(name for name in select if name not in offered and name not in parsed.payload)
    if missing:
        raise ClaimNotPresent(", ".join(missing))
    chosen = [encoded for name, encoded in offered.items() if name in select]
    shown = "~".join([parsed.signed_part, *chosen, ""])
    if parsed.holder is None:
        return shown
    if holder_key is None:
        raise HolderBindingMissing
    if holder_key.kid != VerifyKey.from_jwk(parsed.holder).kid:
        raise HolderBindingInvalid("the certificate is bound to another key")
    if nonce is None or audience is None:
        raise NonceRequired
    confirmation = {"iat": seconds(now), "aud": audience, "nonce": nonce, "sd_hash": hash_of(shown)}
    return shown + tokens.sign(confirmation, typ=KB_TYP, signer=holder_key, with_kid=False)


def _bare(key: VerifyKey) -> Jwk:
    return {name: value for name, value in key.to_jwk().items() if name in {"kty", "crv", "x", "y"}}
