"""All stand-ins, with one ledger and one list of faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from starlette.types import ASGIApp

from fixtures_audio import TRACERS, VOCABULARY, text_of
from trackproof.testbed.stand_ins import in_process, server
from trackproof.testbed.stand_ins.admin import admin_app
from trackproof.testbed.stand_ins.credentials import Credentials
from trackproof.testbed.stand_ins.faults import Faults
from trackproof.testbed.stand_ins.ledger import Ledger
from trackproof.testbed.stand_ins.middleware import StandInMiddleware
from trackproof.testbed.stand_ins.services.daily import (
    DailyParticipant,
    DailyRecording,
    DailyStandIn,
)
from trackproof.testbed.stand_ins.services.llm import LlmStandIn
from trackproof.testbed.stand_ins.services.modal import ModalStandIn, Transcribe
from trackproof.testbed.stand_ins.services.transcriber import transcribe_file
from trackproof.testbed.stand_ins.services.webhook import WebhookReceiver
from trackproof.testbed.stand_ins.services.zulip import ZulipStandIn

TRACER_WORDS = frozenset(text_of(word_id) for word_id in TRACERS)
"""Words of fixture audio that must appear in every title and summary."""


class StandIns:
    """Daily, Modal, the LLM, Zulip and a webhook receiver.

    Attributes:
        credentials: Credentials that callers must present.
        ledger: Every request to any service.
        faults: Injected faults.
        daily: Recordings and meetings.
        modal: The transcription service.
        llm: The chat service.
        zulip: The message store.
        webhook: The receiver of webhooks.
    """

    def __init__(
        self,
        *,
        daily_recordings: Iterable[DailyRecording] = (),
        daily_participants: Mapping[str, Iterable[DailyParticipant]] | None = None,
        credentials: Credentials | None = None,
        transcribe: Transcribe = transcribe_file,
        leading_space: bool = True,
        shuffled_words: bool = True,
        tracers: Iterable[str] = TRACER_WORDS,
        vocabulary: Iterable[str] = VOCABULARY,
        folder: Path | None = None,
    ) -> None:
        """Configure the services; nothing is served yet.

        Args:
            daily_recordings: Recordings of `GET /recordings/{id}`.
            daily_participants: Participants of a meeting, by mtgSessionId.
            credentials: Credentials that callers must present.
            transcribe: Returns the words in an audio file; by default those of fixture audio.
            leading_space: Whether Modal leaves the leading space of some words.
            shuffled_words: Whether Modal returns words unsorted.
            tracers: Words that the LLM includes in every answer to a prompt with them.
            vocabulary: Words that the LLM prefers to those of instructions.
            folder: Folder of temporary files; the system's by default.
        """
        self.credentials = keys = credentials or Credentials()
        self.ledger = Ledger()
        self.daily = DailyStandIn(keys.daily_key, daily_recordings, daily_participants)
        self.modal = ModalStandIn(
            keys.modal_key,
            transcribe,
            leading_space=leading_space,
            shuffled=shuffled_words,
            folder=folder,
        )
        self.llm = LlmStandIn(keys.llm_key, tracers=tracers, vocabulary=vocabulary)
        self.zulip = ZulipStandIn(keys.zulip_email, keys.zulip_key)
        self.webhook = WebhookReceiver(keys.webhook_secret, self.ledger)
        apps: dict[str, ASGIApp] = {
            "daily": self.daily,
            "modal": self.modal,
            "llm": self.llm,
            "zulip": self.zulip,
            "webhook": self.webhook,
        }
        self.faults = Faults(frozenset(apps))
        self._services = {
            name: StandInMiddleware(name, app, self.ledger, self.faults)
            for name, app in apps.items()
        }

    def serve(
        self, host: str = "127.0.0.1", port: int = 0
    ) -> AbstractContextManager[server.ServedStandIns]:
        """Serve all services on one port of `host` while the context is open; 0 for any free port.

        Raises:
            TestbedError: The address cannot be bound.
        """
        admin = admin_app(self.ledger, self.faults)
        return server.serve(self._services, admin, host=host, port=port)

    def in_process(
        self, base_urls: Mapping[str, str] | None = None
    ) -> AbstractContextManager[in_process.InProcessStandIns]:
        """Answer the httpx clients of this process while the context is open.

        Args:
            base_urls: Base URL by service name; `https://<service>.stand-in.test` for each
                by default.

        Raises:
            ValueError: A base URL is for an unknown service.
        """
        urls = base_urls or {name: f"https://{name}.stand-in.test" for name in self._services}
        return in_process.in_process(self._services, urls)
