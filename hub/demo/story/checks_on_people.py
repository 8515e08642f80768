"""The lines about people: what was taken in, what was linked, what people decided, what was reconciled.

Linkage cannot be exact and is held to bounds over pairs of records; everything else is compared record by record.
"""

from collections.abc import Iterator, Mapping
from uuid import UUID

from hub.demo.population import Story
from hub.demo.story.conflicts import DECIDED, Outcome
from hub.demo.story.findings import Findings
from hub.demo.story.line import Line, exact
from hub.demo.story.pairs import Agreement, compare
from hub.demo.story.places import COUNTIES
from mappings import vocabulary

PRECISION, RECALL = 0.999, 0.97
"""At least so much of the found links is right, and of the true links found."""
_FEW = 3
"""In a small story one or two missing pairs are more than three in a hundred; so many are let pass."""
_RECORDS_A_CONFLICT = 5_000
"""Fewer conflicts than one in so many records would mean that nobody is asked; more than one in a hundred, everybody."""


def taken_in(story: Story, found: Findings) -> Iterator[Line]:
    expected = story.truth.expected
    rows, held = sum(expected.rows.values()), sum(expected.quarantined.values())
    at_hub = len(found.records) + sum(found.consents.values())
    in_quarantine = sum(len(keys) for keys in found.held.values())
    sealed = sum(state.all_of(kind) for state in found.gateways.values() for kind in vocabulary.SEALED_KINDS)
    unsealable = sum(
        state.outgoing.get(kind, {}).get("QUARANTINED", 0)
        for state in found.gateways.values()
        for kind in vocabulary.SEALED_KINDS
    )
    defects = {
        county: sorted(d.key for d in story.truth.defects if (d.county, d.kind) == (county, vocabulary.PERSON))
        for county in COUNTIES
    }
    good = {name for name in story.truth.person_of if name.partition("/")[2] not in defects[name.partition("/")[0]]}
    yield exact(
        "received", rows, at_hub + in_quarantine + sealed, "distinct records at the hub, papers at the gateways"
    )
    yield exact(
        "translated",
        rows - held,
        at_hub + sealed - unsealable,
        "each record by its number, each consent by its person",
        set(found.records) == good,
    )
    yield exact(
        "quarantined",
        held,
        in_quarantine + unsealable,
        "row by row those that the generator spoilt",
        dict(found.held) == defects,
    )


def linked(story: Story, found: Findings) -> Iterator[Line]:
    truth = story.truth.person_of
    agreement = compare(found.records, truth, [name for name in found.records if name in truth])
    yield Line(
        "linked",
        f"{agreement.true:,} pairs (≥ {PRECISION:.1%} right, ≥ {RECALL:.0%} found)",
        f"{agreement.found:,} pairs ({agreement.precision:.2%} right, {agreement.recall:.2%} found)",
        "all pairs of records against who is who",
        _holds(agreement),
    )
    missed = agreement.true - agreement.right
    asked = sum(number for state, number in found.reviews.items() if state != "WITHDRAWN")
    least, most = len(found.records) // _RECORDS_A_CONFLICT, len(found.records) // 100 + _FEW
    yield Line(
        "sent to review",
        f"most of {missed:,} true pairs not linked",
        f"{found.review_pairs:,} of them, in {asked:,} conflicts",
        f"conflicts between persons who are one in truth; {least:,} to {most:,} in all",
        found.review_pairs * 2 >= missed and least <= asked <= most,
    )
    yield _decided(found.conflicts, found.records)


def _decided(outcome: Outcome, records: Mapping[str, UUID]) -> Line:
    """Decisions hold through the reconciliation that came after them."""
    kept = sum((records[one.a] == records[one.b]) == one.same for one in outcome.standing)
    if not outcome.waiting:
        return exact("decided by a steward", 0, outcome.asked, "there was no conflict")
    wanted = min(DECIDED, outcome.waiting)
    return exact(
        "decided by a steward",
        f"{wanted} followed, 1 undone, {wanted - 1} kept",
        f"{outcome.followed} followed, {int(outcome.undone)} undone, {kept} kept",
        "persons before, after, after undoing, after reconciling",
        outcome.asked == wanted,
    )


def reconciled(story: Story, found: Findings) -> Iterator[Line]:
    truth, listed = story.truth.person_of, [name for name in found.records if name in story.truth.person_of]
    per_county = {c: [name for name in listed if name.startswith(f"{c}/")] for c in COUNTIES}
    counted = sum(len(names) - len({found.records[name] for name in names}) for names in per_county.values())
    agreements = [compare(found.records, truth, names) for names in per_county.values()]
    together = Agreement(*(sum(getattr(a, part) for a in agreements) for part in ("found", "true", "right")))
    yield Line(
        "duplicates reconciled",
        f"{sum(story.truth.expected.duplicates_within.values()):,} (same bounds)",
        f"{found.duplicates:,} ({together.precision:.2%} right, {together.recall:.2%} found)",
        "hub reconcile --now, counted again from its persons",
        found.duplicates == counted and _holds(together),
    )


def _holds(agreement: Agreement) -> bool:
    wrong, missed = agreement.found - agreement.right, agreement.true - agreement.right
    precise = agreement.precision >= PRECISION or wrong == 0
    return precise and (agreement.recall >= RECALL or missed <= _FEW)
