"""The reasons one can choose for each verdict. `other` needs words of one's own."""

from hub.errors import Invalid

OTHER = "other"
CHOICES: dict[str, tuple[str, ...]] = {
    "same": ("documents-agree", "confirmed-by-person", "confirmed-by-region", "typing-error", OTHER),
    "different": ("twins-or-kin", "denied-by-person", "confirmed-by-region", "name-only", "number-misused", OTHER),
    "defer": ("waiting-answer", "papers-needed", "ask-supervisor", OTHER),
}


def check(verdict: str, reason: str, note: str) -> None:
    """Raises Invalid `verdict-missing`, `reason-missing` or `note-missing`."""
    if verdict not in CHOICES:
        raise Invalid("verdict-missing", "Choose: the same person, different persons, or decide later.")
    if reason not in CHOICES[verdict]:
        raise Invalid("reason-missing", "Every decision needs a reason.")
    if reason == OTHER and not note.strip():
        raise Invalid("note-missing", "Write down the reason in a few words.")
