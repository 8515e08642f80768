"""Who takes part: two counties with their gateways' keys, a partner with a webhook, what they agreed, who signs in.

Private keys are made by the gateways themselves, and by the partner; the hub is given the public ones.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml

from certs.keys import SigningKey
from hub.demo.story.children import Children
from hub.demo.story.places import COUNTIES, HUIJI, JINJIANG, YONGKANG, Places
from hub.domain.policy import Agreement
from hub.runtime import Hub
from hub.services import accounts, enrolment, terms, trust
from hub.settings import Settings
from hub.storage.ids import new_id
from mappings import vocabulary

VISITOR = "steward"
"""The account that whoever runs the demonstration signs in with."""
OFFICER = "wangmin"
"""The account of the story's own steward, who decides a few conflicts."""
APPROVER = "zhangqin"
"""The account of her colleague, who approves what takes two people."""

_MEMBERS = {
    YONGKANG: ("county", "Yongkang", "永康市", "330784000000"),
    HUIJI: ("county", "Huiji", "惠济区", "410108000000"),
    JINJIANG: ("partner", "Jinjiang", "晋江市", "350582000000"),
}
_AGREED = {
    "continuity-of-care": {vocabulary.CONTRACEPTION_REPORT},
    "certificate-service": {vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE},
}
_KINDS = {
    "consents": vocabulary.CONSENT,
    "persons": vocabulary.PERSON,
    "reports": vocabulary.CONTRACEPTION_REPORT,
    "marriages": vocabulary.MARRIAGE_CERTIFICATE,
    "births": vocabulary.BIRTH_CERTIFICATE,
}
_TABLES = {"consents": "tysq", "persons": "ldrk", "reports": "byjy", "marriages": "jhz", "births": "csyxzm"}
_FILES = {
    "consents": "知情同意书*",
    "persons": "流动人口信息*",
    "reports": "避孕节育情况报告单*",
    "marriages": "婚姻登记证件*",
    "births": "出生医学证明*",
}


@dataclass(frozen=True, slots=True)
class Cast:
    """What the story needs to speak for others: the partner's key for signing in."""

    partner_key: SigningKey


def write_gateway(places: Places, settings: Settings, county: str, county_url: str = "") -> Path:
    """The configuration of a county's gateway."""
    if county == YONGKANG:
        transport: dict[str, object] = {
            "type": "rest_json",
            "url": county_url,
            "app_id": "lianqiao",
            "secret_file": str(places.secret(YONGKANG, "interface")),
            "pause_seconds": 0.1,
        }
        own = {name: {"path": f"/api/v2/{table}"} for name, table in _TABLES.items()}
    else:
        transport = {"type": "excel_drop", "folder": str(places.drop), "settle_seconds": 0.5}
        own = {name: {"pattern": pattern} for name, pattern in _FILES.items()}
    configuration = {
        "member": county,
        "hub": {"url": settings.base_url, "timeout_seconds": 20},
        "trust": {"roots_file": str(settings.data_dir / "trust-roots.json")},
        "keys": {"folder": "keys", "passphrase_file": str(places.secret(county, "passphrase"))},
        "spool": {"file": "spool/gateway.db"},
        "county": {"folder": str(places.told(county))},
        "transport": transport,
        "sources": [
            {"name": name, "mapping": f"{county}/{kind.replace('-', '_')}.v1", **own[name]}
            for name, kind in _KINDS.items()
        ],
        "run": {
            "poll_seconds": 3,
            "mailbox_wait_seconds": 5,
            "mailbox_lease_seconds": 10,
            "status_seconds": 2,
            "retry_first_seconds": 0.5,
            "retry_cap_seconds": 5,
            "drain_seconds": 10,
        },
    }
    folder = places.gateway(county)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(configuration, allow_unicode=True), encoding="utf-8")
    return path


async def make_keys(children: Children, county: str, configuration: Path) -> dict[str, object]:
    """Let a gateway make its keys; answers the public ones."""
    printed = await children.run(f"keys-{county}", "adapters.cli", "keygen", str(configuration))
    keys: dict[str, object] = json.loads(printed)
    return keys


async def open_accounts(hub: Hub) -> None:
    """The accounts of the visitor and of the story's own two stewards."""
    await accounts.create_user(hub, name=VISITOR, display="来访者", roles=["steward", "supervisor"])
    await accounts.create_user(hub, name=OFFICER, display="王敏", roles=["steward"])
    await accounts.create_user(hub, name=APPROVER, display="张勤", roles=["steward"])


async def enrol(hub: Hub, places: Places, keys: dict[str, dict[str, object]], partner_url: str) -> Cast:
    """Enrol the members, put their agreements into force, publish the trust list."""
    partner_key = SigningKey.generate()
    secret = places.secret(JINJIANG, "webhook").read_text(encoding="ascii").strip()
    keys = keys | {JINJIANG: {"keys": [{**partner_key.public.to_jwk(), "purpose": "auth"}]}}
    for name, (kind, display, display_zh, division) in _MEMBERS.items():
        await enrolment.add_member(
            hub, name=name, kind=kind, display=display, display_zh=display_zh, divisions=[division]
        )
        await enrolment.add_keys(hub, name, keys[name])
        await enrolment.set_endpoint(hub, name, "webhook", f"{partner_url}/hook", secret)
    await trust.publish(hub)
    for sender, recipient in (COUNTIES, COUNTIES[::-1]):
        for purpose, kinds in _AGREED.items():
            await _agree(hub, sender, recipient, purpose, frozenset(kinds))
    return Cast(partner_key)


async def _agree(hub: Hub, sender: str, recipient: str, purpose: str, kinds: frozenset[str]) -> None:
    now = hub.now()
    one, other = await terms.parties(hub, sender, recipient)
    made = Agreement(
        id=new_id(),
        from_member=one.id,
        to_member=other.id,
        kinds=kinds,
        purposes=frozenset({purpose}),
        case_required=False,
        answer_days=15,
        valid_from=now,
        valid_to=now + timedelta(days=3 * 365),
    )
    await terms.enter(hub, f"{one.display_zh}—{other.display_zh} {purpose}", made)
