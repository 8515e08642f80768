"""`gateway check`: what is wrong, in words, and what to do about it. Changes nothing but the trust list at hand.

Each check stands alone, so that one fault does not hide the others.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from adapters.errors import GatewayError, HubError
from adapters.gateway.assembly import Gateway
from adapters.gateway.keys import KeyRing
from adapters.gateway.records import Finding, Route, Source
from certs.errors import CertsError
from certs.trust import TrustList

MOST_SKEW = timedelta(seconds=60)
_REMEDIES = {
    "foreign-key": "restart after keys were renewed, bring lost files back, else have the operator report the keys stolen"
}


async def check(gateway: Gateway) -> list[Finding]:
    """All findings, the good ones too."""
    findings = [Finding("configuration", True, f"member {gateway.config.member}, {len(gateway.sources)} sources")]
    findings += [Finding(f"mapping {source.mapping}", True, f"loads ({source.kind})") for source in gateway.sources]
    findings.append(await _reachable(gateway))
    findings.append(_clock(gateway))
    findings.append(await _sign_in(gateway))
    findings += await _trust(gateway)
    findings.append(_folder(gateway.config.county.folder))
    findings += await _county(gateway)
    findings += await asyncio.to_thread(_spool, gateway)
    return findings


async def _reachable(gateway: Gateway) -> Finding:
    try:
        await gateway.client.health()
    except HubError as error:
        return Finding("hub", False, str(error), "compare hub.url with the hub's address; see that the hub runs")
    return Finding("hub", True, f"answers at {gateway.config.hub.url}")


def _clock(gateway: Gateway) -> Finding:
    skew = gateway.connection.skew
    if skew is None:
        return Finding("clock", False, "not compared: the hub told no time", "make the hub reachable, then check again")
    seconds = abs(skew.total_seconds())
    ok = abs(skew) <= MOST_SKEW
    text = f"differs from the hub's by {seconds:.0f} s"
    return Finding("clock", ok, text, "set this machine's clock (NTP); more than a few minutes stops all exchange")


async def _sign_in(gateway: Gateway) -> Finding:
    try:
        await gateway.client.submission("00000000-0000-4000-8000-000000000000")
    except GatewayError as error:
        remedy = (
            "enrol the member and its auth key at the hub (`gateway keygen` prints the public keys); check the clock"
        )
        return Finding("sign-in", False, str(error), remedy)
    return Finding("sign-in", True, "the hub knows this member and its key")


async def _trust(gateway: Gateway) -> list[Finding]:
    try:
        trust = await gateway.trust.refresh(gateway.client)
    except GatewayError as error:
        remedy = _REMEDIES.get(error.code, "compare trust.roots_file with the root keys the hub's operator published")
        return [Finding("trust list", False, str(error), remedy)]
    findings = [
        Finding("trust list", True, f"version {trust.version}, next update due {trust.next_update.isoformat()}")
    ]
    return findings + _own_keys(gateway.config.member, gateway.keys, gateway.sources, trust, gateway)


def _own_keys(
    member: str, keys: KeyRing, sources: Sequence[Source], trust: TrustList, gateway: Gateway
) -> list[Finding]:
    now = gateway.clock()
    remedy = "send the output of `gateway keygen` to the hub's operator, who publishes a new trust list"
    findings = []
    for kind in sorted({source.kind for source in sources if source.route is not Route.RAW}):
        ok = any(_may_sign(trust, key.kid, member, kind, gateway) for key in keys.sig)
        text = f"the trust list lets one of our keys sign {kind}" if ok else f"no key of ours may sign {kind}"
        findings.append(Finding(f"signing key for {kind}", ok, text, remedy))
    try:
        listed = trust.encryption_key(member, now).kid
    except CertsError as error:
        findings.append(Finding("decryption key", False, error.message.en, remedy))
    else:
        ok = listed in {key.kid for key in keys.enc}
        text = (
            "others seal for a key we hold" if ok else f"others seal for key {listed}, which is not in the key folder"
        )
        findings.append(Finding("decryption key", ok, text, "restore that key file, or publish the key that is here"))
    return findings


def _may_sign(trust: TrustList, kid: str, member: str, kind: str, gateway: Gateway) -> bool:
    try:
        trust.verify_key(kid, member=member, typ=kind, signed_at=gateway.clock())
    except CertsError:
        return False
    return True


def _folder(folder: Path) -> Finding:
    folder.mkdir(parents=True, exist_ok=True)
    ok = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    text = f"{folder} is writable" if ok else f"{folder} is not writable"
    return Finding("folder", ok, text, f"give the gateway's user write access to {folder}")


async def _county(gateway: Gateway) -> list[Finding]:
    try:
        return await gateway.transport.check(list(gateway.sources))
    except GatewayError as error:
        return [
            Finding("county system", False, str(error), "see that the county's system runs and its settings are right")
        ]


def _spool(gateway: Gateway) -> list[Finding]:
    stuck = gateway.spool.stuck()
    held = [entry for entry in stuck if entry["held"]]
    findings = [
        Finding(
            "held messages", not held, f"{len(held)} wait for a person", "mend the cause, then: gateway retry CONFIG"
        ),
        Finding("waiting messages", True, f"{gateway.spool.waiting()} still to be moved"),
    ]
    reasons = sorted({f"{entry['kind']}: {entry['error_text']} [{entry['error_code']}]" for entry in stuck})
    findings += [Finding("trouble", False, reason, "see `gateway status CONFIG`") for reason in reasons]
    troubles = gateway.spool.inbox.troubles()
    findings += [
        Finding("mailbox", False, f"{message}: {why}", "it is tried again by itself") for message, why in troubles
    ]
    return findings
