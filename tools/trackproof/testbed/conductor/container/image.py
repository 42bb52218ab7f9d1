"""Images of Conductor: find one, or build one from the published jar on any base with Java."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import requests
from docker.errors import APIError, BuildError, DockerException

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.limits import BUILD
from trackproof.testbed.conductor.process.jar import Report, verified_jar
from trackproof.testbed.conductor.versions import ConductorVersion, conductor_version
from trackproof.testbed.docker import PULL_READ_SECONDS, docker_engine, has_image, pull_image

RECIPE_FILES = ("Dockerfile", "startup.sh", "healthcheck.sh")
RECIPE = Path(__file__).parent / "recipe"
PROPERTIES_NAME = "config-local.properties"


def find_image(version: ConductorVersion, *, report: Report) -> str:
    """Return an image of `version`: a local one, else a published one after a pull.

    Raises:
        TestbedError: No engine, or no image could be pulled within the time limit.
    """
    with docker_engine(timeout=PULL_READ_SECONDS) as engine:
        for image in (*version.images, version.local_image):
            if has_image(engine, image):
                return image
        failures = []
        for image in version.images:
            try:
                pull_image(engine, image, report)
            except (DockerException, requests.RequestException, TimeoutError) as error:
                failures.append(f"{image}: {error}")
            else:
                return image
    raise TestbedError(
        f"no image of Conductor {version.name} is on this machine or can be pulled",
        evidence="\n".join(failures),
        hint=f"build one from the published jar as {version.local_image}, or choose the process "
        "backend",
    )


def build_image(version: str, *, base: str, report: Report, tag: str | None = None) -> str:
    """Build an image with the engine's classic builder and return its tag.

    Args:
        version: A name from the table of versions.
        base: An image with `java` of at least the version's minimum on its PATH.
        report: Receives single lines of progress.
        tag: By default the tag that `find_image` looks for.

    Raises:
        TestbedError: No engine, no jar, or the build failed; with the build's last lines.
    """
    chosen = conductor_version(version)
    tag = tag or chosen.local_image
    jar = verified_jar(chosen, report=report)
    with (
        docker_engine(timeout=BUILD) as engine,
        tempfile.TemporaryDirectory(dir=jar.parent, prefix=".build-") as folder,
    ):
        context = Path(folder)
        for name in RECIPE_FILES:
            shutil.copy(RECIPE / name, context)
        os.link(jar, context / jar.name)
        lines = (f"{name}={value}\n" for name, value in chosen.properties.items())
        (context / PROPERTIES_NAME).write_text("".join(lines), encoding="utf-8")
        report(f"building {tag} on {base}")
        try:
            engine.images.build(path=folder, tag=tag, buildargs={"BASE": base}, rm=True)
        except BuildError as error:
            output = [
                str(entry.get("stream") or entry.get("error") or "") for entry in error.build_log
            ]
            raise TestbedError(
                f"the image of Conductor {version} could not be built: {error.msg}",
                evidence="".join(output[-20:]),
                hint=f"check that {base} is local (`docker image ls`) and has Java",
            ) from error
        except APIError as error:
            raise TestbedError(
                f"the engine refused to build the image of Conductor {version}",
                evidence=str(error),
                hint=f"check that {base} is local (`docker image ls`) and the disk has space",
            ) from error
    return tag
