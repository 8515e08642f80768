"""Whom to believe on a TLS connection, the system's authorities or those in a file, and what certificate to show there.

Contexts are made once, because making one is slow: files that change count when the process begins anew.
"""

import ssl
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from adapters.errors import ConfigError


@cache
def context(ca_file: Path | None, cert_file: Path | None = None, key_file: Path | None = None) -> ssl.SSLContext:
    """Always verifying; it shows the certificate, where there is one. Raises ConfigError if a file cannot be used."""
    own = pair(cert_file, key_file)
    try:
        made = httpx2.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the CA file {ca_file} cannot be used: {error}") from error
    if own is not None:
        _show(made, *own)
    return made


def pair(cert_file: Path | None, key_file: Path | None) -> tuple[Path, Path] | None:
    """The client certificate and its key, or neither. Raises ConfigError for one alone."""
    if cert_file is not None and key_file is not None:
        return cert_file, key_file
    if cert_file is not None or key_file is not None:
        raise ConfigError("cert_file and key_file go together: set both or neither")
    return None


def _show(made: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    def ask() -> str:  # without it OpenSSL asks at the terminal, and waits
        raise ConfigError(f"the key file {key_file} has a passphrase: it must have none")

    for what, file in (("client certificate", cert_file), ("key file", key_file)):
        try:
            file.open("rb").close()  # OpenSSL does not say which of them it cannot read
        except OSError as error:
            raise ConfigError(f"the {what} {file} cannot be read: {error.strerror}") from error
    try:
        made.load_cert_chain(cert_file, key_file, ask)
    except ssl.SSLError as error:
        text = f"the client certificate {cert_file} cannot be used with the key file {key_file}: {error}"
        raise ConfigError(text) from error


def is_private(url: str) -> bool:
    """Whether what is said there is encrypted or does not leave this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
