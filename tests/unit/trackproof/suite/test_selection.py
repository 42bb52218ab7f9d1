"""Which tests a verification runs: shards, and the end after the first failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.trackproof.report.verify_events import PASSED
from trackproof.events.shards import Shard
from trackproof.events.verdict import Status
from trackproof.events.verification import ClauseFinished
from trackproof.suite.options import VerifyOptions
from trackproof.suite.plugin import ClauseSuite
from trackproof.suite.results import clauses_of

CLAUSES = (
    *("pad_track.offset", "pad_track.offset", "pad_track.bad-input"),
    *("finalize.bad-input", "finalize.definition", "generate_title.bad-input"),
)


class Item:
    """A test of one clause."""

    def __init__(self, clause: str, **markers: tuple[str, ...]) -> None:
        self.path, self.nodeid = Path("test_x.py"), f"test_x.py::test_{clause}"
        self.session = SimpleNamespace(shouldfail=False)
        self.ihook = SimpleNamespace(pytest_trackproof_event=lambda event: None)
        self._mark = SimpleNamespace(args=(clause,))
        self._markers = {name: SimpleNamespace(args=args) for name, args in markers.items()}

    def iter_markers(self, name: str) -> Iterator[Any]:
        return iter([self._mark] if name == "clause" else [])

    def get_closest_marker(self, name: str) -> Any:
        return self._markers.get(name)


def collect(
    options: VerifyOptions, clauses: Sequence[str] = CLAUSES, others: Sequence[Item] = ()
) -> tuple[ClauseSuite, Any]:
    suite: ClauseSuite = ClauseSuite(options, lambda *_: pytest.fail("nothing starts"))
    items: Any = [*map(Item, clauses), *others]
    hook = SimpleNamespace(pytest_deselected=lambda items: None)
    config: Any = SimpleNamespace(hook=hook)
    suite.pytest_collection_modifyitems(config, items)
    return suite, items


def test_shards_divide_the_tasks_and_know_each_other() -> None:
    first, one = collect(VerifyOptions(shard=Shard(1, 2)))
    second, other = collect(VerifyOptions(shard=Shard(2, 2)))

    assert {clauses_of(item)[0] for item in one} == {"pad_track.offset", "pad_track.bad-input"}
    assert {clauses_of(item)[0] for item in other} == set(CLAUSES[3:])
    assert first.shard is not None
    assert second.shard is not None
    assert first.shard.tasks == second.shard.tasks
    assert first.results.tasks == ("pad_track",)


def test_a_shard_is_taken_of_what_is_selected() -> None:
    only = ("finalize", "generate_title")

    _, items = collect(VerifyOptions(only=only, shard=Shard(2, 2)))

    assert [clauses_of(item)[0] for item in items] == ["generate_title.bad-input"]


def test_a_shard_without_tasks_is_an_error() -> None:
    suite: ClauseSuite = ClauseSuite(
        VerifyOptions(only=("finalize",), shard=Shard(2, 2)), lambda *_: pytest.fail("starts")
    )
    hook = SimpleNamespace(pytest_deselected=lambda items: None)
    items: Any = [Item(clause) for clause in CLAUSES]

    with pytest.raises(pytest.exit.Exception):
        suite.pytest_collection_modifyitems(SimpleNamespace(hook=hook), items)  # type: ignore[arg-type]

    assert suite.error is not None
    assert suite.error.what == "--shard 2/2 has nothing to judge: 1 tasks are selected"


@pytest.mark.parametrize(
    ("status", "exit_first", "stops"),
    [
        ("failed", True, True),
        ("error", True, True),
        ("deviates", True, False),
        ("passed", True, False),
        ("failed", False, False),
    ],
)
def test_exit_first_stops_after_a_clause_that_fails_the_verdict(
    status: Status, exit_first: bool, stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, items = collect(VerifyOptions(exit_first=exit_first))
    ended = ClauseFinished(replace(PASSED, status=status))
    monkeypatch.setattr(suite.results, "end", lambda item: iter([ended]))

    around: Any = suite.pytest_runtest_protocol(items[0])
    next(around)
    with pytest.raises(StopIteration):
        around.send(True)

    assert bool(items[0].session.shouldfail) is stops


LIFECYCLE = (
    Item("pipeline.order"),
    Item("pipeline.heartbeat", tasks=("transcribe_track",)),
    Item("pipeline.late-result", tasks=("finalize",)),
    Item("pipeline.drain", one_of=("get_recording", "send_webhook")),
)
"""Only the first needs the whole pipeline."""


def test_fleet_that_serves_a_part_is_judged_by_the_pipeline_clauses_of_that_part() -> None:
    serves = ("finalize", "send_webhook")

    suite, items = collect(VerifyOptions(serves=serves), others=LIFECYCLE)

    judged = {name for item in items for name in clauses_of(item)}
    assert judged == {"finalize.bad-input", "finalize.definition"} | {
        "pipeline.late-result",
        "pipeline.drain",
    }
    assert set(suite.results.tasks) == set(serves)


def test_only_what_the_fleet_cannot_show_is_a_usage_error() -> None:
    options = VerifyOptions(serves=("finalize",), only=("pipeline.order",))

    with pytest.raises(
        pytest.exit.Exception, match=r"serves no task type that pipeline\.order needs"
    ):
        collect(options, others=LIFECYCLE)
