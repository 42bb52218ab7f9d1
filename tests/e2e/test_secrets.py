"""Keys, passwords and signatures do not leak, even if every service fails.

The canaries are the stand-ins' keys, a database password, and the signatures of real presigned
URLs; the services echo the keys they receive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from fixtures_audio import make_meeting
from tests.e2e.running_fleet import running_fleet
from trackproof.checks.secrets import checks
from trackproof.fleet import REFERENCE
from trackproof.lab import RECORDING_BUCKET, Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.stand_ins.faults import Fault

pytestmark = pytest.mark.conductor

VERBOSE = replace(
    REFERENCE,
    environment={**REFERENCE.environment, "CONDUCTOR_DEBUG": "true", "LOG_FORMAT": "json"},
)
ECHO = "Incorrect API key provided: {key}. See https://modal.test/a?X-Amz-Signature={key}"
SIGNATURE = re.compile(r"X-Amz-Signature=(\w+)")


@pytest.fixture
def database(new_database: Callable[[str], str]) -> str:
    """Return a database URL with a password."""
    return new_database("postgres")


def all_texts(evidence: Evidence, database: str) -> str:
    """Return the log, the workflow and all rows, without columns for secrets."""
    workflow = json.dumps(evidence.workflow)
    return "\n".join([evidence.fleet_log, workflow, *map(str, rows(database))])


def rows(database: str) -> Iterator[dict[str, Any]]:
    engine = create_engine(database)
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                yield {k: v for k, v in row._mapping.items() if k != "webhook_secret"}
    engine.dispose()


def assert_no_leak(evidence: Evidence, database: str) -> None:
    (check,) = checks(evidence)
    assert check.passed, check.detail
    assert make_url(database).password in evidence.secrets
    text = all_texts(evidence, database)
    assert [secret for secret in evidence.secrets if secret in text] == []
    # Some outputs contain a presigned URL, but no text contains a signature.
    signatures = set(SIGNATURE.findall(json.dumps(evidence.workflow)))
    texts = [evidence.fleet_log, str(evidence.events), *map(str, rows(database))]
    texts += [str(task.get("reasonForIncompletion")) for task in evidence.workflow["tasks"]]
    assert [one for one in signatures if any(one in text for text in texts)] == []
    for line in evidence.fleet_log.splitlines():
        assert isinstance(json.loads(line), dict), line


def test_keys_echoed_by_services_do_not_leak(
    conductor: ConductorServer, database: str, tmp_path: Path
) -> None:
    scenario = Scenario.create(make_meeting(tracks=2, seconds=5, seed=1), tmp_path)
    with running_fleet(conductor, VERBOSE, database=database) as (testbed, fleet):
        keys = testbed.stand_ins.credentials
        testbed.stand_ins.faults.add(
            Fault(service="daily", status=503, body=ECHO.format(key=keys.daily_key), times=1),
            Fault(service="modal", status=500, body=ECHO.format(key=keys.modal_key), times=2),
            Fault(service="llm", body=ECHO.format(key=keys.llm_key), times=1),
            Fault(service="zulip", status=401, body=ECHO.format(key=keys.zulip_key), times=1),
            Fault(service="webhook", drop=True, times=1),
        )

        evidence = run_meeting(testbed, fleet, scenario).evidence
        workflow = evidence.workflow

    failed = {
        task["taskDefName"] for task in workflow["tasks"] if task["status"].startswith("FAIL")
    }
    assert {"get_recording", "transcribe_track", "send_webhook"} <= failed
    assert SIGNATURE.search(json.dumps(workflow))  # there is something to leak
    assert_no_leak(evidence, database)


@pytest.mark.nightly
def test_the_url_of_unreadable_audio_does_not_leak(
    conductor: ConductorServer, database: str, tmp_path: Path
) -> None:
    scenario = Scenario.create(make_meeting(tracks=2, seconds=5, seed=1), tmp_path)
    with running_fleet(conductor, VERBOSE, database=database) as (testbed, fleet):
        _, second = scenario.track_keys
        publish = Scenario.publish

        def broken(self: Scenario, testbed: Testbed) -> None:
            publish(self, testbed)
            (tmp_path / "broken").write_bytes(b"no audio at all")
            testbed.s3.put_file(RECORDING_BUCKET, second, tmp_path / "broken")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Scenario, "publish", broken)
            evidence = run_meeting(testbed, fleet, scenario).evidence
        workflow = evidence.workflow

    assert workflow["status"] == "FAILED"
    reasons = [task.get("reasonForIncompletion") for task in workflow["tasks"]]
    assert any("audio" in str(reason) for reason in reasons), reasons
    assert_no_leak(evidence, database)
