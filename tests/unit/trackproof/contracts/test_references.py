"""Events and outside calls: every reference is defined, every definition is used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trackproof.contracts.dataflow import check_dataflow
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import ROOT, load_contracts

Edit = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "contracts"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


def replacing(file: str, old: str, new: str) -> Edit:
    """Return an edit that replaces the first `old` in a file."""

    def edit(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new, 1))

    return edit


def defects(folder: Path) -> list[ContractDefect]:
    return check_dataflow(load_contracts(folder))


def test_the_contracts_have_no_defects(folder: Path) -> None:
    assert defects(folder) == []


@pytest.mark.parametrize(
    ("edit", "location", "what", "hint"),
    [
        (
            replacing("tasks/detect_topics.yaml", "[TOPIC]", "[TOPICS]"),
            ("tasks/detect_topics.yaml", "/effects/events/0"),
            "the event 'TOPICS' is not defined in events/",
            "TOPIC",
        ),
        (
            replacing("tasks/finalize.yaml", "[STATUS]", "[PIPELINE_PROGRESS]"),
            ("events/pipeline_progress.yaml", "/told_by"),
            "every task emits PIPELINE_PROGRESS, but a task also lists it",
            "set told_by to `tasks`",
        ),
        (
            replacing("tasks/mixdown_tracks.yaml", "  events: [DURATION]\n", ""),
            ("events/duration.yaml", "/told_by"),
            "no task emits DURATION",
            "add it to a task's effects",
        ),
        (
            replacing("tasks/get_recording.yaml", "getRecording", "getOne"),
            ("tasks/get_recording.yaml", "/effects/calls/0/operation"),
            "the service 'daily' has no operation 'getOne'",
            "getRecording",
        ),
        (
            lambda root: (root / "services/zulip.openapi.yaml").unlink(),
            ("tasks/post_zulip.yaml", "/effects/calls/0/service"),
            "the service 'zulip' is not defined in services/",
            "services",
        ),
        (
            replacing("services/zulip.openapi.yaml", "sendMessage", "sendDirectMessage"),
            (
                "services/zulip.openapi.yaml",
                "/paths/~1api~1v1~1messages/post/operationId",
            ),
            "no task calls the operation 'sendDirectMessage'",
            "remove it",
        ),
        (
            replacing("tasks/pad_track.yaml", "_seconds: 7200", "_seconds: 720"),
            ("tasks/pad_track.yaml", "/effects/presign_seconds"),
            "no clause of pad_track mentions 720",
            "correct the clause",
        ),
        (
            replacing("tasks/detect_topics.yaml", "call: 300", "call: 500"),
            ("tasks/detect_topics.yaml", "/constants/words_per_call"),
            "no clause of detect_topics mentions 500",
            "or this value",
        ),
        (
            replacing("tasks/mixdown_tracks.yaml", "/audio.mp3, and", "/a, and"),
            ("tasks/mixdown_tracks.yaml", "/effects/s3/0/key"),
            "no clause of mixdown_tracks mentions '{transcript_id}/audio.mp3'",
            "correct the clause",
        ),
        (
            replacing("tasks/cleanup_consent.yaml", "/audio.mp3", "/mix.mp3"),
            ("tasks/cleanup_consent.yaml", "/effects/s3/2/key"),
            "no task writes '{transcript_id}/mix.mp3'",
            "{transcript_id}/audio.mp3",
        ),
        (
            replacing("tasks/cleanup_consent.yaml", "/audio.mp3", "/mix.mp3"),
            ("tasks/mixdown_tracks.yaml", "/effects/s3/0/key"),
            "no task deletes '{transcript_id}/audio.mp3'",
            "the task that deletes",
        ),
    ],
)
def test_a_broken_reference_is_reported_at_its_location(
    edit: Edit, location: tuple[str, str], what: str, hint: str, folder: Path
) -> None:
    edit(folder)

    by_location = {(defect.file, defect.pointer): defect for defect in defects(folder)}

    assert what in by_location[location].what
    assert hint in by_location[location].hint
