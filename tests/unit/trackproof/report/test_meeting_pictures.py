"""The pictures, texts and comparisons of a meeting."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.report.meeting_results import meeting_result
from tests.unit.trackproof.report.verify_events import HOSTILE
from trackproof.contracts.load import load_contracts
from trackproof.events.meeting import Speaker, TranscriptWord
from trackproof.events.runs import Check
from trackproof.events.timeline import TimelineEntry
from trackproof.report.meeting.chart import NAME_WIDTH, WIDTH, chart_of
from trackproof.report.meeting.comparison import compare_results, compare_runs
from trackproof.report.meeting.dag import Box, dag_of
from trackproof.report.meeting.markdown import escape
from trackproof.report.meeting.trace import trace_of
from trackproof.report.meeting.transcript import clock, paragraphs, waveform_path


def branch(index: int, **changes: object) -> TimelineEntry:
    entry = run_events.attempt(f"pad_track_{index}", 1.0)
    return replace(entry, task_type="pad_track", **changes)  # type: ignore[arg-type]


def overlaps(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("tracks", [1, 2, 12, 64])
def test_every_step_and_branch_has_a_box_of_its_own(tracks: int) -> None:
    dag = dag_of(run_events.timeline(*(branch(index) for index in range(tracks))))

    names = [box.name for box in dag.boxes]
    steps = {step.reference for step in load_contracts().steps if not step.dynamic}
    assert steps <= set(names)
    assert [name for name in names if name.startswith("pad_track")] == [
        f"pad_track_{index}" for index in range(tracks)
    ], "in the order of the tracks, 10 after 9"
    pairs = [(one, two) for n, one in enumerate(dag.boxes) for two in dag.boxes[n + 1 :]]
    assert not [(one.name, two.name) for one, two in pairs if overlaps(one, two)]
    assert all(box.x >= 0 and box.x + box.width <= dag.width for box in dag.boxes)
    assert all(box.y + box.height <= dag.height for box in dag.boxes)


def test_a_box_tells_the_last_attempt_and_how_many_there_were() -> None:
    failed = replace(branch(0), status="FAILED", failed=True)
    dag = dag_of(run_events.timeline(failed, replace(branch(0), number=2)))

    [box] = [box for box in dag.boxes if box.name == "pad_track_0"]
    assert (box.kind, box.icon, box.attempts) == ("done", "✓", 2)
    assert box.detail == "×2 3.0 s"


def test_a_long_name_is_cut_in_the_middle_so_that_its_number_stays() -> None:
    dag = dag_of(run_events.timeline(*(branch(index) for index in range(3))))

    [box] = [box for box in dag.boxes if box.name == "pad_track_2"]
    long = replace(box, name="a_very_long_name_of_a_task_type_12", attempts=2)
    assert long.label.startswith("✓ a_very")
    assert long.label.endswith("_12")
    assert len(long.label) + len(long.detail) < long.width / 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("SCHEDULED", "queued"),
        ("IN_PROGRESS", "running"),
        ("TIMED_OUT", "failed"),
        ("FAILED_WITH_TERMINAL_ERROR", "failed"),
        ("CANCELED", "skipped"),
    ],
)
def test_a_status_has_text_icon_and_colour(status: str, kind: str) -> None:
    dag = dag_of(run_events.timeline(replace(branch(0), status=status)))

    [box] = [box for box in dag.boxes if box.name == "pad_track_0"]
    assert box.kind == kind
    assert status.replace("_", " ").lower() in box.title
    assert box.label.startswith(box.icon)


def test_queue_and_work_of_each_attempt_are_apart() -> None:
    entry = replace(run_events.attempt("finalize", 5.0), waited=2.0, seconds=3.0)

    [row] = chart_of(run_events.timeline(entry)).rows

    queue, work = row.bars
    assert (queue.kind, work.kind) == ("queue", "done")
    assert queue.x + queue.width == pytest.approx(work.x, abs=0.1)
    assert work.width / queue.width == pytest.approx(1.5, abs=0.02)


@pytest.mark.parametrize("seconds", [0.001, 3.0, 86_400.0])
def test_no_bar_leaves_the_chart(seconds: float) -> None:
    entries = [
        replace(run_events.attempt("a", 0.0), seconds=seconds, waited=seconds),
        replace(run_events.attempt("b", None), waited=seconds),
    ]

    chart = chart_of(replace(run_events.timeline(*entries), seconds=seconds))

    bars = [bar for row in chart.rows for bar in row.bars]
    assert all(bar.x >= NAME_WIDTH and bar.x + bar.width <= WIDTH for bar in bars)
    assert len(chart.ticks) < 15


def test_a_paragraph_ends_where_another_one_speaks_or_after_a_pause() -> None:
    words = [
        TranscriptWord("a", 0.0, 0.2, 0),
        TranscriptWord("b", 0.3, 0.5, 0),
        TranscriptWord("c", 0.6, 0.8, 1),
        TranscriptWord("d", 9.0, 9.2, 1),
        TranscriptWord("e", 9.3, 9.5, 7),
    ]

    found = paragraphs(words, [Speaker(0, "Ada", 0, 9), Speaker(1, "Bo", 0, 9)])

    assert [(one.speaker, "".join(word.text for word in one.words)) for one in found] == [
        ("Ada", "ab"),
        ("Bo", "c"),
        ("Bo", "d"),
        ("unknown speaker 7", "e"),
    ]
    assert found[-1].colour == -1


def test_a_clock_has_hours_only_when_there_are_some() -> None:
    assert [clock(one) for one in (0, 61.9, 3_723)] == ["0:00", "1:01", "1:02:03"]


def test_peaks_out_of_range_stay_in_the_picture() -> None:
    path = waveform_path(replace(meeting_result(), waveform=(-3.0, 0.5, 99.0)))

    heights = [float(one) for one in re.findall(r"[V ]([\d.-]+)", path)]
    assert len(heights) == 6
    assert all(0 <= one <= 80 for one in heights)


def test_slower_steps_and_broken_checks_are_told_and_noise_is_not() -> None:
    older = run_events.ended(
        Check("a", True, ""),
        Check("b", False, ""),
        steps=(run_events.step("x", seconds=2.0), run_events.step("y", seconds=0.2)),
    )
    newer = run_events.ended(
        Check("a", False, ""),
        Check("b", True, ""),
        steps=(run_events.step("x", seconds=9.0), run_events.step("y", seconds=0.6)),
    )

    found = [(one.kind, one.what) for one in compare_runs(older, newer)]

    assert found == [("broken", "a"), ("slower", "x"), ("fixed", "b")]
    assert compare_runs(older, older) == []


def test_texts_that_changed_are_told() -> None:
    other = replace(meeting_result(), title="another")

    [change] = compare_results(meeting_result(), other)

    assert (change.what, change.newer) == ("title", "another")


def test_markdown_shows_text_as_it_is() -> None:
    shown = escape(f"{HOSTILE} | `code` **bold**\nsecond @team")

    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[<>|`*@]", shown)


def test_a_trace_is_in_microseconds_from_the_start() -> None:
    ended = replace(run_events.every_status(), timeline=run_events.timeline(branch(0)))

    events = json.loads(json.dumps(trace_of(ended, None)))["traceEvents"]

    [work] = [one for one in events if one["name"] == "pad_track_0" and one["ph"] == "X"]
    assert (work["ts"], work["dur"]) == (1_000_000, 1_500_000)
