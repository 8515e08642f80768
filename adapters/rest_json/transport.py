"""The transport of counties with a JSON interface: pull by row version, write back by POST.

The cursor moves in the same transaction that puts the page into the spool, never before. A page of an ordinary kind becomes one
document with the bytes as received, of a sealed kind each row becomes a message; rows that an earlier page gave are left out.
"""

import asyncio
import io
import uuid
from collections.abc import Sequence
from pathlib import Path

import mappings
from adapters.client.tls import is_private
from adapters.errors import Retry, TransportError
from adapters.gateway import withheld
from adapters.gateway.config import CountySettings
from adapters.gateway.intake import Intake
from adapters.gateway.records import Finding, Route, Source, WriteBack
from adapters.gateway.spool import Delivery, WholeDelivery
from adapters.gateway.transport import Reading
from adapters.rest_json.pages import page_of, without_first
from adapters.rest_json.requests import CountyRequests
from adapters.rest_json.settings import RestJsonSettings, RestSource

MAX_PAGES_A_LOOK = 200


class RestJson:
    """One county's interface and its sources."""

    def __init__(
        self, settings: RestJsonSettings, county: CountySettings, sources: Sequence[tuple[Source, RestSource]]
    ) -> None:
        self._settings = settings
        self._county = county
        self._paths = {source.name: own.path for source, own in sources}
        self._requests = CountyRequests(settings)

    async def read(self, source: Source, intake: Intake) -> Reading:
        stored, number = 0, 1
        for _ in range(MAX_PAGES_A_LOOK):
            since = int(await asyncio.to_thread(intake.spool.cursor, _cursor(source)) or 0)
            content, data = await self._requests.get(self._paths[source.name], {"since": since, "page": number})
            page = page_of(data, number)
            newest = page.newest(since)
            if newest > since:
                fresh = without_first(content, page.repeated(since))
                stored += await asyncio.to_thread(_take, source, fresh, newest, intake)
            if page.last:
                return Reading(stored)
            # After new rows reading goes on behind them; a page of repetitions only is followed by the next one.
            number = 1 if newest > since else number + 1
        return Reading(stored, complete=False)

    async def stage(self, message: WriteBack) -> None:
        """Nothing to make ready: the county itself keeps each message id once."""

    async def publish(self, message: WriteBack) -> None:
        await self._requests.post(
            self._settings.write_back_path,
            {
                "message_id": message.message_id,
                "kind": message.kind,
                "from": message.sender,
                "subjects": list(message.subjects),
                "sent_at": message.sent_at.isoformat(),
                "fields": dict(message.fields),
                **message.content,
            },
        )

    async def holds(self, message_id: str) -> bool:
        """The county has no call to ask for one message; it may have taken this one in the moment of a crash."""
        return True

    async def withdraw(self, message_id: str) -> None:
        """Nothing was made ready."""

    def issues_path(self, delivery: Delivery) -> Path:
        name = f"{delivery.created_at:%Y%m%d-%H%M%S}-{delivery.source}-{delivery.id[:8]}.issues.csv"
        return self._county.folder / "issues" / name

    async def check(self, sources: list[Source]) -> list[Finding]:
        findings = [_encrypted(self._settings.url)]
        for source in sources:
            path = self._paths[source.name]
            try:
                _, data = await self._requests.get(path, {"since": 2**62, "page": 1})
                page_of(data)
            except TransportError as error:
                findings.append(
                    Finding(f"county table {path}", False, str(error), "see that the county's system is up")
                )
            else:
                findings.append(Finding(f"county table {path}", True, "answers as agreed"))
        return findings

    async def aclose(self) -> None:
        await self._requests.aclose()


def _encrypted(url: str) -> Finding:
    ok = is_private(url)
    text = "encrypted, or on this machine" if ok else "records cross the network readable and unprotected"
    return Finding(
        "county connection", ok, text, "use https:// in transport.url, with ca_file for a certificate of your own"
    )


def _cursor(source: Source) -> str:
    return f"rest_json:{source.name}:rowver"


def _take(source: Source, content: bytes, newest: int, intake: Intake) -> int:
    """One page into the spool, with its delivery and the new cursor in the same transaction."""
    name = f"{source.name}-{newest}.json"
    cursor = (_cursor(source), str(newest))
    if source.route is Route.RAW:
        whole = WholeDelivery(str(uuid.uuid4()), source.name, name)
        put = intake.document(
            source,
            withheld.without(source.mapping, content),
            content_type="application/json",
            file_name=name,
            delivery=whole,
            cursor=cursor,
        )
        return put.stored
    rows: list[mappings.Row] = []
    issues: list[dict[str, object]] = []
    try:
        for batch in mappings.load(source.mapping).read(io.BytesIO(content), file_name=name):
            rows += batch.rows
            issues += [issue.to_json() for issue in batch.issues]
    except mappings.UnreadableFile as error:
        text = f"a page of {source.name} cannot be read: {error.issue.code}"
        raise TransportError(text, code="county-format", retry=Retry.CONTACT) from error
    whole = WholeDelivery(str(uuid.uuid4()), source.name, name, tuple(issues))
    return intake.rows(source, rows, file_name=name, delivery=whole, cursor=cursor).stored
