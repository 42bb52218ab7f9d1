from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_workers.workers.merge_transcripts import merge_transcripts
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness, word

spoken = st.lists(
    st.tuples(st.floats(0, 1e5), st.integers(0, 63), st.text(min_size=1, max_size=3)), max_size=20
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tracks=st.lists(spoken, max_size=5), seed=st.integers(0, 9))
def test_the_order_of_the_branches_does_not_matter(
    harness: WorkerHarness, tracks: list[list[tuple[float, int, str]]], seed: int
) -> None:
    branches = [
        {"words": [word(text, start, speaker) for start, _, text in track]}
        for speaker, track in enumerate(tracks)
    ]
    numbered = [(f"transcribe_track_{n}", branch) for n, branch in enumerate(branches)]
    shuffled = dict(random.Random(seed).sample(numbered, len(numbered)))

    in_order = merge_transcripts(harness.context, transcripts=branches, transcript_id=TRANSCRIPT_ID)
    by_map = merge_transcripts(harness.context, transcripts=shuffled, transcript_id=TRANSCRIPT_ID)

    assert by_map == in_order
    starts = [one["start"] for one in in_order["all_words"]]
    assert starts == sorted(starts)
    assert len(starts) == sum(map(len, tracks))
