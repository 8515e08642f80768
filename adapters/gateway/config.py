"""The gateway's configuration: one YAML or TOML file, checked before anything runs.

Secrets are named by file path only, never written in it. Paths are relative to the configuration file. What belongs to one transport
(`transport:` and the extra fields of `sources:`) is checked by that transport's own model.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from adapters.client.tls import is_private
from adapters.errors import ConfigError


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / path.expanduser()


Model = TypeVar("Model", bound=BaseModel)
FilePath = Annotated[Path, AfterValidator(_from_folder)]


class Strict(BaseModel):
    """Unknown settings are errors: a misspelt name must not be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


WEB_ADDRESS = r"^https?://[^/?#@\s\\]+(/[^?#\s]*)?$"
"""Without a user or password: addresses are told in logs."""


class HubSettings(Strict):
    """Where the hub is, under which name it stands in the trust list, and how to talk to it.

    `cert_file` and `key_file`: the client certificate to show it, and the key, without a passphrase.
    """

    url: str = Field(pattern=WEB_ADDRESS)
    member: str = "hub"
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    timeout_seconds: float = Field(30, gt=0, le=600)
    parallel: int = Field(8, ge=1, le=64)

    @model_validator(mode="after")
    def _tls_beyond_this_machine(self) -> Self:
        if not is_private(self.url):
            raise ValueError("the hub is not on this machine: use https://")
        return self

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: set both or neither")
        return self


class TrustSettings(Strict):
    """The pinned root keys (a JWKS file) and how many of them must have signed a trust list."""

    roots_file: FilePath
    threshold: int = Field(2, ge=1, le=9)
    refresh_seconds: float = Field(300, gt=0)


class KeySettings(Strict):
    """Folder of the encrypted key files and the file holding their passphrase (both readable by their owner only)."""

    folder: FilePath
    passphrase_file: FilePath


class SpoolSettings(Strict):
    """The spool's file and bounds.

    `keep_days`: after them the content of messages that are done with (accepted, refused, not sent, finished in the mailbox) is
    forgotten, sooner when all content together exceeds `max_bytes`. What waits, is held or is quarantined keeps its content.
    """

    file: FilePath
    max_messages: int = Field(200_000, ge=1)
    max_bytes: int = Field(2 * 1024**3, ge=1024**2)
    keep_days: float = Field(30, ge=0)


class CountySettings(Strict):
    """The county's own folder: issues, issued certificates and the status file are written there."""

    folder: FilePath


class RunSettings(Strict):
    """How often each loop looks for work when it found none, and how long a shutdown may take."""

    poll_seconds: float = Field(10, gt=0)
    mailbox_wait_seconds: float = Field(20, ge=0, le=30)
    mailbox_lease_seconds: int = Field(120, ge=10, le=3600)
    status_seconds: float = Field(5, gt=0)
    retry_first_seconds: float = Field(2, gt=0)
    retry_cap_seconds: float = Field(900, gt=0)
    drain_seconds: float = Field(20, gt=0)
    person_wait_seconds: float = Field(900, ge=0)


class SealingSettings(Strict):
    """What is written on sealed records where the mapping says nothing else, and the lifetime of certificates."""

    days: float = Field(30, gt=0, le=90)
    report_purpose: str = "continuity-of-care"
    report_basis: str = "consent"
    certificate_days: float = Field(3650, gt=0)
    certificate_purpose: str = "certificate-service"
    certificate_basis: str = "public-service"


class SourceSettings(BaseModel):
    """One kind of records the county hands over; fields beyond these belong to the transport."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    mapping: str

    def extras(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class GatewayConfig(Strict):
    """Everything in the file."""

    member: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    hub: HubSettings
    trust: TrustSettings
    keys: KeySettings
    spool: SpoolSettings
    county: CountySettings
    transport: dict[str, Any]
    sources: list[SourceSettings] = Field(default_factory=list)
    run: RunSettings = RunSettings()
    sealing: SealingSettings = SealingSettings()
    folder: Path = Path()

    @model_validator(mode="after")
    def _distinct_sources(self) -> Self:
        names = [s.name for s in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("two sources have the same name")
        return self


def load(path: Path) -> GatewayConfig:
    """Read and check the file. Raises ConfigError with one sentence per fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        raw = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not valid {path.suffix.lstrip('.') or 'YAML'}: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds no settings")
    folder = path.resolve().parent
    return validate(GatewayConfig, {**raw, "folder": folder}, folder=folder, where=str(path))


def validate(model: type[Model], raw: object, *, folder: Path, where: str) -> Model:
    """`raw` as a `model`, its paths taken from `folder`. Raises ConfigError naming each wrong setting, never its value."""
    try:
        return model.model_validate(raw, context={"folder": folder})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise ConfigError(f"{where}: {faults}") from None


def read_secret(path: Path) -> bytes:
    """The content of a secret file, without the trailing newline. It must belong to its owner alone."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the secret file {path} cannot be read: {error.strerror}", code="secret-missing") from error
    if mode & 0o077:
        raise ConfigError(f"{path} is open to other users; run: chmod 600 {path}", code="secret-exposed")
    if not content.strip():
        raise ConfigError(f"the secret file {path} is empty", code="secret-missing")
    return content.rstrip(b"\r\n")
