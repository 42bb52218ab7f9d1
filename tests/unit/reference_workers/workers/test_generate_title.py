from __future__ import annotations

import json
from typing import Any

import pytest

from reference_workers.errors import TransientError
from reference_workers.workers.generate_title import generate_title
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness, topic
from trackproof.testbed.stand_ins import Fault


def payload(*topics: Json) -> Json:
    return {"topics": list(topics), "transcript_id": TRANSCRIPT_ID}


def test_a_title_reaches_the_output_the_row_and_the_event(harness: WorkerHarness) -> None:
    output = harness.completed("generate_title", payload(topic("Budget"), topic("albatross")))

    assert harness.calls("llm") == 1
    assert harness.transcript().title == output["title"]
    assert harness.events("FINAL_TITLE") == [output]
    assert "albatross" in output["title"].lower()


def test_a_meeting_without_topics_is_untitled_and_no_llm_is_asked(harness: WorkerHarness) -> None:
    output = harness.completed("generate_title", payload())

    assert output == {"title": "Untitled Meeting"}
    assert harness.calls("llm") == 0
    assert harness.transcript().title == "Untitled Meeting"
    assert harness.events("FINAL_TITLE") == [output]


def test_every_topic_and_its_summary_reach_the_llm(harness: WorkerHarness) -> None:
    harness.completed("generate_title", payload(topic("Budget"), topic("Launch")))

    (request,) = harness.stand_ins.ledger.requests("llm")
    prompt = request.json["messages"][0]["content"]
    assert "- Budget: All about Budget." in prompt
    assert "- Launch: All about Launch." in prompt


@pytest.mark.parametrize(
    "content", [None, "", "null", '"Budget"', "{}", '{"title": null}', '{"title": ""}']
)
def test_a_title_that_is_none_is_asked_for_again(harness: WorkerHarness, content: Any) -> None:
    body = json.dumps({"choices": [{"message": {"content": content}}]})
    harness.stand_ins.faults.add(Fault(service="llm", body=body))

    with pytest.raises(TransientError):
        generate_title(harness.context, topics=[topic()], transcript_id=TRANSCRIPT_ID)

    assert harness.transcript().title is None
    assert harness.events("FINAL_TITLE") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_llm_is_asked_again(harness: WorkerHarness, status: int) -> None:
    harness.stand_ins.faults.add(Fault(service="llm", status=status))

    with pytest.raises(TransientError):
        generate_title(harness.context, topics=[topic()], transcript_id=TRANSCRIPT_ID)
