"""An image of Conductor, built from the recipe of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.container.image import RECIPE, build_image
from trackproof.testbed.docker import docker_engine, has_image

BASE_IMAGE = "trackproof/jre-base:17"
TEST_IMAGE = "trackproof/conductor-test:3.15.0"
MAKE_BASE = RECIPE / "make-base-image.sh"


@pytest.fixture(scope="session")
def conductor_image() -> Iterator[str]:
    """Build an image of 3.15.0; skip where that is not possible."""
    try:
        with docker_engine() as engine:
            has_base = has_image(engine, BASE_IMAGE)
    except TestbedError as error:
        pytest.skip(f"{error.what}: {error.evidence.splitlines()[0]}")
    if not has_base:
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            pytest.skip(f"image {BASE_IMAGE} is missing; build it with {MAKE_BASE}")
        subprocess.run([str(MAKE_BASE), BASE_IMAGE], check=True, capture_output=True)
    tag = build_image("3.15.0", base=BASE_IMAGE, tag=TEST_IMAGE, report=print)
    yield tag
    with docker_engine() as engine:
        engine.images.remove(tag, force=True)
