"""What a request says by itself: which resource it names, at which version, and whether it is one act without a look around."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from hub.errors import Invalid, NotFound
from hub.fhir import fed
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import checking, indexing
from hub.services.exchange.writing import Write
from hub.storage.ids import new_id
from hub.storage.members import Member


def plain(hub: Hub, member: Member, purpose: str, one: Request, resource: dict[str, Any] | None = None) -> Write | None:
    """The request as one act, where that takes no look at what is there but by an identifier. Raises Invalid, NotFound.

    `resource` is what its body says, where that was read already.
    """
    if not is_plain(one):
        return None
    checked(one)
    type_ = checking.known_type(one.type)
    if one.method == "DELETE":
        return Write("delete", type_, uuid(one.id), expected=expected(one.if_match))
    resource = orjson.loads(one.body) if resource is None else resource
    kept = checking.check(member, type_, resource, one.body)
    if one.method == "POST":
        id_, unless = new_id(), fed.condition(one.if_none_exist)
        ready = checking.read(member, resource, kept, id_)
        tokens = indexing.tokens(hub, member.id, resource)
        return Write("create", type_, id_, resource, kept, unless=unless, purpose=purpose, ready=ready, tokens=tokens)
    same_id(resource, one.id)
    id_, version = uuid(one.id), expected(one.if_match)
    ready = checking.read(member, resource, kept, id_)
    tokens = indexing.tokens(hub, member.id, resource)
    return Write("update", type_, id_, resource, kept, version, ready=ready, tokens=tokens)


def is_plain(one: Request) -> bool:
    """Does it take no look at what is there, but by an identifier?"""
    return one.method != "PATCH" and not one.query and (one.method != "POST" or _is_simple(one.if_none_exist))


def _is_simple(condition: str) -> bool:
    """Is it none, or one identifier?"""
    try:
        fed.condition(condition)
    except Invalid:
        return False
    return True


def checked(one: Request) -> None:
    """Raises NotFound for a type that is not kept, Invalid for a request that changes nothing that can be named."""
    checking.known_type(one.type)
    if one.method == "POST" and (one.id or one.query):
        raise Invalid("not-supported", "POST goes to a type; its condition is If-None-Exist.")
    if one.method != "POST" and bool(one.id) == bool(one.query):
        raise Invalid("not-supported", "PUT, PATCH and DELETE go to a type and an id, or to a type with a condition.")


def same_id(resource: Mapping[str, object], stated: str) -> None:
    """Raises Invalid where a resource does not have the id that is stated."""
    if resource.get("id") != stated:
        raise Invalid("bad-request", "The id in the body is not the id in the address.")


def uuid(stated: str) -> UUID:
    """The id in an address. Raises NotFound for one that the hub never gave."""
    try:
        return UUID(stated)
    except ValueError:
        raise NotFound from None


def expected(stated: str) -> int | None:
    """The version that If-Match names. Raises Invalid."""
    number = stated.strip().removeprefix("W/").strip('"')
    if number in ("", "*"):
        return None
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Invalid("bad-request", 'If-Match names a version, as W/"3".')
    return int(number)
