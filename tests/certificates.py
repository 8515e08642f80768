"""An authority and certificates of it, as real TLS connections need them."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key in files."""

    cert: Path
    key: Path

    @property
    def der(self) -> bytes:
        return x509.load_pem_x509_certificate(self.cert.read_bytes()).public_bytes(Encoding.DER)


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(name)
        self.file = folder / f"{name}.pem"
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._write(self.file, self._begin(self._subject, self._key.public_key()).add_extension(basic, critical=True))

    def issue(self, name: str, *, server: bool = False, days: float = 30) -> Issued:
        """A certificate for `name`; a server's is for 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        building = (
            self._begin(_named(name), key.public_key(), days)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        made = Issued(self._folder / f"{self._name}-{name}.pem", self._folder / f"{self._name}-{name}.key")
        self._write(made.cert, building)
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    def _begin(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, days: float = 30
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    def _write(self, file: Path, building: x509.CertificateBuilder) -> None:
        file.write_bytes(building.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def hub_settings_of(authority: Authority) -> dict[str, str]:
    """What makes `hub serve` speak TLS under the authority, and only with those who have a certificate of it."""
    server = authority.issue("hub", server=True)
    return {
        "HUB_TLS_CERT_FILE": str(server.cert),
        "HUB_TLS_KEY_FILE": str(server.key),
        "HUB_TLS_CLIENT_CA_FILE": str(authority.file),
        "HUB_TLS_CLIENT": "required",
    }


def client_context(authority: Authority, own: Issued | None = None) -> ssl.SSLContext:
    """How a client trusts the authority's server, and shows its own certificate."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if own is not None:
        context.load_cert_chain(own.cert, own.key)
    return context
