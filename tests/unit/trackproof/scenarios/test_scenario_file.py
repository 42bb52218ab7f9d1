"""Scenarios are TOML files; what is wrong in one is named."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError
from trackproof.scenarios import find_scenario, list_scenarios, read_scenario, schema
from trackproof.scenarios.catalogue import SHIPPED
from trackproof.scenarios.judgement import check_expectations
from trackproof.scenarios.meeting import make_scenario_meeting

LEAST = 24


def written(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(f'title = "Mine"\n{text}')
    return path


def test_every_shipped_scenario_is_valid_and_says_what_to_look_for() -> None:
    scenarios = list_scenarios(Path("none"))

    assert len(scenarios) >= LEAST
    for scenario in scenarios:
        assert scenario.look_for, scenario.name
        check_expectations(scenario)
        tasks = {fault.at for fault in scenario.faults if fault.at}
        assert tasks <= set(load_contracts().tasks), scenario.name


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_the_schema_accepts_every_shipped_file(path: Path) -> None:
    values = {"name": path.stem, **tomllib.loads(path.read_text("utf-8"))}

    jsonschema.Draft202012Validator(schema()).validate(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trakcs = 3", "did you mean 'tracks', in the table 'meeting'?"),
        ("zzz = 3", "known keys: name, title, look_for"),
        ("[meeting]\nlook_fro = []", "did you mean 'look_for', above all tables?"),
        ("[meeting]\ntrack = 3", "did you mean 'tracks'?"),
        ("[meeting]\nsecond = 3", "did you mean 'seconds'?"),
        ("[[faults]]\nplace = 'llm'\nanswr = {status = 503}", "did you mean 'answer'?"),
        ("[expect]\nstatuss = 'FAILED'", "did you mean 'status'?"),
        ("[conductor]\ndurabel = true", "did you mean 'durable'?"),
        ("[meeting]\naudio = [{trak = 1, kind = 'silent'}]", "did you mean 'track'?"),
        ("[meeting]\ntracks = 65", "less than or equal to 64"),
        ("[meeting]\ntracks = 2\ndenied = [2]", "track 2 does not exist: tracks are 0 to 1"),
        ("[meeting]\naudio = [{track = 1, kind = 'rejoin'}]", "`of` names the other track"),
        ("[[faults]]\nplace = 'fleet'\nsignal = 'kill'", "signal needs a moment"),
        ("[[faults]]\nplace = 'llm'", "exactly one of answer, connection and signal"),
        ("[[faults]]\nplace = 'llm'\nanswer = {statu = 503}", "Extra inputs are not permitted"),
        ("[[faults]]\nplace = 'fleet'\nanswer = {status = 503}", "gives no answers"),
        (
            "[[faults]]\nplace = 'conductor'\nsignal = 'kill'\nat = 'finalize'",
            "needs conductor.durable",
        ),
        ("= 3", "is no TOML"),
        ("name = '../up'", "String should match pattern"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_place(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        read_scenario(written(tmp_path, text))

    assert message in f"{caught.value.evidence}\n{caught.value.hint}\n{caught.value.what}"


def test_an_unknown_check_is_an_error() -> None:
    scenario = find_scenario("three-tracks")
    wrong = scenario.model_copy(
        update={"expect": scenario.expect.model_copy(update={"fails": ("words.compleet",)})}
    )

    with pytest.raises(UsageError, match=r"unknown checks: words\.compleet"):
        check_expectations(wrong)


def test_a_tester_adds_one_without_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "scenarios"
    own.mkdir()
    written(own, "[meeting]\ntracks = 4")

    assert find_scenario("mine").meeting.tracks == 4
    assert "mine" in trackproof("scenarios")[1]
    with pytest.raises(UsageError) as caught:
        find_scenario("mien")
    assert "did you mean 'mine'?" in caught.value.hint


def test_options_of_the_command_line_override_a_scenario(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, "[meeting]\naudio = [{track = 2, kind = 'silent'}]"))

    assert scenario.with_meeting(seconds=12.0).meeting.seconds == 12
    with pytest.raises(UsageError, match="is not valid"):
        scenario.with_meeting(tracks=2)


@pytest.mark.parametrize(
    ("audio", "seen"),
    [
        ({"track": 1, "kind": "silent"}, lambda track: track.words == ()),
        ({"track": 1, "kind": "muted"}, lambda track: len(track.gaps) == 1),
        ({"track": 1, "kind": "quiet"}, lambda track: track.level < 0.1),
    ],
)
def test_audio_kinds_change_their_track_alone(audio: dict[str, Any], seen: Any) -> None:
    clean = find_scenario("three-tracks").with_meeting(seconds=20.0)
    odd = clean.with_meeting(audio=[audio])

    before, after = make_scenario_meeting(clean.meeting), make_scenario_meeting(odd.meeting)

    assert seen(after.tracks[1])
    assert after.tracks[1] != before.tracks[1]
    assert [after.tracks[n] for n in (0, 2)] == [before.tracks[n] for n in (0, 2)]


def test_further_words_have_the_same_times() -> None:
    table = find_scenario("three-tracks").meeting
    first, further = (make_scenario_meeting(table, words_seed=seed) for seed in (None, 7))

    assert [word.start for word in first.truth()] == [word.start for word in further.truth()]
    assert [word.text for word in first.truth()] != [word.text for word in further.truth()]


def test_a_person_who_rejoins_has_one_name_and_two_participants() -> None:
    meeting = make_scenario_meeting(find_scenario("rejoin").meeting)
    first, again = meeting.tracks[0].participant, meeting.tracks[2].participant

    assert (first.name, first.user_id) == (again.name, again.user_id)
    assert first.id != again.id


def test_muted_words_are_not_in_the_gap() -> None:
    meeting = make_scenario_meeting(find_scenario("muted-gaps").meeting)
    [(start, end)] = meeting.tracks[1].gaps

    assert not [word for word in meeting.tracks[1].words if word.start < end and word.end > start]
