"""Every setting of the hub, read once from the environment (prefix `HUB_`).

The only module that reads the environment. A setting that is not here does not exist.
"""

from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field's description is its documentation; docs/settings.md is made from them."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True)

    data_dir: Path = Field(
        Path("data"), description="Folder of the embedded database, keys and logs; made when missing."
    )
    database_url: str = Field(
        "", description="postgresql://… of a PostgreSQL 15 or later; empty starts the embedded one."
    )
    database_pool: int = Field(10, ge=2, le=200, description="Most database connections of one process.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    base_url: str = Field(
        default_factory=lambda given: f"http://127.0.0.1:{given.get('port', 8080)}",
        description="Address by which others reach the hub; audience of tokens. Follows HUB_PORT when not set.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks of the proxies, comma between, whose X-Forwarded-For and -Proto are believed; "
        "whoever comes through another proxy has that proxy's address, and is limited together with all who do.",
    )
    tls_cert_file: Path | None = Field(
        None, description="Certificate (chain, PEM) with which `hub serve` speaks TLS itself; empty, it speaks none."
    )
    tls_key_file: Path | None = Field(None, description="Private key of HUB_TLS_CERT_FILE (PEM).")
    tls_client_ca_file: Path | None = Field(
        None,
        description="Authorities (PEM) whose client certificates are taken; empty, none is asked for. With one, tokens can be "
        "bound to members' certificates (docs/access.md).",
    )
    tls_client: Literal["optional", "required"] = Field(
        "optional", description="Whether a connection without a client certificate is taken at all."
    )
    client_cert_proxies: str = Field(
        "",
        description="Addresses or networks of the proxies, comma between, that end TLS, check client certificates, and hand "
        "them over in the header Client-Cert (RFC 9440), of which they let none through that others sent.",
    )
    key_file: Path | None = Field(
        None, description="Master key file (32 random bytes, base64); default DATA_DIR/keys/master.key."
    )
    origin: str = Field("lianqiao.example/log", description="Origin line of the audit log's checkpoints.")
    sandbox: bool = Field(
        False,
        description="This hub is a sandbox: members apply at /portal and rehearse there, with invented divisions and people "
        "only. It has a HUB_DATA_DIR and a database of its own.",
    )
    sandbox_key_file: Path | None = Field(
        None,
        description="Public key of the sandbox whose check-lists this hub believes, as its `hub init` writes it; without "
        "one no member is promoted.",
    )
    sandbox_url: str = Field(
        "",
        description="Address of the sandbox's /portal, to which this hub's own /portal sends whoever wants to become a member; "
        "empty, it sends them to the operator.",
    )
    application_days: int = Field(
        30, ge=1, le=365, description="Days after which an application that nobody answered is erased."
    )
    sandbox_days: int = Field(
        180, ge=7, le=730, description="Days after which a member leaves the sandbox and its application is erased."
    )
    linkage_model: Path | None = Field(
        None, description="First linkage model of a new hub; empty takes the one that ships."
    )

    max_submission_bytes: int = Field(64 * 2**20, ge=1024, description="Largest document over HTTP.")
    max_json_bytes: int = Field(1 * 2**20, ge=1024, description="Largest JSON body of the other endpoints.")
    batch_rows: int = Field(1000, ge=1, le=5000, description="Rows translated, linked and stored in one transaction.")
    queue_limit: int = Field(10_000, ge=1, description="Documents waiting to be processed before new ones get 503.")
    lease_seconds: int = Field(
        15, ge=2, le=600, description="How long a worker holds a piece of work without renewing."
    )
    work_attempts: int = Field(8, ge=1, le=100, description="Tries of one piece of work before it is set aside.")
    four_eyes_records: int = Field(
        5, ge=1, le=1000, description="Records of one person above which joining or parting it takes two people."
    )
    proposal_days: int = Field(
        7, ge=1, le=90, description="Days in which a proposed decision is approved before it lapses."
    )
    block_limit: int = Field(
        60, ge=2, le=10_000, description="Records sharing a blocking key above which the key is ignored."
    )

    token_seconds: int = Field(300, ge=30, le=3600, description="Life of a member's access token.")
    session_seconds: int = Field(8 * 3600, ge=300, le=7 * 86400, description="Life of a console sign-in.")
    mailbox_days: int = Field(30, ge=1, le=365, description="Days a message waits in a mailbox before it expires.")
    mailbox_lendings: int = Field(
        1000, ge=1, description="Times a message is lent to its recipient without a receipt before it is given up."
    )
    export_hours: int = Field(24, ge=1, le=720, description="Hours for which the files of an export can be fetched.")
    retention_days: int = Field(
        90, ge=40, le=3650, description="Days that delivered messages' bodies and de-duplication ids are kept."
    )
    checkpoint_seconds: float = Field(
        10.0, ge=0.05, le=60.0, description="Longest time between two signed log checkpoints."
    )

    reveals_per_day: int = Field(
        30, ge=1, le=10_000, description="Records that one user may see in full, or ask another region for, in a day."
    )
    verify_per_minute: int = Field(
        120, ge=1, le=100_000, description="Checks of certificates one address may ask for in a minute, in one process."
    )
    look_ups_per_minute: int = Field(
        60_000, ge=1, description="Look-ups of identity that one member may ask for in a minute, in one process."
    )
    misses_per_hour: int = Field(
        1_000,
        ge=1,
        description="Look-ups beyond its own records that may find one member nobody there in an hour, in one process: "
        "whoever guesses is stopped by it.",
    )
    quota_per_second: float = Field(
        500.0, gt=0, le=1_000_000, description="Requests a second of one member, over all processes of the hub."
    )
    quota_burst: int = Field(
        1_000, ge=1, le=10_000_000, description="Requests that one member may send at one go before that rate counts."
    )
    quota_at_once: int = Field(
        8, ge=1, le=10_000, description="Requests of one member that one process works on at the same time."
    )
    quota_bytes_a_day: int = Field(
        20 * 2**30, ge=2**20, description="Bytes of bodies that one member may send in a day, over all processes."
    )
    requests_at_once: int = Field(
        16, ge=2, le=10_000, description="Requests of all members that one process works on at the same time."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token that /metrics asks for; empty, it answers direct callers on the loopback address only.",
    )
    webhook_private: bool = Field(
        False, description="Allow webhooks to private and loopback addresses (demonstrations and tests only)."
    )
    reconcile_at: str = Field("02:30", pattern=r"^\d\d:\d\d$", description="Local time of the nightly reconciliation.")
    digest_at: str = Field("07:00", pattern=r"^\d\d:\d\d$", description="Local time of the partners' daily digest.")
    heartbeat_seconds: float = Field(
        0.0,
        ge=0.0,
        description="Seconds between two ticks that the clock only logs, to see it going; 0 is off, the least is 0.1.",
    )
    timezone: str = Field("Asia/Shanghai", description="Time zone of schedules and screens.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")

    @field_validator("base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("sandbox_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ValueError("it is an http or https address, without a user's name")
        if parts.query or parts.fragment:
            raise ValueError("it ends with its path: the page adds the reader's language")
        return value.rstrip("/?#")

    @field_validator("trusted_proxies", "client_cert_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        named = [part.strip() for part in value.split(",") if part.strip()]
        for part in named:
            ip_network(part)
        return ",".join(named)

    @field_validator("heartbeat_seconds")
    @classmethod
    def _not_too_fast(cls, value: float) -> float:
        if 0 < value < 0.1:
            raise ValueError("0 turns the heartbeat off; otherwise it is at least 0.1")
        return value

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if bool(self.tls_cert_file) != bool(self.tls_key_file):
            raise ValueError("HUB_TLS_CERT_FILE and HUB_TLS_KEY_FILE go together")
        if self.tls_client_ca_file and not self.tls_cert_file:
            raise ValueError("HUB_TLS_CLIENT_CA_FILE counts with HUB_TLS_CERT_FILE only")
        return self

    @property
    def mutual_tls(self) -> bool:
        """Can a client certificate reach this hub at all?"""
        return bool(self.tls_client_ca_file or self.client_cert_proxies)

    @property
    def keys_dir(self) -> Path:
        """Folder of the hub's own keys."""
        return self.data_dir / "keys"

    @property
    def master_key_file(self) -> Path:
        """Where the master key is."""
        return self.key_file or self.keys_dir / "master.key"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
