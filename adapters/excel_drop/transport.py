"""The transport of counties that drop .csv and .xlsx files: claim, take over, put away; answers appear in `inbox/`.

A file is claimed by moving it under its delivery's id after the delivery was noted in the spool, so that a crash at any moment leaves
either the file in its place or a delivery that is read again from the start. Nothing is read from a file that is still growing.
"""

import asyncio
import contextlib
import io
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import mappings
from adapters.errors import ConfigError, TransportError
from adapters.excel_drop import regular
from adapters.excel_drop.folder import SUFFIXES, DropFolder, Dropped, matches, readable_name
from adapters.excel_drop.regular import Refusal, Unfit
from adapters.excel_drop.settings import DropSource, ExcelDropSettings
from adapters.gateway import withheld
from adapters.gateway.durable import move_file, write_file
from adapters.gateway.intake import Intake
from adapters.gateway.records import Finding, Route, Source, WriteBack
from adapters.gateway.reports import issue, issues_table
from adapters.gateway.spool import Delivery
from adapters.gateway.tables import csv_bytes
from adapters.gateway.transport import Reading
from adapters.gateway.writeback import table_of


class ExcelDrop:
    """One drop folder and its sources."""

    def __init__(self, settings: ExcelDropSettings, sources: Sequence[tuple[Source, DropSource]]) -> None:
        self._settings = settings
        self._patterns = [(source.name, own.pattern) for source, own in sources]
        self._folder = DropFolder(settings.folder, settings.settle_seconds)
        self._left: set[str] = set()
        try:
            self._folder.make()
        except OSError as error:
            raise ConfigError(f"the drop folder {settings.folder} cannot be prepared: {error.strerror}") from error

    async def read(self, source: Source, intake: Intake) -> Reading:
        return await asyncio.to_thread(self._read, source, intake)

    def _read(self, source: Source, intake: Intake) -> Reading:
        self._folder.check_own()
        stored = self._resume(source, intake)
        dropped, waiting = self._folder.look()
        for file in dropped:
            owner = self._owner(file.path.name)
            if owner is None and source.name == self._patterns[0][0]:
                self._refuse(file, _UNKNOWN)
            elif owner == source.name:
                stored += self._take(source, file, intake)
        return Reading(stored, complete=not waiting)

    def _owner(self, name: str) -> str | None:
        return next((owner for owner, pattern in self._patterns if matches(name, pattern)), None)

    def _resume(self, source: Source, intake: Intake) -> int:
        """Finish what a crash interrupted: claimed files are read again, deliveries without their file were never begun."""
        stored = 0
        for delivery in intake.spool.deliveries.opened(source.name):
            path = self._folder.claimed(delivery.id)
            if path is None:
                intake.spool.deliveries.abandon(delivery.id)
            else:
                stored += self._take_over(source, path, delivery, intake)
        for path in self._folder.processing.iterdir():
            left = intake.spool.deliveries.get(path.stem)
            if left is not None and left.source == source.name and left.state != "OPEN":
                folder = self._folder.failed if left.state == "ABANDONED" else self._folder.done
                self._put_away(path, folder, left)
        return stored

    def _take(self, source: Source, file: Dropped, intake: Intake) -> int:
        limit = self._limit(source)
        why_not = file.why_not or (regular.too_large(limit) if file.size > limit else None)
        if why_not is not None:
            self._refuse(file, why_not)
            return 0
        delivery_id = str(uuid.uuid4())
        intake.spool.deliveries.open(delivery_id, source.name, file.path.name, now=intake.clock())
        delivery = intake.spool.deliveries.get(delivery_id)
        try:
            path = self._folder.claim(file.path, delivery_id)
        except FileNotFoundError:
            intake.spool.deliveries.abandon(delivery_id)
            return 0
        if delivery is None:
            raise TransportError(f"delivery {delivery_id} was not noted")
        return self._take_over(source, path, delivery, intake)

    def _take_over(self, source: Source, path: Path, delivery: Delivery, intake: Intake) -> int:
        try:
            take = self._take_document if source.route is Route.RAW else self._take_rows
            stored, issues = take(source, path, delivery, intake)
        except mappings.UnreadableFile as error:
            return self._give_up(path, delivery, error.issue.to_json(), intake)
        except Unfit as error:
            return self._give_up(path, delivery, _issue_of(error.why), intake)
        except FileNotFoundError:
            # Somebody took it away again between claiming and reading.
            intake.spool.deliveries.abandon(delivery.id)
            return 0
        intake.spool.deliveries.finish(delivery.id, issues)
        self._put_away(path, self._folder.done, delivery)
        return stored

    def _give_up(self, path: Path, delivery: Delivery, why: dict[str, object], intake: Intake) -> int:
        self._tell_failure(delivery.id, delivery.name, [why])
        intake.spool.deliveries.abandon(delivery.id)
        self._put_away(path, self._folder.failed, delivery)
        return 0

    def _put_away(self, path: Path, folder: Path, delivery: Delivery) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._folder.put_away(path, folder, delivery.id, delivery.name)

    def _limit(self, source: Source) -> int:
        return self._settings.max_document_bytes if source.route is Route.RAW else self._settings.max_sealed_bytes

    def _take_document(
        self, source: Source, path: Path, delivery: Delivery, intake: Intake
    ) -> tuple[int, list[dict[str, object]]]:
        # Read once: what is looked through is what is sent, whatever happens to the file meanwhile.
        body = regular.content_of(path, self._limit(source))
        withheld.check(source.mapping, io.BytesIO(body), delivery.name)
        put = intake.document(
            source,
            body,
            content_type=SUFFIXES[path.suffix],
            file_name=delivery.name,
            delivery=delivery.id,
            resend=True,
        )
        again = issue(
            "information",
            "known-file",
            "The same file was handed over before; nothing was sent again.",
            "同一文件此前已提交，未重复发送。",
        )
        return put.stored, [] if put.stored else [again]

    def _take_rows(
        self, source: Source, path: Path, delivery: Delivery, intake: Intake
    ) -> tuple[int, list[dict[str, object]]]:
        stored = 0
        issues: list[dict[str, object]] = []
        limit = self._limit(source)
        with regular.opened(path, limit) as stream:
            for batch in mappings.load(source.mapping).read(stream, file_name=delivery.name):
                regular.check_size(stream, limit)
                issues += [found.to_json() for found in batch.issues]
                put = intake.rows(source, batch.rows, file_name=delivery.name, delivery=delivery.id, resend=True)
                stored += put.stored
        return stored, issues

    def _refuse(self, file: Dropped, why: Refusal) -> None:
        """Out of the way, with the reason beside it. A link is moved as a link, never followed; what cannot be moved stays, told once."""
        if file.path.name in self._left:
            return
        refused_id = uuid.uuid4().hex
        self._tell_failure(refused_id, file.path.name, [_issue_of(why)])
        try:
            move_file(file.path, self._folder.failed / readable_name(file.path.name, refused_id))
        except OSError:
            self._left.add(file.path.name)

    def _tell_failure(self, delivery_id: str, name: str, issues: list[dict[str, object]]) -> None:
        path = self._folder.failed / f"{readable_name(name, delivery_id)}.issues.csv"
        write_file(path, issues_table(name, issues))

    def issues_path(self, delivery: Delivery) -> Path:
        return self._folder.done / f"{readable_name(delivery.name, delivery.id)}.issues.csv"

    async def stage(self, message: WriteBack) -> None:
        self._folder.check_own()
        header, row = table_of(message)
        content = csv_bytes(header, [row])
        await asyncio.to_thread(write_file, self._folder.staging / f"{message.message_id}.csv", content)

    async def publish(self, message: WriteBack) -> None:
        await asyncio.to_thread(self._publish, f"{message.message_id}.csv")

    def _publish(self, name: str) -> None:
        self._folder.check_own()
        try:
            move_file(self._folder.staging / name, self._folder.inbox / name)
        except FileNotFoundError:
            # Published before a crash; whoever works in the inbox may have taken it since.
            return

    async def holds(self, message_id: str) -> bool:
        return (self._folder.staging / f"{message_id}.csv").exists()

    async def withdraw(self, message_id: str) -> None:
        (self._folder.staging / f"{message_id}.csv").unlink(missing_ok=True)

    async def check(self, sources: list[Source]) -> list[Finding]:
        findings = [_writable(folder) for folder in (self._folder.base, self._folder.done, self._folder.inbox)]
        dropped, _ = self._folder.look()
        strange = [file.path.name for file in dropped if self._owner(file.path.name) is None]
        text = f"{len(strange)} files match no source" if strange else "every file matches a source"
        findings.append(
            Finding("dropped files", not strange, text, "rename them or add a source with a matching pattern")
        )
        return findings

    async def aclose(self) -> None:
        """Nothing is held open."""


_UNKNOWN = Refusal(
    "unknown-file", "No source of this gateway takes files of this name.", "没有与此文件名对应的数据来源。"
)


def _issue_of(why: Refusal) -> dict[str, object]:
    return issue("error", why.code, why.text, why.text_zh)


def _writable(folder: Path) -> Finding:
    ok = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    text = f"{folder} can be read and written" if ok else f"{folder} cannot be read and written"
    return Finding("county folder", ok, text, f"give the gateway's user read and write access to {folder}")
