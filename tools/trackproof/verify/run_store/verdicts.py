"""What people say about a run's checklist; kept beside the run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from trackproof.errors import UsageError
from trackproof.verify.run_store.record import VERDICTS, WORDS, RunRecord, Verdict, Word
from trackproof.verify.run_store.run_folder import write_private
from trackproof.verify.run_store.store import RunStore

VERDICTS_FILE: Final = "verdicts.json"
CHARACTERS: Final = 4_000


def points_of(record: RunRecord) -> tuple[str, ...]:
    """Return what a person judges in a run."""
    return record.scenario.look_for if record.scenario else ()


def read_verdicts(store: RunStore, run_id: str) -> dict[str, Verdict]:
    """Return the verdicts on a run by point; none if there are none yet."""
    try:
        found = VERDICTS.validate_json(store.path(run_id, VERDICTS_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}
    return {one.point: one for one in found}


def give_verdict(
    store: RunStore, record: RunRecord, point: str, word: str, *, note: str = "", who: str = ""
) -> Verdict:
    """Keep a person's verdict; it replaces an earlier one on the same point.

    Raises:
        UsageError: The run has no such point, or the word is none.
    """
    if point not in points_of(record):
        raise UsageError(f"run {record.id} has no point {point!r}")
    chosen: dict[str, Word] = {known: known for known in WORDS}
    if word not in chosen:
        raise UsageError(f"{word!r} is no verdict: {', '.join(WORDS)}")
    verdict = Verdict(
        point=point,
        word=chosen[word],
        note=note[:CHARACTERS],
        who=who[:100],
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    all_verdicts = read_verdicts(store, record.id) | {point: verdict}
    write_private(
        store.path(record.id, VERDICTS_FILE),
        VERDICTS.dump_json(tuple(all_verdicts.values()), indent=1),
    )
    return verdict
