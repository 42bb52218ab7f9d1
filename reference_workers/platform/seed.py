"""Insert a meeting's rows: `python -m reference_workers.platform.seed < meeting.json`.

Does what the product does before it starts the workflow, for whoever drives the fleet from
outside: a room, a recording, a transcript and the participants' answers about consent.

Standard input, a meeting a line: `{"room": {…}, "recording": {…}, "transcript": {…},
"consents": [{"participant_id", "granted"}]}` with the columns of `state.models`.
Standard output, a line for each: the ids, `{"room_id", "recording_id", "transcript_id"}`.
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
    """Write the rows and return their ids."""
    room = Room(**meeting["room"])
    recording = Recording(**meeting["recording"])
    transcript = Transcript(
        **meeting["transcript"], room_id=room.id, recording_id=recording.id, status="uploaded"
    )
    consents = [Consent(transcript_id=transcript.id, **one) for one in meeting["consents"]]
    ids = {"room_id": room.id, "recording_id": recording.id, "transcript_id": transcript.id}
    with Session(state.engine) as session, session.begin():
        session.add_all([room, recording])
        session.flush()
        session.add(transcript)
        session.flush()
        session.add_all(consents)
    return ids


def main() -> None:
    """Answer every line of standard input with a line on standard output."""
    with exit_on_startup_error("seed"), closing(State(Settings().database_url)) as state:
        state.migrate()
        for line in sys.stdin:
            sys.stdout.write(f"{json.dumps(seed(state, json.loads(line)))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
