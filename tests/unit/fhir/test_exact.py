"""Numbers stay as they were written, and of a resource only what its sender said is kept."""

import orjson

from hub.fhir import exact


def test_nothing_but_numbers_is_taken_from_numbers() -> None:
    body = b'{"a":1.50,"b":-0,"c":12345678901234567890123,"d":1e3,"e":[2.0]}'
    assert exact.write(exact.read(body)) == body
    sent = b'{"id":"1","meta":{"tag":[],"versionId":"3"},"resourceType":"X","v":1.0}'
    assert exact.kept(orjson.loads(sent), sent) == b'{"meta":{"tag":[]},"resourceType":"X","v":1.0}'
    plain = b'{"meta":{"tag":[]},"resourceType":"X"}'
    assert exact.kept(orjson.loads(plain), plain) is plain
