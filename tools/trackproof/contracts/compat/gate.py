"""The release gate: the version of the working contracts must match their changes.

Changes since the newest release that break consumers require a major increment of the version,
changes that break only fleets a minor increment. Compatible changes require none.
"""

from __future__ import annotations

from pathlib import Path

from trackproof.contracts.compat.changes import Change, canonical, worst
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
    """Return why the version of the working contracts is too low for their changes.

    Raises:
        ContractFileError: A contract file or the newest release is damaged.
    """
    versions = released_versions(root)
    if not versions:
        return [
            ContractDefect(FOLDER, "", "there is no release", f"run {_FREEZE} and commit the file")
        ]
    return _version_defects(versions[-1], root)


def freeze(root: Path = ROOT) -> tuple[Path, bool]:
    """Write the working contracts as a release; return the file and whether it is new.

    Raises:
        ContractFileError: The version is released with other content, or is too low.
    """
    version = Version.parse(working_version(root))
    path = release_file(version, root)
    content = canonical(working_release(root))
    if path.exists():
        if path.read_bytes() == content:
            return path, False
        hint = f"raise the version in {VERSION_FILE}; releases never change"
        raise ContractFileError(path, "", f"{version} is released with other content", hint)
    if versions := released_versions(root):
        for defect in _version_defects(versions[-1], root):
            raise ContractFileError(root / defect.file, defect.pointer, defect.what, defect.hint)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path, True


def least_version(newest: Version, changes: list[Change]) -> Version:
    """Return the lowest version allowed for `changes` since `newest`."""
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
        what = f"the version {version} is lower than the newest release {newest}"
        return [ContractDefect(VERSION_FILE, "/version", what, f"raise it to {needed} or more")]
    verdict = worst(changes)
    listed = [change for change in changes if change.verdict == verdict]
    party = "consumers" if verdict == "breaking" else "fleets"
    what = "\n".join(
        [
            f"changes break {party} of release {newest}, but the version is {version}:",
            *(str(change) for change in listed),
        ]
    )
    hint = f"revert them, or raise the version to {needed} or more and run {_FREEZE}"
    return [ContractDefect(VERSION_FILE, "/version", what, hint)]
