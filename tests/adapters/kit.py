"""A small exchange on loopback for gateway tests: a stand-in hub, the simulated JSON county, drop folders, real key files."""

import atexit
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import yaml

from adapters import transports
from adapters.client.clock import Clock, utc_now
from adapters.gateway import keys
from adapters.gateway.assembly import Gateway, open_gateway
from adapters.gateway.config import KeySettings, load
from adapters.gateway.runner import Drained, drain_once
from adapters.gateway.testing.hub import StandInHub
from adapters.gateway.testing.ledger import Manners
from adapters.gateway.testing.serving import Serving
from adapters.gateway.testing.world import World
from certs import seal
from hub.demo.counties.yongkang.server import Manners as CountyManners
from hub.demo.counties.yongkang.server import create_app
from hub.demo.counties.yongkang.store import Store
from mappings import vocabulary

DIVISIONS = {"yongkang": ["330784000000"], "huiji": ["410108000000"]}
SECRET = "county-secret"
PASSPHRASE = "a passphrase for tests"
_load_keys = keys.load
FAST = {
    "poll_seconds": 0.2,
    "mailbox_wait_seconds": 0.2,
    "mailbox_lease_seconds": 10,
    "status_seconds": 0.2,
    "retry_first_seconds": 0.05,
    "retry_cap_seconds": 0.5,
    "drain_seconds": 5,
}


class Hub(Protocol):
    """A hub that gateways can be configured for: the stand-in, or the real one."""

    @property
    def url(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    def roots_jwks(self) -> dict[str, Any]: ...
    def enrol(self, name: str) -> None: ...


@dataclass(slots=True)
class Exchange:
    """The stand-in hub and where it listens."""

    hub: StandInHub
    url: str
    folder: Path

    @property
    def ledger(self) -> Any:
        return self.hub.ledger

    def roots_jwks(self) -> dict[str, Any]:
        return self.hub.world.roots_jwks()

    def enrol(self, name: str) -> None:
        self.hub.world.enrol(name, DIVISIONS[name], ring_of(name).jwks())


@contextmanager
def exchange(folder: Path, manners: Manners | None = None) -> Iterator[Exchange]:
    hub = StandInHub(World(datetime.now(UTC)), manners)
    with Serving(hub.app) as server:
        hub.base = server.url
        yield Exchange(hub, server.url, folder)


def member_config(
    world: Hub, name: str, transport: dict[str, Any], sources: list[dict[str, Any]], **extra: Any
) -> Path:
    """Write a member's configuration and secrets, make its keys, enrol it at the hub; the configuration file."""
    base = world.folder / name
    (base / "secrets").mkdir(parents=True, mode=0o700)
    for file, content in (("passphrase", PASSPHRASE), ("county", SECRET)):
        path = base / "secrets" / file
        path.write_text(content)
        path.chmod(0o600)
    (base / "roots.json").write_text(json.dumps(world.roots_jwks()))
    config = {
        "member": name,
        "hub": {"url": world.url, "timeout_seconds": 10},
        "trust": {"roots_file": "roots.json"},
        "keys": {"folder": "keys", "passphrase_file": "secrets/passphrase"},
        "spool": {"file": "spool/gateway.db"},
        "county": {"folder": "county"},
        "transport": transport,
        "sources": sources,
        "run": FAST,
        **extra,
    }
    path = base / "gateway.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    shutil.copytree(_key_folder(name), base / "keys")
    world.enrol(name)
    return path


@cache
def _key_folder(name: str) -> Path:
    """Key files are slow to make and to open on purpose: made once for each member and test process."""
    folder = Path(tempfile.mkdtemp(prefix="lianqiao-keys-"))
    atexit.register(shutil.rmtree, folder)
    passphrase = folder / "passphrase"
    passphrase.write_text(PASSPHRASE)
    passphrase.chmod(0o600)
    keys.generate(KeySettings(folder=folder / "keys", passphrase_file=passphrase), now=datetime.now(UTC))
    return folder / "keys"


@cache
def ring_of(name: str) -> keys.KeyRing:
    folder = _key_folder(name)
    return _load_keys(KeySettings(folder=folder, passphrase_file=folder.parent / "passphrase"))


@asynccontextmanager
async def opened(config: Path, clock: Clock = utc_now) -> AsyncIterator[Gateway]:
    """The gateway of a configuration, in this process."""
    settings = load(config)
    async with open_gateway(settings, transports.build, ring=ring_of(settings.member), clock=clock) as gateway:
        yield gateway


async def drain(config: Path, timeout: float = 30) -> Drained:
    """What `gateway once` does, in this process."""
    async with opened(config) as gateway:
        return await drain_once(gateway, timeout=timeout)


@dataclass(slots=True)
class County:
    """The simulated county of Yongkang, in this process, with its database at hand."""

    store: Store
    url: str


@contextmanager
def yongkang_county(folder: Path, *, failures: float = 0.0, page_size: int = 5, overlap: int = 2) -> Iterator[County]:
    store = Store(folder / "county.db")
    manners = CountyManners(
        secrets={"gateway": SECRET.encode()}, failures=failures, page_size=page_size, overlap=overlap
    )
    try:
        with Serving(create_app(store, manners)) as server:
            yield County(store, server.url)
    finally:
        store.close()


YONGKANG_SOURCES = [
    {"name": "consents", "mapping": "yongkang/consent.v1", "path": "/api/v2/tysq"},
    {"name": "persons", "mapping": "yongkang/person.v1", "path": "/api/v2/ldrk"},
    {"name": "reports", "mapping": "yongkang/contraception_report.v1", "path": "/api/v2/byjy"},
    {"name": "marriages", "mapping": "yongkang/marriage_certificate.v1", "path": "/api/v2/jhz"},
    {"name": "births", "mapping": "yongkang/birth_certificate.v1", "path": "/api/v2/csyxzm"},
]


def yongkang_gateway(world: Hub, county_url: str, **extra: Any) -> Path:
    transport = {
        "type": "rest_json",
        "url": county_url,
        "app_id": "gateway",
        "secret_file": "secrets/county",
        "pause_seconds": 0.02,
    }
    return member_config(world, "yongkang", transport, YONGKANG_SOURCES, **extra)


def huiji_gateway(world: Hub, sources: list[dict[str, Any]] | None = None, **extra: Any) -> Path:
    transport = {"type": "excel_drop", "folder": "drop", "settle_seconds": 0}
    return member_config(world, "huiji", transport, sources or HUIJI_SOURCES, **extra)


HUIJI_SOURCES = [
    {"name": "consents", "mapping": "huiji/consent.v1", "pattern": "*同意*"},
    {"name": "persons", "mapping": "huiji/person.v1", "pattern": "*人员*"},
    {"name": "reports", "mapping": "huiji/contraception_report.v1", "pattern": "*避孕*"},
    {"name": "marriages", "mapping": "huiji/marriage_certificate.v1", "pattern": "*结婚*"},
    {"name": "births", "mapping": "huiji/birth_certificate.v1", "pattern": "*出生*"},
]

CANARY = "金丝雀字条"
"""A word that stands inside sealed records only."""


def person(number: int) -> dict[str, Any]:
    return {
        "rybh": f"YK{number}",
        "xm": "王芳",
        "xbdm": "2",
        "csrq": "1990-05-01",
        "zjlx": "01",
        "zjhm": "410108199005010026",
        "hjdxzqh": "410108",
        "xjzdxzqh": "330784",
    }


def consent(number: int) -> dict[str, Any]:
    return {
        "sqbh": f"C{number}",
        "rybh": f"YK{number}",
        "xm": "王芳",
        "sjlx": "contraception-report",
        "sqmd": "continuity-of-care",
        "jsdq": "410108",
        "sxrq": "2026-01-01",
        "jzrq": "2036-01-01",
        "qsrq": "2026-01-01",
        "zt": "1",
    }


def contraception_report(number: int, **changed: Any) -> dict[str, Any]:
    row = {
        "bgdbh": f"B{number}",
        "rybh": f"YK{number}",
        "xm": "王芳",
        "xbdm": "2",
        "csrq": "1990-05-01",
        "zjlx": "01",
        "zjhm": "410108199005010026",
        "hjdxzqh": "410108",
        "xjzdxzqh": "330784",
        "byff": "700",
        "byffrq": "2020-01-01",
        "jcjg": "正常",
        "jcrq": "2026-01-01",
        "jcdw": f"永康市妇幼保健院{CANARY}",
        "jbr": "李",
        "sqbh": f"C{number}",
        "bgrq": "2026-01-02",
    }
    return {**row, **changed}


def marriage(number: int, **changed: Any) -> dict[str, Any]:
    row = {
        "zsbh": f"J330784-2020-{number:06}",
        "rybh": f"YK{number}",
        "zslx": "J",
        "fzjg": f"永康市民政局{CANARY}",
        "fzjgxzqh": "330784",
        "djy": "赵敏",
        "djrq": "2020-05-20",
        "czr": "2",
        "hjdxzqh": "410108",
        "xjzdxzqh": "330784",
        "nfxm": "张伟",
        "nfxbdm": "1",
        "nfgj": "中国",
        "nfcsrq": "1989-01-01",
        "nfzjlx": "01",
        "nfzjhm": "330784198901010010",
        "vfxm": "王芳",
        "vfxbdm": "2",
        "vfgj": "中国",
        "vfcsrq": "1990-05-01",
        "vfzjlx": "01",
        "vfzjhm": "410108199005010026",
    }
    return {**row, **changed}


NOW = datetime.now(UTC).replace(microsecond=0)
MESSAGE = "6f1c1d0e-7a55-4c39-9a53-0f4a1c9d2e11"


def envelope(payload: Any, **changed: Any) -> bytes:
    """Sealed by yongkang for huiji, unless changed."""
    signer = changed.pop("signer", ring_of("yongkang").sig[0])
    recipient = changed.pop("recipient", ring_of("huiji").enc[0].public)
    values = {
        "id": MESSAGE,
        "from_": "yongkang",
        "to": "huiji",
        "to_kid": recipient.kid,
        "sig_kid": signer.kid,
        "suite": "intl-1",
        "typ": vocabulary.CONTRACEPTION_REPORT,
        "subject": "YK1",
        "purpose": "continuity-of-care",
        "legal_basis": "consent",
        "consent_ref": "C1",
        "iat": NOW,
        "exp": NOW + timedelta(days=1),
        **changed,
    }
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return seal.seal(data, seal.Header(**values), signer, recipient)
