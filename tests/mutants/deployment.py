"""Mutants of the deployment after the move."""

from __future__ import annotations

from importlib import import_module

from tests.mutants.model import Collection

mutant = Collection("deployment")


@mutant("without-legacy")
def celery_is_always_imported() -> None:
    """The product imports Celery in every position of the switch."""
    import_module("celery")  # an import contract forbids the statement
