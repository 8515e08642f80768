"""出生医学证明 as a certificate that shows only what the holder selects: the child, the birth, the mother, a father if named.

The father and everything about him is optional. The division of the authority is always visible, because a region
signs for its own divisions only.
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
    moment,
    number,
    text,
    whole,
)

VCT: Final = "urn:lianqiao:vct:birth-certificate:1"


def _parent(role: str, *, required: bool) -> dict[str, Claim]:
    return {
        f"{role}_name": Claim(NAME, required=required),
        f"{role}_nationality": Claim(NATIONALITY),
        f"{role}_ethnicity": Claim(text(60)),
        f"{role}_id_type": Claim(ID_TYPE),
        f"{role}_id_number": Claim(ID_NUMBER),
    }


KIND: Final = Kind(
    "birth-certificate",
    VCT,
    {
        "number": Claim(matching(r"[A-Z]\d{9}"), required=True),
        "child_name": Claim(NAME),
        "child_sex": Claim(SEX, required=True),
        "birth_time": Claim(moment, required=True),
        "birth_place": Claim(text(200)),
        "birth_place_kind": Claim(text(60)),
        "birth_division": Claim(DIVISION),
        "gestation_weeks": Claim(whole(16, 46)),
        "length_cm": Claim(number(10, 80)),
        "weight_g": Claim(whole(200, 9999)),
        **_parent("mother", required=True),
        **_parent("father", required=False),
        "midwife": Claim(NAME),
        "facility": Claim(text(200)),
        "issued_on": Claim(day, required=True),
        "authority": Claim(text(200)),
        "authority_division": Claim(DIVISION, required=True, always=True),
    },
)


def check(claims: Mapping[str, Any]) -> None:
    """InvalidClaims unless this is a whole birth certificate."""
    KIND.check(claims)
