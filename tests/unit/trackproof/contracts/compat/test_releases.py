from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path

import pytest

from trackproof.contracts.compat import (
    check_release_gate,
    compare,
    freeze,
    named_release,
    release_document,
    working_release,
)
from trackproof.contracts.compat.changes import canonical
from trackproof.contracts.compat.releases import Version, load_release, released_versions
from trackproof.contracts.errors import ContractFileError
from trackproof.contracts.load import DIALECT, ROOT, Contracts, load_contracts

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the contracts folder without releases."""
    folder = tmp_path / "contracts"
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "releases")
    shutil.copytree(ROOT, folder, ignore=ignored)
    (folder / "version.yaml").write_text("version: 1.0.0\n")
    return folder


@pytest.fixture
def released(root: Path) -> Path:
    freeze(root)
    return root


def edited(root: Path, file: str, old: str, new: str) -> Path:
    """Return a changed copy of `root`; loaded contracts are cached per folder."""
    copy = root.with_name("edited")
    shutil.copytree(root, copy)
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    return copy


def versioned(root: Path, version: str) -> Path:
    (root / "version.yaml").write_text(f"version: {version}\n")
    return root


def breaking(root: Path) -> Path:
    return edited(root, "shapes.yaml", "maximum: 63}", "maximum: 31}")


def fleet_breaking(root: Path) -> Path:
    return edited(root, "tasks/finalize.yaml", "timeoutSeconds: 60", "timeoutSeconds: 50")


def compatible(root: Path) -> Path:
    return edited(root, "tasks/finalize.yaml", "timeoutSeconds: 60", "timeoutSeconds: 70")


def test_the_version_of_the_working_contracts_matches_their_changes() -> None:
    defects = check_release_gate()

    assert defects == [], "\n".join(map(str, defects))


def test_every_release_is_unchanged() -> None:
    versions = released_versions()

    assert versions
    for version in versions:
        assert load_release(version)["version"] == str(version)


def test_a_release_is_one_canonical_file_with_all_sections(released: Path) -> None:
    content = (released / "releases" / "1.0.0.json").read_bytes()
    release = json.loads(content)

    assert content == canonical(working_release(released)) == canonical(release)
    assert len(release["tasks"]) == 15
    assert set(release["tasks"]["pad_track"]) == {
        "summary", "seed", "definition", "input", "output", "effects", "constants", "errors",
        "idempotency", "clauses", "notes",
    }  # fmt: skip
    for schema in (
        release["meeting_rows"],
        release["workflow_input"],
        *release["events"].values(),
        *(task[side] for task in release["tasks"].values() for side in ("input", "output")),
    ):
        assert schema["$schema"] == DIALECT
    assert release["tasks"]["pad_track"]["definition"]["timeoutPolicy"] == "RETRY"
    assert release.keys() >= {
        "version", "pipeline_clauses", "workflow", "workflow_input", "fork_inputs", "notes",
        "parts",
    }  # fmt: skip


def test_freezing_twice_changes_nothing(released: Path) -> None:
    path = released / "releases" / "1.0.0.json"
    before = path.stat().st_mtime_ns

    assert freeze(released) == (path, False)
    assert path.stat().st_mtime_ns == before


def test_freezing_a_released_version_with_other_content_raises_an_error(released: Path) -> None:
    root = compatible(released)
    before = (root / "releases" / "1.0.0.json").read_bytes()

    with pytest.raises(ContractFileError, match="released with other content") as caught:
        freeze(root)

    assert "raise the version" in caught.value.defect.hint
    assert (root / "releases" / "1.0.0.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "too_small", "enough"),
    [
        (breaking, "1.9.9", "2.0.0"),
        (fleet_breaking, "1.0.9", "1.1.0"),
        (compatible, "0.9.0", "1.0.1"),
    ],
)
def test_the_gate_requires_the_increment_for_a_change(
    released: Path, change: Callable[[Path], Path], too_small: str, enough: str
) -> None:
    root = change(released)

    assert check_release_gate(versioned(root, too_small))
    with pytest.raises(ContractFileError):
        freeze(root)
    assert check_release_gate(versioned(root, enough)) == []
    assert freeze(root)[1]
    assert released_versions(root) == [Version.parse("1.0.0"), Version.parse(enough)]


def test_a_compatible_change_requires_no_new_version(released: Path) -> None:
    assert check_release_gate(compatible(released)) == []


def test_the_gate_reports_the_breaking_changes_and_a_hint(released: Path) -> None:
    [defect] = check_release_gate(breaking(released))

    assert defect.file == "version.yaml"
    assert "changes break consumers of release 1.0.0, but the version is 1.0.0:" in defect.what
    assert "/tasks/pad_track/input/$defs/track_index" in defect.what
    assert "breaks: 63" in defect.what
    assert defect.hint == (
        "revert them, or raise the version to 2.0.0 or more and run `trackproof contracts freeze`"
    )


def test_the_gate_fails_without_a_release(root: Path) -> None:
    [defect] = check_release_gate(root)

    assert defect.what == "there is no release"
    assert "trackproof contracts freeze" in defect.hint


def test_versions_are_ordered_numerically(released: Path) -> None:
    for version in ("1.9.0", "1.10.0"):
        freeze(versioned(released, version))

    assert str(released_versions(released)[-1]) == "1.10.0"
    assert check_release_gate(versioned(released, "1.9.5"))


@pytest.mark.parametrize("spoil", ['{"a": 1}', "[]", "nonsense", "{", "", "NaN"])
def test_a_file_that_is_not_a_release_raises_an_error_with_a_hint(
    tmp_path: Path, spoil: str
) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(spoil)

    with pytest.raises(ContractFileError) as caught:
        named_release(str(path))

    assert caught.value.defect.hint


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'"#/$defs/word"', b'"https://e.test/x"', "external reference"),
        (b'"#/$defs/word"', b'"#/$defs/nothing"', "does not exist"),
        (b'"maximum":63', b'"maximum":"63"', "not a JSON Schema"),
        (b'"maximum":63', b'"maximum":NaN', "canonical JSON"),
        (b'"severity":"must"', b'"severity":"perhaps"', "must"),
        (b'"version":"1.0.0"', b'"version":"one"', "one"),
    ],
)
def test_a_damaged_release_raises_an_error(
    released: Path, old: bytes, new: bytes, what: str
) -> None:
    path = released / "releases" / "1.0.0.json"
    path.write_bytes(path.read_bytes().replace(old, new))

    with pytest.raises(ContractFileError, match=what):
        named_release(str(path))


def test_an_edited_release_raises_an_error(released: Path) -> None:
    path = released / "releases" / "1.0.0.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=2))

    with pytest.raises(ContractFileError, match="not the canonical form") as caught:
        named_release("1.0.0", released)

    assert "version control" in caught.value.defect.hint


def test_the_error_for_an_unknown_version_lists_the_released_versions(released: Path) -> None:
    with pytest.raises(ContractFileError, match=r"3\.0\.0 is not released") as caught:
        named_release("3.0.0", released)

    assert caught.value.defect.hint == "choose a released version: 1.0.0"


def test_a_release_loads_by_version_file_or_folder(released: Path) -> None:
    by_version = named_release("1.0.0", released)

    assert compare(by_version, named_release(str(released))) == []
    assert compare(by_version, named_release(str(released / "releases" / "1.0.0.json"))) == []


def test_a_new_field_of_the_contracts_becomes_a_section_of_the_release(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Mood:
        name: str

    contracts = load_contracts(root)
    grown = make_dataclass(
        "Grown", [("moods", tuple, field(default=()))], bases=(Contracts,), frozen=True
    )
    values = {part.name: getattr(contracts, part.name) for part in fields(contracts)}
    more = grown(**values | {"moods": (Mood("good"),)})
    monkeypatch.setattr(release_document, "load_contracts", lambda _: more)

    assert working_release(root)["moods"] == [{"name": "good"}]
