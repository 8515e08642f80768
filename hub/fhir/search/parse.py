"""A search read from the parameters of its address. Pure; FHIR R4 (4.0.1), search.

Repeated parameters all hold; of values joined by commas one does. What is not known is ignored, or refused where the
client asks for strictness; what would change the meaning (a modifier, a value that cannot be read) is always refused.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from hub.errors import Invalid
from hub.fhir.search import results
from hub.fhir.search.operands import Asked, checked, operand, split
from hub.fhir.search.parameters import Parameter, parameters, types
from hub.fhir.search.query import Chain, Clause, Condition, Has, Query

MOST_PARAMETERS: Final = 50
MOST_VALUES: Final = 100
LONGEST: Final = 8_000
"""Characters of one parameter's values."""
DEEPEST: Final = 3
"""How many chains and `_has` one parameter may go through."""
MOST_BRANCHES: Final = 40
"""How many types of resources, through all of a chain, one parameter may ask about."""
MOST_OPERANDS: Final = 4_000
"""Values of all parameters, those of a chain for each type that it asks about: reading them takes time."""
REFUSED: Final = frozenset(
    ("_content", "_contained", "_containedType", "_filter", "_has", "_list", "_query", "_text", "_type")
)
"""Parameters of the standard that are not supported, and would change what is found if they were ignored."""


def parse(
    type_: str, pairs: Sequence[tuple[str, str]], *, now: datetime, base: str = "", strict: bool = False
) -> Query:
    """The search for resources of `type_` that decoded (name, value) pairs ask for.

    `now` is what `ap` counts from, `base` the address under which this server's resources are, without a last slash.
    Raises Invalid `bad-request`, `not-supported` or, if `strict`, `unknown-parameter`; each names the parameter and what is
    allowed.
    """
    if type_ not in types():
        raise Invalid("not-supported", f"{type_[:64]} cannot be searched; what can is {', '.join(types())}.")
    if len(pairs) > MOST_PARAMETERS:
        raise Invalid("too-many", f"A search has at most {MOST_PARAMETERS} parameters.")
    query, operands = Query(type_), 0
    for name, value in pairs:
        if len(value) > LONGEST:
            raise Invalid("too-many", f"{name[:80]} has at most {LONGEST} characters.")
        if results.read(query, name, value):
            query.used.append((name, value))
        elif (found := _condition(type_, name, value, Asked(name, "", now, base), DEEPEST)) is not None:
            operands += sum(len(one.operands) for one in _ends(found))
            if operands > MOST_OPERANDS:
                raise Invalid(
                    "too-many",
                    f"A search has at most {MOST_OPERANDS} values, each counted for every type that is asked about; say which.",
                )
            query.conditions.append(found)
            query.used.append((name, value))
        elif strict:
            known = ", ".join(sorted(parameters(type_)))
            raise Invalid("unknown-parameter", f"{name[:80]} is not a parameter of {type_}; those are {known}.")
        else:
            query.ignored.append(name)
    return query


def _condition(type_: str, name: str, value: str, asked: Asked, depth: int) -> Condition | None:
    """What one parameter asks for; None for one that the type does not have."""
    if depth == 0 and ("." in name or name.startswith("_has:")):
        raise Invalid("not-supported", f"{asked.name[:80]} goes through more than {DEEPEST} other resources.")
    if name.startswith("_has:"):
        return _has(type_, name, value, asked, depth)
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if code in REFUSED:
        raise Invalid("not-supported", f"{code} is not supported.")
    parameter = parameters(type_).get(code)
    if parameter is None:
        return None
    if dot:
        return _chain(parameter, modifier, rest, value, asked, depth)
    checked(parameter, modifier, asked.name)
    texts = [one for one in split(value, ",") if one]
    if not 1 <= len(texts) <= MOST_VALUES:
        raise Invalid("bad-request", f"{asked.name[:80]} has 1 to {MOST_VALUES} values, joined by commas.")
    said = Asked(asked.name, modifier, asked.now, asked.base)
    return Clause(parameter, modifier, tuple(operand(parameter, one, said) for one in texts), asked.base)


def _chain(parameter: Parameter, type_: str, rest: str, value: str, asked: Asked, depth: int) -> Chain:
    if parameter.kind != "reference":
        raise Invalid("bad-request", f"{asked.name[:80]}: {parameter.code} is not a reference, nothing follows it.")
    kept = sorted(parameter.targets & set(types()))
    if type_ and type_ not in kept:
        allowed = ", ".join(kept) or "none that is kept here"
        raise Invalid("not-supported", f"{asked.name[:80]}: {parameter.code} goes to {allowed}.")
    targets = tuple(
        (target, found)
        for target in ((type_,) if type_ else kept)
        if (found := _condition(target, rest, value, asked, depth - 1)) is not None
    )
    if not targets:
        last = rest.partition(".")[0].partition(":")[0]
        raise Invalid(
            "bad-request", f"{asked.name[:80]}: {last} is not a parameter of {type_ or ', '.join(kept) or 'any'}."
        )
    found = Chain(Clause(parameter, "", (), asked.base), targets)
    if len(list(_ends(found))) > MOST_BRANCHES:
        raise Invalid(
            "too-many", f"{asked.name[:80]} asks about too many types; say which, as in {parameter.code}:{kept[0]}."
        )
    return found


def _ends(condition: Condition) -> Iterator[Clause]:
    """What is asked at the ends of all that it leads through."""
    match condition:
        case Chain():
            for _, one in condition.targets:
                yield from _ends(one)
        case Has():
            yield from _ends(condition.condition)
        case Clause():
            yield condition


def _has(type_: str, name: str, value: str, asked: Asked, depth: int) -> Has:
    parts = name.split(":", 3)
    if len(parts) < 4 or parts[1] not in types():
        raise Invalid("bad-request", f"{asked.name[:80]} is not of the form _has:Type:reference:parameter.")
    parameter = parameters(parts[1]).get(parts[2])
    if parameter is None or type_ not in parameter.targets:
        fitting = sorted(one.code for one in parameters(parts[1]).values() if type_ in one.targets)
        raise Invalid(
            "bad-request",
            f"{asked.name[:80]}: the parameters of {parts[1]} that refer to {type_} are {', '.join(fitting) or 'none'}.",
        )
    condition = _condition(parts[1], parts[3], value, asked, depth - 1)
    if condition is None:
        raise Invalid("bad-request", f"{asked.name[:80]}: {parts[3][:80]} is not a parameter of {parts[1]}.")
    return Has(Clause(parameters(type_)["_id"], "", (), asked.base), parts[1], parameter, condition)
