"""Which rights a request needs, by its method and the path of its interaction: the one table, and what is told of it.

What is not in it needs all that a member may. A condition (`If-None-Exist`, `PUT Patient?identifier=`) is a search too.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from starlette.requests import Request

from hub.domain import scopes
from hub.domain.policy import PURPOSES
from hub.domain.scopes import EVERYTHING
from hub.errors import Invalid
from hub.fhir import exact, requests, subscriptions
from hub.fhir.requests import Request as Entry
from hub.fhir.search import Chain, Has, Query
from hub.services.exchange.checking import TYPES

NOTHING: Final[tuple[str, ...]] = ()
_ALL: Final = (EVERYTHING,)

_OF_TYPES: Final = {"POST": "c", "GET": "s", "PUT": "cus", "PATCH": "us", "DELETE": "ds"}
"""At /{type}: all but creating and searching go by a condition."""
_OF_ONE: Final = {"GET": "r", "PUT": "u", "PATCH": "ru", "DELETE": "d"}
"""At /{type}/{id}: whoever patches is shown what it did not send, and can test what is there."""
_OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "$match": ("system/Patient.s",),
    "$ihe-pix": ("system/Patient.s",),
    "$process-message": ("system/Patient.c", "system/Patient.u"),
    "$everything": ("system/*.r",),
    "$export": ("system/*.r",),
    "$import": ("system/*.c", "system/*.u"),
    "$status": ("system/Subscription.r",),
    "$events": ("system/Subscription.r",),
    "$validate": ("system/TYPE.c",),
    "$translate": NOTHING,
    "$lookup": NOTHING,
    "$validate-code": NOTHING,
}
"""Tables of codes are everybody's; what is validated is tried as if it were created."""
_LATER: Final[Mapping[str, str]] = {"bulk": "$export", "bulk-import": "$import"}
"""Where an operation is answered later: whoever may ask may see, fetch and take back."""


def needed(request: Request, path: str) -> tuple[str, ...]:
    """The rights for an interaction at `path` below /fhir, with parameters as `{id}`."""
    kind = str(request.path_params.get("type", ""))
    method = "GET" if request.method == "HEAD" else request.method
    return needed_at(method, path, kind, conditional="if-none-exist" in request.headers)


def needed_at(method: str, path: str, kind: str = "", *, conditional: bool = False) -> tuple[str, ...]:
    """The same of any request: `kind` is what stands for `{type}` in the path, `conditional` whether a create has a condition."""
    parts = path.strip("/").split("/")
    kind = kind or parts[0]
    last = _LATER.get(parts[0], parts[-1])
    if last.startswith("$"):
        if parts[1:] == ["{id}", "$validate"]:
            return tried(kind, "")
        return tuple(right.replace("TYPE", kind) for right in _OPERATIONS.get(last, _ALL))
    match parts:
        case [""]:
            return NOTHING if method == "POST" else ("system/*.s",)  # entries of a Bundle need their own
        case ["_history"]:
            return ("system/*.s",)
        case [_]:
            letters = _OF_TYPES.get(method, "")
            letters += "s" if conditional else ""
        case [_, "_search"] | [_, "_history"]:
            letters = "s"
        case [_, "{id}"]:
            letters = _OF_ONE.get(method, "")
        case [_, "{id}", "_history"] | [_, "{id}", "_history", "{version}"]:
            letters = "r"
        case _:
            letters = ""
    return tuple(f"system/{kind}.{letter}" for letter in letters) or _ALL


def tried(kind: str, mode: str) -> tuple[str, ...]:
    """The rights to have what is there judged: those to read it, and for a mode to do what is tried."""
    return tuple(f"system/{kind}.{letter}" for letter in "r" + {"update": "u", "delete": "d"}.get(mode, ""))


Read = Callable[[str, str], Query]
"""Reads the parameters of a search: of a type, and as an address writes them. Raises Invalid."""


def needed_by(entry: Entry, read: Read, *, together: bool) -> tuple[str, ...]:
    """The rights for an entry of a Bundle; `together` it is of a transaction."""
    letters = (_OF_ONE if entry.id and not entry.query else _OF_TYPES).get(entry.method, "")
    letters += "s" if entry.if_none_exist else ""
    own = tuple(f"system/{entry.type}.{letter}" for letter in letters) or _ALL
    return own + searched_by(entry, read, together=together)


def searched_by(entry: Entry, read: Read, *, together: bool = False) -> tuple[str, ...]:
    """The rights for what a request leads through: its search or condition, and in a transaction the references that are
    said as searches, and what a Subscription is to be told of.
    """
    asked = [(entry.type, text) for text in (entry.query, entry.if_none_exist) if text]
    said = requests.searches(entry.body) if together else ()
    asked += [(kind, text) for kind, _, text in (one.partition("?") for one in said)]
    rights = [f"system/{kind}.s" for kind, _ in asked]
    for kind, text in asked:
        with suppress(Invalid):  # what cannot be read leads nowhere, and is refused when it is carried out
            rights += searched(read(kind, text))
    if entry.type == subscriptions.TYPE and entry.body:
        rights += _told_by(entry)
    return tuple(dict.fromkeys(rights))


def _told_by(entry: Entry) -> tuple[str, ...]:
    """The rights for what a Subscription tells: nobody is told by it what the token does not open. What a patch makes of it is
    not known yet, and may be anything.
    """
    if entry.method == "PATCH":
        return ("system/*.r", "lianqiao/mailbox.r")
    with suppress(
        Invalid, KeyError, TypeError, AttributeError
    ):  # what is no valid one is refused when it is carried out
        return subscriptions.read(exact.read(entry.body)).needs
    return ()


def searched(query: Query) -> tuple[str, ...]:
    """The rights for all that a search leads through."""
    kinds: list[str] = []
    waiting: list[Any] = list(query.conditions)
    while waiting:
        match waiting.pop():
            case Chain(targets=targets):
                kinds += [kind for kind, _ in targets]
                waiting += [condition for _, condition in targets]
            case Has(type=kind, condition=condition):
                kinds.append(kind)
                waiting.append(condition)
    return tuple(f"system/{kind}.s" for kind in dict.fromkeys(kinds))


def supported() -> list[str]:
    """The scopes that may be asked for, of all kinds of record."""
    return scopes.supported(TYPES)


def said() -> str:
    """The table in words, for the capability statement."""
    operations = "; ".join(f"{name}: {' '.join(needs) or 'none'}" for name, needs in _OPERATIONS.items())
    return (
        f"Scopes: system/TYPE.{scopes.LETTERS} (c create, r read, vread and history, u update, d delete, s search; a "
        "patch needs r too, a condition s, a Subscription r of what it tells, $validate of what is there r and the u or d of "
        "its mode; version 1's .read is rs and .write is cud), of operations "
        f"{operations}; {', '.join(scopes.purpose(name) for name in sorted(PURPOSES))} for the purpose stated; "
        f"{EVERYTHING} opens all that the member may, and is needed for what is not named here."
    )
