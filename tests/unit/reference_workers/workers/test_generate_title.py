from __future__ import annotations

import json
from typing import Any

import pytest

from reference_workers.errors import TransientError
from reference_workers.workers.generate_title import generate_title
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Bench, Json, topic
from trackproof.testbed.stand_ins import Fault


def payload(*topics: Json) -> Json:
    return {"topics": list(topics), "transcript_id": TRANSCRIPT_ID}


def test_a_title_reaches_the_output_the_row_and_the_event(bench: Bench) -> None:
    output = bench.completed("generate_title", payload(topic("Budget"), topic("albatross")))

    assert bench.calls("llm") == 1
    assert bench.transcript().title == output["title"]
    assert bench.events("FINAL_TITLE") == [output]
    assert "albatross" in output["title"].lower()


def test_a_meeting_without_topics_is_untitled_and_no_llm_is_asked(bench: Bench) -> None:
    output = bench.completed("generate_title", payload())

    assert output == {"title": "Untitled Meeting"}
    assert bench.calls("llm") == 0
    assert bench.transcript().title == "Untitled Meeting"
    assert bench.events("FINAL_TITLE") == [output]


def test_every_topic_and_its_summary_reach_the_llm(bench: Bench) -> None:
    bench.completed("generate_title", payload(topic("Budget"), topic("Launch")))

    (request,) = bench.stand_ins.ledger.requests("llm")
    prompt = request.json["messages"][0]["content"]
    assert "- Budget: All about Budget." in prompt
    assert "- Launch: All about Launch." in prompt


@pytest.mark.parametrize(
    "content", [None, "", "null", '"Budget"', "{}", '{"title": null}', '{"title": ""}']
)
def test_a_title_that_is_none_is_asked_for_again(bench: Bench, content: Any) -> None:
    body = json.dumps({"choices": [{"message": {"content": content}}]})
    bench.stand_ins.faults.add(Fault(service="llm", body=body))

    with pytest.raises(TransientError):
        generate_title(bench.context, topics=[topic()], transcript_id=TRANSCRIPT_ID)

    assert bench.transcript().title is None
    assert bench.events("FINAL_TITLE") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_llm_is_asked_again(bench: Bench, status: int) -> None:
    bench.stand_ins.faults.add(Fault(service="llm", status=status))

    with pytest.raises(TransientError):
        generate_title(bench.context, topics=[topic()], transcript_id=TRANSCRIPT_ID)
