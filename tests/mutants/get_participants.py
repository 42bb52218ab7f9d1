"""Mutants of get_participants."""

from __future__ import annotations

from typing import Any

from reference_workers.platform.state.models import Transcript
from reference_workers.platform.state.unit_of_work import UnitOfWork
from tests.mutants.model import Collection
from tests.mutants.patches import change_column, change_event, change_input, change_output, replace

mutant = Collection("get_participants")


@mutant("fetches")
def asked_twice() -> None:
    """Daily is called twice for the same session."""

    def make(ask: Any) -> Any:
        def twice(self: Any, session_id: str) -> Any:
            ask(self, session_id)
            return ask(self, session_id)

        return twice

    replace("services.daily:Daily", "participants", make)


@mutant("fetches")
def last_participant_lost() -> None:
    """The last participant is dropped."""
    change_output("get_participants", lambda out: out.update(participants=out["participants"][:-1]))


@mutant("names")
def names_by_position() -> None:
    """Each participant has the name of the next one."""

    def shifted(out: dict[str, Any]) -> None:
        people = out["participants"]
        names = [person["user_name"] for person in people]
        out["participants"] = [
            {**person, "user_name": name}
            for person, name in zip(people, names[1:] + names[:1], strict=True)
        ]

    change_output("get_participants", shifted)


@mutant("names")
def names_in_ascii() -> None:
    """Characters outside ASCII are dropped from names."""

    def plain(out: dict[str, Any]) -> None:
        for person in out["participants"]:
            if person["user_name"] is not None:
                person["user_name"] = person["user_name"].encode("ascii", "ignore").decode()

    change_output("get_participants", plain)


@mutant("names")
def no_name_becomes_text() -> None:
    """A participant without a name is named "None"."""

    def spelt(out: dict[str, Any]) -> None:
        for person in out["participants"]:
            person["user_name"] = str(person["user_name"])

    change_output("get_participants", spelt)


@mutant("no-session")
def asks_without_session() -> None:
    """Daily is called for a meeting without a session."""

    def spelt(inputs: dict[str, Any]) -> None:
        inputs["mtg_session_id"] = str(inputs["mtg_session_id"])

    change_input("get_participants", spelt)


@mutant("pages")
def second_page_ignored() -> None:
    """Daily's next pages are not requested."""
    replace("services.daily", "PAGE_SIZE", lambda _: 1_000_000)


@mutant("large-meeting")
def first_page_only() -> None:
    """Only the first 100 participants are returned."""
    change_output(
        "get_participants", lambda out: out.update(participants=out["participants"][:100])
    )


@mutant("stored")
def participants_not_stored() -> None:
    """The participants are returned but not stored."""
    change_column(Transcript.participants, lambda _: None)


@mutant("stored")
def stored_without_names() -> None:
    """The stored participants have no names."""
    change_column(
        Transcript.participants, lambda people: [{**person, "name": None} for person in people]
    )


@mutant("status")
def status_unchanged() -> None:
    """The status stays what it was until the meeting ends."""
    set_status = UnitOfWork.set_status

    def late(self: UnitOfWork, status: str) -> None:
        if status != "processing":
            set_status(self, status)

    UnitOfWork.set_status = late  # type: ignore[method-assign]


@mutant("status")
def status_not_broadcast() -> None:
    """The status becomes processing without a STATUS event."""
    change_event("STATUS", lambda data: None if data["value"] == "processing" else data)
