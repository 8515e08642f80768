"""JSON Patch by RFC 6902: its own examples, laws that hold for any document, and that a failed patch changes nothing."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Conflict, Invalid, Refused, TooLarge
from hub.fhir import exact
from hub.fhir.patch import read_json_patch

_LEAVES = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(codec="utf-8"), max_size=5)
_NAMES = st.text(st.sampled_from("ab/~01"), max_size=3)
VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4))
DOCUMENTS = st.dictionaries(_NAMES, VALUES, max_size=4)


def patched(document: Any, *operations: dict[str, Any]) -> Any:
    return orjson.loads(read_json_patch(list(operations)).patched(orjson.dumps(document)))


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path} | {key.rstrip("_"): value for key, value in more.items()}


@pytest.mark.parametrize(
    ("document", "operations", "after"),
    [
        ({"foo": "bar"}, [op("add", "/baz", value="qux")], {"baz": "qux", "foo": "bar"}),  # A.1
        ({"foo": ["bar", "baz"]}, [op("add", "/foo/1", value="qux")], {"foo": ["bar", "qux", "baz"]}),  # A.2
        ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),  # A.3
        ({"foo": ["bar", "qux", "baz"]}, [op("remove", "/foo/1")], {"foo": ["bar", "baz"]}),  # A.4
        ({"baz": "qux", "foo": "bar"}, [op("replace", "/baz", value="boo")], {"baz": "boo", "foo": "bar"}),  # A.5
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [op("move", "/qux/thud", from_="/foo/waldo")],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),  # A.6
        ({"foo": ["all", "grass", "cows", "eat"]}, [op("move", "/foo/3", from_="/foo/1")],
         {"foo": ["all", "cows", "eat", "grass"]}),  # A.7
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [op("test", "/baz", value="qux"), op("test", "/foo/1", value=2)],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),  # A.8
        ({"baz": "qux"}, [op("test", "/baz", value="bar")], None),  # A.9
        ({"foo": "bar"}, [op("add", "/child", value={"grandchild": {}})], {"foo": "bar", "child": {"grandchild": {}}}),  # A.10
        ({"foo": "bar"}, [op("add", "/baz", value="qux", xyz=123)], {"foo": "bar", "baz": "qux"}),  # A.11
        ({"foo": "bar"}, [op("add", "/baz/bat", value="qux")], None),  # A.12
        ({"/": 9, "~1": 10}, [op("test", "/~01", value=10)], {"/": 9, "~1": 10}),  # A.14
        ({"/": 9, "~1": 10}, [op("test", "/~01", value="10")], None),  # A.15
        ({"foo": ["bar"]}, [op("add", "/foo/-", value=["abc", "def"])], {"foo": ["bar", ["abc", "def"]]}),  # A.16
        ({"a": [1]}, [op("add", "/a/1", value=2)], {"a": [1, 2]}),
        ({"a": [1]}, [op("add", "/a/2", value=2)], None),
        ({"a": [1]}, [op("add", "/a/01", value=2)], None),
        ({"a": [1]}, [op("remove", "/a/-")], None),
        ({"a": [1]}, [op("replace", "/a/1", value=2)], None),
        ({"a": 1}, [op("test", "/a", value=True)], None),
        ({"a": 1}, [op("add", "/a/b", value=True)], None),
        ({"a": {"b": 1}}, [op("copy", "/c", from_="/a"), op("add", "/c/d", value=2)], {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ],
)  # fmt: skip
def test_examples(document: Any, operations: list[dict[str, Any]], after: Any) -> None:
    if after is None:
        with pytest.raises(Conflict) as refused:
            patched(document, *operations)
        assert refused.value.code == "patch-conflict"
    else:
        assert patched(document, *operations) == after


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [3],
        [{"path": "/a"}],
        [op("delete", "/a")],
        [op("add", "/a")],
        [op("move", "/a")],
        [op("test", "a", value=1)],
        [op("test", "/a~2", value=1)],
        [op("test", "/a~", value=1)],
        [{"op": "remove"}],
        [op("remove", "")],
        [op("move", "/a/b", from_="/a")],
        [op("remove", "/a" * 65)],
        [op("remove", "/a")] * 501,
    ],
)
def test_what_is_no_patch(wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        read_json_patch(wrong)
    assert refused.value.code == "bad-patch"


def test_numbers_keep_their_digits_and_are_compared_by_what_they_say() -> None:
    body = b'{"a":1.50,"b":{"c":1e2}}'
    move = exact.read(b'[{"op":"test","path":"/a","value":1.5},{"op":"move","from":"/a","path":"/b/d"}]')
    assert read_json_patch(move).patched(body) == b'{"b":{"c":1e2,"d":1.50}}'
    add = exact.read(b'[{"op":"test","path":"/b/c","value":100},{"op":"add","path":"/a","value":2.000}]')
    assert read_json_patch(add).patched(body) == b'{"a":2.000,"b":{"c":1e2}}'
    huge = exact.read(b'[{"op":"test","path":"/a","value":1e%b}]' % (b"9" * 50))
    with pytest.raises(Conflict):
        read_json_patch(huge).patched(body)


def test_no_few_lines_make_a_mountain() -> None:
    doubled = [op("copy", "/a/-", from_="/a")] * 40
    with pytest.raises(TooLarge):
        patched({"a": ["x" * 100]}, *doubled)
    deeper = [op("copy", "/a/a", from_="/a"), op("move", "/b", from_="/a"), op("move", "/a", from_="/b")] * 100
    with pytest.raises(Refused):
        patched({"a": {}}, *deeper)


def pointers(value: Any, before: str = "") -> list[str]:
    """Of every value in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [before]
    for name, one in inner:
        found += pointers(one, f"{before}/{str(name).replace('~', '~0').replace('/', '~1')}")
    return found


def at(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


@given(document=DOCUMENTS, value=VALUES, choice=st.randoms(use_true_random=False))
def test_laws(document: Any, value: Any, choice: Any) -> None:
    path = choice.choice(pointers(document))
    there = at(document, path)
    assert patched(document, op("test", path, value=there)) == document
    assert patched(document, op("move", path, from_=path)) == document
    assert at(patched(document, op("replace", path, value=value)), path) == value
    added = (
        patched(document, op("add", f"{path}x", value=value))
        if path and isinstance(_parent(document, path), dict)
        else None
    )
    if added is not None and f"{path}x" not in pointers(document):
        assert patched(added, op("remove", f"{path}x")) == document
    if path:
        removed = patched(document, op("remove", path))
        assert patched(removed, op("add", path, value=there)) == document
        back = [op("copy", "/copy", from_=path), op("test", "/copy", value=there), op("remove", "/copy")]
        if "copy" not in document:
            assert patched(document, *back) == document
            away = [op("move", "/copy", from_=path), op("move", path, from_="/copy")]
            assert patched(document, *away) == document


def _parent(document: Any, path: str) -> Any:
    return at(document, path.rpartition("/")[0])


OPERATIONS = st.lists(
    st.builds(
        lambda name, path, source, value: {"op": name, "path": path, "from": source, "value": value},
        st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        *[st.lists(st.sampled_from(["a", "b", "0", "1", "-", ""]), max_size=3).map(lambda tokens: "".join(f"/{t}" for t in tokens))] * 2,
        VALUES,
    ),
    max_size=6,
)  # fmt: skip


@given(document=DOCUMENTS, operations=OPERATIONS)
def test_a_patch_is_done_as_a_whole_or_refused(document: Any, operations: list[dict[str, Any]]) -> None:
    """One by one or together: the same; and what is read stays as it was, however often it is used."""
    body, said = orjson.dumps(document, option=orjson.OPT_SORT_KEYS), orjson.dumps(operations)
    together = _done(body, operations)
    assert orjson.dumps(operations) == said
    assert orjson.dumps(document, option=orjson.OPT_SORT_KEYS) == body
    step: bytes | None = body
    for one in operations:
        step = None if step is None else _done(step, [one])
    assert together == step


def _done(body: bytes, operations: list[dict[str, Any]]) -> bytes | None:
    """What becomes of the body, twice; None where the patch is refused."""
    try:
        patch = read_json_patch(operations)
        found = patch.patched(body)
    except Refused:
        return None
    assert patch.patched(body) == found
    return found
