"""The examples of Token Status List with two bits: the same bytes, the same compressed form, the same answers."""

import zlib

import pytest

from certs import tokens
from certs.encoding import b64url, unb64url
from certs.instants import seconds
from certs.keys import SigningKey
from certs.status import TYP, Status, StatusList
from tests.unit.certs.world import DAY, NOW

KEY = SigningKey.generate()

SHORT = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
SHORT_BYTES = "c944f9"
SHORT_LST = "eNo76fITAAPfAgc"

LONG = {
    0: 1,
    1993: 2,
    25460: 1,
    159495: 3,
    495669: 1,
    554353: 1,
    645645: 2,
    723232: 1,
    854545: 1,
    934534: 2,
    1000345: 3,
}
# The zlib stream of the list of 2^20 two-bit statuses in the specification's test vectors.
LONG_ZLIB = (
    "78daeddb310d00211000412ea1a04004fe5520ed357c28c81d3312b6df68bc65480000000000406e2101000000000000000000000000"
    "0000000000000000000000000000000000000040795b0200000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000080f4ba0400"
    "000000000000000000000000406d764a000000000000000000000000000000000000000000e092210100000000000000000000000000"
    "0000000000fc131200000000000000000000000000000000000000000000000000000000000000c0912e010000000000000000000000"
    "00000000000000c07d4b02000000000000000000000000000000a8614a0000000000000000000000406a1fcd60010c"
)


def read(lst: str) -> StatusList:
    claims = {"sub": "https://example.com/statuslists/1", "iat": seconds(NOW), "exp": seconds(NOW + DAY)}
    token = tokens.sign(claims | {"status_list": {"bits": 2, "lst": lst}}, typ=TYP, signer=KEY)
    return StatusList.verify(token, KEY.public, NOW)


def written(statuses: dict[int, int], size: int) -> str:
    found = StatusList(
        "https://example.com/statuslists/1", size, {index: Status(two) for index, two in statuses.items()}
    )
    claims = tokens.verify(found.sign(KEY, NOW), KEY.public, typ=TYP, max_bytes=1 << 20)
    lst: str = claims["status_list"]["lst"]
    return lst


def test_the_short_example() -> None:
    assert zlib.decompress(unb64url(SHORT_LST)).hex() == SHORT_BYTES
    found = read(SHORT_LST)
    assert [int(found.get(index)) for index in range(12)] == SHORT
    assert written(dict(enumerate(SHORT)), 12) == SHORT_LST


def test_the_long_example() -> None:
    found = read(b64url(bytes.fromhex(LONG_ZLIB)))
    assert found.size == 1 << 20
    assert {index: int(found.get(index)) for index in LONG} == LONG
    assert not any(found.get(index + 1) or found.get(index + 4) for index in LONG)


def test_the_long_example_written_by_us() -> None:
    ours = zlib.decompress(unb64url(written(LONG, 1 << 20)))
    assert ours == zlib.decompress(bytes.fromhex(LONG_ZLIB))


@pytest.mark.parametrize(("name", "value"), [("VALID", 0), ("REVOKED", 1), ("SUSPENDED", 2), ("SUPERSEDED", 3)])
def test_the_registered_meanings(name: str, value: int) -> None:
    assert Status[name] == value
