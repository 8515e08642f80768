"""What was issued, shown and sealed once must get the same verdict for ever."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from certs import sdjwt, seal, trust
from certs.errors import CertsError
from certs.keys import DecryptionKey, VerifyKey
from certs.status import StatusList
from certs.trust import TrustList


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return content


SHOWN, SEALED = load("presentations.json"), load("sealed.json")


def now(corpus: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(corpus["now"])


def trusted(corpus: dict[str, Any]) -> TrustList:
    roots = [VerifyKey.from_jwk(jwk) for jwk in corpus["roots"]]
    return trust.verify(corpus["trust_list"].encode(), roots, now=now(corpus))


def statuses(corpus: dict[str, Any]) -> StatusList:
    return StatusList.verify(corpus["status_list"], VerifyKey.from_jwk(corpus["status_key"]), now(corpus))


def verdict_on(presentation: str) -> sdjwt.Verified:
    return sdjwt.verify(
        presentation,
        trust=trusted(SHOWN),
        status=statuses(SHOWN),
        now=now(SHOWN),
        nonce=SHOWN["nonce"],
        audience=SHOWN["audience"],
    )


def opened(envelope: str) -> seal.Opened:
    key = DecryptionKey.from_jwk(SEALED["recipient"])
    return seal.open_trusted(envelope.encode(), {key.kid: key}, trusted(SEALED), now(SEALED))


@pytest.mark.parametrize("name", SHOWN["presentations"])
def test_presentations(name: str) -> None:
    presentation, expected = SHOWN["presentations"][name], name.partition(":")[0]
    if expected == "ok":
        found = verdict_on(presentation)
        assert found.issuer == "yongkang"
        assert set(found.claims) >= {"authority_division"}
    else:
        with pytest.raises(CertsError) as caught:
            verdict_on(presentation)
        assert caught.value.code == expected


@pytest.mark.parametrize("name", SEALED["envelopes"])
def test_envelopes(name: str) -> None:
    envelope, expected = SEALED["envelopes"][name], name.partition(":")[0]
    if expected == "ok":
        assert opened(envelope).header.from_ == "huiji"
    else:
        with pytest.raises(CertsError) as caught:
            opened(envelope)
        assert caught.value.code == expected


def test_what_was_shown_is_what_was_issued() -> None:
    claims = verdict_on(SHOWN["presentations"]["ok: everything"]).claims
    assert claims["party_a_name"] == "欧阳桂兰"
    assert len(claims) == 19
    assert verdict_on(SHOWN["presentations"]["ok: two claims"]).claims == {
        "kind": "marriage",
        "authority_division": "330784000000",
        "party_a_name": "欧阳桂兰",
        "registered_on": "2024-05-20",
    }
    assert opened(SEALED["envelopes"]["ok: a report"]).payload.decode() == "一份报告"


def test_the_issued_certificate_of_the_corpus() -> None:
    found = sdjwt.verify_issued(SHOWN["issued"], trust=trusted(SHOWN), status=statuses(SHOWN), now=now(SHOWN))
    assert found.claims["number"] == "J330784-2024-000123"
