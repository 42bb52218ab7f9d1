"""The server jar: fetched once, and checked against its pinned sum before every run."""

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


def cache_folder() -> Path:
    """Return where fetched files are kept between runs."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path("trackproof")


def jar_path(version: ConductorVersion) -> Path:
    """Return where the jar of a version is kept once it has been fetched and checked."""
    return cache_folder() / "conductor" / f"conductor-server-{version.name}-boot.jar"


def verified_jar(
    version: ConductorVersion, *, report: Report, download: Download | None = None
) -> Path:
    """Return the jar of `version`, fetched if need be, with the sum the table pins.

    The whole file is hashed every time: 0.1 to 0.3 s.

    Args:
        version: Which server.
        report: Told what is being fetched and how far it is.
        download: Fetches the jar into the folder it is given and returns its path.

    Raises:
        TestbedError: The jar cannot be had, or is not the published one.
    """
    path = jar_path(version)
    with storage_errors(version, path.parent):
        if path.exists() and sha256_of(path) == version.sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(path.parent / f".{version.name}.lock", report):
            return _fetch_if_missing(path, version, report, download or download_jar)


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download_jar(version: ConductorVersion, folder: Path, report: Report) -> Path:
    """Fetch the boot jar through jgo into an empty `folder`.

    jgo writes straight to the final name and takes a torn file there for a whole one at its
    next call. So it gets a folder of its own each time, never the cache itself.
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
            hint="it comes from Maven Central once and is kept; connect to the network for the "
            f"first run, or set {CACHE_VARIABLE} to a folder that holds it already",
        ) from error


def _fetch_if_missing(
    path: Path, version: ConductorVersion, report: Report, download: Download
) -> Path:
    if path.exists():
        seen = sha256_of(path)
        if seen == version.sha256:
            return path  # another run fetched it while this one waited
        report(f"{path.name} is damaged (SHA-256 {seen[:12]}…): deleted, fetching it again")
        path.unlink()
    prefix = f".fetch-{version.name}-"
    for torn in path.parent.glob(f"{prefix}*"):  # of a run that was killed: we hold the lock
        shutil.rmtree(torn, ignore_errors=True)
    check_space(path.parent, version, version.size)
    seen = ""
    for left in reversed(range(FETCH_ATTEMPTS)):
        report(f"fetching Conductor {version.name} ({_megabytes(version.size)}), once")
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=prefix) as folder:
            try:
                fetched = download(version, Path(folder), report)
            except TestbedError as error:
                if not left:
                    raise
                report(f"{error.what} ({error.evidence}): once more")
                continue
            seen = sha256_of(fetched)
            if seen == version.sha256:
                return fetched.replace(path)
    raise TestbedError(
        f"the fetched jar of Conductor {version.name} is not the published one",
        evidence=f"expected SHA-256 {version.sha256}\nseen     SHA-256 {seen}",
        hint="nothing was run; see whether a proxy or mirror alters downloads on this network",
    )


@contextlib.contextmanager
def storage_errors(version: ConductorVersion, folder: Path) -> Iterator[None]:
    """Tell a full or read-only disk as what it is.

    Raises:
        TestbedError: A file of `version` could not be stored in `folder`.
    """
    try:
        yield
    except OSError as error:
        raise _storage_error(error, version, folder) from error


def check_space(folder: Path, version: ConductorVersion, needed_bytes: int) -> None:
    """See that files of `version` have room in `folder`.

    Raises:
        TestbedError: They have not.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes + SPARE_BYTES:
        raise _no_space(version, folder, free_bytes, needed_bytes)


@contextlib.contextmanager
def exclusive_lock(lock_path: Path, report: Report) -> Iterator[None]:
    """Let one run at a time get a version ready; the system frees the lock of one that died."""
    with lock_path.open("w") as lock:
        if not _try_lock(lock.fileno()):
            report("another run is getting this Conductor ready; waiting for it")
            wait_until(
                lambda: _try_lock(lock.fileno()),
                what="another run to get the Conductor jar ready",
                timeout=limits.FETCH_LOCK,
                interval=0.2,
                hint=f"see which process holds {lock_path}",
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
        f"no room for the jar of Conductor {version.name}: it needs "
        f"{_megabytes(needed_bytes + SPARE_BYTES)}, {folder} has {_megabytes(free_bytes)} free",
        hint=f"free some space, or set {CACHE_VARIABLE} to a folder on another disk",
    )


def _root_cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"


def _megabytes(count: int) -> str:
    return f"{count / MEGABYTE:.0f} MB"
