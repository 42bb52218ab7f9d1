"""An image of any known Conductor, made from the published jar on any base with a Java."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from docker.errors import APIError, BuildError

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.limits import BUILD
from trackproof.testbed.conductor.process.jar import Report, verified_jar
from trackproof.testbed.conductor.versions import conductor_version
from trackproof.testbed.docker import docker_engine

RECIPE_FILES = ("Dockerfile", "startup.sh", "healthcheck.sh")
RECIPE = Path(__file__).parent / "recipe"
PROPERTIES_NAME = "config-local.properties"


def build_image(version: str, *, base: str, report: Report, tag: str | None = None) -> str:
    """Build an image with the engine's classic builder and return its tag.

    Args:
        version: A name from the table of versions.
        base: An image with `java` of at least the version's minimum in its path.
        report: Told in single lines what takes its time.
        tag: Left out, the one `start_container` looks for.

    Raises:
        TestbedError: No engine, no jar, or the build failed; with the build's last lines.
    """
    chosen = conductor_version(version)
    tag = tag or chosen.local_image
    jar = verified_jar(chosen, report=report)
    with (
        docker_engine(timeout=BUILD) as client,
        tempfile.TemporaryDirectory(dir=jar.parent, prefix=".build-") as folder,
    ):
        context = Path(folder)
        for name in RECIPE_FILES:
            shutil.copy(RECIPE / name, context)
        os.link(jar, context / jar.name)
        lines = (f"{name}={value}\n" for name, value in chosen.properties.items())
        (context / PROPERTIES_NAME).write_text("".join(lines))
        report(f"building {tag} on {base}")
        try:
            client.images.build(path=folder, tag=tag, buildargs={"BASE": base}, rm=True)
        except BuildError as error:
            output = [
                str(entry.get("stream") or entry.get("error") or "") for entry in error.build_log
            ]
            raise TestbedError(
                f"the image of Conductor {version} could not be built: {error.msg}",
                evidence="".join(output[-20:]),
                hint=f"see that {base} is here (`docker image ls`) and has a Java",
            ) from error
        except APIError as error:
            raise TestbedError(
                f"the engine refused to build the image of Conductor {version}",
                evidence=str(error),
                hint=f"see that {base} is here (`docker image ls`) and there is room on the disk",
            ) from error
    return tag
