"""HL7's cases of FHIRPath Patch, as JSON: FHIR/fhir-test-cases, r4/patch/fhir-path-tests.xml.

Their names are HL7's. `FULL` ("Full Resource") is cut to what its operations touch. "Consecutive operations" is left out: its
output changes an extension that no operation names, and adds to an element that is not there, which "Operation on missing
element" refuses.
"""

from typing import Any, Final

Part = dict[str, Any]
DIV: Final = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Peter James <b>%s</b> ("Jim")</p></div>'


def operation(type_: str, path: str, **parts: Any) -> Part:
    """A parameter; a value is given as valueX=…, or as value=[parts]."""
    listed: list[Part] = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}]
    for name, value in parts.items():
        if name.startswith("value") and name != "value":
            listed.append({"name": "value", name: value})
        elif name == "value":
            listed.append({"name": "value", "part": value})
        else:
            listed.append({"name": name, "valueInteger" if isinstance(value, int) else "valueString": value})
    return {"name": "operation", "part": listed}


def numbered(*numbers: int) -> Part:
    return {"identifier": [{"system": "http://example.org", "value": f"value {number}"} for number in numbers]}


def one(number: int) -> Part:
    found: Part = numbered(number)["identifier"][0]
    return found


def _move(source: int, destination: int) -> Part:
    return operation("move", "Patient.identifier", source=source, destination=destination)


def _contact(**more: Any) -> Part:
    return {"contact": [more]}


BIRTH: Final = {"birthDate": "1920-01-01"}
NAMED: Final = {"name": {"text": "a name"}}
MARRIED: Final = {"maritalStatus": {"text": "married"}}
FULL: Final = {
    "id": "example",
    "text": {"status": "generated", "div": DIV % "Chalmers"},
    "name": [
        {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim"]},
    ],
    "birthDate": "1974-12-25",
    "_birthDate": {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                "valueDateTime": "1974-12-25T14:35:45-05:00",
            }
        ]
    },
}
FULL_AFTER: Final = {
    **FULL,
    "text": {"status": "generated", "div": DIV % "Chalmers1"},
    "name": [
        {"use": "official", "family": "Chalmers1", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim"]},
    ],
}

CASES: Final[list[tuple[str, Part, list[Part], Part | None]]] = [
    ("No Difference", BIRTH, [], BIRTH),
    (
        "Replace Primitive",
        BIRTH,
        [operation("replace", "Patient.birthDate", valueDate="1930-01-01")],
        {"birthDate": "1930-01-01"},
    ),
    ("Delete Primitive", BIRTH, [operation("delete", "Patient.birthDate")], {}),
    (
        "Add Primitive",
        {},
        [operation("add", "Patient", name="birthDate", valueDate="1930-01-01")],
        {"birthDate": "1930-01-01"},
    ),
    ("Delete Primitive #2", BIRTH, [operation("delete", "Patient.birthDate")], {}),
    (
        "Replace Nested Primitive #1",
        _contact(**NAMED, gender="male"),
        [operation("replace", "Patient.contact[0].gender", valueCode="female")],
        _contact(**NAMED, gender="female"),
    ),
    (
        "Replace Nested Primitive #2",
        _contact(**NAMED, gender="male"),
        [operation("replace", "Patient.contact[0].name.text", valueString="the name")],
        _contact(name={"text": "the name"}, gender="male"),
    ),
    (
        "Delete Nested Primitive #1",
        _contact(**NAMED, gender="male"),
        [operation("delete", "Patient.contact[0].gender")],
        _contact(**NAMED),
    ),
    (
        "Delete Nested Primitive #2",
        _contact(**NAMED, gender="male"),
        [operation("delete", "Patient.contact[0].name.text")],
        _contact(gender="male"),
    ),
    (
        "Add Nested Primitive",
        _contact(**NAMED),
        [operation("add", "Patient.contact[0]", name="gender", valueCode="male")],
        _contact(**NAMED, gender="male"),
    ),
    (
        "Add Complex",
        {},
        [operation("add", "Patient", name="maritalStatus", valueCodeableConcept={"text": "married"})],
        MARRIED,
    ),
    (
        "Replace Complex",
        {"maritalStatus": {"id": "1", "text": "married"}},
        [operation("replace", "Patient.maritalStatus", valueCodeableConcept={"id": "2", "text": "not married"})],
        {"maritalStatus": {"id": "2", "text": "not married"}},
    ),
    ("Delete Complex", MARRIED, [operation("delete", "Patient.maritalStatus")], {}),
    (
        "Add Anonymous Type",
        {},
        [operation("add", "Patient", name="contact", value=[{"name": "name", "valueHumanName": {"text": "a name"}}])],
        _contact(**NAMED),
    ),
    ("Delete Anonymous Type", _contact(**NAMED), [operation("delete", "Patient.contact[0]")], {}),
    ("List unchanged", numbered(1, 2), [], numbered(1, 2)),
    (
        "List unchanged, contents changed",
        numbered(1, 2),
        [
            operation("replace", "Patient.identifier[0].value", valueString="value 2"),
            operation("replace", "Patient.identifier[1].value", valueString="value 1"),
        ],
        numbered(2, 1),
    ),
    (
        "Add to list",
        numbered(1, 2),
        [operation("insert", "Patient.identifier", index=2, valueIdentifier=one(3))],
        numbered(1, 2, 3),
    ),
    (
        "Insert in list #1",
        numbered(1, 2),
        [operation("insert", "Patient.identifier", index=1, valueIdentifier=one(3))],
        numbered(1, 3, 2),
    ),
    (
        "Insert in list #2",
        numbered(1, 2),
        [operation("insert", "Patient.identifier", index=0, valueIdentifier=one(3))],
        numbered(3, 1, 2),
    ),
    ("Delete from List #1", numbered(1, 2, 3), [operation("delete", "Patient.identifier[0]")], numbered(2, 3)),
    ("Delete from List #2", numbered(1, 2, 3), [operation("delete", "Patient.identifier[1]")], numbered(1, 3)),
    ("Delete from List #3", numbered(1, 2, 3), [operation("delete", "Patient.identifier[2]")], numbered(1, 2)),
    ("Reorder List #1", numbered(1, 2, 3, 4), [_move(3, 1)], numbered(1, 4, 2, 3)),
    ("Reorder List #2", numbered(1, 2, 3, 4), [_move(3, 0)], numbered(4, 1, 2, 3)),
    ("Reorder List #3", numbered(1, 2, 3, 4), [_move(3, 2)], numbered(1, 2, 4, 3)),
    ("Reorder List #4", numbered(1, 2, 3, 4), [_move(0, 3)], numbered(2, 3, 4, 1)),
    ("Reorder List #5", numbered(1, 2, 3, 4), [_move(1, 0), _move(2, 1)], numbered(2, 3, 1, 4)),
    ("Reorder List #6", numbered(1, 2, 3, 4), [_move(3, 0), _move(3, 1), _move(3, 2)], numbered(4, 3, 2, 1)),
    (
        "Operation on missing element",
        {"identifier": [{"use": "official", "value": "123"}]},
        [operation("add", "Patient.identifier.where(use = 'official').period", name="end", valueDate="2021-12-01")],
        None,
    ),
    (
        "Operation on missing element #2",
        {},
        [operation("add", "Patient", name="identifier", valueIdentifier=one(3))],
        numbered(3),
    ),
    (
        "Full Resource",
        FULL,
        [
            operation("replace", "Patient.text.div", valueString=DIV % "Chalmers1"),
            operation("replace", "Patient.name[0].family", valueString="Chalmers1"),
        ],
        FULL_AFTER,
    ),
]
