from __future__ import annotations

import json
from typing import Any

import pytest

from reference_workers.errors import TransientError
from reference_workers.workers.generate_title import generate_title
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness, topic
from trackproof.testbed.stand_ins import Fault


@pytest.mark.parametrize(
    "content", [None, "", "null", '"Budget"', "{}", '{"title": null}', '{"title": ""}']
)
def test_an_invalid_title_is_retried(harness: WorkerHarness, content: Any) -> None:
    body = json.dumps({"choices": [{"message": {"content": content}}]})
    harness.stand_ins.faults.add(Fault(service="llm", body=body))

    with pytest.raises(TransientError):
        generate_title(harness.context, topics=[topic()], transcript_id=TRANSCRIPT_ID)

    assert harness.transcript().title is None
    assert harness.events("FINAL_TITLE") == []
