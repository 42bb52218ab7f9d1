"""A project of tools/compose/compose.yaml, and the host that its containers reach."""

from __future__ import annotations

import re
import shutil
import socket
import socketserver
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from tests.unit.background import in_background
from trackproof.testbed.docker import docker_engine

FOLDER = Path(__file__).parents[3] / "tools" / "compose"
COMPOSE = FOLDER / "compose.yaml"
EXAMPLE = FOLDER / "environment.example"
IMAGES = tuple(
    dict.fromkeys(re.findall(r"\$\{\w+_IMAGE:-([^}]+)\}", COMPOSE.read_text(encoding="utf-8")))
)
"""The images that the file names, which images/build.sh builds."""
PROJECT_LABEL = "com.docker.compose.project"
COMMAND_SECONDS = 240.0


def compose_command() -> tuple[str, ...] | None:
    """Return the installed Compose: the plug-in of docker, or the program; None without one."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]) is None:
            continue
        shown = subprocess.run(
            [*command, "version", "--short"], capture_output=True, text=True, check=False
        )
        if shown.returncode == 0 and not shown.stdout.startswith("1."):
            return command
    return None


@dataclass(frozen=True)
class Deployment:
    """One project; `down` removes it."""

    command: Sequence[str]
    project: str
    environment_file: Path

    def run(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> str:
        """Run a command of Compose and return its output."""
        done = subprocess.run(
            [
                *(*self.command, "--project-name", self.project, "--file", str(COMPOSE)),
                *("--env-file", str(self.environment_file), *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            logs = "" if arguments[0] == "logs" else self.run("logs", "--tail", "30")
            raise AssertionError(f"compose {' '.join(arguments)}: {done.stdout}\n{logs}")
        return done.stdout

    def configure(self, variables: Mapping[str, str]) -> None:
        """Write the environment file."""
        lines = (f"{name}={value}\n" for name, value in variables.items())
        self.environment_file.write_text("".join(lines), encoding="utf-8")

    def leftovers(self) -> list[str]:
        """Return the names of the project's containers, networks and volumes."""
        filters = {"label": f"{PROJECT_LABEL}={self.project}"}
        with docker_engine() as engine:
            return [
                *(one.name for one in engine.containers.list(all=True, filters=filters)),
                *(one.name for one in engine.networks.list(filters=filters)),
                *(one.name for one in engine.volumes.list(filters=filters)),
            ]


def host_of_containers() -> str:
    """Return the host's address on Docker's bridge."""
    with docker_engine() as engine:
        address: str = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    return address


@contextmanager
def reachable_from_containers(host: str, ports: Sequence[int]) -> Iterator[None]:
    """Forward these ports of the bridge's address to loopback, where the stand-ins listen."""
    with ExitStack() as stack:
        for port in ports:
            server = stack.enter_context(_Forwarder((host, port), _Forwarded))
            stack.enter_context(in_background(server))
        yield


class _Forwarder(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Forwarded(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        peer: socket.socket = self.request
        _, port = peer.getsockname()
        with socket.create_connection(("127.0.0.1", port)) as target:
            back = Thread(target=_pump, args=(target, peer), daemon=True)
            back.start()
            _pump(peer, target)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Send all that comes from one socket to the other, its end included."""
    try:
        while block := source.recv(65_536):
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # a peer closed both ways
        return
