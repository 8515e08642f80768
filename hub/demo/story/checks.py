"""What the table says, line by line, in the order of the story. Pure but for its arguments."""

from collections.abc import Iterator

from hub.demo.population import Story
from hub.demo.story import checks_on_papers, checks_on_people
from hub.demo.story.findings import Findings
from hub.demo.story.line import Line, exact
from hub.demo.story.places import COUNTIES


def check_all(story: Story, found: Findings) -> list[Line]:
    """All lines of the table."""
    return [
        *checks_on_people.taken_in(story, found),
        *checks_on_people.linked(story, found),
        *checks_on_papers.certificates(story, found),
        *checks_on_papers.reports(story, found),
        *checks_on_people.reconciled(story, found),
        *_notified(story, found),
        _audited(found),
    ]


def _notified(story: Story, found: Findings) -> Iterator[Line]:
    expected = story.truth.expected
    delivered = sum(n for (_, fate), n in expected.reports.items() if fate == "delivered")
    delivered += sum(expected.certificates.values())
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
        "… the digest's slot",
        "1 of 2 clocks, 1 in the partner's mailbox",
        f"{found.clocks} of 2 clocks, {found.mailbox_digests} in the partner's mailbox",
        "both ticked; the partner read its mailbox",
    )


def _audited(found: Findings) -> Line:
    log = found.audited
    return exact(
        "audit verified",
        f"whole, {log.asked} of {log.asked} receipts proved",
        f"{'whole' if log.size else 'NOT whole'}, {log.proved} of {log.asked} receipts proved",
        "hub audit verify; inclusion and consistency proofs",
        log.continued,
        log.asked > 0,
    )
