"""The server jar: fetched once, and verified by its checksum before every run."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import requests
from jgo.maven import MavenContext, PythonResolver

from trackproof.errors import TestbedError
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.versions import ConductorVersion
from trackproof.wait import wait_until

Report = Callable[[str], None]
Download = Callable[[ConductorVersion, Path, Report], Path]

CACHE_VARIABLE = "TRACKPROOF_CACHE_DIR"
MEGABYTE = 1_000_000
REPORT_EVERY_BYTES = 25 * MEGABYTE
SPARE_BYTES = 50 * MEGABYTE
FETCH_ATTEMPTS = 3
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
"""Where jgo fetches from."""


def cache_folder() -> Path:
    """Return the folder of fetched files: TRACKPROOF_CACHE_DIR, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path("trackproof")


def jar_path(version: ConductorVersion) -> Path:
    """Return the path of a version's jar in the cache."""
    return cache_folder() / "conductor" / f"conductor-server-{version.name}-boot.jar"


def verified_jar(
    version: ConductorVersion, *, report: Report, download: Download | None = None
) -> Path:
    """Return the jar of `version` after verifying its SHA-256; fetch it if necessary.

    Hashes the whole file every time, in 0.1 to 0.3 s.

    Args:
        version: The server.
        report: Receives single lines of progress.
        download: Fetches the jar into a folder and returns its path.

    Raises:
        TestbedError: The jar cannot be fetched, or its checksum is wrong.
    """
    path = jar_path(version)
    with storage_errors(version, path.parent):
        if path.exists() and sha256_of(path) == version.sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(path.parent / f".{version.name}.lock", report):
            return _fetch_if_missing(path, version, report, download or download_jar)


def fetch_obstacle(version: ConductorVersion, *, timeout: float) -> str:
    """Ask Maven Central for the jar without fetching it; return what prevents it, or ""."""
    group = version.group.replace(".", "/")
    file = f"{version.artifact}-{version.name}-boot.jar"
    url = f"{MAVEN_CENTRAL}/{group}/{version.artifact}/{version.name}/{file}"
    try:
        requests.head(url, timeout=timeout, allow_redirects=True).raise_for_status()
    except requests.RequestException as error:
        return _root_cause(error)
    return ""


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download_jar(version: ConductorVersion, folder: Path, report: Report) -> Path:
    """Fetch the boot jar with jgo into an empty `folder`.

    jgo writes directly to the final name and accepts a partial file there at its next call, so
    it gets a new folder each time, never the cache itself.
    """

    @contextlib.contextmanager
    def progress(filename: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
        done_bytes = 0

        def add(count: int) -> None:
            nonlocal done_bytes
            before, done_bytes = done_bytes, done_bytes + count
            if before // REPORT_EVERY_BYTES != done_bytes // REPORT_EVERY_BYTES:
                report(f"{filename}: {_megabytes(done_bytes)} of {_megabytes(total_bytes)}")

        yield add

    maven = MavenContext(repo_cache=folder, resolver=PythonResolver(progress_callback=progress))
    project = maven.project(version.group, version.artifact).at_version(version.name)
    try:
        return Path(project.artifact(classifier="boot", packaging="jar").resolve())
    except (requests.RequestException, RuntimeError) as error:
        raise TestbedError(
            f"the jar of Conductor {version.name} could not be fetched",
            evidence=_root_cause(error),
            hint="it is fetched once from Maven Central; connect to the network for the "
            f"first run, or set {CACHE_VARIABLE} to a folder that has it",
        ) from error


def _fetch_if_missing(
    path: Path, version: ConductorVersion, report: Report, download: Download
) -> Path:
    if path.exists():
        actual = sha256_of(path)
        if actual == version.sha256:
            return path  # another run fetched it while this one waited
        report(f"{path.name} is damaged (SHA-256 {actual[:12]}…): fetching it again")
        path.unlink()
    prefix = f".fetch-{version.name}-"
    for partial in path.parent.glob(f"{prefix}*"):  # left by a killed run, since the lock is ours
        shutil.rmtree(partial, ignore_errors=True)
    check_space(path.parent, version, version.size)
    actual = ""
    for left in reversed(range(FETCH_ATTEMPTS)):
        report(f"fetching Conductor {version.name} ({_megabytes(version.size)}), once")
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=prefix) as folder:
            try:
                fetched = download(version, Path(folder), report)
            except TestbedError as error:
                if not left:
                    raise
                report(f"{error.what} ({error.evidence}): trying again")
                continue
            actual = sha256_of(fetched)
            if actual == version.sha256:
                return fetched.replace(path)
    raise TestbedError(
        f"the fetched jar of Conductor {version.name} is not the published one",
        evidence=f"expected SHA-256 {version.sha256}\nactual   SHA-256 {actual}",
        hint="check whether a proxy or mirror alters downloads on this network",
    )


@contextlib.contextmanager
def storage_errors(version: ConductorVersion, folder: Path) -> Iterator[None]:
    """Turn OSErrors of a full or read-only disk into a TestbedError.

    Raises:
        TestbedError: A file of `version` could not be stored in `folder`.
    """
    try:
        yield
    except OSError as error:
        raise _storage_error(error, version, folder) from error


def check_space(folder: Path, version: ConductorVersion, needed_bytes: int) -> None:
    """Check the free disk space for files of `version`.

    Raises:
        TestbedError: `folder` has less than `needed_bytes` and a reserve free.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes + SPARE_BYTES:
        raise _no_space(version, folder, free_bytes, needed_bytes)


@contextlib.contextmanager
def exclusive_lock(lock_path: Path, report: Report) -> Iterator[None]:
    """Hold a lock between runs; the kernel releases the lock of a killed run."""
    with lock_path.open("w") as lock:
        if not _try_lock(lock.fileno()):
            report("waiting for another run that prepares this Conductor")
            wait_until(
                lambda: _try_lock(lock.fileno()),
                what="another run to prepare the Conductor jar",
                timeout=limits.FETCH_LOCK,
                interval=0.2,
                hint=f"check which process locks {lock_path}",
            )
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _storage_error(error: OSError, version: ConductorVersion, folder: Path) -> TestbedError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _no_space(version, folder, shutil.disk_usage(folder).free, version.size)
    return TestbedError(
        f"the jar of Conductor {version.name} could not be stored in {folder}",
        evidence=str(error),
        hint=f"make the folder writable, or set {CACHE_VARIABLE} to one that is",
    )


def _no_space(
    version: ConductorVersion, folder: Path, free_bytes: int, needed_bytes: int
) -> TestbedError:
    return TestbedError(
        f"not enough disk space for Conductor {version.name}: it needs "
        f"{_megabytes(needed_bytes + SPARE_BYTES)}, {folder} has {_megabytes(free_bytes)} free",
        hint=f"free some space, or set {CACHE_VARIABLE} to a folder on another disk",
    )


def _root_cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"


def _megabytes(count: int) -> str:
    return f"{count / MEGABYTE:.0f} MB"
