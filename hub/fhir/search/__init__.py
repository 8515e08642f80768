"""FHIR R4 search without a database: what a search asks for, which texts may find it, whether a resource is meant.

A resource is stored with `tokens`, as blind tokens; a search is read by `parse`, `plan` says what the database tests, and
`matches` decides on the opened resource. Chains and `_has` are carried out one search after another (`Chain`, `Has`).
"""

from hub.fhir.search.graph import included, references
from hub.fhir.search.match import matches, matches_all
from hub.fhir.search.order import ordered
from hub.fhir.search.parameters import Parameter, parameters, types
from hub.fhir.search.parse import parse
from hub.fhir.search.plan import Plan, plan, plan_all
from hub.fhir.search.query import Chain, Clause, Condition, Has, Include, Query, Sort
from hub.fhir.search.subset import subset
from hub.fhir.search.tokens import MOST, all_tokens, bound, tokens
from hub.fhir.search.values import Meta, values

__all__ = [
    "MOST",
    "Chain",
    "Clause",
    "Condition",
    "Has",
    "Include",
    "Meta",
    "Parameter",
    "Plan",
    "Query",
    "Sort",
    "all_tokens",
    "bound",
    "included",
    "matches",
    "matches_all",
    "ordered",
    "parameters",
    "parse",
    "plan",
    "plan_all",
    "references",
    "subset",
    "tokens",
    "types",
    "values",
]
