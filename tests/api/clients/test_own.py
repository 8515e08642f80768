"""The client does with a real hub and its worker what no example shows: the mailbox, exact numbers, pages, files, and types."""

import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path

import pytest

from adapters import client
from adapters.client.hub import Hub
from adapters.errors import Conflict, GatewayError, HubError, Invalid, ReceiptRefused
from certs.keys import VerifyKey
from mappings import vocabulary
from tests.adapters import kit
from tests.adapters.real import RealHub
from tests.adapters.test_contract import page

KG = {"system": "http://unitsofmeasure.org", "code": "kg"}
WEIGHT = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}


@pytest.fixture(scope="module")
def both(served: RealHub) -> RealHub:
    served.enrol("yongkang")
    served.agree("yongkang", "huiji")
    return served


def opened(served: RealHub, member: str) -> AbstractAsyncContextManager[Hub]:
    roots = [VerifyKey.from_jwk(jwk) for jwk in served.roots_jwks()["keys"]]
    return client.connect(served.url, member, list(kit.ring_of(member).auth), roots=roots)


@pytest.fixture
async def huiji(both: RealHub) -> AsyncIterator[Hub]:
    async with opened(both, "huiji") as made:
        yield made


async def test_a_sealed_record_goes_through_the_mailbox(both: RealHub, huiji: Hub) -> None:
    message = str(uuid.uuid4())
    report = {"kind": vocabulary.CONTRACEPTION_REPORT, "resources": [], "routing": {}}
    sealed = kit.envelope(report, id=message, consent_ref="C77")
    async with opened(both, "yongkang") as yongkang:
        consent = str(uuid.uuid4())
        rows = page({**kit.consent(77), "rybh": "YK1"})
        await yongkang.submit(rows, message_id=consent, content_type="application/json", mapping="yongkang/consent.v1")
        assert (await yongkang.settled(consent)).state == "PROCESSED"
        await yongkang.submit(sealed, message_id=message, content_type=vocabulary.SEALED_MEDIA_TYPE)
        (item,) = await huiji.lease(wait_seconds=5)
        assert (item.message_id, item.sender, item.body) == (message, "yongkang", sealed)
        assert await huiji.lease(wait_seconds=0) == []
        assert (await huiji.receive(item)).count(".") == 2
        with pytest.raises(Invalid):
            await huiji.receive(item, "BUSINESS_ERROR")  # without saying why
        await huiji.receive(item, "PROCESSED")
        await huiji.receive(item, "PROCESSED")
        with pytest.raises(Conflict, match="state-conflict"):
            await huiji.receive(item, "BUSINESS_ERROR", [{"code": "x", "text": "y", "path": ""}])
        told = await yongkang.settled(message)
        assert (told.state, told.answered, told.errors) == ("PROCESSED", True, ())
        seen = {found.message_id: cursor async for found, cursor in yongkang.changes()}
        assert set(seen) == {consent, message}
        assert [found async for found in yongkang.changes(seen[message])] == []


async def test_numbers_keep_their_digits(huiji: Hub) -> None:
    value = {"value": Decimal("67.50"), **KG}
    asked = {"resourceType": "Observation", "status": "final", "code": WEIGHT, "valueQuantity": value}
    made = await huiji.fhir.create(asked)
    read = await huiji.fhir.read("Observation", made.id)
    assert str(read.resource["valueQuantity"]["value"]) == "67.50"
    again = await huiji.fhir.update(read.resource | {"status": "amended"})
    assert str((await huiji.fhir.read("Observation", made.id)).resource["valueQuantity"]["value"]) == "67.50"
    assert (again.version, again.reference) == ("2", f"Observation/{made.id}")
    with pytest.raises(TypeError):
        await huiji.fhir.create(asked | {"valueQuantity": {"value": Decimal("NaN")}})


async def test_pages_follow_each_other_to_the_limit(huiji: Hub) -> None:
    made = [
        await huiji.fhir.create({"resourceType": "Organization", "name": f"连翘{n}院", "active": True})
        for n in range(5)
    ]
    where = [("name", "连翘"), ("_count", "2")]
    found = [one.resource["id"] async for one in huiji.fhir.search("Organization", where)]
    assert sorted(found) == sorted(one.id for one in made)
    assert len([one async for one in huiji.fhir.search("Organization", where, most=3)]) == 3
    assert [one async for one in huiji.fhir.search("Organization", where, most=0)] == []
    assert len([one async for one in huiji.fhir.history("Organization", params={"_count": "2"}, most=4)]) == 4
    changed = await huiji.fhir.update_where(
        {"resourceType": "Organization", "name": "连翘0院", "active": False}, {"name:exact": "连翘0院"}
    )
    assert (changed.id, changed.version) == (made[0].id, "2")
    await huiji.fhir.delete_where("Organization", {"name:exact": "连翘1院"})
    assert await huiji.fhir.count("Organization", {"name": "连翘"}) == 4


async def test_an_id_from_elsewhere_leads_nowhere(huiji: Hub) -> None:
    for id_ in ("../../healthz", "..", "x?y=1", "x/_history", "%2e%2e"):
        with pytest.raises(HubError) as refused:
            await huiji.fhir.read("Patient", id_)
        assert refused.value.code == "not-found", id_


async def test_an_export_goes_on_with_what_is_missing(huiji: Hub, tmp_path: Path) -> None:
    await huiji.fhir.create({"resourceType": "Practitioner", "name": [{"text": "林"}]})
    await huiji.fhir.create({"resourceType": "Device", "deviceName": [{"name": "秤", "type": "user-friendly-name"}]})
    manifest = await huiji.bulk.exported(await huiji.bulk.export(["Practitioner", "Device"]))
    first = await huiji.bulk.download(manifest, tmp_path)
    assert [path.name for path in first] == ["1.Device.ndjson", "2.Practitioner.ndjson"]
    assert manifest.as_of
    first[1].write_bytes(b"kept")
    assert {path.parent for path in first} == {tmp_path / manifest.id}, "another export's files are not these"
    first[0].rename(first[0].with_suffix(".ndjson.part"))  # as an interruption leaves it
    assert await huiji.bulk.download(manifest, tmp_path) == first
    assert first[0].read_bytes().count(b"\n") == 1
    assert first[1].read_bytes() == b"kept"
    await huiji.bulk.discard(manifest.id)
    assert sorted((tmp_path / manifest.id).iterdir()) == first


async def test_a_receipt_of_another_act_is_none(huiji: Hub) -> None:
    _, receipt = await huiji.transaction(
        [{"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}],
        message_id=str(uuid.uuid4()),
    )
    with pytest.raises(ReceiptRefused):
        huiji.receipts.check(receipt, what="submission", id_="x", message_id="y", digest="z")
    assert issubclass(ReceiptRefused, GatewayError)


def test_its_types_are_seen_from_outside(tmp_path: Path) -> None:
    program = tmp_path / "uses.py"
    program.write_text(
        "from adapters.client import Hub\n"
        "async def use(hub: Hub) -> None:\n"
        "    kept = await hub.fhir.create({'resourceType': 'Patient'})\n"
        "    reveal_type(kept.version)\n"
        "    await hub.submit('text', message_id='1', content_type='text/csv')\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            os.devnull,
            "--follow-imports=silent",
            program.name,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    said = done.stdout.splitlines()
    assert any('note: Revealed type is "str"' in line or '"builtins.str"' in line for line in said), done.stdout
    assert ["arg-type" in line for line in said if "error:" in line] == [True], done.stdout
