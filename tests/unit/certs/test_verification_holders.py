"""A holder confirms what she shows, to whom and when: each reason against a confirmation has its own error."""

import hashlib
import hmac
from typing import Any

import pytest

from certs.encoding import b64url, dump_json
from certs.errors import (
    AlgorithmRefused,
    HolderBindingInvalid,
    HolderBindingMissing,
    MalformedPresentation,
    NonceRequired,
    Replayed,
    WrongAudience,
)
from certs.instants import seconds
from certs.keys import SigningKey
from certs.sdjwt_parts import KB_TYP, TYP, hash_of
from tests.unit.certs.presentations import CREDENTIAL, PRESENTATION, UNBOUND, confirmed, signed_part
from tests.unit.certs.world import (
    AUDIENCE,
    HOLDER,
    NONCE,
    NOW,
    Y,
    certificate,
    shown,
    verified,
)


def test_the_holder_must_confirm() -> None:
    with pytest.raises(HolderBindingMissing):
        verified(PRESENTATION.rpartition("~")[0] + "~")
    with pytest.raises(HolderBindingMissing):
        verified(CREDENTIAL)


def test_a_bound_certificate_needs_a_question() -> None:
    for missing in ("nonce", "audience"):
        with pytest.raises(NonceRequired):
            verified(PRESENTATION, **{missing: None})  # type: ignore[arg-type]


def test_a_confirmation_for_another_question_is_a_replay() -> None:
    with pytest.raises(Replayed):
        verified(PRESENTATION, nonce="n-4f1e")
    with pytest.raises(Replayed):
        verified(confirmed(nonce=["n-4f1d"]))
    with pytest.raises(Replayed):
        verified(confirmed(nonce=None))


@pytest.mark.parametrize("seconds_off", [-301, 301])
def test_an_old_or_future_confirmation_is_a_replay(seconds_off: int) -> None:
    with pytest.raises(Replayed):
        verified(confirmed(iat=seconds(NOW) + seconds_off))
    assert verified(confirmed(iat=seconds(NOW) + seconds_off - seconds_off // 301)).claims["kind"] == "marriage"


def test_a_confirmation_for_another_office_is_refused() -> None:
    with pytest.raises(WrongAudience):
        verified(PRESENTATION, audience="https://another.example")
    with pytest.raises(WrongAudience):
        verified(confirmed(aud=[AUDIENCE]))


def test_more_or_less_cannot_be_shown_than_was_confirmed() -> None:
    signed, *parts, confirmation = PRESENTATION.split("~")
    with pytest.raises(HolderBindingInvalid):
        verified("~".join([signed, parts[0], confirmation]))
    extra = next(part for part in CREDENTIAL.split("~")[1:-1] if part not in parts)
    with pytest.raises(HolderBindingInvalid):
        verified("~".join([signed, *parts, extra, confirmation]))
    with pytest.raises(HolderBindingInvalid):
        verified("~".join([signed, *parts[::-1], confirmation]))


def test_a_confirmation_is_not_moved_to_another_certificate() -> None:
    twin = shown(certificate())
    with pytest.raises(HolderBindingInvalid):
        verified(twin.rpartition("~")[0] + "~" + PRESENTATION.rpartition("~")[2])


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": SigningKey.generate()},
        {"signer": Y.sig},
        {"typ": "JWT"},
        {"typ": TYP},
        {"sd_hash": None},
        {"sd_hash": "AAAA"},
        {"iat": None},
        {"iat": "now"},
    ],
)
def test_a_confirmation_by_somebody_else_or_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HolderBindingInvalid):
        verified(confirmed(**changes))


def test_the_holders_public_key_is_no_hmac_secret() -> None:
    front = PRESENTATION.rpartition("~")[0] + "~"
    claims = {"iat": seconds(NOW), "aud": AUDIENCE, "nonce": NONCE, "sd_hash": hash_of(front)}
    for alg in ("HS256", "none"):
        signed = f"{b64url(dump_json({'alg': alg, 'typ': KB_TYP}))}.{b64url(dump_json(claims))}"
        mac = hmac.new(HOLDER.public.subject_public_key_info(), signed.encode(), hashlib.sha256).digest()
        with pytest.raises(AlgorithmRefused):
            verified(f"{front}{signed}.{b64url(mac if alg == 'HS256' else b'')}")


def test_a_certificate_without_a_holder_key_takes_no_confirmation() -> None:
    with pytest.raises(MalformedPresentation):
        verified(confirmed(shown(UNBOUND)))


def test_a_holder_key_nobody_can_use_is_refused() -> None:
    part = signed_part(lambda payload: payload.update(cnf={"jwk": {"kty": "oct", "k": "AAAA"}}))
    with pytest.raises(HolderBindingInvalid):
        verified(confirmed(part + "~"))
