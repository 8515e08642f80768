"""The hub's code tables: GET /fhir/ConceptMap and $translate, CodeSystem/$lookup and $validate-code.

https://hl7.org/fhir/R4/conceptmap-operation-translate.html, codesystem-operation-lookup.html and -validate-code.html. The
tables are published with the hub and say nothing of anybody: like the capability statement, reading them leaves no leaf.
"""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.errors import Invalid, NotFound
from hub.fhir import code_systems, concept_maps, parameters
from hub.fhir.capability import Ability, Parameter
from hub.fhir.code_systems import Meaning
from hub.fhir.concept_maps import Asked, Match
from hub.fhir.parameters import Parameters

_MAP: Final = "ConceptMap"
_DEFINITIONS: Final = "http://hl7.org/fhir/OperationDefinition/"
_TRANSLATE: Final = frozenset(
    {"url", "code", "system", "coding", "codeableConcept", "source", "target", "targetsystem", "reverse"}
)
_LOOKUP: Final = frozenset({"code", "system", "coding", "date"})
_VALIDATE: Final = frozenset({"url", "system", "code", "coding", "codeableConcept", "display", "date"})
_SEARCHED: Final = ("_id", "url", "source-system", "target-system")
_NO_MAP: Final = "There is no ConceptMap of that name here; GET /fhir/ConceptMap lists them."


async def search(call: Call) -> Response:
    """A searchset of all maps that are meant: they are few."""
    asked = [(name, value) for name, value in call.query if name in _SEARCHED]
    if len(asked) < len(call.query) and "handling=strict" in call.request.headers.get("prefer", "").replace(" ", ""):
        raise Invalid("unknown-parameter", f"The parameters are {', '.join(_SEARCHED)}.")
    found = [id_ for id_ in concept_maps.ids() if all(_is_meant(id_, *one) for one in asked)]
    base = f"{call.hub.settings.base_url}{PREFIX}/{_MAP}"
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": call.hub.now(),
        "total": len(found),
        "link": [{"relation": "self", "url": f"{base}?{urlencode(asked)}" if asked else base}],
    }
    entries = [
        {"fullUrl": f"{base}/{id_}", "resource": concept_maps.concept_map(id_), "search": {"mode": "match"}}
        for id_ in found
    ]
    return answer(bundle | ({"entry": entries} if entries else {}))


def _is_meant(id_: str, name: str, value: str) -> bool:
    source, targets = concept_maps.systems(id_)
    said = {"_id": (id_,), "url": (concept_maps.url_of(id_),), "source-system": (source,), "target-system": targets}
    return any(one in said[name] for one in value.split(","))


async def read(call: Call) -> Response:
    """GET /fhir/ConceptMap/{id}."""
    return answer(concept_maps.concept_map(_map_id(call)))


async def translate(call: Call) -> Response:
    """Parameters: result, message, and a match for each thing that the code becomes."""
    asked = await _asked(call, _TRANSLATE)
    url = asked.text("url") or ""
    if "id" in call.request.path_params:
        url = concept_maps.url_of(_map_id(call))
    if url and concept_maps.id_of(url) is None:
        raise NotFound(_NO_MAP)
    target = asked.text("target") or asked.text("targetsystem") or ""
    wanted = Asked(_codes(asked), url, asked.text("source") or "", target, asked.flag("reverse"))
    matches = concept_maps.translate(wanted)
    done = concept_maps.is_translated(matches)
    told: list[dict[str, Any]] = [{"name": "result", "valueBoolean": done}]
    if not done:
        said = "has no counterpart" if matches else "is not known to any map that was asked"
        told.append({"name": "message", "valueString": f"The code {said}."})
    return answer(_parameters([*told, *map(_match, matches)]))


def _match(found: Match) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"name": "equivalence", "valueCode": found.equivalence}]
    if found.concept is not None:
        parts.append({"name": "concept", "valueCoding": found.concept})
    return {"name": "match", "part": [*parts, {"name": "source", "valueUri": found.url}]}


async def lookup(call: Call) -> Response:
    """Parameters: what one code means. Raises NotFound."""
    asked = await _asked(call, _LOOKUP)
    codes = _codes(asked)
    if len(codes) != 1:
        raise Invalid("bad-request", "One code is looked up at a time.")
    ((system, code),) = codes
    found = code_systems.meaning(_known(system), code, _year(asked))
    if found is None:
        raise NotFound("The code system has no such code.")
    told = [{"name": "name", "valueString": found.name}, {"name": "display", "valueString": found.display}]
    return answer(_parameters([*told, *_properties(found)]))


def _properties(found: Meaning) -> Iterable[dict[str, Any]]:
    for code, value in found.properties:
        kind = "valueBoolean" if isinstance(value, bool) else "valueCode"
        yield {"name": "property", "part": [{"name": "code", "valueCode": code}, {"name": "value", kind: value}]}


async def validate(call: Call) -> Response:
    """Parameters: whether one of the codes is one of the system, under the display that is given."""
    asked = await _asked(call, _VALIDATE)
    url = asked.text("url") or ""
    codes = _codes(asked, url)
    year, display = _year(asked), asked.text("display")
    found = [
        code_systems.meaning(_known(url or system), code, year)
        for system, code in codes
        if system in ("", url or system)
    ]
    known = [one for one in found if one is not None]
    right = [one for one in known if display in (None, one.display)]
    told: list[dict[str, Any]] = [{"name": "result", "valueBoolean": bool(right)}]
    if not right:
        said = "The display is not the one of the code." if known else "The code system has no such code."
        told.append({"name": "message", "valueString": said})
    return answer(_parameters(told + [{"name": "display", "valueString": one.display} for one in (right or known)[:1]]))


def _known(system: str) -> str:
    """The system, if all of its codes are known here. Raises NotFound."""
    if not code_systems.known(system):
        raise NotFound("The hub does not know all codes of this code system, and says nothing of it.")
    return system


def _codes(asked: Parameters, url: str = "") -> tuple[tuple[str, str], ...]:
    """The codes that are asked about, said in one way. Raises Invalid."""
    ways = [asked.codings("coding")] if asked.given("coding") else []
    ways += [asked.codings("codeableConcept")] if asked.given("codeableConcept") else []
    code = asked.text("code")
    if code is not None:
        system = asked.text("system") or url
        if not system:
            raise Invalid("bad-request", "A code needs its system.")
        ways.append([(system, code)])
    if len(ways) != 1 or not ways[0]:
        raise Invalid("bad-request", "One of code with its system, coding and codeableConcept is needed.")
    return tuple(ways[0])


def _year(asked: Parameters) -> int | None:
    stated = (asked.text("date") or "")[:4]
    if stated and not (stated.isascii() and stated.isdigit() and len(stated) == 4):
        raise Invalid("bad-request", "date begins with a year.")
    return int(stated) if stated else None


async def _asked(call: Call, known: frozenset[str]) -> Parameters:
    if call.request.method == "GET":
        return parameters.of_query(call.query, known)
    return parameters.of_resource(await call.resource(), known)


def _map_id(call: Call) -> str:
    """The id in the address. Raises NotFound."""
    id_ = str(call.request.path_params["id"])
    if id_ not in concept_maps.ids():
        raise NotFound(_NO_MAP)
    return id_


def _parameters(listed: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(listed)}


_SAID: Final = "The hub's own code tables, and no others; the URI of a code system stands for all of its codes."
_OPERATIONS: Final = (
    (
        "/ConceptMap/$translate",
        translate,
        Ability(_MAP, operation=("translate", f"{_DEFINITIONS}ConceptMap-translate"), said=_SAID),
        _TRANSLATE,
    ),
    ("/ConceptMap/{id}/$translate", translate, Ability(""), _TRANSLATE),
    (
        "/CodeSystem/$lookup",
        lookup,
        Ability("CodeSystem", operation=("lookup", f"{_DEFINITIONS}CodeSystem-lookup")),
        _LOOKUP,
    ),
    (
        "/CodeSystem/$validate-code",
        validate,
        Ability("CodeSystem", operation=("validate-code", f"{_DEFINITIONS}CodeSystem-validate-code")),
        _VALIDATE,
    ),
)
INTERACTIONS: Final = (
    Interaction(
        "GET",
        "/ConceptMap",
        search,
        Ability(
            _MAP,
            "search-type",
            parameters=(
                Parameter("_id", "token", "Exact."),
                Parameter("url", "uri", "Exact."),
                Parameter("source-system", "uri", "Exact."),
                Parameter("target-system", "uri", "Exact."),
            ),
        ),
        by_member,
    ),
    Interaction("GET", "/ConceptMap/{id}", read, Ability(_MAP, "read"), by_member),
    *(
        Interaction(method, path, handler, ability, by_member, query=sorted(known))
        for path, handler, ability, known in _OPERATIONS
        for method in ("GET", "POST")
    ),
)
