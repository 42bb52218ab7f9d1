"""`trackproof contracts check` with damaged contracts folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from trackproof.contracts.load import ROOT, load_contracts

BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"
WORKFLOW = "workflows/diarization_pipeline.json"
FILES = (
    "tasks/pad_track.yaml",
    "events/topic.yaml",
    "services/daily.openapi.yaml",
    "pipeline.yaml",
    "shapes.yaml",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "contracts"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


def check(folder: Path) -> tuple[int, str]:
    return trackproof("contracts", "check", "--root", str(folder))


def test_the_contracts_have_no_defects(folder: Path) -> None:
    code, output = check(folder)

    clauses = len(load_contracts().clauses)
    assert (code, output) == (0, f"15 tasks, 16 steps, {clauses} clauses: no defects\n")


@pytest.mark.parametrize("name", FILES)
def test_a_syntax_error_is_reported_with_line_and_column(name: str, folder: Path) -> None:
    path = folder / name
    path.write_text(path.read_text() + "\noops: [1, 2\n")

    code, output = check(folder)

    assert code == 2
    assert name in output
    assert "the file cannot be parsed in line" in output
    assert "Hint: correct the syntax" in output


def test_a_yaml_bomb_is_rejected_before_it_expands(folder: Path) -> None:
    (folder / "shapes.yaml").write_text(BOMB)

    code, output = check(folder)

    assert code == 2
    assert "shapes.yaml#: YAML aliases (*name) are not allowed" in output


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tasks/pad_track.yaml", '"../shapes.yaml#/$defs/track_index"', "https://evil.test/a.json"),
        ("events/topic.yaml", '"../shapes.yaml#/$defs/topic"', "https://evil.test/a.json"),
        (
            "services/daily.openapi.yaml",
            '"#/components/schemas/Recording"',
            "https://evil.test/a.json",
        ),
        ("shapes.yaml", "{type: integer, minimum: 0, maximum: 63}", "{$ref: 'file:///etc/passwd'}"),
    ],
)
def test_an_external_reference_is_rejected(name: str, old: str, new: str, folder: Path) -> None:
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))

    code, output = check(folder)

    assert code == 2
    assert name in output
    assert "external reference" in output


@pytest.mark.parametrize(
    ("name", "old", "new", "pointer"),
    [
        ("tasks/pad_track.yaml", "retryCount: 3", "retryCounts: 3", "/definition"),
        ("tasks/pad_track.yaml", "type: string, minLength: 1", "type: text", "/input/properties"),
        ("events/topic.yaml", "told_by: tasks", "told_by: nobody", "/told_by"),
        ("events/topic.yaml", "event: TOPIC", "event: TOPICS", "/event"),
        ("services/daily.openapi.yaml", "openapi: 3.1.0", "openapi: 2.0.0", "/openapi"),
        ("pipeline.yaml", "severity: must", "severity: maybe", "/clauses/0/severity"),
        ("tasks/pad_track.yaml", "minLength: 1", "minLenght: 1", "/input/properties/s3_key"),
        ("tasks/pad_track.yaml", "required: [track", "requird: [track", "/input"),
        ("tasks/get_recording.yaml", "[id, mtg", "[idd, mtg", "/output/required/0"),
        ("shapes.yaml", "$defs:", "defs:", ""),
        (
            "services/daily.openapi.yaml",
            "schema: {type: string, minLength: 1}",
            "schema: {type: text, minLength: 1}",
            "/paths/~1recordings~1{id}/get/parameters/0/schema/type",
        ),
        (
            "services/daily.openapi.yaml",
            '"#/components/schemas/Recording"',
            '"#/components/schemas/Recordings"',
            "/paths/~1recordings~1{id}/get/responses/200/content/application~1json/schema/$ref",
        ),
        (WORKFLOW, '"tasks": [', '"tasks": null, "was": [', "/tasks"),
        ("version.yaml", "version: 2", "version: one", "/version"),
    ],
)
def test_a_schema_violation_is_reported_with_its_pointer(
    name: str, old: str, new: str, pointer: str, folder: Path
) -> None:
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))

    code, output = check(folder)

    assert code == 2
    assert f"{name}#{pointer}" in output
    assert "Hint:" in output


@pytest.mark.parametrize(
    ("name", "old", "again", "key"),
    [
        ("tasks/pad_track.yaml", "    s3_key:", "    s3_key: {type: integer}\n", "s3_key"),
        ("seed_table.yaml", "  finalize:", "  finalize: {}\n", "finalize"),
        (WORKFLOW, '  "version": 1', '  "version": 2,\n', "version"),
    ],
)
def test_a_duplicate_key_is_rejected(
    name: str, old: str, again: str, key: str, folder: Path
) -> None:
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, again + old, 1))

    code, output = check(folder)

    assert code == 2
    assert f"{name}#: the file cannot be parsed" in output
    assert f"duplicate key '{key}'" in output


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"task_type": "pad_track"', '"task_typ": "pad_track"', "/tasks/2/inputParameters"),
        (
            '"dynamicForkTasksParam": "dynamicTasks"',
            '"dynamicForkTasksParam": "dynamicTask"',
            "/tasks/3/dynamicForkTasksParam",
        ),
    ],
)
def test_a_broken_fork_is_reported_with_its_pointer(
    old: str, new: str, place: str, folder: Path
) -> None:
    path = folder / WORKFLOW
    path.write_text(path.read_text().replace(old, new, 1))

    code, output = check(folder)

    assert code == 1
    assert f"{WORKFLOW}#{place}" in output


def test_listing_clauses_of_a_broken_workflow_reports_the_fork(folder: Path) -> None:
    path = folder / WORKFLOW
    path.write_text(path.read_text().replace('"task_type": "pad_track"', '"kind": 1', 1))

    code, output = trackproof("contracts", "list", "--root", str(folder))

    assert code == 2
    assert "the task type of 'fork_track_padding' cannot be determined" in output
    assert "Hint:" in output


@pytest.mark.parametrize(
    "name",
    ["shapes.yaml", "pipeline.yaml", "seed.yaml", "seed_table.yaml", "fork_inputs.yaml",
     "workflow_input.yaml", "version.yaml", WORKFLOW,
     "tasks/pad_track.yaml", "events/topic.yaml", "services/zulip.openapi.yaml"],
)  # fmt: skip
def test_a_missing_file_is_reported(name: str, folder: Path) -> None:
    (folder / name).unlink()

    code, output = check(folder)

    assert code == 2
    assert name in output
    assert "Hint:" in output


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    code, output = check(tmp_path / "nowhere")

    assert code == 2
    assert "nowhere" in output


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("x" * 1_000_001),
        lambda path: path.write_text("[" * 100_000),
    ],
    ids=["not UTF-8", "too large", "too deep"],
)
def test_an_unreadable_file_is_reported(spoil: Callable[[Path], object], folder: Path) -> None:
    spoil(folder / "tasks/pad_track.yaml")

    code, output = check(folder)

    assert code == 2
    assert "tasks/pad_track.yaml" in output
