"""Clauses of contracts/deployment.yaml: the product after the move."""

from __future__ import annotations

import pytest

from trackproof.suite.assertions import expect
from trackproof.suite.clauses.trials import expect_pipelines
from trackproof.suite.harness import Harness
from trackproof.suite.product.trial import ProductTrial

pytestmark = pytest.mark.late(3)


@pytest.mark.clause("deployment.without-legacy")
def test_trigger_runs_without_the_legacy_packages(trial: ProductTrial, harness: Harness) -> None:
    expect(trial.import_error[-1500:], "error of the trigger's start").equals("")
    expect_pipelines(trial, "started later", workflows=1, legacy=0)
