"""Mutants: reference fleets with one plausible bug each, which the clause suite must detect.

One file for each task, with a `Collection` named `mutant`. docs/conformance.md explains how to
write one.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from tests.mutants.bad_inputs import INPUT_MUTANTS
from tests.mutants.content import CONTENT_MUTANTS
from tests.mutants.definitions import DEFINITION_MUTANTS
from tests.mutants.lifecycle import mutant as lifecycle
from tests.mutants.long_audio import LONG_AUDIO_MUTANTS
from tests.mutants.model import Mutant
from tests.mutants.payloads import mutant as payloads
from tests.mutants.pipeline_events import mutant as pipeline_events
from tests.mutants.pipeline_meetings import mutant as pipeline_meetings
from tests.mutants.pipeline_workflow import mutant as pipeline_workflow
from tests.mutants.promises import PROMISE_MUTANTS
from tests.mutants.recorders import RECORDER_MUTANTS
from tests.mutants.service_errors import SERVICE_MUTANTS
from tests.mutants.shared_state import SHARED_STATE_MUTANTS
from trackproof.contracts.load import load_contracts
from trackproof.contracts.parts import PART_NAMES

__all__ = ["MUTANTS", "Mutant", "mutant_by_id"]


def _gathered() -> tuple[Mutant, ...]:
    found: list[Mutant] = []
    for task in (*load_contracts().tasks, "pipeline", *PART_NAMES):
        of_every_task = (
            *DEFINITION_MUTANTS,
            *INPUT_MUTANTS,
            *LONG_AUDIO_MUTANTS,
            *PROMISE_MUTANTS,
            *CONTENT_MUTANTS,
            *RECORDER_MUTANTS,
            *SERVICE_MUTANTS,
            *SHARED_STATE_MUTANTS,
        )
        found.extend(one for one in of_every_task if one.task == task)
        name = f"{__name__}.{task}"
        if find_spec(name) is not None:
            found.extend(import_module(name).mutant.mutants)
    for collection in (
        pipeline_workflow,
        pipeline_events,
        pipeline_meetings,
        lifecycle,
        payloads,
    ):
        found.extend(collection.mutants)
    return tuple(found)


MUTANTS = _gathered()


def mutant_by_id(mutant_id: str) -> Mutant:
    """Return one mutant.

    Raises:
        KeyError: There is no such mutant.
    """
    found = {mutant.id: mutant for mutant in MUTANTS}
    return found[mutant_id]
