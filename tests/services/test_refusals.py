"""What is not allowed to whoever tries it is refused and noted, with who tried what, and changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hub.errors import NotAllowed
from hub.runtime import Hub
from hub.services import assignments, bulk, proposals, samples, verdicts
from hub.services.bulk import Wanted
from hub.services.sessions import User
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]
WANTED = Wanted("uncertain", "even", "same")
Try = Callable[[Hub, User, Any], Awaitable[Any]]
TRIES: list[tuple[str, Try]] = [
    ("decide", lambda hub, user, id_: verdicts.decide(hub, user, id_, "same", reason="r", seen="")),
    ("undo", lambda hub, user, id_: verdicts.undo(hub, user, id_, seen="")),
    ("approve", lambda hub, user, id_: proposals.approve(hub, user, id_, seen="")),
    ("send-back", lambda hub, user, id_: proposals.send_back(hub, user, id_, seen="")),
    ("take", assignments.take),
    ("release", assignments.release),
    ("assign", lambda hub, user, id_: assignments.assign(hub, user, id_, "lihua")),
    ("preview-lot", lambda hub, user, _: bulk.preview(hub, user, WANTED)),
    ("decide-lot", lambda hub, user, _: bulk.apply(hub, user, WANTED, token="", count=1, reason="r")),
    ("undo-lot", bulk.undo),
    ("view-sample", samples.view),
    ("answer-sample", lambda hub, user, id_: samples.answer(hub, user, id_, "same")),
    ("draw-sample", lambda hub, user, _: samples.ask(hub, user)),
]


async def test_what_an_auditor_tries_is_noted(here: World) -> None:
    user = await here.user("audit")
    before = await here.acts()
    for act, trying in TRIES:
        with pytest.raises(NotAllowed):
            await trying(here.hub, user, here.task)
        (noted,) = await acts(here.hub, f"{act}-refused")
        assert (noted["actor"], noted["region"]) == ("audit", "huiji")
        assert noted["reason"] in ("role-missing", "not-yours-to-give", "not-yours-to-draw")
        assert noted["of"] in ([], [str(here.task)])
    assert (await here.acts())[len(before) :] == [f"{act}-refused" for act, _ in TRIES]
    assert await here.events() == []
