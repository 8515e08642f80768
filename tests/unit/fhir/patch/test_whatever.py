"""Whatever JSON stands wherever in a patch: it is applied or refused, and nothing breaks."""

import copy
from typing import Any, Final

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Refused
from hub.fhir import exact
from hub.services.exchange import patching
from tests.fhir.test_never_raises import VALUES, places, put
from tests.unit.fhir.patch.cases import CASES, FULL

BODY: Final = exact.write({"resourceType": "Patient", **FULL})
PATCHES: Final[list[Any]] = [
    *({"resourceType": "Parameters", "parameter": operations} for _, _, operations, _ in CASES if operations),
    [
        {"op": "add", "path": "/name/0/given/-", "value": "x"},
        {"op": "test", "path": "/birthDate", "value": "1974-12-25"},
    ],
    [{"op": "copy", "from": "/name/0", "path": "/name/-"}, {"op": "move", "from": "/text", "path": "/contact"}],
    [{"op": "replace", "path": "", "value": {}}, {"op": "remove", "path": "/_birthDate/extension/0"}],
]
KEYS: Final = [
    "op",
    "path",
    "from",
    "value",
    "name",
    "part",
    "valueString",
    "valueCode",
    "valueInteger",
    "resource",
    "parameter",
]


@settings(max_examples=400)
@given(st.data())
def test_a_patch_with_anything_in_it(data: st.DataObject) -> None:
    patch = copy.deepcopy(data.draw(st.sampled_from(PATCHES)))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(patch)))
        if path or isinstance(patch, dict):
            put(patch, path, data.draw(st.sampled_from(KEYS)), data.draw(VALUES))
    try:
        found = patching.read(orjson.dumps(patch)).patched(BODY)
    except Refused:
        return
    orjson.loads(found)
