"""A process is run, logged and, whatever happens, ended with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from trackproof.testbed import supervisor
from trackproof.testbed.processes import ManagedProcess
from trackproof.wait import wait_until

Start = Callable[..., ManagedProcess]

SLEEPS = "import time; time.sleep(600)"
TELLS_ITS_ID = f"import os; print(os.getpid(), flush=True); {SLEEPS}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that runs some Python, and end it after the test."""
    started: list[ManagedProcess] = []

    def of(code: str, **kwargs: object) -> ManagedProcess:
        command = [sys.executable, "-c", dedent(code)]
        log_path = tmp_path / f"{len(started)}.log"
        process = ManagedProcess("sample", command, log_path=log_path, **kwargs)  # type: ignore[arg-type]
        started.append(process)
        return process

    yield of
    for process in started:
        process.stop()


def told_ids(log_path: Path, count: int = 1) -> list[int]:
    """Return the process ids that were written to a log, once all are there."""

    def ids() -> list[int]:
        text = log_path.read_text() if log_path.exists() else ""
        complete = text[: text.rfind("\n") + 1].split()
        return [int(word) for word in complete] if len(complete) >= count else []

    return wait_until(ids, what=f"{count} process ids", timeout=20, interval=0.01)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(*pids: int) -> None:
    wait_until(
        lambda: not any(map(runs, pids)),
        what=f"processes {pids} to end",
        timeout=20,
        interval=0.01,
    )


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_is_the_commands_own(code: int, start: Start) -> None:
    process = start(f"raise SystemExit({code})")

    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.poll() == code


def test_a_command_ended_by_a_signal_is_told_as_shells_tell_it(start: Start) -> None:
    process = start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.poll() == 128 + signal.SIGKILL


def test_a_command_that_cannot_be_started_is_told_in_the_log(tmp_path: Path) -> None:
    with ManagedProcess("nobody", ["/no/such/command"], log_path=tmp_path / "log") as process:
        wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

        assert process.poll() == 1
        assert "No such file or directory: '/no/such/command'" in process.tail()


def test_a_running_command_has_no_exit_code(start: Start) -> None:
    process = start(TELLS_ITS_ID)
    told_ids(process.log_path)

    assert process.poll() is None


def test_the_tail_is_the_last_lines_of_output_and_errors(start: Start) -> None:
    process = start(
        """
        import sys
        print("first", flush=True)
        sys.stdout.buffer.write(b"not UTF-8: \\xff\\n")
        sys.stdout.flush()
        print("last", file=sys.stderr)
        """
    )
    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.tail(2) == "not UTF-8: \ufffd\nlast"
    assert process.tail() == "first\nnot UTF-8: \ufffd\nlast"


def test_folder_and_environment_are_the_given_ones(start: Start, tmp_path: Path) -> None:
    process = start(
        "import os; print(os.getcwd(), os.environ['COLOUR'])",
        cwd=tmp_path,
        env={**os.environ, "COLOUR": "green"},
    )
    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.tail() == f"{tmp_path} green"


def test_stopping_ends_the_command_and_its_children(start: Start) -> None:
    process = start(
        f"""
        import os, subprocess, sys
        subprocess.Popen([sys.executable, "-c", {TELLS_ITS_ID!r}])
        {TELLS_ITS_ID}
        """
    )
    ids = told_ids(process.log_path, 2)

    process.stop()

    wait_until_gone(*ids)
    assert process.poll() == 128 + signal.SIGTERM


def test_children_that_outlive_the_command_are_ended(start: Start) -> None:
    process = start(
        f"""
        import os, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", {TELLS_ITS_ID!r}], stdout=subprocess.PIPE)
        print(int(child.stdout.readline()), flush=True)
        os._exit(0)
        """
    )
    ids = told_ids(process.log_path)

    wait_until_gone(*ids)
    wait_until(lambda: process.poll() == 0, what="the end", timeout=20, interval=0.01)


def test_a_command_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The supervisor is a program of its own: a copy of it with less patience.
    impatient = tmp_path / "supervisor.py"
    text = Path(supervisor.__file__).read_text()
    impatient.write_text(text.replace("GRACE_SECONDS = 5.0", "GRACE_SECONDS = 0.2"))
    monkeypatch.setattr(supervisor, "__file__", str(impatient))
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {TELLS_ITS_ID}"
    command = [sys.executable, "-c", stubborn]

    with ManagedProcess("stubborn", command, log_path=tmp_path / "log") as process:
        ids = told_ids(process.log_path)
        process.stop()

    wait_until_gone(*ids)
    assert process.poll() == 128 + signal.SIGKILL


def test_stopping_twice_or_after_the_end_is_fine(start: Start) -> None:
    ended = start("pass")
    wait_until(lambda: ended.poll() == 0, what="the end", timeout=20, interval=0.01)
    running = start(TELLS_ITS_ID)
    told_ids(running.log_path)

    for process in (ended, running):
        process.stop()
        process.stop()

    assert ended.poll() == 0
    assert running.poll() == 128 + signal.SIGTERM


PARENT = f"""
import sys
from pathlib import Path
from trackproof.testbed.processes import ManagedProcess
process = ManagedProcess(
    "child", [sys.executable, "-c", {TELLS_ITS_ID!r}], log_path=Path(sys.argv[1])
)
{SLEEPS}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_ends_when_the_process_that_started_it_is_killed(
    number: signal.Signals, tmp_path: Path
) -> None:
    log_path = tmp_path / "log"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(log_path)])
    try:
        ids = told_ids(log_path)
    finally:
        parent.send_signal(number)
        parent.wait()

    wait_until_gone(*ids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_command_ends_when_its_supervisor_is_killed(start: Start) -> None:
    process = start(TELLS_ITS_ID)
    (pid,) = told_ids(process.log_path)

    psutil.Process(pid).parent().kill()  # type: ignore[union-attr]

    wait_until_gone(pid)
    assert wait_until(process.poll, what="its end", timeout=20, interval=0.01) == -signal.SIGKILL


def test_sigterm_to_the_supervisor_ends_the_command(start: Start) -> None:
    process = start(TELLS_ITS_ID)
    (pid,) = told_ids(process.log_path)

    psutil.Process(pid).parent().terminate()  # type: ignore[union-attr]

    wait_until_gone(pid)
    assert wait_until(process.poll, what="its end", timeout=20) == 128 + signal.SIGTERM
