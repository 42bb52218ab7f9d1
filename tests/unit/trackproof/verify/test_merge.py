"""The verdict of all shards, from their JSON reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trackproof.report.verify_events import COVERAGE, PASSED, failing, other
from trackproof.contracts.load import load_contracts
from trackproof.contracts.parts import PART_NAMES
from trackproof.errors import UsageError
from trackproof.events.coverage import Coverage, Covered, Endpoint
from trackproof.events.shards import Shard
from trackproof.events.verdict import ClauseResult, by_task
from trackproof.events.verification import VerifyEnded
from trackproof.report.json import JsonFile, verification_as_json
from trackproof.report.saved import read_report, report_files
from trackproof.verify.coverage.graph import edges, name_of
from trackproof.verify.merge import merge

CONTRACTS = load_contracts()
TASKS = (("pad_track", "pipeline"), ("merge_transcripts",), ("finalize",))


def known(clause: str) -> ClauseResult:
    return replace(PASSED, id=clause, task=clause.partition(".")[0])


FINALIZE = known("finalize.bad-input")


def ended(
    results: Sequence[ClauseResult],
    shard: int | None = None,
    coverage: Coverage | None = COVERAGE,
) -> VerifyEnded:
    return VerifyEnded(
        fleet="acme",
        backend="process",
        version="3.15.0",
        seconds=20.5 + (shard or 0),
        tasks=by_task(results),
        coverage=coverage,
        shard=None if shard is None else Shard(shard, 3, TASKS),
    )


def everything(tasks: Sequence[str]) -> tuple[list[ClauseResult], Coverage]:
    """Return results of these tasks' clauses, and what judging them exercises."""
    results = [known(one.id) for one in CONTRACTS.clauses if one.task in tasks]
    names = [task.name for task in CONTRACTS.tasks_in_order]
    whole = "pipeline" in tasks
    wiring = [name_of(edge) for edge in edges(CONTRACTS)]
    coverage = Coverage(
        clauses=Covered.of(
            (one.id for one in CONTRACTS.clauses), (result.id for result in results)
        ),
        tasks=Covered.of(names, names if whole else tasks),
        edges=Covered.of(wiring, wiring if whole else ()),
        events=Covered.of(CONTRACTS.events, CONTRACTS.events if whole else ()),
        ends={name: {"completed": int(name in tasks), "failed": 0} for name in names},
        endpoints=(Endpoint("daily", "GET /recordings/{id}", {"200": len(tasks)}),),
    )
    return results, coverage


def saved(folder: Path, name: str, verification: VerifyEnded) -> Path:
    path = folder / name
    JsonFile(path).write(verification)
    return path


ALL = [*(task.name for task in CONTRACTS.tasks_in_order), "pipeline", *PART_NAMES]
THIRDS = [ALL[:4], ALL[4:9], ALL[9:]]


def whole_shards() -> dict[str, VerifyEnded]:
    return {
        f"{number}.json": replace(
            ended(everything(tasks)[0], number, everything(tasks)[1]),
            shard=Shard(number, 3, tuple(map(tuple, THIRDS))),
        )
        for number, tasks in enumerate(THIRDS, 1)
    }


def test_the_merged_verdict_is_that_of_a_whole_run(tmp_path: Path) -> None:
    paths = [saved(tmp_path, name, one) for name, one in whole_shards().items()]
    results, _ = everything(ALL)

    merged = merge({path.name: read_report(path) for path in reversed(paths)})

    assert merged.passed
    assert merged.headline == ended(results).headline
    assert [clause.id for clause in merged.clauses] == [one.id for one in CONTRACTS.clauses]
    assert merged.coverage is not None
    assert merged.coverage.edges.percent == 100
    assert merged.coverage.ends["finalize"]["completed"] == 1
    assert merged.coverage.endpoints[0].answers == {"200": len(ALL)}
    assert merged.seconds == 23.5


def test_what_no_shard_exercised_is_below_the_floor() -> None:
    shards = whole_shards()
    last = shards["3.json"]
    assert last.coverage is not None
    lost = replace(last.coverage, edges=Covered((), last.coverage.edges.seen))
    shards["3.json"] = replace(last, coverage=lost)

    merged = merge(shards)

    assert not merged.passed
    assert "edges were exercised, the floor is 100 %" in merged.shortfalls[0]


def test_a_missing_shard_is_named_with_its_tasks() -> None:
    shards = {"1": ended([PASSED], 1), "3": ended([FINALIZE], 3)}

    merged = merge(shards)

    assert merged.word == "INTERRUPTED"
    assert merged.interrupted == "shard 2/3 is missing: merge_transcripts"


def test_a_shard_that_ended_early_is_named_with_its_reason() -> None:
    stopped = replace(ended([], 2), interrupted="the fleet died", coverage=None)

    merged = merge({"1": ended([PASSED], 1), "2": stopped, "3": ended([FINALIZE], 3)})

    assert merged.interrupted == "shard 2/3 ended early: the fleet died"


def test_a_shard_that_did_not_start_is_no_other_verification() -> None:
    dead = replace(ended([], 1), fleet="acme.toml", version="?", interrupted="no Java")

    merged = merge({"1": dead, "2": ended([failing()], 2), "3": ended([FINALIZE], 3)})

    assert (merged.fleet, merged.version) == ("acme", "3.15.0")
    assert merged.interrupted == "shard 1/3 ended early: no Java"


def test_failures_keep_their_evidence(tmp_path: Path) -> None:
    failed = failing()
    shards = [ended([PASSED], 1), ended([failed], 2), ended([FINALIZE], 3)]
    paths = [saved(tmp_path, f"{one.shard}.json".replace("/", "-"), one) for one in shards]

    merged = merge({path.name: read_report(path) for path in report_files([tmp_path])})

    assert list(report_files([tmp_path])) == paths
    assert merged.clause(failed.id) == failed
    assert merged.word == "FAILED"


def test_a_whole_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    verification = ended([PASSED, failing()])
    path = saved(tmp_path, "verdict.json", verification)

    merged = merge({path.name: read_report(path)})

    assert verification_as_json(merged) == verification_as_json(verification)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (ended([FINALIZE], 1), "1.json and 2.json are both shard 1/3"),
        (replace(ended([FINALIZE], 3), fleet="other"), "different verifications: fleet"),
        (replace(ended([FINALIZE], 3), version="3.21.14"), "different verifications: Conductor"),
        (
            replace(ended([FINALIZE], 2), shard=Shard(2, 2, TASKS)),
            "different verifications: number of shards",
        ),
        (
            replace(ended([FINALIZE], 2), shard=Shard(2, 3, TASKS[::-1])),
            "different verifications: split",
        ),
        (ended([FINALIZE]), "2.json is no shard of a verification"),
    ],
    ids=["twice", "fleet", "version", "count", "split", "whole"],
)
def test_reports_of_different_verifications_are_refused(second: VerifyEnded, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        merge({"1.json": ended([PASSED], 1), "2.json": second})


@pytest.mark.parametrize("content", ["", "[]", '{"tasks": []}', '{"status": "COMPLETED"}'])
def test_another_file_is_no_report(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)

    with pytest.raises(UsageError, match=r"other\.json is not a JSON report"):
        read_report(path)


def test_a_report_of_other_versions_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "old.json", ended([other("error")]))
    content = json.loads(path.read_text())
    content["versions"]["contracts"] = "0.9.0"
    path.write_text(json.dumps(content))

    with pytest.raises(UsageError, match=r"old\.json was written by other versions"):
        read_report(path)


def test_no_report_is_an_error() -> None:
    with pytest.raises(UsageError, match="no report to merge"):
        merge({})
