"""docs/validation.md, made from what the checks say of themselves; `make docs` writes it, a test sees it is current."""

from collections.abc import Iterator
from pathlib import Path

from hub.fhir.validation import beyond, schema
from hub.fhir.validation.problems import CODES, MOST
from hub.fhir.validation.rules import NOT_CHECKED, RULES, TOLD_APART
from tests.fhir.test_official_examples import KNOWN_WRONG

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"

_HEAD = f"""\
# What makes a FHIR resource valid here

Every resource is held to FHIR R4 (4.0.1) before anything is stored of it, whichever way it comes. A refusal names up to
{MOST} faults, each with its place as a FHIRPath (`Patient.extension[0].value.ofType(date)`), what is wrong, what is
allowed, and a code from the lists below; never the value itself. Bundles, Parameters and contained resources are checked
resource by resource, each by its own type. This page is made from the checks by `make docs`.

All {{examples}} of HL7's official examples of these types are accepted but for those named at the end.

JSON is read strictly: a name that comes twice in an object (`duplicate-key`), NaN and numbers of more than 64 characters
or without bounds (`bad-number`), and more than 64 layers are refused. Numbers are kept digit for digit.

A narrative may hold what formats text: links to http, https, ftp, mailto, tel and urn, pictures also as PNG, GIF or JPEG in
`data:`. Scripts, forms, frames, objects, events, style sheets, and styles that load something are refused.

A reference is `Type/id`, `Type/id/_history/version`, `Type?search`, an http or https address, `urn:uuid:`, `urn:oid:`, or
`#id` of a contained resource that is there. Texts hold at most {beyond.LONGEST} characters.

## Types

Taken and given: {{handled}}.

In Bundles, Parameters and `contained` also: {{beside}}. Of these the structure and the codes are checked, not their invariants.

## Codes

| code | what is wrong |
|---|---|
"""
_EXAMPLES = 354


def _invariants() -> Iterator[str]:
    for name, rules in sorted(RULES.items()):
        for rule in rules:
            yield f"| `{rule.key}` | {name.replace('_', '.')} | {rule.text} |\n"


def _unchecked() -> Iterator[str]:
    for key, reason in sorted(NOT_CHECKED.items()):
        yield f"- `{key}`: {reason}.\n"
    keys = {rule.key for rules in RULES.values() for rule in rules} | TOLD_APART
    for name in sorted([*(schema.known() - schema.handled()), "ElementDefinition"]):
        missing = sorted(schema.constraints(name) - keys - set(NOT_CHECKED))
        if missing:
            yield f"- {name}: {', '.join(f'`{key}`' for key in missing)}.\n"


def render() -> str:
    """The page as it should be."""
    parts = [
        _HEAD.format(
            examples=_EXAMPLES,
            handled=", ".join(sorted(schema.handled())),
            beside=", ".join(sorted(schema.known() - schema.handled())),
        ),
        *(f"| `{code}` | {meaning} |\n" for code, meaning in CODES.items()),
        "\n## R4's invariants\n\nUnder HL7's own keys, by the element they are about. Found beyond these: ",
        f"{', '.join(f'`{key}`' for key in sorted(TOLD_APART))}.\n\n| key | of | what is wrong |\n|---|---|---|\n",
        *_invariants(),
        "\n## Invariants that are not checked\n\n",
        *_unchecked(),
        "\n## Official examples that are refused\n\n",
        *(f"- `{name}` (`{code}`): {reason}.\n" for name, (code, reason) in sorted(KNOWN_WRONG.items())),
    ]
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
