"""Faults by theme, with the checks that each of them fails."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.trackproof.checks.changes import (
    Change,
    branch_without_retry,
    changed_transcript,
    incomplete_prompt,
    misheard,
    not_optional,
    speakers_swapped,
    text,
    unchanged,
    with_audio_duration,
    with_changed_step,
    with_changed_words,
    with_deliveries,
    with_events,
    with_extra_requests,
    with_gain,
    with_mixdown,
    with_objects,
    with_raw_tracks,
    with_request,
    with_row,
    with_shifted_word,
    with_task,
    with_url,
    with_violation,
    with_waveform,
    with_zulip_posts,
    without_event,
    without_requests,
    without_task,
    workflow_failed,
    wrong_speaker,
)
from tests.unit.trackproof.runs import recorded_runs
from tests.unit.trackproof.runs.recorded_runs import with_output

Case = tuple[Change, set[str], str]
"""How to change a good run, the checks that then fail, and the detail of one of them."""

STEPS: list[Case] = [
    (workflow_failed, {"steps.completed"}, "workflow FAILED: 16 steps"),
    (
        branch_without_retry,
        {"steps.completed"},
        "Conductor ended the run before it scheduled the next attempt of branch",
    ),
    (
        with_changed_step("mixdown_tracks", status="FAILED", reason="no disk left"),
        {"steps.completed"},
        "mixdown_tracks is FAILED (no disk left)",
    ),
    (with_changed_step("finalize", status="PENDING"), {"steps.completed"}, "finalize is PENDING"),
    (
        with_changed_step("generate_waveform", seconds=1.5),
        {"steps.order"},
        "generate_transcription_tasks started before generate_waveform ended",
    ),
    (
        with_changed_step("get_recording", started_at=None),
        {"steps.order"},
        "get_participants started before get_recording ended",
    ),
    (
        with_changed_step("generate_title", seconds=2.5),
        {"steps.order"},
        "finalize started before generate_title ended",
    ),
    (
        with_changed_step("detect_topics", seconds=2.5),
        {"steps.order", "llm.topic_calls"},
        "generate_summary started before detect_topics ended",
    ),
    (with_changed_step("pad_track", branches=2), {"steps.forks"}, "pad_track × 2"),
    (
        not_optional("post_zulip"),
        {"deliveries.optional"},
        "post_zulip is not optional",
    ),
    (
        not_optional("send_webhook"),
        {"deliveries.optional"},
        "send_webhook is not optional",
    ),
    (
        without_task("send_webhook"),
        {"deliveries.optional", "effects.outside"},
        "send_webhook was never scheduled",
    ),
]

WORD_CHECKS = {"words.complete", "words.speaker"}

WORDS: list[Case] = [
    (
        with_changed_words(lambda all_words: [*all_words[:5], *all_words[6:]]),
        WORD_CHECKS,
        "1 missing: ",
    ),
    (with_changed_words(lambda all_words: [*all_words, all_words[-1]]), WORD_CHECKS, "1 surplus: "),
    (with_changed_words(misheard), WORD_CHECKS, "1 surplus: misheard at "),
    (with_shifted_word(21), {*WORD_CHECKS, "words.time"}, "worst 21.0 ms of 20"),
    (with_shifted_word(-150), {*WORD_CHECKS, "words.time"}, "worst 150.0 ms of 20"),
    (
        with_changed_words(wrong_speaker),
        {"words.speaker"},
        "25 of 26 words attributed to the right one of 3",
    ),
    (
        with_changed_words(lambda all_words: [{**word, "speaker": 0} for word in all_words]),
        {"words.speaker", "quality"},
        "word error rate 0.00% of 10%, by speaker ",
    ),
    (
        with_changed_words(lambda all_words: all_words[::-1]),
        {"words.sorted"},
        "25 out of order; word_count 26",
    ),
    (
        lambda evidence: with_output(evidence, word_count=25),
        {"words.sorted"},
        "0 out of order; word_count 25, 26 listed",
    ),
]

MIXDOWN: list[Case] = [
    (
        with_mixdown(lambda m: replace(m, words=m.words[1:])),
        {"mixdown.words"},
        "1 missing: finish",
    ),
    (
        with_mixdown(lambda m: replace(m, words=(*m.words, replace(m.words[0], start=7.5)))),
        {"mixdown.words"},
        "1 surplus: ",
    ),
    (
        with_mixdown(lambda m: replace(m, words=tuple(w for w in m.words if w.band != 2))),
        {"mixdown.words", "mixdown.level"},
        "off: track 2 at 0.000",
    ),
    (with_gain(0.8, 1), {"mixdown.level"}, "off: track 1 at 0.8"),
    (with_gain(1.15, 1), {"mixdown.level"}, "off: track 1 at 1.1"),
    (with_gain(1 / 3, 0, 1, 2), {"mixdown.level"}, "gain 0.333 to 0.333; off: track 0"),
    (with_gain(1.2, 0, 1, 2), {"mixdown.level"}, "gain 1.197 to 1.200; off: track 0"),
    (with_audio_duration(7.9), {"mixdown.duration"}, "decoded 7.900 s, meeting 8.000 s"),
    (
        lambda evidence: with_output(evidence, duration=None),
        {"mixdown.duration", "database.result", "webhook.payload"},
        "stated null s",
    ),
    (with_waveform(lambda peaks: peaks[1:]), {"waveform.peaks"}, "254 peaks, not 255"),
    (with_waveform(lambda peaks: [0.0] * len(peaks)), {"waveform.peaks"}, "255 peaks, at most 0."),
    (with_waveform(lambda peaks: [1.0] * len(peaks)), {"waveform.peaks"}, "255 peaks, at most 1.0"),
    (
        lambda evidence: replace(evidence, mixdown=None),
        {"mixdown.words", "mixdown.level", "mixdown.duration", "waveform.peaks"},
        "there is no readable mixdown",
    ),
]

STORAGE: list[Case] = [
    (
        with_objects(lambda keys: {key for key in keys if "track_2" not in key}),
        {"storage.keys"},
        "missing: transcript-0123456789ab/padded_track_2.webm",
    ),
    (
        with_objects(lambda keys: {*keys, "tmp/leftover"}),
        {"storage.keys"},
        "not in the contract: tmp/leftover",
    ),
    (
        with_url(url="http://s3.test/x?X-Amz-Expires=3600"),
        {"storage.presigned"},
        "track 0 expires after 3600 s",
    ),
    (with_url(url="http://s3.test/x"), {"storage.presigned"}, "track 0 expires after never s"),
    (
        with_url(status=403, received_bytes=0),
        {"storage.presigned"},
        "track 0 returns 403 with 0 of 4321 bytes",
    ),
    (with_url(received_bytes=4000), {"storage.presigned"}, "200 with 4000 of 4321 bytes"),
    (
        lambda evidence: replace(evidence, urls=evidence.urls[:2]),
        {"storage.presigned"},
        "2 URLs for 3 tracks",
    ),
    (with_raw_tracks(2), {"consent.honoured"}, "no consent denied: 2 of 3 raw tracks stored"),
    (
        lambda evidence: with_output(evidence, audio_deleted=True),
        {"consent.honoured"},
        "audio_deleted is true in the output",
    ),
    (with_row(audio_deleted=True), {"consent.honoured"}, "true in the database"),
]

DENIED: list[Case] = [
    (
        with_raw_tracks(1),
        {"consent.honoured"},
        "consent denied by 1: 1 audio objects left (acme/room-",
    ),
    (
        with_objects(lambda _: {"transcript-0123456789ab/audio.mp3"}),
        {"consent.honoured", "storage.keys"},
        "1 audio objects left (transcript-0123456789ab/audio.mp3)",
    ),
    (
        lambda evidence: with_output(evidence, audio_deleted=False),
        {"consent.honoured"},
        "audio_deleted is false in the output and true in the database",
    ),
    (with_row(audio_deleted=False), {"consent.honoured"}, "false in the database"),
    (with_url(status=200, received_bytes=1), {"storage.presigned"}, "track 0 still returns 200"),
]

LLM: list[Case] = [
    (with_extra_requests("detect_topics"), {"llm.topic_calls"}, "2 calls for 26 words, 1 expected"),
    (
        without_requests("detect_topics"),
        {"llm.topic_calls", "llm.chunks"},
        "0 calls for 26 words, 1 expected",
    ),
    (incomplete_prompt, {"llm.chunks"}, "0 of 1 chunks in the prompts"),
    (
        lambda evidence: with_output(evidence, all_words=[], word_count=0),
        {*WORD_CHECKS, "words.time", "words.sorted", "quality", "llm.chunks"},
        "0 of 0 chunks in the prompts",
    ),
    (
        with_extra_requests("generate_summary"),
        {"llm.summary_calls"},
        "10 calls for title and summary are not 1 + 2 + 2 · N",
    ),
    (
        with_extra_requests("generate_title", 8),
        {"llm.summary_calls"},
        "17 calls for title and summary",
    ),
    (without_requests("generate_summary"), {"llm.summary_calls"}, "1 calls for title and summary"),
]

STATE: list[Case] = [
    (with_row(status="processing"), {"database.result"}, 'status is "processing", not "ended"'),
    (
        with_row(title=text("Another")),
        {"database.result", "zulip.message"},
        'title is "Another ',
    ),
    (with_row(duration=7.0), {"database.result"}, "duration is 7.0, not 8.0"),
    (
        with_row(short_summary=text("Cut"), long_summary=text("Cut")),
        {"database.result", "zulip.message"},
        'short_summary is "Cut ',
    ),
    (without_event("WAVEFORM"), {"database.events", "effects.stored"}, "no WAVEFORM"),
    (without_event("PIPELINE_PROGRESS"), {"database.events"}, "no PIPELINE_PROGRESS"),
    (without_event("STATUS"), {"database.events"}, "the last STATUS is missing"),
    (
        with_events(("DURATION", {"duration": 8.0})),
        {"database.events", "effects.stored"},
        "out of order: WAVEFORM, ",
    ),
    (
        with_events(("STATUS", {"value": "error"})),
        {"database.events"},
        'the last STATUS is {"value": "error"}',
    ),
    (
        lambda evidence: replace(evidence, fleet_log=f"key {evidence.secrets[0]}"),
        {"secrets.kept"},
        "the fleet's log contains moda…",
    ),
    (
        with_events(("DEBUG", {"url": "http://s3.test/?X-Amz-Signature=1"})),
        {"events.schema", "secrets.kept"},
        "an event contains X-Amz-Signature",
    ),
    (
        with_task(reasonForIncompletion="answered 403 to Bearer modal-stand-in-key"),
        {"secrets.kept"},
        "the reason of get_recording contains moda…",
    ),
    (
        with_task(reasonForIncompletion="GET http://s3.test/a?X-Amz-Signature=1: answered 404"),
        {"secrets.kept"},
        "the reason of get_recording contains X-Amz-Signature",
    ),
    (
        with_task(outputData={"note": "see http://s3.test/a?X-Amz-Signature=1"}),
        {"secrets.kept"},
        "the output of get_recording contains X-Amz-Signature",
    ),
    (
        with_request("llm", b'{"messages": [{"content": "webhook-stand-in-secret"}]}'),
        {"secrets.kept"},
        "a request to llm contains webh…",
    ),
    (
        with_request("daily", b"{}", ("authorization", "Bearer modal-stand-in-key")),
        {"secrets.kept"},
        "daily received moda…, another service's key",
    ),
    (with_events(("DEBUG", {})), {"events.schema"}, "DEBUG: the event is not in the dictionary"),
    (
        with_events(("PIPELINE_PROGRESS", {**recorded_runs.PROGRESS, "step_status": "done"})),
        {"events.schema"},
        "PIPELINE_PROGRESS at /step_status: ",
    ),
]

DELIVERY: list[Case] = [
    (with_zulip_posts(copies=0), {"zulip.message", "llm.tracers"}, "0 messages, 1 expected"),
    (with_zulip_posts(copies=2), {"zulip.message"}, "2 messages, 1 expected"),
    (
        with_zulip_posts(topic="general chat"),
        {"zulip.message"},
        "posted to meetings > general chat",
    ),
    (with_zulip_posts(lacking="short_summary"), {"zulip.message"}, "missing: short_summary"),
    (
        with_row(zulip_message_id=None),
        {"zulip.message"},
        "message id 481000001 differs from the database or the output",
    ),
    (
        lambda evidence: with_output(evidence, message_id="17"),
        {"zulip.message"},
        "message id 481000001 differs",
    ),
    (
        with_deliveries(),
        {"webhook.signature", "webhook.payload", "llm.tracers", "effects.outside"},
        "0 deliveries, 1 expected",
    ),
    (
        with_deliveries(unchanged, unchanged),
        {"webhook.signature", "effects.outside"},
        "2 deliveries, 1 expected",
    ),
    (
        with_deliveries(unchanged, secret="another"),
        {"webhook.signature"},
        "the HMAC does not match",
    ),
    (
        with_deliveries(recorded_runs.tracers().encode()),
        {"webhook.payload"},
        "no JSON object was delivered",
    ),
    (
        with_deliveries(changed_transcript(id="other")),
        {"webhook.payload"},
        'id is "other", not "transcript-',
    ),
    (
        with_deliveries(changed_transcript(status="processing")),
        {"webhook.payload"},
        'status is "processing", not "ended"',
    ),
    (with_deliveries(speakers_swapped), {"webhook.payload"}, 'participants are {"0": '),
    (
        with_deliveries(changed_transcript(topics=[{"title": "Another"}])),
        {"webhook.payload"},
        'topics are ["Another"], not ["On ',
    ),
    (
        with_extra_requests("post_zulip", service="zulip", status=400),
        {"services.accepted"},
        "zulip POST /v1/chat/completions → 400",
    ),
    (
        with_extra_requests("post_zulip", service="zulip", status=None),
        {"services.accepted"},
        "zulip POST /v1/chat/completions → no answer",
    ),
    (
        with_violation("body /topic: minLength 1 is wanted, a string of 0 characters is there"),
        {"services.contract"},
        "webhook POST /room: body /topic: minLength 1 is wanted",
    ),
]

FAULTS = [*STEPS, *WORDS, *MIXDOWN, *STORAGE, *LLM, *STATE, *DELIVERY]
