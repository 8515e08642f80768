"""结婚证 as a certificate that shows only what the holder selects: registration, the two parties.

The sort of certificate (a divorce must not pass for a marriage) and the division of the authority (a region signs for
its own divisions only) are always visible. Numbers: J, L or re-issued BJ, BL, then division, year and serial.
"""

from collections.abc import Mapping
from typing import Any, Final

from certs.kinds.model import (
    DIVISION,
    ID_NUMBER,
    ID_TYPE,
    NAME,
    NATIONALITY,
    SEX,
    Claim,
    Kind,
    day,
    matching,
    one_of,
    text,
)

VCT: Final = "urn:lianqiao:vct:marriage-certificate:1"


def _party(letter: str) -> dict[str, Claim]:
    return {
        f"party_{letter}_name": Claim(NAME, required=True),
        f"party_{letter}_sex": Claim(SEX),
        f"party_{letter}_nationality": Claim(NATIONALITY),
        f"party_{letter}_birth_date": Claim(day),
        f"party_{letter}_id_type": Claim(ID_TYPE),
        f"party_{letter}_id_number": Claim(ID_NUMBER, required=True),
    }


KIND: Final = Kind(
    "marriage-certificate",
    VCT,
    {
        "number": Claim(matching(r"B?[JL]\d{6}-?\d{4}-?\d{6}"), required=True),
        "kind": Claim(one_of("marriage", "reissue", "divorce"), required=True, always=True),
        "authority": Claim(text(200), required=True),
        "authority_division": Claim(DIVISION, required=True, always=True),
        "registrar": Claim(NAME),
        "registered_on": Claim(day, required=True),
        "holder": Claim(one_of("a", "b")),
        **_party("a"),
        **_party("b"),
    },
)


def check(claims: Mapping[str, Any]) -> None:
    """InvalidClaims unless this is a whole marriage certificate."""
    KIND.check(claims)
