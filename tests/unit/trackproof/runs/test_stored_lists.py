"""A fleet's lists by reference are read as if they were lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from trackproof.fleet.profile import FieldTerms, FleetProfile, TaskTerms
from trackproof.fleet.translation.translator import Translator
from trackproof.runs.stored_lists import LISTS, OUTPUTS, TEMPORARY, ListReader, list_keys
from trackproof.testbed.s3.object_store import ObjectStore

WORDS = [{"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}]


class _Store:
    """The contents of objects by key, also of deleted ones."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self._objects = objects

    def read_version(self, _bucket: str, key: str) -> bytes:
        return self._objects[key]


def reference_to(items: Any) -> tuple[dict[str, Any], bytes]:
    content = json.dumps(items).encode()
    key = f"t/words_{hashlib.sha256(content).hexdigest()}.json"
    return {"key": key, "count": len(items), "size": len(content)}, content


def reader(objects: Mapping[str, bytes], profile: FleetProfile | None = None) -> ListReader:
    translator = Translator(profile or FleetProfile("own"))
    return ListReader(cast("ObjectStore", _Store(objects)), translator)


def test_a_reference_becomes_the_list() -> None:
    reference, content = reference_to(WORDS)
    own = reader({reference["key"]: content})

    output = own.output_of("merge_transcripts", {"all_words": reference, "word_count": 1})

    assert output == {"all_words": WORDS, "word_count": 1}
    assert own.of_workflow({"all_words": reference, "topics": []}) == {"all_words": WORDS}


def test_a_list_and_other_outputs_stay() -> None:
    for task, output in (
        ("merge_transcripts", {"all_words": WORDS}),
        ("finalize", {"status": "x"}),
    ):
        assert reader({}).output_of(task, output) == output
    assert reader({}).of_workflow({"all_words": WORDS}) == {}


def test_a_list_is_translated_from_the_fleets_terms() -> None:
    terms = {"all_words": "texts", "all_words[].word": "text"}
    fields = {path: FieldTerms(name=name) for path, name in terms.items()}
    profile = FleetProfile("other", tasks={"merge_transcripts": TaskTerms(output=fields)})
    reference, content = reference_to([{"text": "tide"}])

    lists = reader({reference["key"]: content}, profile).of_workflow({"all_words": reference})

    assert lists == {"all_words": [{"word": "tide"}]}


@pytest.mark.parametrize(
    "change",
    [{"count": 2}, {"count": None}, {"size": 1}, {"key": "t/words_missing.json"}, {"key": 7}],
    ids=str,
)
def test_what_a_reference_does_not_name_stays_unread(change: Mapping[str, Any]) -> None:
    reference, content = reference_to(WORDS)
    wrong = {name: part for name, part in {**reference, **change}.items() if part is not None}
    own = reader({reference["key"]: content, "t/words_other.json": content})

    assert own.output_of("merge_transcripts", {"all_words": wrong}) == {"all_words": wrong}


@pytest.mark.parametrize("content", [b"[]", b"no JSON", b'{"a": 1}'], ids=repr)
def test_altered_content_stays_unread(content: bytes) -> None:
    reference, _ = reference_to(WORDS)

    assert reader({reference["key"]: content}).of_workflow({"all_words": reference}) == {}


def test_keys_are_those_of_the_named_tasks() -> None:
    tasks = [
        {"taskDefName": task, "outputData": {field: {"key": field, "count": 0, "size": 2}}}
        for task, field in LISTS.items()
    ]
    workflow = {"tasks": [*tasks, {"taskDefName": "detect_topics"}, {"taskDefName": "JOIN"}]}

    assert list_keys(workflow, *LISTS) == {"words", "all_words", "topics"}
    assert list_keys(workflow, TEMPORARY) == {"words"}
    assert list_keys(workflow, *OUTPUTS.values()) == {"all_words", "topics"}
