"""The lines about papers: certificates issued, shown and refused; reports that came with consent, and those that did not.

All exact, by the papers' own numbers.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from hub.demo.population import Story
from hub.demo.population.papers import DELIVERED, BirthCertificate, Marriage
from hub.demo.story import showing
from hub.demo.story.findings import Findings
from hub.demo.story.line import Line, exact
from hub.demo.story.places import COUNTIES
from mappings import vocabulary

_REFUSALS = ("no-consent", "consent-withdrawn", "consent-expired")
_CERTIFICATES = (vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE)


def certificates(story: Story, found: Findings) -> Iterator[Line]:
    expected = story.truth.expected
    issued = sum(expected.certificates.values())
    registered = sum(n for (_, status), n in found.registered.items() if status != "registered") - found.at_counter
    numbers = {county: _numbers(story, county) for county in COUNTIES}
    right = all(
        sorted(_plain(n) for kind in _CERTIFICATES for n in found.arrived[county].numbers[kind]) == numbers[county]
        for county in COUNTIES
    )
    yield exact("certificates issued", issued, registered, "the hub's registry; each arrived once by its number", right)
    wanted = frozenset(number for listed in numbers.values() for number in listed)
    yield exact(
        "… shown with two claims",
        issued,
        len(found.shown.accepted),
        "POST /verify; nothing else was visible",
        found.shown.accepted == wanted,
    )
    yield exact(
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


def reports(story: Story, found: Findings) -> Iterator[Line]:
    wanted = {
        county: sorted(r.number for r in story.reports if r.fate == "delivered" and r.recipient == county)
        for county in COUNTIES
    }
    given = {county: sorted(found.arrived[county].numbers[vocabulary.CONTRACEPTION_REPORT]) for county in COUNTIES}
    yield exact(
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
    yield exact(
        "refused without",
        sum(c.total() for c in expected.values()),
        sum(c.total() for c in codes.values()),
        "audit log, by reason; the clerks were told the same",
        expected == codes,
        clerks,
    )
