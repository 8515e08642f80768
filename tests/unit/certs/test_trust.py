"""Whom to believe: enough roots, never an older list, never one held back, and each member only for what is its own."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certs import trust, trust_format
from certs.encoding import b64url, dump_json, unb64url
from certs.errors import (
    AlgorithmRefused,
    BadSignature,
    CertsError,
    IssuerNotEntitled,
    KeyCompromised,
    KeyNotValid,
    MalformedTrustList,
    NoKeyAvailable,
    NotYetValid,
    RollbackRefused,
    TooFewSignatures,
    TrustListStale,
    UnknownIssuer,
    UnknownKey,
    UnknownMember,
    UnknownSuite,
)
from certs.keys import DecryptionKey, EncryptionKey, SigningKey, VerifyKey
from certs.trust import Member, TrustedKey, TrustList
from tests.unit.certs.world import DAY, HUIJI, NOW, ROOT_KEYS, ROOTS, TRUST, YONGKANG, H, Y, trust_list

SIGNED = TRUST.sign(*ROOTS[:2])


def read(data: bytes = SIGNED, **changes: Any) -> TrustList:
    return trust.verify(data, ROOT_KEYS, **{"now": NOW} | changes)


def edited(change: Callable[[dict[str, Any]], None], data: bytes = SIGNED) -> bytes:
    outer = json.loads(data)
    change(outer)
    return dump_json(outer)


def resigned(change: Callable[[dict[str, Any]], None], plain: bool = False) -> bytes:
    """The list with another payload, properly signed by two roots."""
    content = json.loads(TRUST.payload())
    change(content)
    payload = json.dumps(content, indent=1).encode() if plain else dump_json(content)
    return trust_format.sign(payload, ROOTS[:2])


def key_of(content: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = content["members"][0]["keys"][number]
    return found


def test_two_of_three_roots_are_enough() -> None:
    assert read() == TRUST
    assert read(TRUST.sign(*ROOTS)) == TRUST
    assert read(TRUST.sign(ROOTS[0], ROOTS[2])).digest == TRUST.digest


def test_one_root_is_not() -> None:
    with pytest.raises(TooFewSignatures):
        read(TRUST.sign(ROOTS[0]))


def test_one_root_twice_is_one_root() -> None:
    with pytest.raises(TooFewSignatures):
        read(TRUST.sign(ROOTS[0], ROOTS[0]))
    with pytest.raises(TooFewSignatures):
        read(trust.countersign(TRUST.sign(ROOTS[0]), ROOTS[0]))


def test_a_stranger_counts_for_nothing() -> None:
    stranger = SigningKey.generate()
    with pytest.raises(TooFewSignatures):
        read(TRUST.sign(ROOTS[0], stranger))
    assert read(TRUST.sign(ROOTS[0], stranger, ROOTS[1])) == TRUST


def test_roots_can_sign_one_after_the_other() -> None:
    assert read(trust.countersign(TRUST.sign(ROOTS[2]), ROOTS[1])) == TRUST


def test_a_root_whose_signature_does_not_match_spoils_the_list() -> None:
    def spoil(outer: dict[str, Any]) -> None:
        outer["signatures"][0]["signature"] = outer["signatures"][1]["signature"]

    with pytest.raises(BadSignature):
        read(edited(spoil, TRUST.sign(*ROOTS)))


def test_an_edited_payload_is_refused() -> None:
    def edit(outer: dict[str, Any]) -> None:
        text = unb64url(outer["payload"]).replace("永康市".encode(), "惠济区".encode())
        outer["payload"] = b64url(text)

    with pytest.raises(BadSignature):
        read(edited(edit))


@pytest.mark.parametrize("changes", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"crit": []}, {"jwk": {}}])
def test_a_root_signs_in_one_way_only(changes: dict[str, Any]) -> None:
    def edit(outer: dict[str, Any]) -> None:
        header = json.loads(unb64url(outer["signatures"][0]["protected"])) | changes
        outer["signatures"][0]["protected"] = b64url(dump_json(header))

    with pytest.raises(AlgorithmRefused):
        read(edited(edit))


@pytest.mark.parametrize("kid", [["a"], {}, 5, None, "unknown"])
def test_a_strange_name_of_a_root_is_a_stranger(kid: object) -> None:
    def edit(outer: dict[str, Any]) -> None:
        outer["signatures"][0]["protected"] = b64url(dump_json({"alg": "ES256", "kid": kid}))

    with pytest.raises(TooFewSignatures):
        read(edited(edit))


def test_an_older_list_is_refused() -> None:
    assert read(last_version=7) == TRUST
    with pytest.raises(RollbackRefused):
        read(last_version=8)


def test_two_lists_of_one_version_are_refused() -> None:
    assert read(last_version=7, last_digest=TRUST.digest) == TRUST
    assert read(last_version=6, last_digest="of version 6") == TRUST
    with pytest.raises(RollbackRefused):
        read(last_version=7, last_digest="0" * 64)


def test_a_frozen_list_is_refused() -> None:
    read(now=TRUST.next_update - timedelta(seconds=1))
    with pytest.raises(TrustListStale):
        read(now=TRUST.next_update)


def test_a_list_from_the_future_is_refused() -> None:
    assert read(now=NOW - DAY - timedelta(minutes=5)) == TRUST
    with pytest.raises(NotYetValid):
        read(now=NOW - DAY - timedelta(minutes=5, seconds=1))


@pytest.mark.parametrize("days", [8, 0, -1])
def test_a_list_is_made_for_a_week_at_most(days: int) -> None:
    with pytest.raises(MalformedTrustList, match="seven days"):
        TrustList(1, NOW, NOW + days * DAY, ())
    with pytest.raises(MalformedTrustList):
        read(resigned(lambda content: content.update(next_update=content["issued_at"] + days * 86_400)))


def test_the_threshold_makes_sense() -> None:
    for threshold in (0, 4):
        with pytest.raises(ValueError, match="threshold"):
            read(threshold=threshold)
    assert read(TRUST.sign(ROOTS[1]), threshold=1) == TRUST


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(version=0),
        lambda content: content.update(version=True),
        lambda content: content.update(extra=1),
        lambda content: content.pop("members"),
        lambda content: content.update(issued_at="2026"),
        lambda content: content["members"].append(content["members"][0]),
        lambda content: content["members"].append(5),
        lambda content: content["members"][0].update(name="Yongkang"),
        lambda content: content["members"][0].update(display=""),
        lambda content: content["members"][0].update(divisions=["330784"]),
        lambda content: content["members"][0].update(divisions=[[]]),
        lambda content: content["members"][0].update(divisions=[HUIJI]),
        lambda content: content["members"][0].update(note="x"),
        lambda content: content["members"][0]["keys"].append("x"),
        lambda content: content["members"][0]["keys"].append(content["members"][1]["keys"][0]),
        lambda content: key_of(content).update(use="auth"),
        lambda content: key_of(content).update(types=[1]),
        lambda content: key_of(content).update(types=["Birth Certificate"]),
        lambda content: key_of(content).update(nbf=key_of(content)["naf"]),
        lambda content: key_of(content).update(naf=None),
        lambda content: key_of(content).update(compromised_at="yesterday"),
        lambda content: key_of(content).update(kid="another"),
        lambda content: key_of(content).update(suite="Intl 1"),
        lambda content: key_of(content)["jwk"].update(d="AAAA"),
        lambda content: key_of(content)["jwk"].update(x=key_of(content)["jwk"]["y"]),
        lambda content: key_of(content).update(jwk={}),
        lambda content: key_of(content).update(jwk=[]),
        lambda content: key_of(content, 1).update(use="sig"),
    ],
)
def test_a_list_that_breaks_its_rules_is_refused_even_if_signed(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(MalformedTrustList):
        read(resigned(change))


def test_a_list_has_one_spelling() -> None:
    with pytest.raises(MalformedTrustList, match="spelling"):
        read(resigned(lambda content: None, plain=True))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"payload":1,"signatures":[]}',
        b'{"payload":"","signatures":{}}',
        b'{"payload":"!","signatures":[]}',
        b'{"payload":"AA","signatures":[1]}',
        b'{"payload":"AA","signatures":[{"protected":"AA","signature":1}]}',
        b'{"payload":"AA","signatures":[{"protected":"AA","signature":"AA"}]}',
        b'{"payload":"AA","signatures":[{"protected":"!","signature":"AA"}]}',
        b'{"payload":"AA","signatures":[{"protected":"W10","signature":"AA"}]}',
        dump_json({"payload": "AA", "signatures": [{"protected": "e30", "signature": "AA"}] * 17}),
    ],
)
def test_what_is_no_signed_list_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedTrustList):
        read(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda outer: outer.update(header={}),
        lambda outer: outer.update(payload="é"),
        lambda outer: outer["signatures"][0].update(header={"kid": "x"}),
        lambda outer: outer["signatures"][0].update(protected="é"),
        lambda outer: outer["signatures"][0].update(signature="!"),
    ],
)
def test_nothing_stands_beside_the_signatures(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(MalformedTrustList):
        read(edited(change))


def test_sixteen_signatures_are_read_and_no_more() -> None:
    strangers = [SigningKey.generate() for _ in range(15)]
    assert read(TRUST.sign(*ROOTS[:2], *strangers[:14])) == TRUST
    with pytest.raises(MalformedTrustList):
        read(TRUST.sign(*ROOTS[:2], *strangers))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(note=1),
        lambda content: content["members"][0].update(note=1),
        lambda content: key_of(content).update(note=1),
    ],
)
def test_a_payload_holds_nothing_unexpected(change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(TRUST.payload())
    change(content)
    with pytest.raises(MalformedTrustList):
        trust_format.read(dump_json(content))


def test_who_answers_for_a_division() -> None:
    province = replace(Y.member(), name="zhejiang", divisions=("330000000000",), keys=())
    found = trust_list(province, Y.member(), H.member())
    assert found.member_for_division("330784001201").name == "yongkang"
    assert found.member_for_division("330702000000").name == "zhejiang"
    assert found.member_for_division(HUIJI).name == "huiji"
    for code in ("410102000000", "440000000000", "", "abc"):
        with pytest.raises(UnknownMember):
            found.member_for_division(code)


def test_members_and_keys_are_found_by_name() -> None:
    assert TRUST.member("huiji").display == "郑州市惠济区"
    assert TRUST.owner(H.sig.kid).name == "huiji"
    assert TRUST.key(H.enc.kid).use == "enc"
    with pytest.raises(UnknownMember):
        TRUST.member("jinjiang")
    for lookup in (TRUST.key, TRUST.owner):
        with pytest.raises(UnknownKey):
            lookup("nobody")


def entry(key: VerifyKey | EncryptionKey, start: int, end: int, **more: Any) -> TrustedKey:
    return TrustedKey.of(key, nbf=NOW + start * DAY, naf=NOW + end * DAY, **more)


def test_the_newest_valid_key_is_sealed_with() -> None:
    old, new, future, stolen = (DecryptionKey.generate() for _ in range(4))
    keys = (
        entry(old.public, -80, 10),
        entry(new.public, -5, 85),
        entry(future.public, 1, 91),
        entry(stolen.public, -1, 89, compromised_at=NOW - DAY),
        entry(SigningKey.generate().public, -1, 89),
    )
    found = trust_list(replace(Y.member(), keys=keys))
    assert found.encryption_key("yongkang", NOW) == new.public
    assert found.encryption_key("yongkang", NOW + 2 * DAY) == future.public


def test_a_member_without_a_usable_key_is_not_sealed_for() -> None:
    found = trust_list(replace(Y.member(), keys=(entry(DecryptionKey.generate().public, -90, 0),)))
    with pytest.raises(NoKeyAvailable):
        found.encryption_key("yongkang", NOW)
    with pytest.raises(UnknownMember):
        found.encryption_key("huiji", NOW)
    with pytest.raises(TrustListStale):
        TRUST.encryption_key("yongkang", TRUST.next_update)


def key(found: TrustList = TRUST, **changes: Any) -> VerifyKey:
    arguments: dict[str, Any] = {"kid": Y.sig.kid, "member": "yongkang", "typ": "birth-certificate", "signed_at": NOW}
    arguments |= changes
    return found.verify_key(arguments.pop("kid"), **arguments)


def test_a_members_key_verifies_what_it_may_sign() -> None:
    key().verify(b"x", Y.sig.sign(b"x"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kid": "nobody"}, UnknownIssuer),
        ({"member": "huiji"}, UnknownKey),
        ({"kid": Y.enc.kid}, UnknownKey),
        ({"typ": "trust-list"}, IssuerNotEntitled),
        ({"signed_at": NOW - 301 * DAY}, KeyNotValid),
        ({"signed_at": NOW + 60 * DAY}, KeyNotValid),
    ],
)
def test_a_key_for_something_else_is_refused(changes: dict[str, Any], error: type[CertsError]) -> None:
    with pytest.raises(error):
        key(**changes)


def test_a_stolen_key_counts_only_for_what_was_logged_before() -> None:
    stolen_at = NOW - 5 * DAY
    found = trust_list(Y.member(compromised_at=stolen_at), H.member())
    long_ago = NOW - 100 * DAY  # what the thief writes into the document
    assert key(found, signed_at=long_ago, logged_at=stolen_at - timedelta(seconds=1)) == Y.sig.public
    for logged_at in (None, stolen_at, NOW):
        with pytest.raises(KeyCompromised):
            key(found, signed_at=long_ago, logged_at=logged_at)


def test_a_division_must_be_the_members_own() -> None:
    TRUST.check_division("yongkang", YONGKANG)
    TRUST.check_division("yongkang", "330784001201")
    for division in (HUIJI, "330000000000", "330785000000", ""):
        with pytest.raises(IssuerNotEntitled):
            TRUST.check_division("yongkang", division)


def test_a_key_of_a_suite_not_known_here_is_carried_but_not_used() -> None:
    jwk = {"kty": "EC", "crv": "SM2", "x": "AA", "y": "AA", "kid": "sm2-key"}
    foreign = TrustedKey("sm2-key", "sig", "gm-1", frozenset({"birth-certificate"}), NOW - DAY, NOW + DAY, None, jwk)
    member = Member("kunming", ("530100000000",), "昆明市", (foreign,))
    found = read(trust_list(Y.member(), member).sign(*ROOTS))
    with pytest.raises(UnknownSuite):
        key(found, kid="sm2-key", member="kunming")
    assert key(found) == Y.sig.public
    for private in ("d", "priv"):
        with pytest.raises(MalformedTrustList, match="private"):
            replace(foreign, jwk=jwk | {private: "AA"})
    for name, value in (("suite", "Gm 1"), ("use", "auth")):
        wrong: dict[str, Any] = {name: value}
        with pytest.raises(MalformedTrustList):
            replace(foreign, **wrong)


def test_times_need_their_zone() -> None:
    naive = NOW.replace(tzinfo=None)
    for name in ("nbf", "naf", "compromised_at"):
        times: dict[str, Any] = {name: naive}
        with pytest.raises(ValueError, match="zone"):
            replace(TRUST.key(Y.sig.kid), **times)
    assert entry(Y.sig.public, 0, 1, compromised_at=NOW + timedelta(microseconds=1)).compromised_at == NOW
