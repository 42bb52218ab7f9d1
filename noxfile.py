"""Every routine a person would type. `nox -l` lists them."""

from __future__ import annotations

import os

import nox

nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

RUN_LOCK = "requirements/run.txt"
DEV_LOCK = "requirements/dev.txt"

# Most of a test's time is waiting for servers. A file stays in one process: its tests share them.
# In the order of tests/conftest.py the long ones are first: all would wait for them in the end.
IN_PARALLEL = (
    *("-n", str(min(4, (os.cpu_count() or 1) + 1))),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
)

# Beside others on two processors, the thread that compiles Java comes late, and what it has not
# compiled takes up to four times as long. Alone, to wait for it would cost a start two seconds.
BESIDE_OTHERS = {"TRACKPROOF_JAVA_OPTIONS": os.environ.get("TRACKPROOF_JAVA_OPTIONS", "-Xbatch")}


def _install(session: nox.Session, lock: str) -> None:
    """Install exactly what is locked, then the project itself."""
    # Fleets and servers are started by the dozen: with the variable, each would compile all anew.
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    session.install("--require-hashes", "-r", lock)
    session.install("--no-deps", "--no-build-isolation", "-e", ".")


@nox.session
def demo(session: nox.Session) -> None:
    """Run one meeting through a real Conductor: `nox -s demo -- --tracks 5`."""
    _install(session, RUN_LOCK)
    session.run("trackproof", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Check style, types and imports, then run all tests: `nox -s tests -- -k word`."""
    _install(session, DEV_LOCK)
    if not session.posargs:
        _checks(session)
    session.run("pytest", *(session.posargs or IN_PARALLEL), env=BESIDE_OTHERS)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, imports and dependencies only."""
    _install(session, DEV_LOCK)
    _checks(session)


@nox.session
def contracts(session: nox.Session) -> None:
    """Prove the contracts sound, their page fresh, and the newest release unbroken."""
    _install(session, RUN_LOCK)
    session.run("trackproof", "contracts", "check")
    session.run("trackproof", "contracts", "docs", "--check")
    session.run("trackproof", "contracts", "gate")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what is promised to be quick: `nox -s bench -- validation`."""
    _install(session, DEV_LOCK)
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Run every faulty fleet against the suite: `nox -s mutants -- --only pad_track`."""
    _install(session, DEV_LOCK)
    jobs = () if "--jobs" in session.posargs else ("--jobs", "2")
    session.run("python", "-m", "tests.mutants", *jobs, *session.posargs, env=BESIDE_OTHERS)


@nox.session
def flake(session: nox.Session) -> None:
    """Repeat the suite and compare every clause: `nox -s flake -- --times 30`."""
    _install(session, DEV_LOCK)
    session.run("python", "-m", "tests.flake", *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """Run what every other run takes a part of: whole matrices, 2,000 tracks for 100."""
    _install(session, DEV_LOCK)
    session.run("pytest", "-m", "nightly", *(session.posargs or IN_PARALLEL), env=BESIDE_OTHERS)
    if not session.posargs:
        search = "tests/unit/reference_workers/audio/test_any_track.py"
        session.run("pytest", search, env={"TRACKPROOF_AUDIO_EXAMPLES": "2000"})
        properties = ("tests/unit/trackproof/contracts", "tests/unit/fixtures_audio")
        session.run("pytest", *properties, env={"TRACKPROOF_EXAMPLES_FACTOR": "20"})


@nox.session
def fmt(session: nox.Session) -> None:
    """Put the code into its one format."""
    _install(session, DEV_LOCK)
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def lock(session: nox.Session) -> None:
    """Write the locks anew; `-- --upgrade` takes the newest of everything."""
    session.install("uv")
    for target, extra in ((RUN_LOCK, ()), (DEV_LOCK, ("--extra", "dev"))):
        session.run(
            *("uv", "pip", "compile", "pyproject.toml", "requirements/build.in"),
            *("--generate-hashes", "--universal", "--python-version", "3.11"),
            *("--no-emit-index-url", "--no-annotate", "--quiet", "--output-file", target),
            *("--custom-compile-command", "nox -s lock"),
            *extra,
            *session.posargs,
        )


def _checks(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--num-workers", "auto")
    session.run("lint-imports")
    session.run("deptry", ".")
