from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.exceptions import ContainerStartException
from testcontainers.core.network import Network

from tests.integration.conductor.leftovers import parent_script
from trackproof.errors import TestbedError
from trackproof.testbed.conductor import ConductorRest
from trackproof.testbed.conductor.container.backend import start_container
from trackproof.testbed.conductor.container.conductor_container import ConductorContainer
from trackproof.testbed.conductor.external_server import connect
from trackproof.testbed.docker import LABEL, docker_engine
from trackproof.wait import wait_until

pytestmark = [pytest.mark.conductor, pytest.mark.docker]

OWNER = {"ownerEmail": "owner@example.org"}

PARENT = """
import sys
from pathlib import Path
from trackproof.testbed.conductor.container.backend import start_container

folder = Path(sys.argv[1])
server = start_container("3.15.0", report=print, image="IMAGE")
"""


@pytest.fixture(autouse=True, scope="module")
def without_reaper() -> Iterator[None]:
    """Run without testcontainers' reaper, whose image the engine may lack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testcontainers_config, "_ryuk_disabled", True)
        yield


def containers(**filters: str) -> list[str]:
    """Return the ids of containers, running or not."""
    with docker_engine() as engine:
        return [container.id for container in engine.containers.list(all=True, filters=filters)]


@pytest.mark.nightly
def test_container_starts_healthy_and_is_removed_by_stop(conductor_image: str) -> None:
    before = containers(label=LABEL)
    with start_container("3.15.0", report=print, image=conductor_image) as server:
        assert server.backend == "container"
        assert server.poll() is None
        assert "Tomcat started" in server.logs(500)
        assert connect(server.base_url).version == "3.15.0"
        assert server.internal_api_url.endswith(":8080/api")
        (own,) = set(containers(label=LABEL)) - set(before)
        with docker_engine() as engine:
            wait_until(
                lambda: engine.containers.get(own).health == "healthy",
                what="the image's own health check",
                timeout=60,
            )
    assert containers(label=LABEL) == before
    assert server.poll() is not None
    assert server.logs()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,  # the parent cannot clean up
        pytest.param(signal.SIGTERM, marks=pytest.mark.nightly),
        pytest.param(signal.SIGINT, marks=pytest.mark.nightly),
    ],
)
def test_container_ends_with_its_parent(
    conductor_image: str, tmp_path: Path, number: signal.Signals
) -> None:
    with parent_script(PARENT.replace("IMAGE", conductor_image), tmp_path) as (parent, url):
        port = str(urlsplit(url).port)
        assert containers(publish=port)
        parent.send_signal(number)
        parent.wait(20)
        wait_until(
            lambda: not containers(publish=port),
            what="the container to be removed after its parent",
            timeout=20,
        )


@pytest.mark.nightly
def test_refused_definition_fails_the_start_with_the_servers_message(
    conductor_image: str, tmp_path: Path
) -> None:
    (tmp_path / "workflow.json").write_text(json.dumps({"name": "nobody's", "tasks": []}))
    before = containers()
    with (
        pytest.raises(ContainerStartException, match="ownerEmail cannot be empty") as failure,
        ConductorContainer(conductor_image).with_workflow_definitions(tmp_path / "workflow.json"),
    ):
        pass
    assert "Hint: correct the definition" in str(failure.value)
    assert containers() == before


@pytest.fixture(scope="module")
def configured(
    conductor_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConductorContainer]:
    """A server with every option: definitions, properties, a network, a heap."""
    folder = tmp_path_factory.mktemp("definitions")
    (folder / "tasks.json").write_text(json.dumps([{"name": "pad", **OWNER}]))
    last = {"name": "pad", "taskReferenceName": "pad"}
    workflow = {"name": "pipeline", "version": 1, "tasks": [last], **OWNER}
    (folder / "workflow.json").write_text(json.dumps(workflow))
    with Network() as network:
        container = (
            ConductorContainer(conductor_image, port=9090)
            .with_property("server.port", "9090")
            .with_task_definitions(folder / "tasks.json")
            .with_workflow_definitions(folder / "workflow.json")
            .with_environment({"JAVA_OPTS": "-Xmx400m -XX:TieredStopAtLevel=1"})
            .with_network(network)
            .with_network_aliases("conductor")
        )
        with container:
            yield container


def test_definitions_are_registered_when_the_server_is_ready(
    configured: ConductorContainer,
) -> None:
    with ConductorRest(configured.get_api_url()) as rest:
        assert [task["name"] for task in rest.task_definitions()] == ["pad"]
        assert rest.workflow_definition("pipeline", 1)
    assert configured.get_container_logs(1).count("\n") == 0


def test_properties_take_precedence_over_the_file_in_the_image(
    configured: ConductorContainer,
) -> None:
    with urlopen(f"{configured.get_api_url()}/metadata/taskdefs") as answer:
        assert answer.status == 200
    assert configured.get_internal_api_url().endswith(":9090/api")


def test_internal_url_is_reachable_from_another_container(
    configured: ConductorContainer, conductor_image: str
) -> None:
    url = urlsplit(configured.get_internal_api_url())
    assert url.hostname == "conductor"
    script = (
        f"exec 3<>/dev/tcp/{url.hostname}/{url.port}; "
        f'printf "GET {url.path}/metadata/taskdefs HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
    )

    with docker_engine() as engine:
        inside = engine.containers.get(configured.get_container_id())
        (network,) = inside.attrs["NetworkSettings"]["Networks"]
        answer = engine.containers.run(
            conductor_image, ["-c", script], entrypoint="bash", network=network, remove=True
        )

    assert b"200" in answer.splitlines()[0]


@pytest.mark.nightly
def test_failed_server_is_an_error_with_log_and_hint(conductor_image: str) -> None:
    before = containers()
    container = ConductorContainer(conductor_image).with_property("conductor.db.type", "postgres")
    with pytest.raises(ContainerStartException) as failure, container:
        pass
    text = str(failure.value)
    assert "did not start" in text.splitlines()[0]
    assert "Last log lines:" in text
    assert "Hint: " in text.splitlines()[-1]
    assert containers() == before


@pytest.mark.usefixtures("conductor_image")
def test_missing_image_is_a_testbed_error_with_a_hint() -> None:
    with pytest.raises(TestbedError, match="trackproof/none:0") as failure:
        start_container("3.15.0", report=print, image="trackproof/none:0")
    assert "pull or build the image" in failure.value.hint
