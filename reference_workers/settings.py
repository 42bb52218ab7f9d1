"""Settings from environment variables; the defaults suit the product's container network."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

TOKEN_MIN_CHARACTERS = 16


class Settings(BaseSettings):
    """One environment variable for each field, of the same name (seed INFRA-003)."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # the input may be a secret
    )

    conductor_server_url: str = "http://conductor:8080/api"
    conductor_debug: bool = False
    log_format: Literal["text", "json"] = "text"
    """Format of log lines: key=value text, or one JSON object a line."""

    conductor_enabled: bool = False
    conductor_shadow_mode: bool = False
    """Run the workflow beside the legacy pipeline, which stays the one that counts."""

    conductor_fallback: bool = True
    """Process a recording with the legacy pipeline if Conductor does not."""

    fallback_after_seconds: float = Field(default=300.0, gt=0)
    """Time without an answer of Conductor after which running meetings fall back."""

    celery_broker_url: str = Field(default="", repr=False)
    """Broker of the legacy pipeline, such as Redis; by default folders below DATA_DIR."""

    trigger_host: str = "127.0.0.1"
    """Address of the endpoint for Daily's webhooks."""

    trigger_port: int = Field(default=8011, ge=0, le=65_535)

    trigger_poll_seconds: float = Field(default=60.0, gt=0)
    """Pause between two requests for Daily's finished recordings."""

    daily_webhook_secret: SecretStr = SecretStr("")
    """Base64 key with which Daily signs webhooks; without it all are refused."""

    recording_bucket: str = "recordings"
    """Bucket in which Daily stores raw tracks."""

    daily_api_url: str = "https://api.daily.co/v1"
    daily_api_key: SecretStr = SecretStr("")

    transcript_url: str = "http://localhost:8000"
    transcript_modal_api_key: SecretStr = SecretStr("")

    transcript_model: str = "default"
    """Name of the model behind that URL; part of the cache key of transcriptions."""

    llm_url: str = "http://localhost:8001/v1"
    llm_api_key: SecretStr = SecretStr("")
    llm_model: str = "default"

    zulip_url: str = ""
    zulip_bot_email: str = ""
    zulip_api_key: SecretStr = SecretStr("")

    webhook_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that webhook URLs may name although their addresses are not public."""

    webhook_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks whose addresses webhook URLs may reach although they are not public."""

    s3_endpoint_url: str | None = None
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_addressing_style: Literal["path", "virtual"] = "path"
    """Where a URL has the bucket: in its path, as self-hosted stores require, or in its host."""
    transcript_bucket: str = "transcripts"

    database_url: str = Field(default="sqlite:///reference_workers.db", repr=False)
    """Hidden from the repr, since it may contain a password."""

    redis_url: str | None = Field(default=None, repr=False)
    """Redis to publish events to; without it subscribers poll the database only."""

    data_dir: Path = Path("data")
    frontend_url: str = "http://localhost:3000"

    cache_max_bytes: int = Field(default=256_000_000, ge=0)
    """Size limit of all cached answers; the oldest are evicted first. 0 disables the cache."""

    cache_max_age_seconds: float = Field(default=30 * 86_400.0, ge=0)
    """Lifetime of a cached answer. 0 disables the cache."""

    threads_per_type: int = Field(default=4, ge=1, le=64)
    """Tasks of one type that this process runs in parallel: the branches of a fork, and other
    meetings beside one whose service is slow."""

    poll_interval_ms: int = Field(default=100, ge=1, le=10_000)
    """Longest pause between two polls for a busy task type; the SDK polls sooner after a task."""

    outside_timeout_seconds: float = Field(default=25.0, gt=0)
    """Time limit of one call to an outside service, with the wait that it requests after it
    (Retry-After); below every task's response timeout."""

    meeting_max_seconds: float = Field(default=12 * 3600.0, gt=0)
    """Length of the longest meeting: audio behind it is refused."""

    outage_wait_seconds: float = Field(default=30.0, ge=0)
    """Time for which one attempt waits for storage or database to come back; with the attempts of
    the contracts, an outage of two minutes ends no meeting."""

    transcription_timeout_seconds: float = Field(default=840.0, gt=0)
    """Time limit of one transcription; below transcribe_track's response timeout."""

    reconcile_seconds: float = Field(default=15.0, gt=0)
    """Pause between two runs of the reconciler."""

    api_host: str = "127.0.0.1"
    """Address of the API; any other than loopback requires tokens."""

    api_port: int = Field(default=8010, ge=0, le=65_535)

    api_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Accepted bearer tokens; several, so that tokens can be rotated."""

    api_subscribers: int = Field(default=1000, ge=1)
    """Maximum of concurrent WebSocket subscribers in one API process."""

    @field_validator(
        "api_tokens", "webhook_allowed_hosts", "webhook_allowed_networks", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        """Split a comma-separated list."""
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("api_tokens")
    @classmethod
    def _check_strength(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for token in tokens:
            text = token.get_secret_value()
            if len(text) < TOKEN_MIN_CHARACTERS or not (text.isascii() and text.isprintable()):
                raise ValueError(
                    f"a token needs at least {TOKEN_MIN_CHARACTERS} printable ASCII characters; "
                    "make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"
                )
        return tokens
