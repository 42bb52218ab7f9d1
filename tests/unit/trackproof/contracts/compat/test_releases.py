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
from trackproof.contracts.load import ROOT, Contracts, load_contracts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the contracts' data files, not released yet."""
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
    """Return a changed copy of `root`: what was loaded from a folder is kept."""
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


def asking_more(root: Path) -> Path:
    return edited(root, "tasks/finalize.yaml", "timeoutSeconds: 60", "timeoutSeconds: 50")


def compatible(root: Path) -> Path:
    return edited(root, "tasks/finalize.yaml", "timeoutSeconds: 60", "timeoutSeconds: 70")


def test_the_working_contracts_do_not_break_the_newest_release() -> None:
    defects = check_release_gate()

    assert defects == [], "\n".join(map(str, defects))


def test_every_release_is_as_it_was_frozen() -> None:
    versions = released_versions()

    assert versions
    for version in versions:
        assert load_release(version)["version"] == str(version)


def test_a_release_is_one_canonical_file_with_everything_in_it(released: Path) -> None:
    content = (released / "releases" / "1.0.0.json").read_bytes()
    release = json.loads(content)

    assert content == canonical(working_release(released)) == canonical(release)
    assert len(release["tasks"]) == 15
    assert set(release["tasks"]["pad_track"]) == {
        "summary", "seed", "definition", "input", "output", "effects", "constants", "errors",
        "idempotency", "clauses",
    }  # fmt: skip
    assert release["tasks"]["pad_track"]["definition"]["timeoutPolicy"] == "RETRY"
    assert {"version", "pipeline_clauses", "workflow", "workflow_input", "fork_inputs"} <= set(
        release
    )


def test_freezing_twice_changes_nothing(released: Path) -> None:
    path = released / "releases" / "1.0.0.json"
    before = path.stat().st_mtime_ns

    assert freeze(released) == (path, False)
    assert path.stat().st_mtime_ns == before


def test_a_released_version_is_never_overwritten(released: Path) -> None:
    root = compatible(released)
    before = (root / "releases" / "1.0.0.json").read_bytes()

    with pytest.raises(ContractFileError, match="released with other content") as caught:
        freeze(root)

    assert "raise the version" in caught.value.defect.hint
    assert (root / "releases" / "1.0.0.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "too_small", "enough"),
    [(breaking, "1.9.9", "2.0.0"), (asking_more, "1.0.9", "1.1.0"), (compatible, "0.9.0", "1.0.1")],
)
def test_the_gate_asks_for_the_step_that_a_change_takes(
    released: Path, change: Callable[[Path], Path], too_small: str, enough: str
) -> None:
    root = change(released)

    assert check_release_gate(versioned(root, too_small))
    with pytest.raises(ContractFileError):
        freeze(root)
    assert check_release_gate(versioned(root, enough)) == []
    assert freeze(root)[1]
    assert released_versions(root) == [Version.parse("1.0.0"), Version.parse(enough)]


def test_a_compatible_change_may_wait_for_the_next_release(released: Path) -> None:
    assert check_release_gate(compatible(released)) == []


def test_the_gate_says_what_breaks_and_what_to_do(released: Path) -> None:
    [defect] = check_release_gate(breaking(released))

    assert defect.file == "version.yaml"
    assert "changes break consumers of release 1.0.0, but the version is 1.0.0:" in defect.what
    assert "/tasks/pad_track/input/$defs/track_index" in defect.what
    assert "breaks: 63" in defect.what
    assert defect.hint == (
        "undo them, or raise the version to 2.0.0 or more, then run `trackproof contracts freeze`"
    )


def test_without_a_release_the_gate_asks_for_one(root: Path) -> None:
    [defect] = check_release_gate(root)

    assert defect.what == "no contract is released"
    assert "trackproof contracts freeze" in defect.hint


def test_the_newest_version_is_the_newest_by_number_not_by_letter(released: Path) -> None:
    for version in ("1.9.0", "1.10.0"):
        freeze(versioned(released, version))

    # A version is read with its folder's contracts; the file alone may change.
    assert str(released_versions(released)[-1]) == "1.10.0"
    assert check_release_gate(versioned(released, "1.9.5"))


@pytest.mark.parametrize("spoil", ['{"a": 1}', "[]", "nonsense", "{", "", "NaN"])
def test_what_is_no_release_is_refused_with_a_hint(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(spoil)

    with pytest.raises(ContractFileError) as caught:
        named_release(str(path))

    assert caught.value.defect.hint


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'"#/$defs/word"', b'"https://e.test/x"', "never fetched"),
        (b'"#/$defs/word"', b'"#/$defs/nothing"', "is not there"),
        (b'"maximum":63', b'"maximum":"63"', "no JSON Schema"),
        (b'"maximum":63', b'"maximum":NaN', "canonical JSON"),
        (b'"severity":"must"', b'"severity":"perhaps"', "must"),
        (b'"version":"1.0.0"', b'"version":"one"', "one"),
    ],
)
def test_a_damaged_release_is_refused_before_it_is_compared(
    released: Path, old: bytes, new: bytes, what: str
) -> None:
    path = released / "releases" / "1.0.0.json"
    path.write_bytes(path.read_bytes().replace(old, new))

    with pytest.raises(ContractFileError, match=what):
        named_release(str(path))


def test_a_release_that_was_touched_is_refused(released: Path) -> None:
    path = released / "releases" / "1.0.0.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=2))

    with pytest.raises(ContractFileError, match="not the canonical form") as caught:
        named_release("1.0.0", released)

    assert "version control" in caught.value.defect.hint


def test_a_version_that_is_not_there_is_told_with_those_that_are(released: Path) -> None:
    with pytest.raises(ContractFileError, match=r"3\.0\.0 is not released") as caught:
        named_release("3.0.0", released)

    assert caught.value.defect.hint == "name a version that is released: 1.0.0"


def test_folder_file_and_version_name_the_same_contract(released: Path) -> None:
    by_version = named_release("1.0.0", released)

    assert compare(by_version, named_release(str(released))) == []
    assert compare(by_version, named_release(str(released / "releases" / "1.0.0.json"))) == []


def test_sections_that_the_contracts_gain_are_frozen_by_themselves(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Mood:
        name: str

    law = load_contracts(root)
    grown = make_dataclass(
        "Grown", [("moods", tuple, field(default=()))], bases=(Contracts,), frozen=True
    )
    values = {part.name: getattr(law, part.name) for part in fields(law)}
    more = grown(**values | {"moods": (Mood("good"),)})
    monkeypatch.setattr(release_document, "load_contracts", lambda _: more)

    assert working_release(root)["moods"] == [{"name": "good"}]
