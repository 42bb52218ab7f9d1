from __future__ import annotations

import dataclasses
import errno
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from jgo.maven import Artifact, PythonResolver

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.process.jar import (
    CACHE_VARIABLE,
    jar_path,
    verified_jar,
)
from trackproof.testbed.conductor.versions import ConductorVersion, conductor_version

CONTENT = b"a server jar"
VERSION = dataclasses.replace(
    conductor_version("3.15.0"), sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT)
)


class Source:
    """A fake download that counts its calls."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = list(contents) or [CONTENT]
        self.downloads = 0

    def __call__(
        self, version: ConductorVersion, folder: Path, report: Callable[[str], None]
    ) -> Path:
        content = self.contents[min(self.downloads, len(self.contents) - 1)]
        self.downloads += 1
        path = folder / "fetched.jar"
        path.write_bytes(content)
        return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def lines() -> list[str]:
    return []


def left_in(cache: Path) -> set[str]:
    return {path.name for path in (cache / "conductor").iterdir() if path.suffix != ".lock"}


def test_jar_is_fetched_once(cache: Path, lines: list[str]) -> None:
    source = Source()
    first = verified_jar(VERSION, report=lines.append, download=source)
    second = verified_jar(VERSION, report=lines.append, download=source)
    assert first == second == jar_path(VERSION)
    assert first.read_bytes() == CONTENT
    assert source.downloads == 1
    assert left_in(cache) == {"conductor-server-3.15.0-boot.jar"}


@pytest.mark.parametrize("damaged", [CONTENT[:5], b"A server jar"])
def test_damaged_jar_is_fetched_again(damaged: bytes, lines: list[str]) -> None:
    path = verified_jar(VERSION, report=lines.append, download=Source())
    path.write_bytes(damaged)
    verified_jar(VERSION, report=lines.append, download=Source())
    assert path.read_bytes() == CONTENT
    assert any("is damaged" in line for line in lines)


def test_wrong_checksum_is_an_error_after_three_fetches(cache: Path, lines: list[str]) -> None:
    source = Source(b"something else")
    with pytest.raises(TestbedError) as failure:
        verified_jar(VERSION, report=lines.append, download=source)
    assert source.downloads == 3
    assert VERSION.sha256 in failure.value.evidence
    assert hashlib.sha256(b"something else").hexdigest() in failure.value.evidence
    assert left_in(cache) == set()


def test_second_fetch_may_succeed(lines: list[str]) -> None:
    path = verified_jar(VERSION, report=lines.append, download=Source(b"partial", CONTENT))
    assert path.read_bytes() == CONTENT


def test_partial_files_of_a_killed_fetch_are_removed(cache: Path, lines: list[str]) -> None:
    partial = cache / "conductor" / ".fetch-3.15.0-abc"
    partial.mkdir(parents=True)
    (partial / "half.jar").write_bytes(b"half")
    verified_jar(VERSION, report=lines.append, download=Source())
    assert left_in(cache) == {"conductor-server-3.15.0-boot.jar"}


def test_concurrent_runs_fetch_once(lines: list[str]) -> None:
    source = Source()
    may_finish = threading.Event()

    def slow(version: ConductorVersion, folder: Path, report: Callable[[str], None]) -> Path:
        may_finish.wait(10)
        return source(version, folder, report)

    def run() -> None:
        def report(line: str) -> None:
            lines.append(line)
            if "another run" in line:
                may_finish.set()

        verified_jar(VERSION, report=report, download=slow)

    runs = [threading.Thread(target=run) for _ in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert source.downloads == 1
    assert jar_path(VERSION).read_bytes() == CONTENT


def test_disk_space_is_checked_before_the_fetch(lines: list[str]) -> None:
    source = Source()
    huge = dataclasses.replace(VERSION, size=10**18)
    with pytest.raises(TestbedError) as failure:
        verified_jar(huge, report=lines.append, download=source)
    assert source.downloads == 0
    assert "needs 1000000000050 MB" in failure.value.what
    assert "MB free" in failure.value.what
    assert CACHE_VARIABLE in failure.value.hint


def test_full_disk_during_the_fetch_is_an_error_with_sizes(cache: Path, lines: list[str]) -> None:
    def fill_up(version: ConductorVersion, folder: Path, report: Callable[[str], None]) -> Path:
        (folder / "half.jar").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TestbedError, match=r"not enough disk space for Conductor 3.15.0.*MB free"):
        verified_jar(VERSION, report=lines.append, download=fill_up)
    assert left_in(cache) == set()


def test_cache_path_that_is_a_file_is_an_error(cache: Path, lines: list[str]) -> None:
    cache.write_text("in the way")
    with pytest.raises(TestbedError, match=r"could not be stored in") as failure:
        verified_jar(VERSION, report=lines.append, download=Source())
    assert CACHE_VARIABLE in failure.value.hint


def test_missing_network_is_an_error_with_cause_and_hint(
    monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(PythonResolver, "download", unreachable)
    with pytest.raises(TestbedError) as failure:
        verified_jar(VERSION, report=lines.append)
    assert failure.value.what == "the jar of Conductor 3.15.0 could not be fetched"
    assert "no route to host" in failure.value.evidence
    assert "first run" in failure.value.hint


def test_fetch_is_repeated_after_a_network_error(
    monkeypatch: pytest.MonkeyPatch, cache: Path, lines: list[str]
) -> None:
    failing = [requests.ReadTimeout("The read operation timed out")]

    def once_too_slow(resolver: PythonResolver, artifact: Artifact) -> Path:
        assert artifact.cached_path
        artifact.cached_path.parent.mkdir(parents=True)
        artifact.cached_path.write_bytes(b"partial" if failing else CONTENT)
        if failing:
            raise failing.pop()
        return artifact.cached_path

    monkeypatch.setattr(PythonResolver, "download", once_too_slow)

    assert verified_jar(VERSION, report=lines.append).read_bytes() == CONTENT
    (retry,) = [line for line in lines if line.endswith(": trying again")]
    assert "The read operation timed out" in retry
    assert left_in(cache) == {"conductor-server-3.15.0-boot.jar"}


def test_progress_is_reported_by_size(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    def in_two_steps(resolver: PythonResolver, artifact: Artifact) -> Path:
        assert artifact.cached_path
        artifact.cached_path.parent.mkdir(parents=True)
        artifact.cached_path.write_bytes(CONTENT)
        assert resolver.progress_callback
        with resolver.progress_callback("server.jar", 60_000_000) as update:
            update(30_000_000)
            update(30_000_000)
        return artifact.cached_path

    monkeypatch.setattr(PythonResolver, "download", in_two_steps)
    verified_jar(VERSION, report=lines.append)
    assert "server.jar: 30 MB of 60 MB" in lines
    assert "server.jar: 60 MB of 60 MB" in lines
