"""Where everything of one telling lies: the hub's folder, each county's, the partner's, and the logs of all processes.

The hub's environment is made here too: nothing that is set outside reaches the processes of a telling.
"""

import os
import secrets
import socket
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from hub.settings import Settings

LOOPBACK = "127.0.0.1"
YONGKANG, HUIJI, JINJIANG = "yongkang", "huiji", "jinjiang"
COUNTIES = (YONGKANG, HUIJI)


@dataclass(frozen=True, slots=True)
class Places:
    """All paths below one folder."""

    root: Path

    @property
    def hub(self) -> Path:
        return self.root / "hub"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def processes(self) -> Path:
        """Which processes run, by name: for whoever wants to see one die."""
        return self.root / "processes.json"

    @property
    def table(self) -> Path:
        """The table once more, for programs."""
        return self.root / "table.json"

    @property
    def drop(self) -> Path:
        """The folder that the spreadsheet county and its gateway share."""
        return self.root / HUIJI / "drop"

    @property
    def webhooks(self) -> Path:
        """What the partner's receiver has seen."""
        return self.root / JINJIANG / "webhooks.sqlite"

    def register(self, county: str) -> Path:
        """The county's own database."""
        return self.root / county / "register.sqlite"

    def gateway(self, county: str) -> Path:
        """The gateway's folder: configuration, keys, spool."""
        return self.root / county / "gateway"

    def told(self, county: str) -> Path:
        """Where the gateway tells the county what became of its records."""
        return self.root / county / "told"

    def secret(self, member: str, name: str) -> Path:
        return self.root / member / "secrets" / name


def lay_out(root: Path) -> Places:
    """Make the folders and secrets of a new telling; raises FileExistsError when something lies there already."""
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name a new folder, or remove this one")
    places = Places(root.resolve())
    for folder in (places.hub, places.logs, places.drop):
        folder.mkdir(parents=True)
    for member in (YONGKANG, HUIJI, JINJIANG):
        (places.root / member / "secrets").mkdir(parents=True, mode=0o700)
    for county in COUNTIES:
        _write_secret(places.secret(county, "passphrase"), secrets.token_urlsafe(24))
    _write_secret(places.secret(YONGKANG, "interface"), secrets.token_urlsafe(24))
    _write_secret(places.secret(JINJIANG, "webhook"), "whsec_" + b64encode(secrets.token_bytes(32)).decode())
    return places


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n", encoding="ascii")


def settings_of(places: Places, port: int) -> Settings:
    """The hub's settings for this telling; short times, so that a killed process is missed soon, and one
    address that shows every certificate.
    """
    return Settings(
        data_dir=places.hub,
        database_url="",
        key_file=None,
        linkage_model=None,
        base_url=f"http://{LOOPBACK}:{port}",
        host=LOOPBACK,
        port=port,
        verify_per_minute=100_000,
        webhook_private=True,
        lease_seconds=6,
        checkpoint_seconds=2.0,
        log_level="info",
    )


def environment(settings: Settings) -> dict[str, str]:
    """The environment of every process of the telling."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
        # A dozen processes would each compile the same sources; they share what the first compiled, in our own folder.
        kept["PYTHONPYCACHEPREFIX"] = str(settings.data_dir.with_name("compiled"))
    return kept | {
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_BASE_URL": settings.base_url,
        "HUB_HOST": settings.host,
        "HUB_PORT": str(settings.port),
        "HUB_VERIFY_PER_MINUTE": str(settings.verify_per_minute),
        "HUB_WEBHOOK_PRIVATE": "1",
        "HUB_LEASE_SECONDS": str(settings.lease_seconds),
        "HUB_CHECKPOINT_SECONDS": str(settings.checkpoint_seconds),
        "HUB_LOG_LEVEL": settings.log_level,
        "PYTHONUNBUFFERED": "1",
    }


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return free_port(0)
        return int(probe.getsockname()[1])
