"""The gate: the working contracts may not break the newest release behind its back.

A change that breaks consumers takes a major step of the version, one that only fleets have to
follow a minor step. What is compatible may wait for the next release without a step.
"""

from __future__ import annotations

from pathlib import Path

from trackproof.contracts.compat.changes import VERDICTS, Change, canonical
from trackproof.contracts.compat.comparison import compare
from trackproof.contracts.compat.release_document import (
    VERSION_FILE,
    working_release,
    working_version,
)
from trackproof.contracts.compat.releases import (
    FOLDER,
    Version,
    load_release,
    release_file,
    released_versions,
)
from trackproof.contracts.errors import ContractDefect, ContractFileError
from trackproof.contracts.load import ROOT

_FREEZE = "`trackproof contracts freeze`"


def check_release_gate(root: Path = ROOT) -> list[ContractDefect]:
    """Return why the working contracts cannot stand beside the newest release.

    Raises:
        ContractFileError: A contract or the release cannot be used.
    """
    versions = released_versions(root)
    if not versions:
        return [
            ContractDefect(FOLDER, "", "no contract is released", f"run {_FREEZE} and commit it")
        ]
    return _version_defects(versions[-1], root)


def freeze(root: Path = ROOT) -> tuple[Path, bool]:
    """Write the working contracts as a release; return its file and whether it is new.

    Raises:
        ContractFileError: That version is released with other content, or the step is too small.
    """
    version = Version.parse(working_version(root))
    path = release_file(version, root)
    content = canonical(working_release(root))
    if path.exists():
        if path.read_bytes() == content:
            return path, False
        hint = f"raise the version in {VERSION_FILE}: a release is never changed"
        raise ContractFileError(path, "", f"{version} is released with other content", hint)
    if versions := released_versions(root):
        for defect in _version_defects(versions[-1], root):
            raise ContractFileError(root / defect.file, defect.pointer, defect.what, defect.hint)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path, True


def least_version(newest: Version, changes: list[Change]) -> Version:
    """Return the smallest version that may carry `changes` since `newest`."""
    verdicts = {change.verdict for change in changes}
    if "breaking" in verdicts:
        return Version(newest.major + 1, 0, 0)
    if "consumers only" in verdicts:
        return Version(newest.major, newest.minor + 1, 0)
    return newest


def _version_defects(newest: Version, root: Path) -> list[ContractDefect]:
    version = Version.parse(working_version(root))
    changes = compare(load_release(newest, root), working_release(root))
    needed = least_version(newest, changes)
    if version >= needed:
        return []
    if not changes or needed == newest:
        what = f"the version {version} is older than the newest release {newest}"
        return [ContractDefect(VERSION_FILE, "/version", what, f"raise it to {needed} or more")]
    grave = next(grade for grade in VERDICTS if any(c.verdict == grade for c in changes))
    listed = [change for change in changes if change.verdict == grave]
    whom = "break consumers of" if grave == "breaking" else "ask more of fleets than"
    what = "\n".join(
        [
            f"changes {whom} release {newest}, but the version is {version}:",
            *(str(change) for change in listed),
        ]
    )
    hint = f"undo them, or raise the version to {needed} or more, then run {_FREEZE}"
    return [ContractDefect(VERSION_FILE, "/version", what, hint)]
