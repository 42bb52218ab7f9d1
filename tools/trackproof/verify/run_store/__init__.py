"""Kept runs: one folder for each `run`, `verify` and `rehearse`, which needs no server."""

from trackproof.verify.run_store.record import RunRecord, Verdict
from trackproof.verify.run_store.run_folder import RunFolder, begin_run, kept_writers
from trackproof.verify.run_store.store import STATE_VARIABLE, Limits, RunStore, runs_folder

__all__ = [
    "STATE_VARIABLE",
    "Limits",
    "RunFolder",
    "RunRecord",
    "RunStore",
    "Verdict",
    "begin_run",
    "kept_writers",
    "runs_folder",
]
