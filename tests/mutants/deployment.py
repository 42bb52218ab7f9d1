"""Mutants of the deployment after the move."""

from __future__ import annotations

from tests.mutants.model import Collection

mutant = Collection("deployment")


@mutant("without-legacy")
def celery_is_always_imported() -> None:
    """The product imports Celery in every position of the switch."""
    import celery  # noqa: F401, PLC0415 - the bug
