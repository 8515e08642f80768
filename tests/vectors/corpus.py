"""Makes `presentations.json` and `sealed.json`: fixed bytes with the verdict each must get, for this and any other verifier.

Run `python -m tests.vectors.corpus` only when the format changes on purpose: what was issued before must stay readable.
All people and keys in it are made up.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from certs.encoding import b64url, dump_json, unb64url
from certs.keys import SigningKey
from certs.sdjwt_parts import KB_TYP
from certs.status import Status, StatusList, StatusRef
from certs.tokens import sign
from tests.unit.certs import world
from tests.unit.certs.world import BIRTH, DAY, HUB, MARRIAGE, NOW, STATUS_URI, H, Y, bare, certificate, sealed, shown

HERE = Path(__file__).parent
SELECT = ("party_a_name", "registered_on")
REVOKED, SUSPENDED, SUPERSEDED = (StatusRef(STATUS_URI, index) for index in (1, 2, 3))


def presentations() -> dict[str, str]:
    """Each presentation by the verdict it must get: "ok: what" or an error's code, then what was done to it."""
    good = shown(certificate())
    front, _, confirmation = good.rpartition("~")
    signed, *parts = front.split("~")
    head, payload, signature = signed.split(".")
    edited = json.loads(unb64url(payload)) | {"exp": 2_000_000_000}
    unsigned = f"{b64url(dump_json({'alg': 'none', 'kid': Y.sig.kid, 'typ': 'dc+sd-jwt'}))}.{payload}."
    foreign = certificate(MARRIAGE | {"party_a_name": "别人"}).split("~")[1]
    other = sign({"iat": int(NOW.timestamp())}, typ=KB_TYP, signer=SigningKey.generate(), with_kid=False)
    return {
        "ok: two claims": good,
        "ok: nothing but the open claims": shown(certificate(), []),
        "ok: everything": shown(certificate(), list(MARRIAGE)),
        "ok: a birth certificate": shown(certificate(BIRTH), ["child_name", "birth_time"]),
        "ok: without a holder key": shown(certificate(holder=None), SELECT),
        "bad-signature: edited expiry": f"{head}.{b64url(dump_json(edited))}.{signature}~" + good.partition("~")[2],
        "algorithm-refused: no signature": f"{unsigned}~" + good.partition("~")[2],
        "expired: yesterday": shown(certificate(exp=NOW - DAY)),
        "not-yet-valid: tomorrow": shown(certificate(iat=NOW + DAY)),
        "revoked: by its issuer": shown(certificate(status=REVOKED)),
        "suspended: for now": shown(certificate(status=SUSPENDED)),
        "superseded: by a newer one": shown(certificate(status=SUPERSEDED)),
        "status-unavailable: another list": shown(certificate(status=StatusRef("https://elsewhere.example/1", 1))),
        "unknown-issuer: a stranger's key": shown(certificate(signer=SigningKey.generate())),
        "unknown-key: another member's key": shown(certificate(signer=H.sig)),
        "issuer-not-entitled: another division": shown(certificate(MARRIAGE | {"authority_division": world.HUIJI})),
        "key-not-valid: before the key": shown(certificate(iat=NOW - 400 * DAY)),
        "unreferenced-disclosure: from another certificate": "~".join([signed, *parts, foreign, confirmation]),
        "duplicate-disclosure: twice the same": "~".join([signed, parts[0], *parts, confirmation]),
        "holder-binding-missing: stripped": front + "~",
        "holder-binding-invalid: less than confirmed": "~".join([signed, parts[0], confirmation]),
        "holder-binding-invalid: somebody else confirmed": f"{front}~{other}",
        "replayed: for another question": shown(certificate(), nonce="n-0000"),
        "replayed: an hour ago": shown(certificate(), now=NOW - timedelta(hours=1)),
        "wrong-audience: for another office": shown(certificate(), audience="https://other.example"),
        "malformed-presentation: cut short": signed,
    }


def envelopes() -> dict[str, str]:
    """Each envelope by the verdict it must get."""
    good = sealed("一份报告".encode())
    outer = json.loads(good)
    head = json.loads(unb64url(outer["header"]))

    def under(**changes: Any) -> bytes:
        return dump_json({**outer, "header": b64url(dump_json(head | changes))})

    changed = bytearray(unb64url(outer["ciphertext"]))
    changed[500] ^= 1
    return {
        name: envelope.decode("ascii")
        for name, envelope in {
            "ok: a report": good,
            "ok: empty": sealed(b""),
            "ok: a long one": sealed(b"x" * 3000),
            "open-failed: another subject": under(subject="HJ-999999"),
            "open-failed: another purpose": under(purpose="research"),
            "open-failed: one bit": dump_json({**outer, "ciphertext": b64url(bytes(changed))}),
            "unknown-suite: chosen by the message": under(suite="gm-1"),
            "wrong-recipient: another key": under(to_kid=H.enc.kid),
            "unknown-key: another member": under(**{"from": "yongkang"}),
            "unknown-issuer: a stranger's key": under(sig_kid="A" * 43),
            "issuer-not-entitled: another kind": sealed(typ="consent"),
            "expired: last month": sealed(iat=NOW - 60 * DAY, exp=NOW - 30 * DAY),
            "not-yet-valid: tomorrow": sealed(iat=NOW + DAY, exp=NOW + 2 * DAY),
            "malformed-envelope: a header without a purpose": dump_json(
                {**outer, "header": b64url(dump_json({k: v for k, v in head.items() if k != "purpose"}))}
            ),
        }.items()
    }


def world_of_the_corpus() -> dict[str, Any]:
    """What a verifier holds: the time, its question, the roots, the trust list, the status list."""
    statuses = {1: Status.REVOKED, 2: Status.SUSPENDED, 3: Status.SUPERSEDED}
    return {
        "now": NOW.isoformat(),
        "nonce": world.NONCE,
        "audience": world.AUDIENCE,
        "roots": [root.to_jwk() for root in world.ROOT_KEYS],
        "trust_list": world.TRUST.sign(*world.ROOTS[:2]).decode("ascii"),
        "status_key": HUB.public.to_jwk(),
        "status_list": StatusList(STATUS_URI, 4096, statuses).sign(HUB, NOW - timedelta(hours=1)),
        "issued": certificate(),
        "holder_key": bare(world.HOLDER),
    }


def write() -> None:
    """Write both files."""
    shared = world_of_the_corpus()
    files = {
        "presentations.json": shared | {"presentations": presentations()},
        "sealed.json": {**shared, "recipient": Y.enc.to_jwk(), "envelopes": envelopes()},
    }
    for name, content in files.items():
        (HERE / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
