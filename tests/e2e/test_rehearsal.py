"""A product's whole move: the reference product's is a go, and a faulty one's is not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trackproof.errors import FleetError
from trackproof.fleet import REFERENCE, FleetProfile, load_profile
from trackproof.testbed.conductor import ConductorServer
from trackproof.verify.rehearsal import Rehearsal, RehearsalOptions, rehearse

FLEETS = Path(__file__).parents[1] / "fleets"

pytestmark = [pytest.mark.conductor, pytest.mark.legacy, pytest.mark.timeout(500)]


@pytest.mark.nightly
def test_the_reference_product_loses_and_doubles_nothing(conductor: ConductorServer) -> None:
    move = rehearse(RehearsalOptions(conductor=conductor.api_url))

    assert [one for stage in move.stages for one in stage.meetings if one.problems] == []
    assert move.go
    pipelines = [
        [("legacy" in one.pipelines, len(one.pipelines)) for one in stage.meetings]
        for stage in move.stages
    ]
    # The outage meets one meeting at work; the other one begins during it.
    assert pipelines == [[(True, 1)], [(True, 2)], [(True, 2), (True, 1)], [(False, 1)]]
    assert len({one.transcript_id for stage in move.stages for one in stage.meetings}) == 5


def product(**trigger: Any) -> FleetProfile:
    """Return the reference product with other terms of its trigger."""
    assert REFERENCE.trigger is not None
    return replace(REFERENCE, name="faulty", trigger=replace(REFERENCE.trigger, **trigger))


def patched(module: str, patch: str, *arguments: str) -> tuple[str, ...]:
    """Return a command that runs a module after a patch."""
    run = f"import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    return (sys.executable, "-c", f"{patch}\n{run}", *arguments)


TRIGGER = "reference_workers.platform.trigger"
NEVER_TERMINATES = """
from reference_workers.platform.client import ConductorClient
ConductorClient.terminate = lambda self, *_: None
"""
WORKS_ON_WHAT_IS_HANDED_OVER = """
import reference_workers.executor
reference_workers.executor._is_handed_over = lambda *_: False
"""
SHADOW_WITH_A_ROOM = """
from reference_workers.platform.state.models import Transcript
from reference_workers.platform.trigger import process
register = process.register_shadow
def with_room(state, transcript):
    shadow = register(state, transcript)
    with state.write_session() as session:
        session.get(Transcript, shadow.id).room_id = transcript.room_id
    return state.transcript(shadow.id)
process.register_shadow = with_room
"""
LOSES_A_WORD = """
from reference_workers.workers import WORKERS
merge = WORKERS["merge_transcripts"]
def merge_less(context, transcripts, **given):
    first, *others = transcripts
    return merge(context, transcripts=[{**first, "words": first["words"][1:]}, *others], **given)
WORKERS["merge_transcripts"] = merge_less
"""


def moved(conductor: ConductorServer, profile: FleetProfile, **options: Any) -> Rehearsal:
    return rehearse(RehearsalOptions(conductor=conductor.api_url, fleet=profile, **options))


def failed(move: Rehearsal, column: str) -> set[str]:
    return {stage.name for stage in move.stages if stage.counts[column]}


@pytest.mark.nightly
def test_a_workflow_that_goes_on_after_the_hand_over_is_doubled(
    conductor: ConductorServer,
) -> None:
    faulty = replace(
        product(command=patched(TRIGGER, NEVER_TERMINATES)),
        command=patched("reference_workers", WORKS_ON_WHAT_IS_HANDED_OVER),
    )

    move = moved(conductor, faulty)

    assert not move.go
    assert failed(move, "doubled") == {"fallback"}
    assert failed(move, "lost") == set()


@pytest.mark.nightly
def test_a_shadow_run_that_delivers_is_doubled(conductor: ConductorServer) -> None:
    move = moved(conductor, product(command=patched(TRIGGER, SHADOW_WITH_A_ROOM)))

    assert not move.go
    assert failed(move, "doubled") == {"shadow"}


@pytest.mark.nightly
def test_a_product_without_fallback_is_no_go(
    conductor: ConductorServer,
) -> None:
    assert REFERENCE.trigger is not None
    alone = REFERENCE.trigger.conductor
    move = moved(conductor, product(fallback=alone), limit=15)

    assert not move.go
    assert "no meeting of the outage went to the legacy pipeline" in move.stages[2].faults


@pytest.mark.nightly
def test_a_product_that_needs_its_legacy_pipeline_to_the_end_is_no_go(
    conductor: ConductorServer,
) -> None:
    move = moved(conductor, product(conductor={"CONDUCTOR_ENABLED": "false"}), limit=15)

    assert failed(move, "lost") == {"conductor"}
    assert "1 messages were sent to the legacy pipeline" in move.stages[-1].faults


@pytest.mark.nightly
def test_a_legacy_pipeline_that_loses_a_word_is_mismatched(conductor: ConductorServer) -> None:
    assert REFERENCE.trigger is not None
    worker = REFERENCE.trigger.legacy_command[3:]
    move = moved(conductor, product(legacy_command=patched("celery", LOSES_A_WORD, *worker)))

    assert failed(move, "mismatched") == {"legacy", "shadow", "fallback"}
    assert failed(move, "lost") == set()


@pytest.mark.nightly
def test_a_legacy_worker_that_does_not_start_is_named(conductor: ConductorServer) -> None:
    absent = (sys.executable, "-c", "raise SystemExit('celery is not installed')")

    with pytest.raises(FleetError, match="legacy-worker ended with exit code 1") as caught:
        moved(conductor, product(legacy_command=absent))

    assert "celery is not installed" in caught.value.evidence


@pytest.mark.nightly
def test_a_foreign_product_is_moved_by_its_profile(conductor: ConductorServer) -> None:
    profile = load_profile(FLEETS / "own_trigger" / "fleet.toml")

    move = moved(conductor, profile)

    assert [one for stage in move.stages for one in stage.meetings if one.problems] == []
    assert move.go
    assert len(move.stages[2].meetings[0].pipelines) == 2
