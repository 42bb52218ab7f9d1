from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import examples
from tests.unit.trackproof.contracts.dataflow_mutations import HARMLESS, MUTATIONS
from trackproof.contracts.dataflow import check_dataflow
from trackproof.contracts.load import load_contracts
from trackproof.contracts.schemas.subsumption import mismatches

CONTRACTS = load_contracts()
RANDOM = st.randoms(use_true_random=False)


@pytest.mark.parametrize("mutation", MUTATIONS)
@examples(2)
@given(random=RANDOM)
def test_every_mutation_is_reported_at_its_location(mutation: str, random: Random) -> None:
    broken = MUTATIONS[mutation](CONTRACTS, random)

    defects = check_dataflow(broken.contracts)

    locations = {(defect.file, defect.pointer) for defect in defects}
    assert broken.locations
    assert locations & broken.locations, f"{broken.what}: {broken.locations} not in {defects}"
    assert all(defect.what and defect.hint for defect in defects)


@examples(6)
@given(changes=st.lists(st.sampled_from(sorted(HARMLESS)), min_size=1, max_size=5), random=RANDOM)
def test_harmless_changes_are_not_reported(changes: list[str], random: Random) -> None:
    changed = CONTRACTS
    for change in changes:
        changed = HARMLESS[change](changed, random)

    assert check_dataflow(changed) == []


@examples(4)
@given(mutation=st.sampled_from(sorted(MUTATIONS)), random=RANDOM)
def test_the_order_of_keys_does_not_change_the_number_of_defects(
    mutation: str, random: Random
) -> None:
    broken = MUTATIONS[mutation](CONTRACTS, random).contracts

    defects = check_dataflow(broken)

    assert defects
    assert len(check_dataflow(HARMLESS["shuffle_keys"](broken, random))) == len(defects)


SMALL = st.integers(0, 4)
SCALARS = st.sampled_from([None, True, False, 0, 1, 3, 2.5, "", "a", "ab", "abcd"])


def _limits(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), SMALL)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
    return st.one_of(
        st.builds(lambda items, more: {"type": "array", "items": items, **more}, inner,
                  _limits("minItems", "maxItems")),
        st.builds(
            lambda props, required: {
                "type": "object", "properties": props, "additionalProperties": False,
                "required": [name for name in props if name in required],
            },
            fields, st.sets(st.sampled_from("abc")),
        ),
        st.builds(lambda values, more: {"type": "object", "additionalProperties": values, **more},
                  inner, _limits("minProperties", "maxProperties")),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
    )  # fmt: skip


LEAVES = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": ["string", "null"]}, {"type": "null"}]),
    st.builds(lambda value: {"const": value}, SCALARS),
    st.builds(lambda values: {"enum": values}, st.lists(SCALARS, min_size=1, max_size=3)),
    _limits("minLength", "maxLength").map(lambda more: {"type": "string", **more}),
    st.builds(
        lambda kind, more: {"type": kind, **more},
        st.sampled_from(["integer", "number"]),
        _limits("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    ),
)
SCHEMAS = st.recursive(LEAVES, _schemas, max_leaves=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=8,
)


@examples(40)
@given(source=SCHEMAS, target=SCHEMAS, values=st.lists(VALUES, max_size=20))
def test_a_schema_without_mismatches_accepts_every_value_of_the_source(
    source: Any, target: Any, values: list[Any]
) -> None:
    if mismatches(source, target):
        return
    accepted = [value for value in values if jsonschema_rs.is_valid(source, value)]

    assert all(jsonschema_rs.is_valid(target, value) for value in accepted)


@examples(40)
@given(schema=SCHEMAS)
def test_a_schema_matches_itself_and_the_empty_schema(schema: Any) -> None:
    certain = [mismatch for mismatch in mismatches(schema, schema) if not mismatch.undecided]

    assert certain == []
    assert mismatches(schema, {}) == []
    assert mismatches(schema, True) == []
