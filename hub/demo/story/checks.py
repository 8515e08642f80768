"""What the table says, number by number: what the generator knows to be true, what was found, and how that was looked up.

Pure but for its arguments. Linkage cannot be exact and is held to bounds; every other number is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.demo.population import Story
from hub.demo.population.papers import DELIVERED, BirthCertificate, Marriage
from hub.demo.story import showing
from hub.demo.story.conflicts import Outcome
from hub.demo.story.exchange import GatewayState
from hub.demo.story.findings import Arrived
from hub.demo.story.notifications import Received
from hub.demo.story.pairs import Agreement, compare
from hub.demo.story.places import COUNTIES
from hub.demo.story.proofs import Audited
from hub.demo.story.showing import Shown
from mappings import vocabulary

PRECISION, RECALL = 0.999, 0.97
"""At least so much of the found links is right, and of the true links found."""
_FEW = 3
"""In a small story one or two missing pairs are more than three in a hundred; so many are let pass."""
_REFUSALS = ("no-consent", "consent-withdrawn", "consent-expired")
_CERTIFICATES = (vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table."""

    what: str
    expected: str
    found: str
    how: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found, as `hub.demo.story.findings` and the parts of the walk give it."""

    records: Mapping[str, UUID]
    held: Mapping[str, list[str]]
    consents: Mapping[str, int]
    gateways: Mapping[str, GatewayState]
    refused: Mapping[str, Mapping[str, str]]
    told: Mapping[str, Mapping[str, str]]
    arrived: Mapping[str, Arrived]
    reviews: Mapping[str, int]
    review_pairs: int
    conflicts: Outcome
    registered: Mapping[tuple[str, str], int]
    at_counter: int
    shown: Shown
    cases: Mapping[str, str]
    duplicates: int
    run: str
    slot: datetime
    clocks: int
    received: Received
    mailbox_digests: int
    audited: Audited


def check_all(story: Story, found: Findings) -> list[Check]:
    """The lines of the table, in the order of the story."""
    return [
        *_taken_in(story, found),
        *_linked(story, found),
        *_certificates(story, found),
        *_reports(story, found),
        *_reconciled(story, found),
        *_notified(story, found),
        _audited(found),
    ]


def _exact(what: str, expected: object, found: object, how: str, *more: bool) -> Check:
    return Check(what, _text(expected), _text(found), how, expected == found and all(more))


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _taken_in(story: Story, found: Findings) -> Iterable[Check]:
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
    yield _exact(
        "received", rows, at_hub + in_quarantine + sealed, "distinct records at the hub, papers at the gateways"
    )
    yield _exact(
        "translated",
        rows - held,
        at_hub + sealed - unsealable,
        "each record by its number, each consent by its person",
        set(found.records) == good,
    )
    yield _exact(
        "quarantined",
        held,
        in_quarantine + unsealable,
        "row by row those that the generator spoilt",
        dict(found.held) == defects,
    )


def _linked(story: Story, found: Findings) -> Iterable[Check]:
    truth = story.truth.person_of
    agreement = compare(found.records, truth, [name for name in found.records if name in truth])
    yield Check(
        "linked",
        f"{agreement.true:,} pairs: {PRECISION:.1%} right, {RECALL:.0%} found",
        f"{agreement.found:,} pairs: {agreement.precision:.2%} right, {agreement.recall:.2%} found",
        "all pairs of records against who is who",
        _holds(agreement),
    )
    missed = agreement.true - agreement.right
    open_ = sum(number for state, number in found.reviews.items() if state != "WITHDRAWN")
    yield Check(
        "sent to review",
        f"most of the {missed:,} true pairs not linked",
        f"{open_:,} conflicts, {found.review_pairs:,} of those pairs among them",
        "conflicts whose two persons are one in truth",
        found.review_pairs * 2 >= missed - _FEW,
    )
    outcome = found.conflicts
    yield _exact(
        "decided by a steward",
        f"{outcome.asked} followed, 1 undone",
        f"{outcome.followed} followed, {int(outcome.undone)} undone",
        "persons before, after, and after undoing",
        outcome.asked > 0,
    )


def _holds(agreement: Agreement) -> bool:
    wrong, missed = agreement.found - agreement.right, agreement.true - agreement.right
    precise = agreement.precision >= PRECISION or wrong == 0
    return precise and (agreement.recall >= RECALL or missed <= _FEW)


def _certificates(story: Story, found: Findings) -> Iterable[Check]:
    expected = story.truth.expected
    issued = sum(expected.certificates.values())
    registered = sum(n for (_, status), n in found.registered.items() if status != "registered") - found.at_counter
    numbers = {county: _numbers(story, county) for county in COUNTIES}
    right = all(
        sorted(_plain(n) for kind in _CERTIFICATES for n in found.arrived[county].numbers[kind]) == numbers[county]
        for county in COUNTIES
    )
    yield _exact(
        "certificates issued", issued, registered, "the hub's registry; each arrived once by its number", right
    )
    wanted = frozenset(number for listed in numbers.values() for number in listed)
    yield _exact(
        "… shown with two claims",
        issued,
        len(found.shown.accepted),
        "POST /verify; nothing else was visible",
        found.shown.accepted == wanted,
    )
    yield _exact(
        "… that must be refused",
        _cases(showing.WANTED),
        _cases(found.cases),
        "each by its own error",
        dict(found.cases) == showing.WANTED,
    )


def _numbers(story: Story, recipient: str) -> list[str]:
    """The numbers of the certificates that must arrive at a county, without hyphens."""
    papers: list[Marriage | BirthCertificate] = [*story.marriages, *story.births]
    return sorted(_plain(p.number) for p in papers if p.fate == DELIVERED and p.recipient == recipient)


def _plain(number: str) -> str:
    return number.replace("-", "")


def _cases(codes: Mapping[str, str]) -> str:
    return ", ".join(sorted({code for code in codes.values() if code}))


def _reports(story: Story, found: Findings) -> Iterable[Check]:
    wanted = {
        county: sorted(r.number for r in story.reports if r.fate == "delivered" and r.recipient == county)
        for county in COUNTIES
    }
    given = {county: sorted(found.arrived[county].numbers[vocabulary.CONTRACEPTION_REPORT]) for county in COUNTIES}
    yield _exact(
        "reports delivered with consent",
        sum(map(len, wanted.values())),
        sum(map(len, given.values())),
        "by number in the other county's inbox, once each",
        wanted == given,
        not any(arrived.conflicting for arrived in found.arrived.values()),
    )
    expected = {county: Counter[str]() for county in COUNTIES}
    for (county, fate), number in story.truth.expected.reports.items():
        if fate in _REFUSALS:
            expected[county][fate] = number
    codes = {county: Counter(found.refused[county].values()) for county in COUNTIES}
    clerks = all(
        {m: code for m, code in found.told[county].items() if code in _REFUSALS} == dict(found.refused[county])
        for county in COUNTIES
    )
    yield _exact(
        "refused without",
        sum(c.total() for c in expected.values()),
        sum(c.total() for c in codes.values()),
        "audit log, by reason; the clerks were told the same",
        expected == codes,
        clerks,
    )


def _reconciled(story: Story, found: Findings) -> Iterable[Check]:
    truth, listed = story.truth.person_of, [name for name in found.records if name in story.truth.person_of]
    per_county = {c: [name for name in listed if name.startswith(f"{c}/")] for c in COUNTIES}
    counted = sum(len(names) - len({found.records[name] for name in names}) for names in per_county.values())
    agreements = [compare(found.records, truth, names) for names in per_county.values()]
    together = Agreement(*(sum(getattr(a, part) for a in agreements) for part in ("found", "true", "right")))
    yield Check(
        "duplicates reconciled",
        f"{sum(story.truth.expected.duplicates_within.values()):,}, within the same bounds",
        f"{found.duplicates:,}: {together.precision:.2%} right, {together.recall:.2%} found",
        "hub reconcile --now, counted again from its persons",
        found.duplicates == counted and _holds(together),
    )


def _notified(story: Story, found: Findings) -> Iterable[Check]:
    expected = story.truth.expected
    delivered = sum(n for (_, fate), n in expected.reports.items() if fate == "delivered")
    delivered += sum(expected.certificates.values())
    waiting = found.received.of("mailbox")
    digests = found.received.of("digest", until=f"{found.slot:%Y-%m-%dT%H:%M:%S+00:00}")
    once = len({body["mailbox_id"] for body in waiting}) == len(waiting) and found.received.wrong == 0
    duplicates = found.received.of("duplicate", run=found.run)
    lists = sum(number > 0 for number in expected.duplicates_within.values())
    yield _exact(
        "notifications delivered",
        f"{delivered:,} messages, {lists} duplicate lists, {len(COUNTIES) + 1} digests",
        f"{len(waiting):,} messages, {len(duplicates)} duplicate lists, {len(digests)} digests",
        "the receiver's ledger, signatures verified",
        once,
    )
    yield _exact(
        "… the digest's slot",
        "1 of 2 clocks, 1 in the partner's mailbox",
        f"{found.clocks} of 2 clocks, {found.mailbox_digests} in the partner's mailbox",
        "both ticked; the partner read its mailbox",
    )


def _audited(found: Findings) -> Check:
    log = found.audited
    return Check(
        "audit verified",
        f"whole, {log.asked} of {log.asked} receipts proved",
        f"{log.size:,} entries {'whole' if log.size else 'NOT whole'}, {log.proved} of {log.asked} receipts proved",
        "hub audit verify; inclusion and consistency proofs",
        log.size > 0 and log.continued and log.proved == log.asked > 0,
    )
