"""Everything at once: $export into files and $import from one, asked for and then waited for; lines never are in memory all.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html. Addresses that the hub gives are used for what they name, at the hub that
was asked. An export that was interrupted goes on with the files that are not there yet.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Final

import orjson

from adapters.client import paging
from adapters.client.answers import Answer
from adapters.client.backoff import retry_after_seconds
from adapters.client.bodies import FileBody, content_digest
from adapters.client.clock import utc_now
from adapters.client.connection import Connection
from adapters.client.problems import said_of
from adapters.client.resources import Issue
from adapters.client.retrying import patiently
from adapters.errors import HubError, HubUnreachable, Retry

NDJSON: Final = "application/fhir+ndjson"
_EXPORT: Final = re.compile(r"/fhir/bulk/([0-9a-f-]{36})$")
_FILE: Final = re.compile(r"/fhir/bulk/([0-9a-f-]{36})/([0-9]{1,9})$")
_IMPORT: Final = re.compile(r"/fhir/bulk-import/([0-9a-f-]{36})$")
_TYPE: Final = re.compile(r"[A-Za-z]{1,64}")
_PAUSE: Final = 5.0
_LONGEST_LINE: Final = 1024**2
_ACCEPTED: Final = 202


@dataclass(frozen=True, slots=True)
class File:
    """One file of an export: the type of its resources, and how many they are where the hub says so."""

    number: int
    type: str
    count: int | None
    deleted: bool

    @property
    def name(self) -> str:
        """What it is called in a folder."""
        return f"{self.number}.{'deleted' if self.deleted else self.type}.ndjson"


@dataclass(frozen=True, slots=True)
class Manifest:
    """An export that is made. `as_of` is the next one's `since`."""

    id: str
    as_of: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: lines read, stored as resources, set aside; `issues` tells whether anything is said of them."""

    id: str
    state: str
    read: int
    stored: int
    set_aside: int
    issues: bool


@dataclass(frozen=True, slots=True)
class Bulk:
    """Exports and imports of one member. All raise HubError."""

    connection: Connection
    purpose: str = ""

    def for_purpose(self, purpose: str) -> "Bulk":
        """The same, with the people that agreements let one export for it."""
        return replace(self, purpose=purpose)

    async def export(self, types: Sequence[str] = (), *, since: str = "", patients: bool = False) -> str:
        """Ask for an export of these types, or of all; with `patients` of those about Patients. Its id."""
        asked = [("_type", ",".join(types)), ("_since", since)]
        headers = {"Prefer": "respond-async"} | ({"Purpose-Of-Use": self.purpose} if self.purpose else {})
        path = "/fhir/Patient/$export" if patients else "/fhir/$export"
        answer = await self.connection.call("POST", path, params=[pair for pair in asked if pair[1]], headers=headers)
        return _named(_EXPORT, answer.headers.get("content-location", ""), answer)

    async def exported(self, id_: str, *, timeout: float = 3600) -> Manifest:
        """Wait until it is made, as often as the hub says to ask. Raises TimeoutError."""
        answer = await self._waited(f"/fhir/bulk/{paging.segment(id_)}", timeout)
        document = answer.object()
        files = [
            *(_file(one, deleted=False) for one in document.get("output", ())),
            *(_file(one, deleted=True) for one in document.get("deleted", ())),
        ]
        return Manifest(id_, str(document.get("transactionTime") or ""), tuple(files))

    async def download(self, manifest: Manifest, folder: Path) -> list[Path]:
        """Fetch the files that are not there yet into a folder of the export's own in `folder`, named by its id; each appears
        whole or not at all. What broke off is begun again.
        """
        folder = folder / paging.segment(manifest.id)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        paths = []
        for file in manifest.files:
            path = folder / file.name
            if not await asyncio.to_thread(path.exists):

                async def fetch(file: File = file, path: Path = path) -> None:
                    await self._fetch(manifest.id, file, path)

                await patiently(fetch, self.connection.patience, repeatable=True)
            paths.append(path)
        return paths

    async def discard(self, id_: str) -> None:
        """Stop an export, or let the hub forget it once it is fetched."""
        await self.connection.call("DELETE", f"/fhir/bulk/{paging.segment(id_)}", repeatable=True)

    async def begin_import(self, path: Path, message_id: str) -> tuple[str, str, str]:
        """Send a file of resources, one a line, Patients first; (id, signed receipt, digest). See `Hub.import_file`."""
        body = await FileBody.of(path)
        headers = {"Content-Type": NDJSON, "Message-Id": message_id, "Content-Digest": content_digest(body)}
        answer = await self.connection.call("POST", "/fhir/$import", headers=headers, content=body, repeatable=True)
        id_ = _named(_IMPORT, answer.headers.get("content-location", ""), answer)
        return id_, answer.headers.get("receipt", ""), f"sha-256:{body.sha256.hex()}"

    async def imported(self, id_: str, *, timeout: float = 3600) -> Imported:
        """Wait until all lines are taken up. Raises TimeoutError."""
        document = (await self._waited(f"/fhir/bulk-import/{paging.segment(id_)}", timeout)).object()
        lines = document.get("lines") or {}
        read, stored, aside = (int(lines.get(name) or 0) for name in ("read", "stored", "setAside"))
        return Imported(id_, str(document.get("state", "")), read, stored, aside, bool(document.get("error")))

    async def import_issues(self, id_: str) -> AsyncIterator[tuple[str, Issue]]:
        """What is said of lines: ("line 7", issue), as it comes."""
        async with self.connection.download(f"/fhir/bulk-import/{paging.segment(id_)}/issues") as parts:
            async for line in _lines(parts):
                yield _said(line)

    async def _fetch(self, id_: str, file: File, path: Path) -> None:
        beside = path.with_name(path.name + ".part")
        lines = 0
        with await asyncio.to_thread(beside.open, "wb") as written:
            async with self.connection.download(f"/fhir/bulk/{id_}/{file.number}", {"Accept": NDJSON}) as parts:
                async for part in parts:
                    lines += part.count(b"\n")
                    await asyncio.to_thread(written.write, part)
            await asyncio.to_thread(_settle, written)
        if file.count is not None and lines != file.count:
            raise HubUnreachable(f"file {file.number} has {lines} lines of {file.count}", sent=True)
        await asyncio.to_thread(beside.rename, path)

    async def _waited(self, path: str, timeout: float) -> Answer:
        until = monotonic() + timeout
        while True:
            answer = await self.connection.call("GET", path)
            if answer.status != _ACCEPTED:
                return answer
            pause = retry_after_seconds(answer.headers.get("retry-after"), utc_now())
            pause = _PAUSE if pause is None else pause
            if monotonic() + pause > until:
                raise TimeoutError(f"{path} is not done within {timeout:g} s; ask again later")
            await asyncio.sleep(pause)


def _named(pattern: re.Pattern[str], address: str, answer: Answer) -> str:
    """The id in an address of the hub."""
    found = pattern.search(address)
    if found is None:
        raise answer.bad("the hub named no address of what it makes")
    return found[1]


def _file(listed: Any, *, deleted: bool) -> File:
    """A file of a manifest; its type becomes part of a name, and is nothing but letters."""
    given = listed if isinstance(listed, dict) else {}
    found, type_, count = _FILE.search(str(given.get("url"))), str(given.get("type")), given.get("count")
    if found is None or not _TYPE.fullmatch(type_):
        raise _incomplete("list of files")
    return File(int(found[2]), type_, count if isinstance(count, int) else None, deleted)


def _said(line: bytes) -> tuple[str, Issue]:
    """A line of what is said of an import: where, and what."""
    try:
        outcome = orjson.loads(line)
        (issue,) = outcome["issue"]
    except (ValueError, KeyError, TypeError):
        raise _incomplete("list of issues") from None
    said = said_of(outcome)
    place = next(iter(issue.get("location", ())), "")
    return str(place), Issue(str(issue.get("severity", "")), said.code, said.text, said.path)


def _incomplete(what: str) -> HubError:
    return HubError(f"the hub's {what} is incomplete", code="bad-answer", retry=Retry.CONTACT, status=200)


def _settle(written: BinaryIO) -> None:
    written.flush()
    os.fsync(written.fileno())


async def _lines(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines of what comes in parts."""
    rest = b""
    async for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise _incomplete("list of issues")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest
