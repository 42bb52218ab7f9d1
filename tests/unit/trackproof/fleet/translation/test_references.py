"""References in a workflow are translated both ways, in every syntax that Conductor takes."""

from __future__ import annotations

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.fleet.profile import FieldTerms, FleetProfile, TaskTerms, WorkflowTerms
from trackproof.fleet.translation.translator import Translator

FOREIGN = FleetProfile(
    name="foreign",
    attach=True,
    tasks={
        "pad_track": TaskTerms(output={"padded_url": FieldTerms(name="url")}),
        "merge_transcripts": TaskTerms(
            output={
                "all_words": FieldTerms(name="words"),
                "all_words[].word": FieldTerms(name="text"),
            }
        ),
        "generate_title": TaskTerms(output={"title": FieldTerms(name="headline")}),
    },
    workflow=WorkflowTerms(
        input={"transcript_id": FieldTerms(name="transcriptId")},
        steps={
            "join_track_padding": "padded",
            "join_title_summary": "both",
            "merge_transcripts": "merge",
            "generate_title": "title_step",
            "pad_track_{n}": "PadTrack.{n}",
        },
    ),
)

PAIRS = [
    ("${join_track_padding.output}", "${padded.output}"),
    ("${join_track_padding.output..padded_url}", "${padded.output..url}"),
    ("${join_track_padding.output.*.padded_url}", "${padded.output.*.url}"),
    ("${join_track_padding.output['pad_track_0']}", "${padded.output['PadTrack.0']}"),
    (
        '${join_track_padding.output["pad_track_1"].padded_url}',
        '${padded.output["PadTrack.1"].url}',
    ),
    ("${join_title_summary.output.generate_title.title}", "${both.output.title_step.headline}"),
    ("${merge_transcripts.output.all_words[0].word}", "${merge.output.words[0].text}"),
    ("${merge_transcripts.output.all_words[*].word}", "${merge.output.words[*].text}"),
    ("${merge_transcripts.output['all_words']}", "${merge.output['words']}"),
    ("${merge_transcripts.output..word}", "${merge.output..text}"),
    ("${merge_transcripts.status}", "${merge.status}"),
    ("${workflow.input.transcript_id}", "${workflow.input.transcriptId}"),
    ("${workflow.workflowId}", "${workflow.workflowId}"),
    ("a ${generate_title.output.title} b ${x.y}", "a ${title_step.output.headline} b ${x.y}"),
    ("${merge_transcripts.output.all_words[?(@ > 1)] odd}", None),
    ("${}", "${}"),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_reference_is_translated_both_ways(ours: str, theirs: str | None) -> None:
    translator = Translator(FOREIGN)
    workflow = {**load_contracts().workflow, "outputParameters": {"x": ours}}

    translated = translator.workflow_to_fleet(workflow)

    if theirs is not None:
        assert translated["outputParameters"] == {"x": theirs}
    assert translator.workflow_from_fleet(translated)["outputParameters"] == {"x": ours}


def test_whole_workflow_keeps_every_reference() -> None:
    translator, workflow = Translator(FOREIGN), load_contracts().workflow

    translated = translator.workflow_to_fleet(workflow)

    assert translated != workflow
    assert translator.workflow_from_fleet(translated) == workflow


def test_text_is_trimmed_where_the_profile_says_so() -> None:
    terms = {"words[].word": FieldTerms(name="text", trim=True)}
    profile = FleetProfile(
        name="x", attach=True, tasks={"transcribe_track": TaskTerms(output=terms)}
    )
    fields = Translator(profile).output_of("transcribe_track")

    assert fields.from_fleet({"words": [{"text": " tide "}, {"text": 3}]}) == {
        "words": [{"word": "tide"}, {"word": 3}]
    }
    assert fields.to_fleet({"words": [{"word": " tide"}]}) == {"words": [{"text": " tide"}]}
