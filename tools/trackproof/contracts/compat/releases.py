"""Released contracts: one file a version under contracts/releases/."""

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
    """A semantic version; versions are ordered as released."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `1.2.3`.

        Raises:
            ValueError: It is something else.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no version such as 1.2.3")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def release_file(version: Version, root: Path = ROOT) -> Path:
    """Return where a version is kept, released or not."""
    return root / FOLDER / f"{version}.json"


def released_versions(root: Path = ROOT) -> list[Version]:
    """Return every released version, the oldest first."""
    names = (path.stem for path in (root / FOLDER).glob("*.json"))
    return sorted(Version.parse(name) for name in names if _VERSION.fullmatch(name))


def load_release(version: Version, root: Path = ROOT) -> Release:
    """Return a released contract, which nobody has touched since.

    Raises:
        ContractFileError: It is not there, or it is not as it was frozen.
    """
    path = release_file(version, root)
    if not path.exists():
        there = ", ".join(map(str, released_versions(root))) or "none"
        hint = f"name a version that is released: {there}"
        raise ContractFileError(path, "", f"the version {version} is not released", hint)
    release = read_release(path)
    if path.read_bytes() != canonical(release) or release["version"] != str(version):
        hint = "a release is never edited: take the file back from the version control"
        raise ContractFileError(path, "", "it is not the canonical form of its version", hint)
    return release


def named_release(name: str, root: Path = ROOT) -> Release:
    """Return what `name` says: a released version, a contracts folder or a release file.

    Raises:
        ContractFileError: It is not there or cannot be used.
    """
    path = Path(name)
    if _VERSION.fullmatch(name) and not path.exists():
        return load_release(Version.parse(name), root)
    return working_release(path) if path.is_dir() else read_release(path)
