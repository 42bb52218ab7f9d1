"""Released contracts: one file per version in contracts/releases/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trackproof.contracts.compat.changes import canonical
from trackproof.contracts.compat.release_document import Release, read_release, working_release
from trackproof.contracts.errors import ContractFileError
from trackproof.contracts.load import ROOT

FOLDER = "releases"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A semantic version, ordered numerically."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse a version such as `1.2.3`.

        Raises:
            ValueError: The text is not a version.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a version such as 1.2.3")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def release_file(version: Version, root: Path = ROOT) -> Path:
    """Return the path of a version's release, which need not exist."""
    return root / FOLDER / f"{version}.json"


def released_versions(root: Path = ROOT) -> list[Version]:
    """Return all released versions, lowest first."""
    names = (path.stem for path in (root / FOLDER).glob("*.json"))
    return sorted(Version.parse(name) for name in names if _VERSION.fullmatch(name))


def load_release(version: Version, root: Path = ROOT) -> Release:
    """Load a release.

    Raises:
        ContractFileError: The version is not released, or its file was edited.
    """
    path = release_file(version, root)
    if not path.exists():
        released = ", ".join(map(str, released_versions(root))) or "none"
        hint = f"choose a released version: {released}"
        raise ContractFileError(path, "", f"the version {version} is not released", hint)
    release = read_release(path)
    if path.read_bytes() != canonical(release) or release["version"] != str(version):
        hint = "restore the file from version control; releases never change"
        what = "the file is not the canonical form of its version"
        raise ContractFileError(path, "", what, hint)
    return release


def named_release(name: str, root: Path = ROOT) -> Release:
    """Load a released version, a release file or a contracts folder.

    Raises:
        ContractFileError: It does not exist or is damaged.
    """
    path = Path(name)
    if _VERSION.fullmatch(name) and not path.exists():
        return load_release(Version.parse(name), root)
    return working_release(path) if path.is_dir() else read_release(path)
