"""POST /fhir: many requests in one Bundle, as a transaction (all or nothing) or as a batch (each for itself).

A transaction with `Message-Id` is safe to send again: it is answered from what was stored; its signed receipt is in the
header `Receipt`. https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub import last_resort
from hub.api.context import opened
from hub.api.fhir import searching
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.fhir.message_ids import message_id_of
from hub.api.scopes import needed_by
from hub.domain.scopes import EVERYTHING
from hub.errors import MissingScope
from hub.fhir import exact, requests
from hub.fhir.capability import Ability
from hub.fhir.outcome import outcome
from hub.fhir.requests import Request
from hub.services import denials
from hub.services.exchange import bundles, conditions
from hub.services.exchange.looking import MOST_SEARCHES, Answer
from hub.services.intake import refusals_noted


async def take(call: Call) -> Response:
    """200 with a response for each entry, in their order."""
    document = await call.document()
    together, asked = requests.read(document.exact())
    body = await call.request.body()
    message_id, headers = message_id_of(call.request), {}
    async with refusals_noted(call.hub, call.member, message_id):
        conditions.check_all(asked, together=together == "transaction")
    needed = _needed(call, asked, together=together == "transaction")
    if together == "transaction":
        await opened(call.hub, call.access, *(right for rights in needed for right in rights))
        done = await bundles.transaction(call.hub, call.member, call.purpose, message_id, body, asked)
        answers, headers = done.answers, {"Submission-Id": done.submission_id, "Receipt": done.receipt}
    else:
        answers = await _batch(call, asked, needed)
    told = {
        "resourceType": "Bundle",
        "type": f"{together}-response",
        "entry": [_entry(call, one) for one in answers],
    }
    return answer(told, headers=headers)


def _needed(call: Call, asked: Sequence[Request], *, together: bool) -> list[tuple[str, ...]]:
    """The rights for each entry; searches that are too many to be made are not read for them."""
    if EVERYTHING in call.access.rights:
        return [()] * len(asked)
    searches = [one.at for one in asked if one.method == "GET" and not one.id]
    left_out = set(searches[MOST_SEARCHES:])
    made = [replace(one, query="") if one.at in left_out else one for one in asked]
    return [needed_by(one, call.search, together=together) for one in made]


async def _batch(call: Call, asked: Sequence[Request], needed: Sequence[tuple[str, ...]]) -> tuple[Answer, ...]:
    """The answers in the order of the entries; those that the token does not open are refused each for itself."""
    refused: dict[int, Answer] = {}
    missing: dict[str, MissingScope] = {}
    for at, rights in enumerate(needed):
        try:
            call.access.require(*rights)
        except MissingScope as denial:
            refused[at] = Answer(denial.status, refusal=denial)
            missing[denial.scope] = denial
    for each in missing.values():
        await denials.note_scope(call.hub, call.member.name, each)
    open_ = [one for at, one in enumerate(asked) if at not in refused]
    done = iter(await bundles.batch(call.hub, call.member, call.purpose, open_))
    return tuple(refused.get(at) or next(done) for at in range(len(asked)))


def _entry(call: Call, one: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"status": str(one.status)}
    if one.location:
        response["location"] = f"{call.hub.settings.base_url}{PREFIX}/{one.location}"
    if one.etag:
        response |= {"etag": one.etag, "lastModified": one.at}
    if one.refusal is not None:
        trace = last_resort.trace_id(call.request.scope)
        response["outcome"] = outcome(one.status, one.refusal.code, one.refusal.detail, one.refusal.retry, trace)
    entry: dict[str, Any] = {"response": response}
    if one.resource is not None:
        found = one.resource
        entry["resource"] = orjson.Fragment(exact.shown(found.body, str(found.id), found.version, found.at))
    if one.found is not None:
        entry["resource"] = searching.bundle(call, one.found.query, one.found.page, one.found.after)
    return entry


INTERACTIONS: Final = (
    Interaction("POST", "", take, Ability("", "transaction", said=f"At most {requests.MOST} entries."), by_member),
    Interaction("POST", "/", take, Ability("", "batch", said=f"At most {requests.MOST} entries."), by_member),
)
