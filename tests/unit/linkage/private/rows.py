"""Rows of invented people, as `hub dedupe` reads them, for the tests of private linkage."""

from random import Random

from hub.linkage import resident_id

SECRET = bytes(range(100, 132))
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴徐孙", "明华英强丽军敏静伟芳娜秀艳杰涛勇霞飞玉兰"
Row = dict[str, str]


def row(
    record_id: str = "r1",
    name: str = "王晓燕",
    birth: str = "1990-05-01",
    number: str = "",
    phone: str = "13912345670",
) -> Row:
    return {
        "record_id": record_id,
        "source": "huiji",
        "name": name,
        "sex": "2",
        "birth_date": birth,
        "resident_id": number,
        "phone": phone,
        "origin_division": "410108003000",
        "residence_division": "330784001000",
    }


def people(count: int, seed: int = 1) -> list[Row]:
    """Different people with sound resident IDs."""
    rng = Random(seed)
    found = []
    for at in range(count):
        born = f"{rng.randint(1950, 2005)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
        body = f"41010{rng.randint(2, 8)}{born}{rng.randint(1, 999):03d}"
        name = rng.choice(_SURNAMES) + "".join(rng.choices(_GIVEN, k=2))
        number = body + resident_id.check_digit(body)
        phone = f"13{rng.randint(100000000, 799999999)}"
        found.append(row(f"r{at}", name, f"{born[:4]}-{born[4:6]}-{born[6:]}", number, phone))
    return found
