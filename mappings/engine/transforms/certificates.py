"""Numbers of certificates, and the holder's public key when a source brings one."""

import json
import re
from collections.abc import Callable

from mappings.engine.model import Noted, note
from mappings.engine.transforms.text import squeeze

_MARRIAGE = re.compile(r"(?:B?[JL])(\d{6})((?:19|20)\d{2})(\d{6})")
_BIRTH = re.compile(r"[A-Z]\d{9}")
_SHAPES = {
    "marriage": (_MARRIAGE, "J410108-2020-000123"),
    "birth": (_BIRTH, "X320101001"),
}
_KEY_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


def certificate_number(of: str) -> Callable[[str], object]:
    """The number of a marriage or birth certificate in capitals without hyphens; anything else is an error."""
    shape, example = _SHAPES[of]

    def transform(text: str) -> object:
        number = re.sub(r"[-－—‐]", "", squeeze(text)).upper()
        if shape.fullmatch(number) is None:
            return Noted(None, (note("certificate-number", found=number[:40], expected=example),))
        return number

    return transform


def public_jwk(text: str) -> object:
    """A holder's public key as a JWK with its public members only; a private key is refused like any other text."""
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        key = None
    members = _KEY_MEMBERS.get(str(key.get("kty")), ()) if isinstance(key, dict) and "d" not in key else ()
    if members and all(isinstance(key.get(member), str) for member in members):
        return {"kty": key["kty"], **{member: key[member] for member in members}}
    return Noted(None, (note("holder-key-unreadable"),))
