"""Rehearsal of a product's move from its legacy pipeline to Conductor."""

from trackproof.verify.rehearsal.rehearsal import RehearsalOptions, rehearse
from trackproof.verify.rehearsal.results import MeetingResult, Rehearsal, StageResult

__all__ = ["MeetingResult", "Rehearsal", "RehearsalOptions", "StageResult", "rehearse"]
