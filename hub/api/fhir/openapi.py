"""What /openapi.json says of /fhir: made from the interactions, their abilities, rights and parameters; nothing is listed by hand.

Resources are any object with a resourceType, as their schemas are R4's own (3 MB of them); /fhir/metadata lists the search
parameters of each type, and $validate says what is wrong with a resource.
"""

import inspect
from collections.abc import Iterable
from typing import Any, Final

from hub.api import scopes
from hub.api.fhir import examples, formats
from hub.api.fhir.export import NDJSON
from hub.api.fhir.interactions import PREFIX, Interaction, by_member
from hub.domain.policy import PURPOSES
from hub.fhir.capability import JSON
from hub.fhir.patch import JSON_PATCH
from hub.services.exchange import checking

Node = dict[str, Any]
_ANY: Final = "*"

_STATUSES: Final = {
    "create": (201, 200), "update": (200, 201), "delete": (204,), "read": (200, 304), "vread": (200, 304),
    "$export": (202,), "$import": (202,), "$merge": (200, 202), "$mdm-update-link": (200, 202),
    "$mdm-create-link": (200, 202), "$mdm-not-duplicate": (200, 202), "/bulk/{id}": (200, 202), "/bulk-import/{id}": (200, 202),
}  # fmt: skip
"""Of success, where they are others than 200: by the interaction's code, its operation, or its path."""
_HEADERS: Final = {
    "create": ("If-None-Exist", "Message-Id", "Prefer"), "update": ("If-Match", "Message-Id", "Prefer"),
    "patch": ("If-Match", "Message-Id", "Prefer"), "delete": ("If-Match", "Message-Id"),
    "read": ("If-None-Match", "If-Modified-Since"), "vread": ("If-None-Match",), "search-type": ("Prefer",),
    "transaction": ("Message-Id",), "batch": ("Message-Id",), "$import": ("Message-Id", "Content-Digest"),
    "$validate": ("If-Match",),
}  # fmt: skip
_AS_MUCH: Final = "return=minimal (the answer has no content), return=representation or return=OperationOutcome."
_PREFERRED: Final = dict.fromkeys(("create", "update", "patch"), _AS_MUCH) | {
    "search-type": "handling=strict: parameters that are not known are refused."
}
_RESULTS: Final = ("_count", "_sort", "_total", "_elements", "_summary", "_include", "_revinclude")
"""Parameters of every search that say how it is answered."""
_WRITES: Final = frozenset(
    {"create", "update", "patch", "delete", "transaction", "batch", "$import", "$process-message"}
)
_OF_WHAT_WAS_DELETED: Final = frozenset(
    {
        "read",
        "vread",
        "history-instance",
        "update",
        "patch",
        "transaction",
        "batch",
        "$everything",
        "search-type",
        "$events",
    }
)
"""What says so of a resource that is gone: a Bundle where it patches one, a search of the one behind which a page begins."""
_ALWAYS: Final = (400, 406, 408, 413, 415, 429, 500, 503)
"""Refusals of whatever is asked, by whomever."""
_TEXT: Final = {"type": "string"}
_UUID: Final = {"type": "string", "format": "uuid"}
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 999_999_999}


def paths(interactions: Iterable[Interaction[Any]]) -> Node:
    """The paths of these interactions, in the order in which they are found."""
    made: Node = {}
    for one in interactions:
        made.setdefault(PREFIX + one.path, {}).setdefault(one.method.lower(), _operation(one))
    made[f"{PREFIX}/metadata"] = {"get": _metadata()}
    return made


def schemas() -> Node:
    """The schemas they refer to."""
    of_type = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": _TEXT}}
    return {
        "Resource": of_type | {"description": "A FHIR R4 resource: https://hl7.org/fhir/R4/resourcelist.html"},
        **{
            name: _typed(name)
            for name in ("Bundle", "OperationOutcome", "Parameters", "Patient", "CapabilityStatement")
        },
    }


def _typed(name: str) -> Node:
    properties = {"resourceType": {"const": name}}
    about = f"https://hl7.org/fhir/R4/{name.lower()}.html"
    return {"type": "object", "required": ["resourceType"], "properties": properties, "description": about}


def code(one: Interaction[Any]) -> str:
    """What an interaction is called here: its code, its operation with `$`, else its path."""
    last = one.path.rsplit("/", 1)[-1]
    if last.startswith("$"):
        return last
    if last == "_search":
        return "search-type"
    return one.ability.interaction or one.path


def _operation(one: Interaction[Any]) -> Node:
    name = code(one)
    said = inspect.getdoc(one.handler) or ""
    made: Node = {
        "tags": ["fhir"],
        "operationId": f"fhir {one.method} {one.path}".replace("$", ""),
        "summary": said.split("\n", 1)[0],
        "parameters": [*_in_path(one), *_in_query(one, name), *_in_headers(one, name)],
        "responses": _responses(one, name),
        "security": _security(one),
    }
    if one.ability.said:
        made["description"] = one.ability.said
    body = _body(one, name)
    return made | ({"requestBody": body} if body else {})


def _metadata() -> Node:
    answer = _content({JSON: _ref("CapabilityStatement")}, "What the hub can do under /fhir.")
    responses = {"200": answer, **_refusals(_ALWAYS)}
    return {"tags": ["fhir"], "operationId": "fhir GET /metadata", "responses": responses, "security": []}


def _in_path(one: Interaction[Any]) -> list[Node]:
    known: dict[str, Node] = {
        "type": {"enum": sorted(checking.TYPES), "type": "string"},
        "id": _TEXT if _is_of_tables(one) else _UUID,
        "version": _NUMBER,
        "number": _NUMBER,
    }
    named = [name for name in known if "{" + name + "}" in one.path]
    return [{"name": name, "in": "path", "required": True, "schema": known[name]} for name in named]


def _in_query(one: Interaction[Any], name: str) -> list[Node]:
    if one.method == "POST" and name == "search-type":
        return []  # they are in the form
    listed = {parameter.name: parameter.said for parameter in one.ability.parameters} | dict.fromkeys(one.query, "")
    if name == "search-type" and not _is_of_tables(one):
        listed |= dict.fromkeys(_RESULTS, "")
    if name == "read" and not _is_of_tables(one):
        listed |= dict.fromkeys(("_summary", "_elements"), "")
    made = [_parameter("query", key, _TEXT, said) for key, said in listed.items()]
    if (name == "search-type" and not _is_of_tables(one)) or (
        one.path == "/{type}" and one.method in ("PUT", "PATCH", "DELETE")
    ):
        made.append(_others())
    return made


def _is_of_tables(one: Interaction[Any]) -> bool:
    """The hub's code tables, which have names and are all of one version."""
    return one.path.startswith(("/ConceptMap", "/CodeSystem"))


def _others() -> Node:
    """The search parameters of the type, whichever it is."""
    schema = {"type": "object", "additionalProperties": _TEXT}
    about = "Search parameters of the type, as /fhir/metadata lists them, with modifiers and chains."
    return {"name": "search", "in": "query", "schema": schema, "style": "form", "explode": True, "description": about}


def _in_headers(one: Interaction[Any], name: str) -> list[Node]:
    schemas_of: dict[str, Node] = {
        "Message-Id": _UUID,
        "If-Match": {"type": "string", "pattern": '^W/"[0-9]{1,9}"$'},
        "Content-Digest": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
    }
    listed = () if _is_of_tables(one) else _HEADERS.get(name, ())
    made = [
        _parameter("header", key, schemas_of.get(key, _TEXT), _PREFERRED.get(name, "") if key == "Prefer" else "")
        for key in listed
    ]
    if name == "$export":
        asked = {"type": "string", "const": "respond-async"}
        made.append(_parameter("header", "Prefer", asked, "") | {"required": True})
    if one.caller is by_member:
        purposes = {"type": "string", "enum": sorted(PURPOSES)}
        made.append(_parameter("header", "Purpose-Of-Use", purposes, "What a look-up is for."))
    return made


def _parameter(where: str, name: str, schema: Node, said: str) -> Node:
    return {"name": name, "in": where, "schema": schema} | ({"description": said} if said else {})


def _body(one: Interaction[Any], name: str) -> Node | None:
    if one.method in ("GET", "DELETE"):
        return None
    example = examples.REQUESTS.get((one.method, one.path))
    if name == "search-type":
        form = {"type": "object", "additionalProperties": _TEXT}
        return {"content": {formats.FORM: {"schema": form}}}
    if name == "$import":
        return {"required": True, "content": {NDJSON: {"schema": _TEXT, "example": examples.LINES}}}
    kind = "Parameters" if name.startswith("$") else "Bundle" if one.path in ("", "/") else "Resource"
    kind = "Resource" if name in ("$validate", "$match") else "Bundle" if name == "$process-message" else kind
    content: Node = {JSON: {"schema": _ref(kind)} | ({"example": example} if example else {})}
    if name == "patch":
        content = {JSON: {"schema": _ref("Parameters")}}
        content[JSON_PATCH] = {"schema": {"type": "array", "items": {"type": "object"}}, "example": examples.PATCH}
    return {"required": one.query == () or (name == "$validate" and "{id}" not in one.path), "content": content}


def _responses(one: Interaction[Any], name: str) -> Node:
    made = {str(status): _success(one, name, status) for status in _successes(one, name)}
    refused = [*_ALWAYS, 401, 403, 404]
    if name in _WRITES or name == "$validate" or one.caller is not by_member:
        refused += [409, 412, 422]
    if (name in _OF_WHAT_WAS_DELETED and not _is_of_tables(one)) or (name == "$validate" and "{id}" in one.path):
        refused += [410]
    return made | _refusals(refused)


def _successes(one: Interaction[Any], name: str) -> tuple[int, ...]:
    if _is_of_tables(one):  # which have no versions
        return (200,)
    if one.path == "/bulk/{id}" and one.method == "DELETE":
        return (202,)
    return _STATUSES.get(name) or _STATUSES.get(one.path) or (200,)


def _refusals(statuses: Iterable[int]) -> Node:
    return {str(status): {"$ref": f"#/components/responses/Fhir{status}"} for status in sorted(statuses)}


def _success(one: Interaction[Any], name: str, status: int) -> Node:
    if status in (204, 304):
        return {"description": "Done; nothing is shown." if status == 204 else "You have this version."}
    if one.path == "/bulk/{id}" and one.method == "DELETE":
        return {"description": "It will be forgotten."}
    if one.path in ("/bulk/{id}", "/bulk-import/{id}"):
        if status == 202:
            return {"description": "Still at it.", "headers": {"Retry-After": {"schema": _NUMBER}}}
        return _content({"application/json": {"type": "object"}}, "What was made.")
    if one.wanted is formats.any_format:
        return _content({NDJSON: _TEXT}, "A resource a line.")
    kind = (
        "Bundle" if name.startswith(("search", "history")) or name in ("transaction", "batch", "$match") else "Resource"
    )
    answer = _content({JSON: _ref(kind)}, "Well.")
    if name in ("create", "read", "update", "patch", "vread"):
        answer["headers"] = {"ETag": {"schema": _TEXT, "description": "The version."}}
    if status == 202 or name == "create":
        answer.setdefault("headers", {})["Location" if name == "create" else "Content-Location"] = {"schema": _TEXT}
    return answer


def _security(one: Interaction[Any]) -> list[Node]:
    if one.caller is not by_member:
        return [{"steward": []}]
    kind = _ANY if "{type}" in one.path else ""
    return [{"smart": list(dict.fromkeys(scopes.needed_at(one.method, one.path, kind)))}]


def _content(schemas_of: dict[str, Node], said: str) -> Node:
    return {"description": said, "content": {type_: {"schema": schema} for type_, schema in schemas_of.items()}}


def _ref(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}
