"""Content-Digest (RFC 9530): the SHA-256 that a sender says its body has, and whether the body that came has it.

Documents (`/submissions`, `$import`) are compared where they are stored, so that the log tells of what was refused; every
other body on its way in (`hub.api.limits`), so that no handler has to think of it.
"""

import base64
from hashlib import sha256

from hub.errors import Invalid
from hub.services.intake import check_digest


def digest_of(field: str) -> bytes:
    """The SHA-256 in a Content-Digest field. Raises Invalid."""
    for part in field.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "sha-256" and value.startswith(":") and value.endswith(":") and len(value) > 2:
            try:
                digest = base64.b64decode(value[1:-1], validate=True)
            except ValueError as error:  # also of characters that no base64 has
                raise Invalid("bad-request", "Content-Digest is not base64.") from error
            if len(digest) == 32:
                return digest
    raise Invalid("bad-request", "Content-Digest must hold sha-256=:<base64 of 32 bytes>: (RFC 9530).")


class Comparison:
    """A body that is compared with its field while it comes. The field is read with the body's first part, behind what is
    to be said of the caller.
    """

    def __init__(self, field: bytes) -> None:
        self._field, self._stated, self._found = field, b"", sha256()

    def take(self, part: bytes, *, is_last: bool) -> None:
        """Take a part in. Raises Invalid: the field cannot be read or, with the last part, is of other bytes."""
        self._stated = self._stated or digest_of(self._field.decode("latin-1"))
        self._found.update(part)
        if is_last:
            check_digest(self._stated, self._found.digest())
