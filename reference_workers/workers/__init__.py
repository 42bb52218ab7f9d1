"""The workers by task type, one file each; input and output are validated by the executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_workers.workers.cleanup_consent import cleanup_consent
from reference_workers.workers.detect_topics import detect_topics
from reference_workers.workers.finalize import finalize
from reference_workers.workers.generate_dynamic_fork_tasks import generate_dynamic_fork_tasks
from reference_workers.workers.generate_summary import generate_summary
from reference_workers.workers.generate_title import generate_title
from reference_workers.workers.generate_waveform import generate_waveform
from reference_workers.workers.get_participants import get_participants
from reference_workers.workers.get_recording import get_recording
from reference_workers.workers.merge_transcripts import merge_transcripts
from reference_workers.workers.mixdown_tracks import mixdown_tracks
from reference_workers.workers.pad_track import pad_track
from reference_workers.workers.post_zulip import post_zulip
from reference_workers.workers.send_webhook import send_webhook
from reference_workers.workers.transcribe_track import transcribe_track

Worker = Callable[..., dict[str, Any]]

WORKERS: dict[str, Worker] = {
    worker.__name__: worker
    for worker in (
        get_recording,
        get_participants,
        generate_dynamic_fork_tasks,
        pad_track,
        mixdown_tracks,
        generate_waveform,
        transcribe_track,
        merge_transcripts,
        detect_topics,
        generate_title,
        generate_summary,
        finalize,
        cleanup_consent,
        post_zulip,
        send_webhook,
    )
}
