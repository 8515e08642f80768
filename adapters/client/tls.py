"""Whom to believe on a TLS connection: the system's authorities, or those in a file. Contexts are made once; making one is slow."""

import ssl
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from adapters.errors import ConfigError


@cache
def context(ca_file: Path | None) -> ssl.SSLContext:
    """Always verifying. Raises ConfigError if the file cannot be used."""
    try:
        return httpx2.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the CA file {ca_file} cannot be used: {error}") from error


def is_private(url: str) -> bool:
    """Whether what is said there is encrypted or does not leave this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
