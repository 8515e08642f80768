"""From the sandbox to a live hub: one signed check-list, and two people who agree.

The check-list is all that leaves a sandbox. A live hub believes it by the sandbox's signature and takes the member's keys
and settings from it; no record, message or person goes along, for there is no other way (decisions/0025).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import certs.tokens
from certs.encoding import dump_json, load_object
from certs.errors import CertsError
from certs.instants import instant, seconds
from certs.keys import VerifyKey
from hub.domain import rehearsal
from hub.errors import Conflict, HubError, Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import approval, enrolment, rehearsals, trust
from hub.services.accounts import ADMINISTRATOR
from hub.services.enrolment import NewMember
from hub.storage import audit, durable, members, promotions
from hub.storage.audit import Act
from hub.storage.ids import new_id
from hub.storage.promotions import PROPOSED, Promotion

TYPE: Final = "lianqiao-conformance+jwt"
KEY_FILE: Final = "sandbox-key.json"
_REPORT_DAYS: Final = 30
_MOST_BYTES: Final = 65_536
_ADMINISTRATORS: Final = frozenset({ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Report:
    """What a check-list says of a member: who it is, its public keys, its settings, where it was told."""

    member: NewMember
    keys: list[dict[str, Any]]
    unique_records: bool
    scopes: list[str]
    webhook: str


def write_key(hub: Hub) -> None:
    """Write the public key of this sandbox for live hubs that are to believe its check-lists."""
    content = dump_json(hub.signer.public.to_jwk())
    durable.write(hub.settings.data_dir / KEY_FILE, content, replace=True, mode=0o644)


async def report(hub: Hub, name: str) -> str:
    """The signed check-list of a member that showed everything. Raises NotFound, Conflict `not-passed`."""
    now = hub.now()
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
        if member is None:
            raise NotFound(f"There is no active member named {name}.")
        keys = [
            key
            for key in await members.keys(connection, member.id)
            if key.use in enrolment.LIFETIMES and key.compromised_at is None and key.not_before <= now < key.not_after
        ]
    lines, opened = await rehearsals.lines(hub, member), (await rehearsals.state_of(hub, member))["opened"]
    missing = [line.item for line in lines if line.needed and line.seen_at is None]
    if missing:
        raise Conflict("not-passed", f"{name} has not shown everything yet; missing: {', '.join(missing)}.")
    endpoint = await rehearsals.endpoint_of(hub, member)
    seen = {line.item: line.seen_at.isoformat() for line in lines if line.seen_at is not None}
    claims = {
        "iss": hub.settings.base_url,
        "sub": member.name,
        "iat": seconds(now),
        "exp": seconds(now + timedelta(days=_REPORT_DAYS)),
        "kind": member.kind,
        "display": member.display,
        "display_zh": member.display_zh,
        "unique_records": member.unique_records,
        "scopes": list(member.scopes),
        "webhook": endpoint.address if endpoint is not None else "",
        "keys": [{**key.jwk, "purpose": key.use} for key in keys if key.use != "enc" or key.kid in opened],
        "seen": seen,
    }
    async with hub.database.begin() as connection:
        act = Act("report-conformance", "operator", {"member": name, "items": sorted(seen)}, now)
        await audit.append(connection, hub.vault, [act])
    return certs.tokens.sign(claims, typ=TYPE, signer=hub.signer)


def read(hub: Hub, text: str) -> Report:
    """What a check-list says, once the sandbox signed it and it is whole and of today. Raises Invalid, HubError."""
    try:
        claims = certs.tokens.verify(text.strip(), _trusted(hub), typ=TYPE, max_bytes=_MOST_BYTES)
        expires_at = instant(claims["exp"])
        made = Report(
            NewMember(claims["sub"], claims["kind"], claims["display"], claims["display_zh"], ()),
            list(claims["keys"]),
            bool(claims["unique_records"]),
            list(claims["scopes"]),
            str(claims["webhook"]),
        )
        state = {**rehearsal.new(), "seen": dict(claims["seen"])}
        if made.member.kind not in enrolment.KINDS:
            raise ValueError(made.member.kind)
    except (CertsError, ValueError, KeyError, TypeError) as error:
        raise Invalid(
            "bad-check-list",
            "This is no check-list that the sandbox of HUB_SANDBOX_KEY_FILE signed. Nothing was changed.",
        ) from error
    if expires_at <= hub.now():
        raise Invalid("bad-check-list", "The check-list is older than a month; let the sandbox make a new one.")
    opens = any(key["purpose"] == "enc" for key in made.keys)
    missing = rehearsal.missing(state, has_webhook=bool(made.webhook), opens=opens)
    if missing:
        raise Invalid("not-passed", f"{made.member.name} has not shown everything: {', '.join(missing)}.")
    return made


def _trusted(hub: Hub) -> VerifyKey:
    file = hub.settings.sandbox_key_file
    if hub.settings.sandbox or file is None:
        raise HubError(
            "no-sandbox-key", "Members are promoted at a live hub whose HUB_SANDBOX_KEY_FILE names its sandbox's key."
        )
    try:
        return VerifyKey.from_jwk(load_object(file.read_bytes(), max_bytes=_MOST_BYTES))
    except (OSError, ValueError, CertsError) as error:
        raise HubError("no-sandbox-key", f"{file} cannot be read as a public key; nothing was changed.") from error


async def propose(hub: Hub, text: str, divisions: Collection[str], by: str) -> Promotion:
    """Propose that a member that passed becomes a live one, for `divisions`. Raises Invalid, Conflict, NotAllowed."""
    now = hub.now()
    async with approval.noted(hub, "propose-promotion", by):
        found = read(hub, text)
        if not divisions:
            raise Invalid("bad-division", "A live member answers for a division at least. Nothing was changed.")
        new = NewMember(**_named(found.member), divisions=tuple(sorted(set(divisions))))
        enrolment.check(hub, new)
        async with hub.database.begin() as connection:
            name = await approval.staff(hub, connection, by, _ADMINISTRATORS)
            if await members.by_name(connection, new.name) is not None:
                raise Conflict("name-taken", f"{new.name} is a member already. Nothing was changed.")
            over = now + timedelta(days=hub.settings.proposal_days)
            made = Promotion(new_id(), new.name, text.strip(), new.divisions, PROPOSED, name, None, now, over)
            await promotions.add(connection, made)
            content = {"promotion": str(made.id), "member": new.name, "divisions": list(new.divisions)}
            await audit.append(connection, hub.vault, [Act("propose-promotion", name, content, now)])
    return made


async def approve(hub: Hub, id_: UUID, by: str) -> Promotion:
    """Enrol the member, as a second person agrees. Raises NotFound, Conflict, Invalid, NotAllowed `second-person`."""
    async with approval.noted(hub, "promote", by, promotion=str(id_)), hub.database.begin() as connection:
        name = await approval.staff(hub, connection, by, _ADMINISTRATORS)
        await members.lock_trust_list(connection)
        proposed = await promotions.locked(connection, id_, hub.now())
        if proposed is None:
            raise NotFound("No promotion of that id is proposed, or its time is over.")
        if proposed.proposed_by == name:
            raise NotAllowed("second-person", "Somebody else than who proposed it has to agree. Nothing was changed.")
        found = read(hub, proposed.report)
        new = NewMember(**_named(found.member), divisions=proposed.divisions)
        member = await enrolment.enrol(hub, connection, new, by=name)
        await enrolment.take_keys(hub, connection, member, found.keys, by=name)
        await members.promise_unique(connection, member.name, unique=found.unique_records)
        await members.set_scopes(connection, member.name, found.scopes)
        await promotions.done(connection, id_, name)
        content = {"promotion": str(id_), "member": member.name, "proposed_by": proposed.proposed_by}
        await audit.append(connection, hub.vault, [Act("promote", name, content, hub.now())])
    await trust.publish(hub)
    return proposed


def _named(member: NewMember) -> dict[str, str]:
    return {"name": member.name, "kind": member.kind, "display": member.display, "display_zh": member.display_zh}


async def listed(hub: Hub) -> list[Promotion]:
    """What waits for a second person."""
    async with hub.database.read() as connection:
        return await promotions.open_ones(connection, hub.now())
