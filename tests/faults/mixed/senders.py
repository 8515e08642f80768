"""Senders that do what a county's systems do, all at once: documents, transactions, single records, changes, searches.

Each sends a message until the hub acknowledges it, whatever died meanwhile; some give up after a failure, as systems do. What
was acknowledged, and how, is kept: it is what the hub has to stand by.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import orjson

from adapters.client.bodies import content_digest
from mappings.vocabulary import record_system
from tests.documents import PERSON_SHEET, row, rows, sheet
from tests.people import patient

MEMBER = "huiji"
ROWS = 4
"""Rows of a document."""
OBSERVATIONS = 2
_FHIR = {"Content-Type": "application/fhir+json"}
_GIVES_UP = 0.15
_PAUSE = 0.3
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: its request, and the numbers of the records in it."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A message and the answer that acknowledged it."""

    sent: Sent
    receipt: str
    body: bytes


@dataclass(slots=True)
class Told:
    """What the hub acknowledged, what was given up, and by the number of a record the version it was last told."""

    documents: list[Acknowledged] = field(default_factory=list)
    transactions: list[Acknowledged] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    given_up: list[Sent] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """What answers of 500 said."""
    slowest: float = 0.0
    """Seconds from the first attempt to the acknowledgement."""


class Sender:
    """One of the county's systems; `numbers` gives numbers that nobody else gives."""

    def __init__(self, client: httpx2.AsyncClient, told: Told, numbers: Iterator[int], seed: int) -> None:
        self._client, self._told, self._numbers, self._draws = client, told, numbers, Random(seed)

    async def work(self, until: float) -> None:
        """Send one thing after the other until the monotonic time `until`."""
        acts: list[Callable[[], Awaitable[None]]] = [self._document, self._transaction, self._create, self._search]
        while time.monotonic() < until:
            await self._draws.choices(acts, [1, 3, 4, 4])[0]()

    async def _document(self) -> None:
        first = next(self._numbers) * ROWS
        body = sheet(rows(ROWS, first))
        headers = {"Content-Digest": content_digest(body), "Content-Type": "text/csv", "Mapping": PERSON_SHEET}
        numbers = tuple(row(first + at)["登记编号"] for at in range(ROWS))
        sent = Sent("POST", "/submissions", body, headers | {"Message-Id": str(uuid4())}, numbers)
        answer = await self._until_acknowledged(sent)
        if answer is not None:
            self._told.documents.append(Acknowledged(sent, answer.json()["receipt"], answer.content))

    async def _transaction(self) -> None:
        number, urn = f"T{next(self._numbers)}", f"urn:uuid:{uuid4()}"
        made = [(urn, person(number)), *(("", observation(urn, at)) for at in range(OBSERVATIONS))]
        entries = [
            {"resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
            | ({"fullUrl": full_url} if full_url else {})
            for full_url, one in made
        ]
        body = orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        sent = Sent("POST", "/fhir", body, _FHIR | {"Message-Id": str(uuid4())}, (number,))
        answer = await self._until_acknowledged(sent)
        if answer is not None:
            self._told.transactions.append(Acknowledged(sent, answer.headers["Receipt"], answer.content))

    async def _create(self) -> None:
        number = f"C{next(self._numbers)}"
        condition = f"identifier={record_system(MEMBER)}|{number}"
        sent = Sent(
            "POST", "/fhir/Patient", orjson.dumps(person(number)), _FHIR | {"If-None-Exist": condition}, (number,)
        )
        answer = await self._until_acknowledged(sent)
        if answer is None:
            return
        self._told.created.append(number)
        self._told.versions[number] = 1
        address = f"/fhir/Patient/{answer.json()['id']}"
        for version in range(1, self._draws.randrange(1, 4)):
            if not await self._change(address, number, version):
                return

    async def _change(self, address: str, number: str, version: int) -> bool:
        """Make version + 1 of the record; the same change sent again meets a version that is its own."""
        id_ = address.rsplit("/", 1)[1]
        changed = person(number) | {"id": id_, "telecom": [{"system": "phone", "value": f"1380000{version:04d}"}]}
        headers = _FHIR | {"If-Match": f'W/"{version}"'}
        answer = await self._until_acknowledged(Sent("PUT", address, orjson.dumps(changed), headers, (number,)), (412,))
        if answer is None:
            return False
        if answer.status_code == 412:
            found = await self._until_acknowledged(Sent("GET", address, b"", {}, (number,)))
            if found is None:
                return False
            if (found.json()["meta"]["versionId"], found.json().get("telecom")) != (
                str(version + 1),
                changed["telecom"],
            ):
                self._told.wrong.append(f"{number} is not what was sent as its version {version + 1}")
        self._told.versions[number] = version + 1
        return True

    async def _search(self) -> None:
        known = self._told.created or [sent.sent.numbers[0] for sent in self._told.transactions]
        if not known:
            return
        number = self._draws.choice(known)
        found = await self._until_acknowledged(Sent("GET", by_number(number), b"", {}, (number,)))
        if found is not None and found.json().get("total") != 1:
            self._told.wrong.append(f"{number} was acknowledged and found {found.json().get('total')} times")

    async def _until_acknowledged(self, sent: Sent, also: tuple[int, ...] = ()) -> httpx2.Response | None:
        """The answer that acknowledges `sent`, by 2xx or one of `also`; None when it was given up after a failure."""
        begun = time.monotonic()
        for attempt in itertools.count():
            answer = await self._attempt(sent)
            if answer is not None and (answer.is_success or (answer.status_code in also and attempt)):
                self._told.slowest = max(self._told.slowest, time.monotonic() - begun)
                return answer
            if answer is not None and not _may_be_sent_again(answer):
                self._told.wrong.append(f"{sent.method} {sent.path}: {answer.status_code} {answer.text[:500]}")
                return None
            if time.monotonic() - begun > _PATIENCE:
                self._told.wrong.append(f"{sent.method} {sent.path} was not acknowledged in {_PATIENCE:.0f} s")
                return None
            if self._draws.random() < _GIVES_UP:
                self._told.given_up.append(sent)
                return None
            await asyncio.sleep(_PAUSE)
        return None

    async def _attempt(self, sent: Sent) -> httpx2.Response | None:
        try:
            answer = await self._client.request(sent.method, sent.path, content=sent.body, headers=sent.headers)
        except httpx2.TransportError as error:
            self._told.answers[type(error).__name__] += 1
            return None
        self._told.answers[str(answer.status_code)] += 1
        if answer.status_code == httpx2.codes.INTERNAL_SERVER_ERROR:
            self._told.broken.append(answer.text)
        return answer


def person(number: str) -> dict[str, Any]:
    """A Patient of that number; no two are alike."""
    at = int(number[1:])
    birth = f"{1940 + at % 60}-{at // 60 % 12 + 1:02}-{at // 720 % 28 + 1:02}"
    return patient(
        MEMBER,
        number,
        name=f"{'王李张刘陈'[at % 5]}{chr(0x4E00 + at * 37 % 5000)}{chr(0x5000 + at % 4000)}",
        birth=birth,
    )


def observation(subject: str, at: int) -> dict[str, Any]:
    """A measurement of the subject."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": subject},
        "valueQuantity": {"value": 50 + at, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def by_number(number: str) -> str:
    """The search for the member's own record of that number."""
    return f"/fhir/Patient?identifier={quote(f'{record_system(MEMBER)}|{number}')}&_total=accurate"


def _may_be_sent_again(answer: httpx2.Response) -> bool:
    """Does the hub say so? By its status, or for a conflict by the code of who was in the way."""
    return answer.status_code in (429, 500, 502, 503, 504) or (answer.status_code == 409 and b"busy" in answer.content)
