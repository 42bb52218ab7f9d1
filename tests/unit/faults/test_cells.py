"""The matrix has every fault that can hit a task, and its sample is spread."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.cells import LASTING, all_cells, lastings, sample
from tests.faults.runner import main
from trackproof.contracts.load import load_contracts
from trackproof.testbed.fault_proxy import KINDS


def test_every_task_meets_faults_of_its_services_its_servers_and_its_process() -> None:
    places = {task: {cell.place for cell in all_cells() if cell.task == task} for task in TASKS}
    common = {"conductor", "database", "fleet", "server"}
    assert all(common <= found for found in places.values())
    own = {task: found - common for task, found in places.items()}
    assert own["post_zulip"] == {"zulip"}
    assert own["transcribe_track"] == {"modal", "s3"}
    assert own["mixdown_tracks"] == {"s3", "work"}
    assert own["cleanup_consent"] == {"s3"}
    assert own["finalize"] == set()


def test_servers_are_killed_and_stopped_and_a_redis_only_where_one_is_used() -> None:
    kinds = {(cell.place, cell.kind) for cell in all_cells() if cell.task == "finalize"}
    assert {("database", "kill"), ("server", "kill"), ("server", "stop")} <= kinds
    assert not any(cell.place == "redis" for cell in all_cells())
    redis = {cell.kind for cell in all_cells(redis=True) if cell.place == "redis"}
    assert {"kill", "stop", "refuse"} <= redis


TASKS = frozenset(load_contracts().tasks)


def test_a_service_meets_every_kind_for_every_time() -> None:
    cells = [cell for cell in all_cells() if (cell.task, cell.place) == ("pad_track", "s3")]
    assert {(cell.kind, cell.lasting) for cell in cells} == {
        (kind, lasting) for kind in KINDS for lasting in lastings(kind)
    }
    assert "once" not in lastings("refuse")


def test_a_sample_has_every_task_and_is_repeated_by_its_seed() -> None:
    chosen = sample(all_cells(), 30, "monday")
    tasks = Counter(cell.task for cell in chosen)
    assert set(tasks) == TASKS
    assert max(tasks.values()) == 2
    assert len({(cell.place, cell.kind) for cell in chosen}) >= 25
    assert chosen == sample(all_cells(), 30, "monday") != sample(all_cells(), 30, "tuesday")


def test_ids_are_unique_and_choose_from_a_task_down_to_a_cell() -> None:
    cells = all_cells()
    assert len({cell.id for cell in cells}) == len(cells)

    def chosen(name: str) -> int:
        return sum(cell.is_chosen([name]) for cell in cells)

    assert chosen("pad_track/s3.reset.once") == 1
    assert chosen("pad_track/s3.reset") == len(LASTING)
    assert chosen("pad_track/s3") == len(KINDS) * len(LASTING) - 1
    assert chosen("pad_track") > chosen("pad_track/s3")
    assert chosen("pad") == 0


def test_an_unknown_cell_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "pad_track/s4"])
    assert "no such cell: pad_track/s4" in capsys.readouterr().err


def test_chosen_cells_are_listed_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "finalize/database.hang", "--list"]) == 0
    assert capsys.readouterr().out.split() == [
        f"finalize/database.hang.{lasting}" for lasting in LASTING
    ]
