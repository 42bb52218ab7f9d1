from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.examples import examples
from tests.unit.trackproof.contracts.compat.edited_contracts import Document, document
from trackproof.contracts.compat import compare
from trackproof.contracts.compat.changes import VERDICTS, canonical, json_equal
from trackproof.contracts.compat.release_document import read_release
from trackproof.contracts.errors import ContractFileError

Path = tuple[Any, ...]
VALUES = st.sampled_from([
    None, True, False, 0, 1, 7, 2.5, "", "ab", "must", "should", [], {}, ["a"], {"a": 1},
    {"type": "string"}, {"type": ["integer", "null"]}, {"enum": ["a", 1]}, {"$ref": "#/$defs/word"},
])  # fmt: skip
KEYS = st.sampled_from([
    "type", "enum", "const", "minimum", "maxItems", "pattern", "description", "default", "required",
    "additionalProperties", "anyOf", "oneOf", "allOf", "not", "$ref", "optional", "x", "$defs",
    "patternProperties", "prefixItems", "when", "format",
])  # fmt: skip


def paths(node: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from paths(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from paths(value, (*path, index))


ORIGINAL = document()
PATHS = sorted(
    (path for path in paths(ORIGINAL) if path and path[0] != "version"),
    key=lambda path: tuple(map(str, path)),
)


def edit(whole: Document, path: Path, data: st.DataObject) -> None:
    parent: Any = whole
    for part in path[:-1]:
        parent = parent[part]
    node = parent[path[-1]]
    kinds = ["replace", "remove"]
    kinds += ["add", "rename"] if isinstance(node, dict) else []
    kinds += ["append", "reverse"] if isinstance(node, list) else []
    match data.draw(st.sampled_from(kinds)):
        case "replace":
            parent[path[-1]] = data.draw(VALUES)
        case "remove":
            del parent[path[-1]]
        case "add":
            node[data.draw(KEYS)] = data.draw(VALUES)
        case "rename" if node:
            name = data.draw(st.sampled_from(sorted(node)))
            node["renamed"] = node.pop(name)
        case "append":
            node.append(data.draw(VALUES))
        case _ if isinstance(node, list):
            node.reverse()


@examples(5)
@given(data=st.data())
def test_every_edit_of_a_contract_is_reported_as_a_change(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    new = document()
    edit(new, data.draw(st.sampled_from(PATHS)), data)
    file = tmp_path_factory.getbasetemp() / "edited.json"
    file.write_bytes(canonical(new))
    try:
        release = read_release(file)
    except ContractFileError:
        assume(False)  # the edit made the document invalid
        raise
    changes = compare(ORIGINAL, release)

    assert bool(changes) is not json_equal(ORIGINAL, release)
    assert [VERDICTS.index(change.verdict) for change in changes] == sorted(
        VERDICTS.index(change.verdict) for change in changes
    )
    assert compare(release, ORIGINAL) or not changes
