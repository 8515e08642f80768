"""The kinds of certificate, one file each; a new kind is a file here and a name in `_KINDS`."""

from typing import Final

from certs.errors import UnknownKind
from certs.kinds import birth, contraception, marriage
from certs.kinds.model import Kind

_KINDS: Final = (marriage.KIND, birth.KIND, contraception.KIND)


def by_vct(vct: str) -> Kind:
    """The kind a certificate claims to be; UnknownKind."""
    for kind in _KINDS:
        if kind.vct == vct:
            return kind
    raise UnknownKind(f"vct {vct[:100]!r}")


def named(name: str) -> Kind:
    """The kind of that record-kind name (`marriage-certificate`); UnknownKind."""
    for kind in _KINDS:
        if kind.name == name:
            return kind
    raise UnknownKind(f"kind {name[:100]!r}")
