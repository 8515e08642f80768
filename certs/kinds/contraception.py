"""避孕节育情况报告单 as claims: method, since when, the check, both divisions, and the consent it moves under.

A pregnancy result, the code for evading, and anything about quotas or plans have no place in it: refused, not dropped.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from certs.kinds.model import DIVISION, ID_NUMBER, ID_TYPE, NAME, Claim, Kind, day, matching, text

VCT: Final = "urn:lianqiao:vct:contraception-report:1"

_EVADING: Final = "A95"
_HARMLESS: Final = re.compile("避孕|孕前优生")
_PREGNANCY: Final = re.compile("孕|妊娠|pregnan|hcg", re.IGNORECASE)


def _method(value: object) -> bool:
    return matching(r"[A-Z]?\d{2,4}")(value) and value != _EVADING


def _result(value: object) -> bool:
    return text(200)(value) and isinstance(value, str) and _PREGNANCY.search(_HARMLESS.sub("", value)) is None


KIND: Final = Kind(
    "contraception-report",
    VCT,
    {
        "number": Claim(text(60), required=True),
        "person_name": Claim(NAME, required=True),
        "person_id_type": Claim(ID_TYPE),
        "person_id_number": Claim(ID_NUMBER, required=True),
        "reported_on": Claim(day, required=True),
        "facility": Claim(text(200), required=True),
        "method": Claim(_method, required=True),
        "method_since": Claim(day),
        "check_result": Claim(_result),
        "officer": Claim(NAME),
        "origin_division": Claim(DIVISION, required=True),
        "residence_division": Claim(DIVISION, required=True),
        "consent_ref": Claim(text(200), required=True),
        "authority": Claim(text(200)),
        "authority_division": Claim(DIVISION, required=True, always=True),
    },
)


def check(claims: Mapping[str, Any]) -> None:
    """InvalidClaims unless this is a whole report."""
    KIND.check(claims)
