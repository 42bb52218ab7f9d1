"""Meetings of a product with both pipelines: workers, legacy worker and a trigger at each stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures_audio import make_meeting
from trackproof.fleet import REFERENCE
from trackproof.lab import Testbed
from trackproof.runs.product import Product, open_product
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

MEETING_SECONDS = 60


class MeetingsOfProduct(Product):
    """The reference product, with what these tests ask about its meetings."""

    def finished_meeting(self) -> Scenario:
        """Store a room, of which Daily has a finished recording."""
        scenario = Scenario.create(make_meeting(tracks=2, seconds=6, seed=3), self.folder / "audio")
        self.finish_meeting(scenario)
        return scenario

    def wait_for_transcripts(self, scenario: Scenario, count: int) -> list[Mapping[str, Any]]:
        """Return the ended transcripts of a recording, that of a shadow run last."""
        query = (
            "SELECT t.* FROM transcripts t LEFT JOIN transcripts live ON t.shadow_of = live.id "
            "WHERE coalesce(t.recording_id, live.recording_id) = :id "
            "ORDER BY t.shadow_of IS NOT NULL"
        )

        def ended() -> list[Mapping[str, Any]] | None:
            rows = [*database.rows(self.fleet.database_url, query, id=scenario.recording_id)]
            done: list[Mapping[str, Any]] = [row for row in rows if row["status"] == "ended"]
            return done if len(done) == len(rows) == count else None

        return wait_until(ended, what="the transcripts to end", timeout=MEETING_SECONDS)

    def wait_for_workflows(self, ids: Sequence[str]) -> None:
        """Wait until these workflows are complete, deliveries included."""
        wait_until(
            lambda: {self.testbed.rest.workflow(one)["status"] for one in ids} == {"COMPLETED"},
            what="the workflows to complete",
            timeout=MEETING_SECONDS,
        )

    def deliveries(self, scenario: Scenario) -> tuple[int, int]:
        """Return how many webhooks and Zulip messages a room got."""
        return len(self.webhooks(scenario)), len(self.messages(scenario))


@contextmanager
def start_product(conductor: ConductorServer, folder: Path) -> Iterator[MeetingsOfProduct]:
    """Start the workers and the legacy worker."""
    with (
        Testbed.started(
            conductor=conductor.api_url, version=conductor.version, report=lambda _: None
        ) as testbed,
        open_product(testbed, REFERENCE) as started,
    ):
        product = MeetingsOfProduct(started.testbed, started.fleet, started.surroundings, folder)
        with product.legacy_worker():
            yield product
