"""What the fleet is told by its environment, and nothing else.

Defaults suit local development inside the product's own container network.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One field an environment variable of the same name (seed INFRA-003)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    conductor_server_url: str = "http://conductor:8080/api"
    conductor_debug: bool = False
    conductor_enabled: bool = False
    conductor_shadow_mode: bool = False

    daily_api_url: str = "https://api.daily.co/v1"
    daily_api_key: SecretStr = SecretStr("")

    transcript_url: str = "http://localhost:8000"
    transcript_modal_api_key: SecretStr = SecretStr("")

    transcript_model: str = "default"
    """Names what transcribes behind that URL: another name, and nothing remembered is used."""

    llm_url: str = "http://localhost:8001/v1"
    llm_api_key: SecretStr = SecretStr("")
    llm_model: str = "default"

    zulip_url: str = ""
    zulip_bot_email: str = ""
    zulip_api_key: SecretStr = SecretStr("")

    s3_endpoint_url: str | None = None
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    transcript_bucket: str = "transcripts"

    database_url: str = Field(default="sqlite:///reference_workers.db", repr=False)
    """Out of the repr, since it may hold a password."""

    redis_url: str | None = Field(default=None, repr=False)
    """Where events are published; without it subscribers read the database only."""

    data_dir: Path = Path("data")
    frontend_url: str = "http://localhost:3000"

    cache_max_bytes: int = Field(default=256_000_000, ge=0)
    """Of all remembered answers together; the oldest go first. 0 remembers nothing."""

    cache_max_age_seconds: float = Field(default=30 * 86_400.0, ge=0)
    """After which an answer is asked for anew. 0 remembers nothing."""

    branch_threads: int = Field(default=4, ge=1, le=64)
    """How many branches of one fork this process works on at a time."""

    outside_timeout_seconds: float = Field(default=25.0, gt=0)
    """Time limit of one call outside; below every task's response timeout."""

    transcription_timeout_seconds: float = Field(default=840.0, gt=0)
    """Time limit of one transcription; below transcribe_track's response timeout."""

    reconcile_seconds: float = Field(default=15.0, gt=0)
    """Between two looks for transcripts whose workflow ended without their knowing."""
