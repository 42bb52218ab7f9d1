"""After the move: the trigger, Conductor and the workers, without the legacy pipeline.

`nox -s conductor_only` runs it where Celery is not installed and the legacy folder is deleted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.product import CONDUCTOR_ONLY, announce, start_product
from trackproof.testbed.conductor import ConductorServer

WITHOUT_CELERY = """
import sys
from importlib.abc import MetaPathFinder
class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "celery" or name == "reference_workers.platform.legacy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from reference_workers.platform.trigger.__main__ import main
main()
"""


@pytest.mark.nightly
@pytest.mark.conductor
def test_a_recording_becomes_a_transcript_with_conductor_alone(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    with start_product(conductor, tmp_path, with_legacy=False) as product:
        meeting = product.finished_meeting()
        with product.trigger(CONDUCTOR_ONLY) as url:
            assert announce(url, meeting).json()["processed"]
            [transcript] = product.wait_for_transcripts(meeting, 1)
        row = product.recording(meeting)
        product.wait_for_workflows([row["workflow_id"]])
        delivered = product.deliveries(meeting)

    assert len(json.loads(transcript["words"])) > 4
    assert row["legacy_task_id"] is None
    assert delivered == (1, 1)


def test_a_trigger_whose_switch_needs_the_missing_legacy_pipeline_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "CONDUCTOR_ENABLED": "true", "DATA_DIR": str(tmp_path)}
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/product.db"

    trigger = subprocess.run(
        [sys.executable, "-c", WITHOUT_CELERY],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert trigger.returncode == 2, trigger.stderr
    assert "the legacy pipeline is not installed" in trigger.stderr
    assert "CONDUCTOR_FALLBACK=false" in trigger.stderr
