"""The whole set of stand-ins, with one ledger and one list of faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

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
"""The words of fixture audio that must surface in every title and summary."""


class StandIns:
    """DailyStandIn, ModalStandIn, the LLM, ZulipStandIn and a webhook receiver.

    Attributes:
        credentials: What callers must present.
        ledger: Every request to any of them.
        faults: How they misbehave.
        daily: The recordings and meetings; more can be added.
        modal: The transcription service.
        llm: The chat service.
        zulip: The message store.
        webhook: The customer's end of webhooks.
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
    ) -> None:
        """Make a set that knows nothing but what it is given.

        Args:
            daily_recordings: What `GET /recordings/{id}` finds.
            daily_participants: Who was in a meeting, by mtgSessionId.
            credentials: What callers must present; made-up ones by default.
            transcribe: Reads the words out of audio; the fixture audio's own ears by default.
            leading_space: Whether ModalStandIn leaves the space before some words.
            shuffled_words: Whether ModalStandIn answers words out of order.
            tracers: Words the LLM must bring up when it reads them.
            vocabulary: Words the LLM prefers to those of an instruction.
        """
        self.credentials = keys = credentials or Credentials()
        self.ledger = Ledger()
        self.daily = DailyStandIn(keys.daily_key, daily_recordings, daily_participants)
        self.modal = ModalStandIn(
            keys.modal_key, transcribe, leading_space=leading_space, shuffled=shuffled_words
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
        """Serve all of them on one port of `host`, for as long as the context lasts; 0: a free one.

        Raises:
            TestbedError: There is no such address.
        """
        admin = admin_app(self.ledger, self.faults)
        return server.serve(self._services, admin, host=host, port=port)

    def in_process(
        self, base_urls: Mapping[str, str] | None = None
    ) -> AbstractContextManager[in_process.InProcessStandIns]:
        """Answer httpx clients of this process, for as long as the context lasts.

        Args:
            base_urls: Base URL by service name; `https://<service>.stand-in.test` for each
                by default.

        Raises:
            ValueError: A base URL is for a service that does not exist.
        """
        urls = base_urls or {name: f"https://{name}.stand-in.test" for name in self._services}
        return in_process.in_process(self._services, urls)
