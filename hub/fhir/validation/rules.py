"""R4's invariants that a schema can say of one object, by the definition they belong to and under HL7's own keys.

https://hl7.org/fhir/R4/ lists them with each type. `TOLD_APART` names those that need more than one object, which
`hub.fhir.validation.beyond` checks, and `NOT_CHECKED` those that nothing checks, with the reason.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from hub.fhir.validation.logic import (
    Schema,
    among,
    both,
    coded,
    either,
    every,
    has,
    implies,
    no,
    one_of,
    where,
)

_UCUM: Final = "http://unitsofmeasure.org"


class Rule(NamedTuple):
    """An invariant: HL7's key, the schema that the object passes when it holds, and what is wrong when it does not."""

    key: str
    schema: Schema
    text: str


def _needs(key: str, left: str, right: str) -> Rule:
    return Rule(key, implies(has(left), has(right)), f"has {left} without {right}")


def _not_both(key: str, left: str, right: str) -> Rule:
    return Rule(key, implies(has(left), no(right)), f"has both {left} and {right}; allowed is one of them")


def _unit(key: str, kind: str, value: Schema) -> Rule:
    """A value has its unit by a code of UCUM."""
    fits = both(implies(has("value"), has("code")), where("system", {"enum": [_UCUM]}), value)
    return Rule(key, fits, f"is not {kind}: a value needs a code, and a system is {_UCUM}")


_UNIT_SYSTEM: Final = Rule("qty-3", implies(has("code"), has("system")), "has the code of a unit without its system")
_REQUESTED: Final = among("type", "batch", "transaction", "history")
_ANSWERED: Final = among("type", "batch-response", "transaction-response", "history")
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_PERCENT: Final = both(among("code", "%"), among("system", _UCUM))


def _first_is(type_: str) -> Schema:
    """The first entry of a Bundle holds a resource of the type."""
    entry = {"required": ["resource"], "properties": {"resource": among("resourceType", type_)}}
    return {"required": ["entry"], "properties": {"entry": {"items": [entry], "minItems": 1}}}


_DATATYPES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Age": (_UNIT_SYSTEM, _unit("age-1", "an age", where("value", {"minimum": 0, "exclusiveMinimum": True}))),
    "Attachment": (_needs("att-1", "data", "contentType"),),
    "ContactPoint": (_needs("cpt-2", "value", "system"),),
    "Count": (
        _UNIT_SYSTEM,
        _unit("cnt-3", "a count", both(where("value", {"type": "integer"}), where("code", {"enum": ["1"]}))),
    ),
    "DataRequirement_CodeFilter": (
        Rule("drq-1", one_of(has("path"), has("searchParam")), "needs path or searchParam"),
    ),
    "DataRequirement_DateFilter": (
        Rule("drq-2", one_of(has("path"), has("searchParam")), "needs path or searchParam"),
    ),
    "Distance": (_UNIT_SYSTEM, _unit("dis-1", "a distance", {})),
    "Duration": (
        _UNIT_SYSTEM,
        Rule(
            "drt-1",
            implies(has("code"), both(among("system", _UCUM), has("value"))),
            f"is not a duration: its code needs a value, and the system {_UCUM}",
        ),
    ),
    "Expression": (Rule("exp-1", has("expression", "reference"), "needs expression or reference"),),
    "Extension": (
        Rule(
            "ext-1",
            # Most have an url and one thing more.
            either(
                {"required": ["url"], "minProperties": 2, "maxProperties": 2, "not": {"required": ["id"]}},
                one_of(has("extension"), has("value")),
            ),
            "needs either a value[x] or extensions of its own, and not both",
        ),
    ),
    "Quantity": (_UNIT_SYSTEM,),
    "Ratio": (
        Rule(
            "rat-1",
            either(
                {"required": ["numerator", "denominator"]},
                both(has("extension"), no("numerator", "denominator")),
            ),
            "needs numerator and denominator, or an extension in their place",
        ),
    ),
    "Timing_Repeat": (
        _needs("tim-1", "duration", "durationUnit"),
        _needs("tim-2", "period", "periodUnit"),
        Rule("tim-4", where("duration", {"minimum": 0}), "has a duration below 0"),
        Rule("tim-5", where("period", {"minimum": 0}), "has a period below 0"),
        _needs("tim-6", "periodMax", "period"),
        _needs("tim-7", "durationMax", "duration"),
        _needs("tim-8", "countMax", "count"),
        Rule(
            "tim-9",
            implies(has("offset"), both(has("when"), every("when", {"not": {"enum": ["C", "CM", "CD", "CV"]}}))),
            "has an offset, which needs a when that is not C, CM, CD or CV",
        ),
        _not_both("tim-10", "timeOfDay", "when"),
    ),
    "TriggerDefinition": (
        _not_both("trd-1", "data", "timing"),
        _needs("trd-2", "condition", "data"),
        Rule(
            "trd-3",
            both(
                implies(among("type", "named-event"), has("name")),
                implies(among("type", "periodic"), has("timing")),
                either(no("type"), among("type", "named-event", "periodic"), has("data")),
            ),
            "needs a name for a named event, a timing for a periodic one, data for an event of data",
        ),
    ),
}

_BUNDLES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Bundle": (
        Rule(
            "bdl-1",
            implies(has("total"), among("type", "searchset", "history")),
            "has a total, which only a searchset and a history have",
        ),
        Rule(
            "bdl-2",
            either(among("type", "searchset"), every("entry", no("search"))),
            "has an entry with search, which only a searchset has",
        ),
        Rule(
            "bdl-3",
            either(
                both(_REQUESTED, every("entry", has("request"))),
                both({"not": _REQUESTED}, every("entry", no("request"))),
            ),
            "needs a request in every entry of a batch, transaction or history, and in no entry of any other Bundle",
        ),
        Rule(
            "bdl-4",
            either(
                both(_ANSWERED, every("entry", has("response"))),
                both({"not": _ANSWERED}, every("entry", no("response"))),
            ),
            "needs a response in every entry of a batch-response, transaction-response or history, and in no entry of any other",
        ),
        Rule(
            "bdl-9",
            implies(
                among("type", "document"),
                {"required": ["identifier"], "properties": {"identifier": both(has("system"), has("value"))}},
            ),
            "is a document, which needs an identifier with system and value",
        ),
        Rule("bdl-10", implies(among("type", "document"), has("timestamp")), "is a document, which needs a timestamp"),
        Rule(
            "bdl-11",
            implies(among("type", "document"), _first_is("Composition")),
            "is a document, whose first entry needs a Composition",
        ),
        Rule(
            "bdl-12",
            implies(among("type", "message"), _first_is("MessageHeader")),
            "is a message, whose first entry needs a MessageHeader",
        ),
    ),
    "Bundle_Entry": (
        Rule("bdl-5", has("resource", "request", "response"), "needs a resource, a request or a response"),
        Rule(
            "bdl-8",
            where("fullUrl", {"not": {"pattern": "/_history/"}}),
            "has a fullUrl of a version; allowed is that of the resource",
        ),
    ),
}

_RESOURCES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "AuditEvent_Entity": (_not_both("sev-1", "name", "query"),),
    "CarePlan_Activity": (_not_both("cpl-3", "detail", "reference"),),
    "Composition_Section": (
        Rule("cmp-1", has("text", "entry", "section"), "needs a text, an entry or a section"),
        _not_both("cmp-2", "emptyReason", "entry"),
    ),
    "Condition": (
        Rule(
            "con-4",
            implies(has("abatement"), coded("clinicalStatus", _CLINICAL, "resolved", "remission", "inactive")),
            "is abated: clinicalStatus has to be inactive, resolved or remission",
        ),
        Rule(
            "con-5",
            implies(coded("verificationStatus", _VERIFICATION, "entered-in-error"), no("clinicalStatus")),
            "was entered in error and must not have a clinicalStatus",
        ),
    ),
    "Condition_Evidence": (Rule("con-2", has("code", "detail"), "needs a code or a detail"),),
    "Condition_Stage": (Rule("con-1", has("summary", "assessment"), "needs a summary or an assessment"),),
    "Consent": (Rule("ppc-1", has("policy", "policyRule"), "needs a policy or a policyRule"),),
    "ImmunizationRecommendation_Recommendation": (
        Rule("imr-1", has("vaccineCode", "targetDisease"), "needs a vaccineCode or a targetDisease"),
    ),
    "Immunization_Education": (Rule("imm-1", has("documentType", "reference"), "needs a documentType or a reference"),),
    "Linkage": (Rule("lnk-1", where("item", {"minItems": 2}), "needs at least two items"),),
    "MeasureReport": (
        Rule("mrp-1", implies(among("type", "data-collection"), no("group")), "is a data-collection and has groups"),
    ),
    "MeasureReport_Stratum": (Rule("mrp-2", one_of(has("value"), has("component")), "needs a value or components"),),
    "Measure_Stratifier": (
        Rule(
            "mea-1",
            one_of(has("code", "description", "criteria"), has("component")),
            "needs either one criterion (code, description, criteria) or components",
        ),
    ),
    "Observation": (
        Rule("obs-6", implies(has("dataAbsentReason"), no("value")), "has a dataAbsentReason beside a value[x]"),
    ),
    "Observation_ReferenceRange": (Rule("obs-3", has("low", "high", "text"), "needs a low, a high or a text"),),
    "Organization": (
        Rule("org-1", has("identifier", "name"), "needs an identifier or a name"),
        Rule("org-2", every("address", {"not": among("use", "home")}), "has an address of use home"),
        Rule("org-3", every("telecom", {"not": among("use", "home")}), "has a telecom of use home"),
    ),
    "Parameters_Parameter": (
        Rule(
            "inv-1",
            either(both(has("part"), no("value", "resource")), both(no("part"), one_of(has("value"), has("resource")))),
            "needs one of value[x], resource and part, and only one",
        ),
    ),
    "Patient_Contact": (
        Rule(
            "pat-1",
            has("name", "telecom", "address", "organization"),
            "needs a name, a telecom, an address or an organization",
        ),
    ),
    "QuestionnaireResponse_Item": (_not_both("qrs-1", "answer", "item"),),
    "RiskAssessment_Prediction": (
        Rule(
            "ras-1",
            where("probabilityRange", both(where("low", _PERCENT), where("high", _PERCENT))),
            "has a probabilityRange whose low or high is not in % of UCUM",
        ),
        Rule("ras-2", where("probabilityDecimal", {"maximum": 100}), "has a probability above 100"),
    ),
}

RULES: Final[Mapping[str, tuple[Rule, ...]]] = {**_DATATYPES, **_BUNDLES, **_RESOURCES}

TOLD_APART: Final = frozenset([
    "bdl-7", "dom-2", "dom-3", "dom-4", "dom-5", "ele-1", "inv-1", "mdd-1", "obs-7", "per-1", "ref-1", "rng-2", "sqty-1",
    "txt-1", "txt-2",
])  # fmt: skip

NOT_CHECKED: Final[Mapping[str, str]] = {
    "con-3": "a warning in R4",
    "dom-6": "a warning in R4: resources made by programs have no narrative",
    "mea-0": "a warning in R4",
    "ppc-2": "its expression names the system 'something', so that it can never be broken",
    "ppc-3": "as ppc-2",
    "ppc-4": "as ppc-2",
    "ppc-5": "as ppc-2",
}
