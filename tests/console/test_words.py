"""The words: the same keys in both languages, the same places in both texts, every key used, every used key there."""

import re
from importlib.resources import files
from string import Formatter

import pytest

from hub.console import i18n
from hub.console.pages.quick_reasons import CHOICES
from hub.domain import policy
from hub.domain.ordering import AUDIT_SAMPLE, NEW_EVIDENCE, SOURCE_DISAGREES, SOURCE_MERGE
from hub.fhir import patients
from hub.linkage.constraints import NAMES
from hub.services import boards, bulk, cases, presentations, reveals, reviews, samples
from hub.services.accounts import ROLES
from hub.services.identity import crossreferences, demographics, ledger, matching
from mappings.vocabulary import SEALED_KINDS

CONSOLE = files("hub.console")
ZH, EN = (i18n.catalogue(language).words for language in ("zh", "en"))
REASONS = (*NAMES, "uncertain", "contradiction", NEW_EVIDENCE, AUDIT_SAMPLE, SOURCE_MERGE, SOURCE_DISAGREES)
# Keys whose last part is a code from elsewhere: asked for with `known`, or built from a list that is checked below.
OPEN_ENDED = (
    "applications.", "item.",
    "act.", "advice.", "answer.", "band.", "body.", "column.", "conflicts.none-", "detail.", "done.", "drift.", "error.", "event.",
    "fault.", "field.", "kind.",
    "lots.DONE", "lots.RUNNING", "lots.UNDONE", "lots.out.",
    "nav.", "quality.", "report.", "zone.", "order.", "outcome.", "purpose.", "quarantine.", "reason.", "relation.", "review.", "role.",
    "schedule.", "sex.", "show.",
    "shown.", "side.", "slot.", "state.", "verdict.", "view.", "why.", "about.",
)  # fmt: skip


def sources() -> str:
    folders = ("", "pages", "presentation", "templates")
    return "\n".join(
        path.read_text("utf-8")
        for folder in folders
        for path in CONSOLE.joinpath(folder).iterdir()
        if path.name.endswith((".py", ".html"))
    )


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def general(words: object) -> set[str]:
    assert isinstance(words, dict)
    return {key for key in words if not key.endswith(".one")}


def test_both_languages_have_the_same_keys() -> None:
    assert general(ZH) == general(EN)
    assert {key.removesuffix(".one") for key in EN if key.endswith(".one")} <= set(EN)


def test_both_texts_have_the_same_places() -> None:
    assert [key for key in general(EN) if places(ZH[key]) != places(EN[key])] == []


def test_no_text_is_empty_or_left_in_the_other_language() -> None:
    assert [key for key in general(EN) if not EN[key].strip() and not key.startswith("list.")] == []
    chinese = re.compile(r"[\u4e00-\u9fff]")
    assert [key for key, text in EN.items() if chinese.search(text)] == []
    assert [
        key
        for key, text in ZH.items()
        if not chinese.search(text) and not key.startswith(("list.", "word.", "beside.of"))
    ] == []


def test_every_used_key_is_there_and_every_key_is_used() -> None:
    text = sources()
    used = set(re.findall(r"(?<![A-Za-z])_?t\(\s*['\"]([\w. ()-]+)['\"]\s*[,)]", text))
    assert used - set(EN) == set()
    unused = {key for key in general(EN) if key not in used and not key.startswith(OPEN_ENDED)}
    assert unused == set()


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("role.", ROLES),
        ("why.", {code for codes in CHOICES.values() for code in codes}),
        ("verdict.", CHOICES),
        ("reason.", REASONS),
        ("advice.", REASONS),
        ("view.", reviews.VIEWS),
        ("conflicts.none-", reviews.VIEWS),
        ("band.", bulk.BANDS),
        ("lots.", ("RUNNING", "DONE", "UNDONE")),
        ("lots.out.", ("high-risk", "others", "held", "gone", "stale", "contradiction", "busy")),
        ("answer.", samples.ANSWERS),
        ("drift.", ("weights", "rates", "missing", "member")),
        ("zone.", ("auto", "review", "near")),
        ("show.", boards.SHOWS),
        ("purpose.", (*reveals.PURPOSES, cases.PURPOSE, samples.PURPOSE)),
        ("shown.", (*cases.SHOWN, *reveals.FIELDS)),
        ("body.", (cases.OWN, cases.OF_ANOTHER, cases.OF_HUB, cases.OF_VERIFIER)),
        ("purpose.", (*policy.PURPOSES, presentations.PURPOSE)),
        ("shown.", set(SEALED_KINDS)),
        ("act.", (matching.ACT, crossreferences.ACT, demographics.SEARCH, demographics.READ)),
        ("purpose.", (ledger.NOT_STATED,)),
        ("outcome.", (ledger.PERMIT, ledger.NOT_VISIBLE)),
        ("shown.", (*patients.IN_FULL, *patients.FEWEST)),
        (
            "act.",
            (
                "propose",
                "approve",
                "sent-back",
                "proposal-withdrawn",
                "send",
                "hand-over",
                "verify",
                "look-up",
                "ask-reveal",
                "answer-reveal",
            ),
        ),
        ("review.", ("REVIEW", "DEFERRED", "PROPOSED", "CONFIRMED", "REJECTED", "WITHDRAWN")),
        ("done.", ("REVIEW", "DEFERRED", "PROPOSED", "CONFIRMED", "REJECTED", "WITHDRAWN")),
        (
            "event.",
            (
                "MUST_LINK",
                "CANNOT_LINK",
                "DEFER",
                "RETRACT",
                "PROPOSE",
                "DECLINE",
                "LAPSE",
                "SOURCE_MERGE",
                "SOURCE_UNMERGE",
            ),
        ),
        ("why.", ("undo-lot", "sent-back", "proposal-withdrawn", "proposal-lapsed")),
        (
            "outcome.",
            ("permit", "not-visible", "undone", "sent-back", "proposal-withdrawn", "approved", "denied", *CHOICES),
        ),
    ],
)
def test_every_code_has_its_words(prefix: str, codes: object) -> None:
    assert isinstance(codes, tuple | set | dict)
    assert [code for code in codes if f"{prefix}{code}" not in EN] == []


def test_every_error_says_what_happened_whether_data_is_safe_and_what_to_do() -> None:
    codes = {key.split(".")[1] for key in EN if key.startswith("error.") and key.count(".") == 2}
    assert {"stale", "not-found", "unavailable", "internal-error", "other"} <= codes
    for code in codes:
        assert {f"error.{code}.{part}" for part in ("title", "what", "safe", "do")} <= set(EN)


def test_one_thing_has_its_own_form() -> None:
    t = i18n.catalogue("en")
    assert t("deliveries.steps", n=1) == "1 step"
    assert t("deliveries.steps", n=2) == "2 steps"
    assert i18n.catalogue("zh")("deliveries.steps", n=1) == "1 步"


def test_a_missing_word_is_an_error_and_a_foreign_code_is_shown() -> None:
    t = i18n.catalogue("zh")
    with pytest.raises(KeyError):
        t("no.such.key")
    assert t.known("quarantine.brand-new", "brand-new") == "brand-new"
