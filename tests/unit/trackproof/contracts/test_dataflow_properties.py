from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trackproof.contracts.dataflow_mutations import HARMLESS, MUTATIONS
from trackproof.contracts.dataflow import check_wiring
from trackproof.contracts.load import load_contracts
from trackproof.contracts.schemas.subsumption import misfits

CONTRACTS = load_contracts()
RANDOM = st.randoms(use_true_random=False)


@pytest.mark.parametrize("mutation", MUTATIONS)
@settings(max_examples=15, deadline=None)
@given(random=RANDOM)
def test_every_way_to_break_the_contracts_is_found_where_it_is(
    mutation: str, random: Random
) -> None:
    broken = MUTATIONS[mutation](CONTRACTS, random)

    found = check_wiring(broken.contracts)

    places = {(finding.file, finding.pointer) for finding in found}
    assert broken.places
    assert places & broken.places, f"{broken.what}: {sorted(broken.places)} not in {found}"
    assert all(finding.what and finding.hint for finding in found)


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.sampled_from(sorted(HARMLESS)), min_size=1, max_size=5), random=RANDOM)
def test_harmless_changes_give_no_finding(changes: list[str], random: Random) -> None:
    changed = CONTRACTS
    for change in changes:
        changed = HARMLESS[change](changed, random)

    assert check_wiring(changed) == []


@settings(max_examples=60, deadline=None)
@given(
    mutation=st.sampled_from(sorted(MUTATIONS)),
    change=st.sampled_from(sorted(set(HARMLESS) - {"raise_workflow_timeout"})),
    random=RANDOM,
)
def test_a_harmless_change_hides_no_fault(mutation: str, change: str, random: Random) -> None:
    broken = MUTATIONS[mutation](CONTRACTS, random).contracts

    assert check_wiring(HARMLESS["shuffle_keys"](broken, random))
    assert len(check_wiring(broken)) == len(check_wiring(HARMLESS["shuffle_keys"](broken, random)))


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


@settings(max_examples=400, deadline=None)
@given(source=SCHEMAS, target=SCHEMAS, values=st.lists(VALUES, max_size=20))
def test_what_is_said_to_fit_does_fit(source: Any, target: Any, values: list[Any]) -> None:
    if misfits(source, target):
        return
    accepted = [value for value in values if jsonschema_rs.is_valid(source, value)]

    assert all(jsonschema_rs.is_valid(target, value) for value in accepted)


@settings(max_examples=200, deadline=None)
@given(schema=SCHEMAS)
def test_a_schema_fits_itself_and_a_wider_one(schema: Any) -> None:
    certain = [misfit for misfit in misfits(schema, schema) if not misfit.undecided]

    assert certain == []
    assert misfits(schema, {}) == []
    assert misfits(schema, True) == []
