"""A process is run, logged and ended with its children, whatever ends its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from trackproof.testbed import supervisor
from trackproof.testbed.processes import ManagedProcess
from trackproof.wait import wait_until

Start = Callable[..., ManagedProcess]

SLEEP = "import time; time.sleep(600)"
PRINT_PID = f"import os; print(os.getpid(), flush=True); {SLEEP}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start processes that run Python code; end them after the test."""
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


def pids_in(log_path: Path, count: int = 1) -> list[int]:
    """Return the process ids in a log, once all are written."""

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


@pytest.mark.parametrize("code", [0, 7])
def test_exit_code_is_that_of_the_command(code: int, start: Start) -> None:
    process = start(f"raise SystemExit({code})")

    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.poll() == code


def test_exit_code_after_a_signal_is_128_plus_its_number(start: Start) -> None:
    process = start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.poll() == 128 + signal.SIGKILL


def test_failed_start_is_in_the_log(tmp_path: Path) -> None:
    with ManagedProcess("missing", ["/no/such/command"], log_path=tmp_path / "log") as process:
        wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

        assert process.poll() == 1
        assert "No such file or directory: '/no/such/command'" in process.tail()


def test_tail_has_the_last_lines_of_both_streams(start: Start) -> None:
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


def test_command_has_the_given_folder_and_environment(start: Start, tmp_path: Path) -> None:
    process = start(
        "import os; print(os.getcwd(), os.environ['COLOUR'])",
        cwd=tmp_path,
        env={**os.environ, "COLOUR": "green"},
    )
    wait_until(lambda: process.poll() is not None, what="the end", timeout=20, interval=0.01)

    assert process.tail() == f"{tmp_path} green"


def test_stop_ends_the_command_and_its_children(start: Start) -> None:
    process = start(
        f"""
        import os, subprocess, sys
        subprocess.Popen([sys.executable, "-c", {PRINT_PID!r}])
        {PRINT_PID}
        """
    )
    ids = pids_in(process.log_path, 2)

    process.stop()

    wait_until_gone(*ids)
    assert process.poll() == 128 + signal.SIGTERM


def test_children_that_outlive_the_command_are_killed(start: Start) -> None:
    process = start(
        f"""
        import os, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", {PRINT_PID!r}], stdout=subprocess.PIPE)
        print(int(child.stdout.readline()), flush=True)
        os._exit(0)
        """
    )
    ids = pids_in(process.log_path)

    wait_until_gone(*ids)
    wait_until(lambda: process.poll() == 0, what="the end", timeout=20, interval=0.01)


def test_command_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The supervisor runs as a script: use a copy with a shorter grace period.
    quick = tmp_path / "supervisor.py"
    text = Path(supervisor.__file__).read_text()
    quick.write_text(text.replace("GRACE_SECONDS = 5.0", "GRACE_SECONDS = 0.2"))
    monkeypatch.setattr(supervisor, "__file__", str(quick))
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PRINT_PID}"
    command = [sys.executable, "-c", deaf]

    with ManagedProcess("deaf", command, log_path=tmp_path / "log") as process:
        ids = pids_in(process.log_path)
        process.stop()

    wait_until_gone(*ids)
    assert process.poll() == 128 + signal.SIGKILL


def test_second_stop_and_stop_after_the_exit_do_nothing(start: Start) -> None:
    ended = start("pass")
    wait_until(lambda: ended.poll() == 0, what="the end", timeout=20, interval=0.01)
    running = start(PRINT_PID)
    pids_in(running.log_path)

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
    "child", [sys.executable, "-c", {PRINT_PID!r}], log_path=Path(sys.argv[1])
)
{SLEEP}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_command_ends_with_a_killed_parent(number: signal.Signals, tmp_path: Path) -> None:
    log_path = tmp_path / "log"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(log_path)])
    try:
        ids = pids_in(log_path)
    finally:
        parent.send_signal(number)
        parent.wait()

    wait_until_gone(*ids)


@pytest.mark.skipif(
    sys.platform != "linux", reason="the death signal of a parent exists on Linux only"
)
def test_command_ends_with_a_killed_supervisor(start: Start) -> None:
    process = start(PRINT_PID)
    (pid,) = pids_in(process.log_path)

    psutil.Process(pid).parent().kill()  # type: ignore[union-attr]

    wait_until_gone(pid)
    assert wait_until(process.poll, what="its end", timeout=20, interval=0.01) == -signal.SIGKILL


def test_sigterm_to_the_supervisor_ends_the_command(start: Start) -> None:
    process = start(PRINT_PID)
    (pid,) = pids_in(process.log_path)

    psutil.Process(pid).parent().terminate()  # type: ignore[union-attr]

    wait_until_gone(pid)
    assert wait_until(process.poll, what="its end", timeout=20) == 128 + signal.SIGTERM


PARENT_OF_A_POLLER = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{SLEEP}"])
print(child.pid, flush=True)
{SLEEP}
"""


def test_sigterm_to_the_command_alone_leaves_its_children(start: Start) -> None:
    process = start(PARENT_OF_A_POLLER)
    (child,) = pids_in(process.log_path)
    assert process.ended_at() is None
    since = time.time()

    process.request_end()

    ended_at = wait_until(process.ended_at, what="its exit", timeout=20, interval=0.01)
    assert since <= ended_at <= time.time()
    assert process.ended_at() == ended_at
    assert (runs(child), process.poll()) == (True, None)
    process.stop()
    wait_until_gone(child)


def test_a_command_without_children_ends_with_its_own_code(start: Start) -> None:
    process = start(f"import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); {PRINT_PID}")
    pids_in(process.log_path)

    process.request_end()

    assert wait_until(process.poll, what="its exit", timeout=20, interval=0.01) == 3
    assert process.ended_at() is not None


def test_a_killed_process_starts_again_with_the_same_log(start: Start) -> None:
    process = start(PRINT_PID)
    (first,) = pids_in(process.log_path)
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: process.poll() is not None, what="its death", timeout=10)

    process.restart()

    _, second = pids_in(process.log_path, 2)
    assert (runs(first), runs(second), process.poll()) == (False, True, None)
