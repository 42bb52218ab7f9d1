"""Insert a meeting's rows: `python -m reference_workers.platform.seed < meeting.json`.

Inserts the rows that the product creates before it starts the workflow: a room, if it is new, a
recording, a transcript and the participants' consents.

Standard input, one meeting a line: `{"room": {…}, "recording": {…}, "transcript": {…},
"consents": [{"participant_id", "granted"}]}` with the columns of `state.models`.
Standard output, one line for each: `{"room_id", "recording_id", "transcript_id"}`.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import Any

from sqlalchemy.orm import Session

from reference_workers.platform.state.models import Consent, Recording, Room, Transcript
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error


def seed(state: State, meeting: dict[str, Any]) -> dict[str, str]:
    """Insert the rows and return their ids."""
    room = Room(**meeting["room"])
    recording = Recording(**meeting["recording"])
    transcript = Transcript(
        **meeting["transcript"], room_id=room.id, recording_id=recording.id, status="uploaded"
    )
    consents = [
        Consent(transcript_id=transcript.id, **one)
        for one in meeting["consents"]
        if one["granted"] is not None  # not answered
    ]
    ids = {"room_id": room.id, "recording_id": recording.id, "transcript_id": transcript.id}
    with Session(state.engine) as session, session.begin():
        session.merge(room)
        session.add(recording)
        session.flush()
        session.add(transcript)
        session.flush()
        session.add_all(consents)
    return ids


def main() -> None:
    """Insert a meeting for each line of standard input and print its ids."""
    with exit_on_startup_error("seed"), closing(State(Settings().database_url)) as state:
        state.migrate()
        for line in sys.stdin:
            sys.stdout.write(f"{json.dumps(seed(state, json.loads(line)))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
