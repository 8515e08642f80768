"""What the table says, line by line, in the order of the story. Pure but for its arguments."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from hub.demo.population import Story
from hub.demo.population.papers import DELIVERED
from hub.demo.story import checks_on_papers, checks_on_people
from hub.demo.story.findings import Findings
from hub.demo.story.line import Line, exact
from hub.demo.story.places import COUNTIES
from hub.demo.story.proofs import ASKED
from mappings import vocabulary


def check_all(story: Story, found: Findings) -> list[Line]:
    """All lines of the table."""
    return [
        *checks_on_people.taken_in(story, found),
        *checks_on_people.linked(story, found),
        *checks_on_papers.certificates(story, found),
        *checks_on_papers.reports(story, found),
        *checks_on_people.reconciled(story, found),
        *_notified(story, found),
        audited(story, found),
    ]


def _notified(story: Story, found: Findings) -> Iterator[Line]:
    expected, delivered = story.truth.expected, _delivered(story)
    waiting = found.received.of("mailbox")
    digests = found.received.of("digest", until=f"{found.slot:%Y-%m-%dT%H:%M:%S+00:00}")
    once = len({body["mailbox_id"] for body in waiting}) == len(waiting) and found.received.wrong == 0
    duplicates = found.received.of("duplicate", run=found.run)
    lists = sum(number > 0 for number in expected.duplicates_within.values())
    yield exact(
        "notifications delivered",
        f"{delivered:,} messages, {lists} duplicate lists, {len(COUNTIES) + 1} digests",
        f"{len(waiting):,} messages, {len(duplicates)} duplicate lists, {len(digests)} digests",
        "the receiver's ledger, signatures verified",
        once,
    )
    yield exact(
        "… the digests of the day",
        "made by 1 of 2 clocks, 1 in the partner's mailbox",
        f"made by {found.clocks} of 2 clocks, {found.mailbox_digests} in the partner's mailbox",
        "what each says of the day, kind by kind",
        sorted(map(_kinds, digests)) == sorted([(), *(_kinds({"items": _items(story, c)}) for c in COUNTIES)]),
    )


def _delivered(story: Story) -> int:
    """How many sealed papers must arrive."""
    expected = story.truth.expected
    reports = sum(number for (_, fate), number in expected.reports.items() if fate == DELIVERED)
    return reports + sum(expected.certificates.values())


def _items(story: Story, recipient: str) -> Counter[str]:
    """How many messages of which kind a county must have been sent."""
    certificates = story.truth.expected.certificates
    papers = Counter({kind: number for (issuer, kind), number in certificates.items() if issuer != recipient})
    reports = sum(report.fate == DELIVERED and report.recipient == recipient for report in story.reports)
    return papers + Counter({vocabulary.CONTRACEPTION_REPORT: reports})


def _kinds(digest: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(digest["items"].items()))


def audited(story: Story, found: Findings) -> Line:
    """At least every paper that was delivered has a receipt, and leaves of its coming, its way and its handing over."""
    log, papers = found.audited, _delivered(story)
    return exact(
        "audit verified",
        f"whole, {log.asked} of {log.asked} receipts proved",
        f"{'whole' if log.size else 'NOT whole'}, {log.proved} of {log.asked} receipts proved",
        "hub audit verify; inclusion and consistency proofs",
        log.continued,
        log.asked >= min(ASKED, papers),
        log.size >= 3 * papers,
    )
