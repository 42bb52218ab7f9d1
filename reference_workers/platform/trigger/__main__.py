"""Start pipelines for finished recordings: `python -m reference_workers.platform.trigger`."""

from __future__ import annotations

from contextlib import ExitStack, closing

import structlog
import uvicorn

from reference_workers.errors import StartupError
from reference_workers.platform import log
from reference_workers.platform.client import ConductorClient
from reference_workers.platform.redaction import secrets_of
from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.platform.state.repository import State
from reference_workers.platform.trigger.app import create_app
from reference_workers.platform.trigger.daily_webhook import SignatureCheck
from reference_workers.platform.trigger.fallback import FallbackWatch
from reference_workers.platform.trigger.polling import RecordingPoller
from reference_workers.platform.trigger.process import SendLegacyTask, Trigger
from reference_workers.platform.trigger.switch import Switch
from reference_workers.services.daily import Daily
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error


def main() -> None:
    """Receive webhooks and poll Daily until SIGTERM or Ctrl-C."""
    with exit_on_startup_error("trigger"):
        _run(Settings())


def _run(settings: Settings) -> None:
    log.configure(
        debug=settings.conductor_debug,
        as_json=settings.log_format == "json",
        secrets=secrets_of(settings),
    )
    switch = Switch.from_settings(settings)
    check = _signature_check(settings)
    with ExitStack() as stack:
        state = stack.enter_context(closing(State(settings.database_url)))
        state.migrate()
        trigger = Trigger(
            state,
            switch,
            lambda: ConductorClient.from_settings(settings),
            _legacy_sender(settings, switch),
        )
        daily = stack.enter_context(closing(Daily(settings)))
        poller = RecordingPoller(
            trigger,
            daily,
            bucket_name=settings.recording_bucket,
            seconds=settings.trigger_poll_seconds,
        )
        stack.enter_context(poller.running())
        if switch.legacy or switch.fallback:  # a meeting may have begun under another switch
            watch = FallbackWatch(
                trigger,
                seconds=settings.reconcile_seconds,
                after_seconds=settings.fallback_after_seconds,
            )
            stack.enter_context(watch.running())
        app = create_app(trigger, check, bucket_name=settings.recording_bucket)
        structlog.get_logger().info(
            "trigger is running",
            conductor=switch.conductor,
            legacy=switch.legacy,
            fallback=switch.fallback,
        )
        uvicorn.run(
            app,
            host=settings.trigger_host,
            port=settings.trigger_port,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
        )


def _signature_check(settings: Settings) -> SignatureCheck:
    try:
        return SignatureCheck(settings.daily_webhook_secret.get_secret_value())
    except ValueError as error:
        raise StartupError(f"DAILY_WEBHOOK_SECRET: {error}. Hint: copy it from Daily") from None


def _legacy_sender(settings: Settings, switch: Switch) -> SendLegacyTask:
    """Return what sends the legacy task; the legacy folder may be gone after the move."""
    if not (switch.legacy or switch.fallback):
        return _no_legacy
    try:
        from reference_workers.platform.legacy.app import send_task  # noqa: PLC0415 - may be gone
    except ImportError as error:
        raise StartupError(
            f"the legacy pipeline is not installed: {error}. Hint: install "
            "'trackproof[lab,legacy]', or set CONDUCTOR_ENABLED=true and CONDUCTOR_FALLBACK=false"
        ) from None
    return lambda task_id, transcript, row: send_task(settings, task_id, transcript, row)


def _no_legacy(_task_id: str, _transcript: Transcript, _recording: Recording) -> None:
    raise AssertionError("the switch names no legacy pipeline")


if __name__ == "__main__":
    main()
