"""Every routine a person would type. `nox -l` lists them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

RUN_LOCK = "requirements/run.txt"
LLAMA_FLEET = "tests/fleets/llama_index"
DEV_LOCK = "requirements/dev.txt"  # without Celery
LEGACY_LOCK = "requirements/legacy.txt"  # the product with both pipelines
TEST_LOCKS = (DEV_LOCK, LEGACY_LOCK)

# Most tests wait for servers, so one more than there are processors. A file stays in one process,
# because its tests share servers; long files start first (tests/conftest.py), so that no process
# idles at the end.
IN_PARALLEL = (
    *("-n", str(min(4, (os.cpu_count() or 1) + 1))),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
)

AXE = "axe-core@4.14.1"

# Folders of a checkout that hold no source.
NOT_COPIED = (".git", ".nox", ".venv", "__pycache__", "build", "dist", ".*_cache", ".hypothesis")

# With all processors busy, Java's compiler thread runs late and interpreted code is up to four
# times slower. -Xbatch waits for it; on an idle machine that would cost each start two seconds.
BESIDE_OTHERS = {"TRACKPROOF_JAVA_OPTIONS": os.environ.get("TRACKPROOF_JAVA_OPTIONS", "-Xbatch")}


def _install(session: nox.Session, *locks: str, project: str = ".") -> None:
    """Install the locked versions, then the project itself."""
    # Fleets and servers start by the dozen: with the variable set, each would compile everything.
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    # The locks are complete: nothing is left to resolve. A module is compiled when it is imported.
    files = (part for lock in locks for part in ("-r", lock))
    session.install("--no-deps", "--no-compile", "--require-hashes", *files)
    session.install("--no-deps", "--no-build-isolation", "-e", project)


@nox.session
def demo(session: nox.Session) -> None:
    """Run one meeting through a real Conductor: `nox -s demo -- --tracks 5`."""
    _install(session, RUN_LOCK)
    session.run("trackproof", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Check style, types and layers, then run all tests: `nox -s tests -- -k word`."""
    _install(session, *TEST_LOCKS)
    if not session.posargs:
        _checks(session)
    session.run("pytest", *(session.posargs or IN_PARALLEL), env=BESIDE_OTHERS)


@nox.session
def quick(session: nox.Session) -> None:
    """Check style, types and layers, and run the quick unit tests: the loop of a change."""
    _install(session, *TEST_LOCKS)
    _checks(session)
    chosen = ("tests/unit", "-m", "not slow and not nightly")
    session.run("pytest", *chosen, *(session.posargs or IN_PARALLEL), env=BESIDE_OTHERS)


@nox.session
def conductor_only(session: nox.Session) -> None:
    """Test a copy without Celery and every folder `legacy`; `-- --all` runs all its tests."""
    # Outside the checkout, in which some tests would find a repository.
    with tempfile.TemporaryDirectory(prefix="trackproof-conductor-only-") as folder:
        copy = Path(folder, "trackproof").resolve()
        shutil.copytree(".", copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
        for legacy in list(copy.rglob("legacy")):
            shutil.rmtree(legacy)
        _install(session, DEV_LOCK, project=str(copy))
        session.chdir(copy)
        no_celery = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, sys.argv[1:])))"
        session.run("python", "-c", no_celery, "celery", "kombu")
        chosen = () if session.posargs == ["--all"] else (session.posargs or ("tests/unit",))
        day = ("-m", "not nightly and not browser and not legacy")
        session.run("pytest", *day, *chosen, *IN_PARALLEL, env=BESIDE_OTHERS)
        meeting = ("tests/e2e/test_conductor_only.py", "-m", "not legacy")
        session.run("pytest", *meeting, env=BESIDE_OTHERS)


@nox.session
def compose(session: nox.Session) -> None:
    """Build the images of tools/compose and run a meeting through the deployment."""
    _install(session, *TEST_LOCKS)
    session.run("tools/compose/images/build.sh", external=True)
    session.run("pytest", "tests/integration/compose", "-m", "", *session.posargs)


@nox.session
def contracts(session: nox.Session) -> None:
    """Check the contracts, their page and the release gate."""
    _install(session, RUN_LOCK)
    session.run("trackproof", "contracts", "check")
    session.run("trackproof", "contracts", "docs", "--check")
    session.run("trackproof", "contracts", "gate")


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated pages of docs/; `-- --check` only compares."""
    _install(session, *TEST_LOCKS)
    session.run("python", "-m", "tests.docs", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks: `nox -s bench -- validation`."""
    _install(session, *TEST_LOCKS)
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Run every faulty fleet against the suite: `nox -s mutants -- --only pad_track`."""
    _install(session, *TEST_LOCKS)
    jobs = () if "--jobs" in session.posargs else ("--jobs", "2")
    session.run("python", "-m", "tests.mutants", *jobs, *session.posargs, env=BESIDE_OTHERS)


@nox.session
def faults(session: nox.Session) -> None:
    """Run every task with every fault: `nox -s faults -- --sample 25 --only pad_track/s3`."""
    _install(session, *TEST_LOCKS)
    session.run("python", "-m", "tests.faults", *session.posargs, env=BESIDE_OTHERS)


@nox.session
def flake(session: nox.Session) -> None:
    """Repeat the suite and compare every clause: `nox -s flake -- --times 30`."""
    _install(session, *TEST_LOCKS)
    session.run("python", "-m", "tests.flake", *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """Run the full matrices of which other runs take a sample."""
    _install(session, *TEST_LOCKS)
    session.run("pytest", "-m", "nightly", *(session.posargs or IN_PARALLEL), env=BESIDE_OTHERS)
    if not session.posargs:
        search = "tests/unit/reference_workers/audio/test_any_track.py"
        session.run("pytest", search, env={"TRACKPROOF_AUDIO_EXAMPLES": "2000"})
        properties = ("tests/unit/trackproof/contracts", "tests/unit/fixtures_audio")
        session.run("pytest", *properties, env={"TRACKPROOF_EXAMPLES_FACTOR": "20"})


@nox.session
def browser(session: nox.Session) -> None:
    """Drive the console in Debian's chromium, with real runs; pictures go to build/screenshots."""
    _install(session, *TEST_LOCKS)
    axe = Path(session.create_tmp()).resolve()
    session.run("npm", "install", "--no-audit", "--prefix", str(axe), AXE, external=True)
    pictures = Path("build/screenshots").resolve()
    pictures.mkdir(parents=True, exist_ok=True)
    session.run(
        "pytest",
        *("tests/browser", "-m", "browser"),
        *session.posargs,
        env={
            **BESIDE_OTHERS,
            "TRACKPROOF_AXE": str(axe / "node_modules/axe-core/axe.min.js"),
            "TRACKPROOF_SCREENSHOTS": str(pictures),
        },
    )


@nox.session
def audit(session: nox.Session) -> None:
    """Check the locks for known vulnerabilities, write the SBOM, and run the security rules."""
    session.install("cyclonedx-bom", "pip-audit", "ruff")
    session.run("ruff", "check", "--select", "S", "--ignore", "S101", ".")
    sbom = ("--output-reproducible", "--output-file", "build/sbom.cdx.json")
    Path("build").mkdir(exist_ok=True)
    session.run("cyclonedx-py", "requirements", RUN_LOCK, *sbom)
    for lock in (RUN_LOCK, DEV_LOCK):
        session.run("pip-audit", "--require-hashes", "--disable-pip", "-r", lock)


@nox.session
def fmt(session: nox.Session) -> None:
    """Format the code."""
    _install(session, *TEST_LOCKS)
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def lock(session: nox.Session) -> None:
    """Compile the lock files; `-- --upgrade` takes the newest of everything."""
    session.install("uv")
    both = ("--extra", "lab", "--extra", "legacy", "--constraint", DEV_LOCK)
    for target, extra in (
        (RUN_LOCK, ("--extra", "lab")),
        (DEV_LOCK, ("--extra", "dev")),
        (LEGACY_LOCK, both),
    ):
        session.run(
            *("uv", "pip", "compile", "pyproject.toml", "requirements/build.in"),
            *("--generate-hashes", "--universal", "--python-version", "3.11"),
            *("--no-emit-index-url", "--no-annotate", "--quiet", "--output-file", target),
            *("--custom-compile-command", "nox -s lock"),
            *extra,
            *session.posargs,
        )
    session.run(
        *("uv", "pip", "compile", f"{LLAMA_FLEET}/requirements.in"),
        *("--generate-hashes", "--universal", "--python-version", "3.11"),
        *("--no-emit-index-url", "--no-annotate", "--quiet"),
        *("--output-file", f"{LLAMA_FLEET}/requirements.txt"),
        *("--custom-compile-command", "nox -s lock"),
        *session.posargs,
    )


def _checks(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--num-workers", "auto")
    session.run("lint-imports")
    session.run("deptry", ".")
