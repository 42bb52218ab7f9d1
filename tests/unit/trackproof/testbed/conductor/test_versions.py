import re

import pytest

from trackproof.errors import UsageError
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, VERSIONS, conductor_version


def test_default_is_the_version_of_the_first_image() -> None:
    assert (
        conductor_version(DEFAULT_VERSION).images[0] == "conductoross/conductor-standalone:3.15.0"
    )


@pytest.mark.parametrize("name", VERSIONS)
def test_every_version_is_pinned_by_its_sum_and_its_tags(name: str) -> None:
    version = VERSIONS[name]
    assert version.name == name
    assert re.fullmatch(r"[0-9a-f]{64}", version.sha256)
    assert all(image.endswith(f":{name}") for image in (*version.images, version.local_image))


def test_sums_are_all_different() -> None:
    assert len({version.sha256 for version in VERSIONS.values()}) == len(VERSIONS)


def test_properties_become_arguments() -> None:
    assert conductor_version("3.15.0").arguments == (
        "--loadSample=false",
        "--conductor.db.type=memory",
        "--conductor.queue.type=memory",
    )


def test_unknown_version_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as failure:
        conductor_version("2.0")
    assert "Conductor 2.0" in failure.value.what
    assert all(name in failure.value.hint for name in VERSIONS)
