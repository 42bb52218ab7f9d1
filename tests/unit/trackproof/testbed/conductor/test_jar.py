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
    cache_folder,
    jar_path,
    verified_jar,
)
from trackproof.testbed.conductor.versions import ConductorVersion, conductor_version

CONTENT = b"a server jar"
VERSION = dataclasses.replace(
    conductor_version("3.15.0"), sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT)
)


class Source:
    """Stands for the place jars come from; counts how often it is asked."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = list(contents) or [CONTENT]
        self.asked = 0

    def __call__(
        self, version: ConductorVersion, folder: Path, report: Callable[[str], None]
    ) -> Path:
        content = self.contents[min(self.asked, len(self.contents) - 1)]
        self.asked += 1
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


def test_jar_is_fetched_once_and_kept(cache: Path, lines: list[str]) -> None:
    source = Source()
    first = verified_jar(VERSION, report=lines.append, download=source)
    second = verified_jar(VERSION, report=lines.append, download=source)
    assert first == second == jar_path(VERSION)
    assert first.read_bytes() == CONTENT
    assert source.asked == 1
    assert left_in(cache) == {"conductor-server-3.15.0-boot.jar"}


def test_cache_is_the_users_own_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_folder().name == "trackproof"


@pytest.mark.parametrize("damaged", [b"", CONTENT[:5], b"A server jar"])
def test_damaged_or_partial_jar_is_never_returned_but_fetched_again(
    damaged: bytes, lines: list[str]
) -> None:
    path = verified_jar(VERSION, report=lines.append, download=Source())
    path.write_bytes(damaged)
    verified_jar(VERSION, report=lines.append, download=Source())
    assert path.read_bytes() == CONTENT
    assert any("is damaged" in line for line in lines)


def test_wrong_sum_is_fetched_again_then_refused(cache: Path, lines: list[str]) -> None:
    source = Source(b"something else")
    with pytest.raises(TestbedError) as failure:
        verified_jar(VERSION, report=lines.append, download=source)
    assert source.asked == 3
    assert VERSION.sha256 in failure.value.evidence
    assert hashlib.sha256(b"something else").hexdigest() in failure.value.evidence
    assert left_in(cache) == set()


def test_second_fetch_may_be_the_good_one(lines: list[str]) -> None:
    path = verified_jar(VERSION, report=lines.append, download=Source(b"torn", CONTENT))
    assert path.read_bytes() == CONTENT


def test_rest_of_a_killed_fetch_is_cleared_away(cache: Path, lines: list[str]) -> None:
    torn = cache / "conductor" / ".fetch-3.15.0-abc"
    torn.mkdir(parents=True)
    (torn / "half.jar").write_bytes(b"half")
    verified_jar(VERSION, report=lines.append, download=Source())
    assert left_in(cache) == {"conductor-server-3.15.0-boot.jar"}


def test_two_runs_at_once_fetch_once(lines: list[str]) -> None:
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
    assert source.asked == 1
    assert jar_path(VERSION).read_bytes() == CONTENT


def test_too_little_room_is_seen_before_the_fetch(lines: list[str]) -> None:
    source = Source()
    huge = dataclasses.replace(VERSION, size=10**18)
    with pytest.raises(TestbedError) as failure:
        verified_jar(huge, report=lines.append, download=source)
    assert source.asked == 0
    assert "needs 1000000000050 MB" in failure.value.what
    assert "MB free" in failure.value.what
    assert CACHE_VARIABLE in failure.value.hint


def test_disk_that_fills_up_during_the_fetch_is_told_with_figures(
    cache: Path, lines: list[str]
) -> None:
    def fill_up(version: ConductorVersion, folder: Path, report: Callable[[str], None]) -> Path:
        (folder / "half.jar").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TestbedError, match=r"no room for the jar of Conductor 3.15.0.*MB free"):
        verified_jar(VERSION, report=lines.append, download=fill_up)
    assert left_in(cache) == set()


def test_cache_that_is_no_folder_is_told(cache: Path, lines: list[str]) -> None:
    cache.write_text("in the way")
    with pytest.raises(TestbedError, match=r"could not be stored in") as failure:
        verified_jar(VERSION, report=lines.append, download=Source())
    assert CACHE_VARIABLE in failure.value.hint


def test_no_network_names_the_cause_and_a_way_out(
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


def test_a_network_that_fails_once_costs_one_fetch(
    monkeypatch: pytest.MonkeyPatch, cache: Path, lines: list[str]
) -> None:
    failing = [requests.ReadTimeout("The read operation timed out")]

    def once_too_slow(resolver: PythonResolver, artifact: Artifact) -> Path:
        assert artifact.cached_path
        artifact.cached_path.parent.mkdir(parents=True)
        artifact.cached_path.write_bytes(b"torn" if failing else CONTENT)
        if failing:
            raise failing.pop()
        return artifact.cached_path

    monkeypatch.setattr(PythonResolver, "download", once_too_slow)

    assert verified_jar(VERSION, report=lines.append).read_bytes() == CONTENT
    (told,) = [line for line in lines if line.endswith(": once more")]
    assert "The read operation timed out" in told
    assert left_in(cache) == {"conductor-server-3.15.0-boot.jar"}


def test_size_so_far_is_reported(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
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
