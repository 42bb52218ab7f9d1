"""The command `python -m reference_workers.platform.api`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from reference_workers.settings import Settings
from tests.bench.api import ADDRESS
from tests.integration.api.api_process import SECONDS
from tests.integration.api.websocket_client import closing
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID
from trackproof.wait import wait_until

TOKEN = "canary-token-of-ours"
COMMAND = [sys.executable, "-m", "reference_workers.platform.api"]


def environment(settings: Settings, **variables: str) -> dict[str, str]:
    """Return the environment of an API process with the settings' database and S3."""
    assert settings.s3_endpoint_url
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "S3_ACCESS_KEY_ID": settings.s3_access_key_id,
        "S3_SECRET_ACCESS_KEY": settings.s3_secret_access_key.get_secret_value(),
        "CONDUCTOR_SERVER_URL": settings.conductor_server_url,
        "API_PORT": "0",
        **variables,
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_listening_beyond_loopback_requires_tokens(settings: Settings, host: str) -> None:
    ran = subprocess.run(
        COMMAND,
        env=environment(settings, API_HOST=host),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert ran.returncode == 2
    assert ran.stderr == (
        f"api: the API listens on {host}, which is not loopback, only with tokens. "
        "Hint: set API_TOKENS, or API_HOST=127.0.0.1\n"
    )


async def test_the_command_serves_until_sigterm_and_logs_no_token(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "api.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            COMMAND,
            env=environment(settings, API_TOKENS=TOKEN, CONDUCTOR_DEBUG="true", LOG_FORMAT="json"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        match = wait_until(
            lambda: ADDRESS.search(log.read_text()),
            what="the API's address in the log",
            timeout=180,
            evidence=log.read_text,
        )
        port, path = match[1], f"/transcripts/{TRANSCRIPT_ID}?token={TOKEN}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as http:
            responses = [await http.get(path), await http.get(path, headers=headers)]
        async with connect(f"ws://127.0.0.1:{port}/ws{path}", proxy=None) as socket:
            await socket.send('{"token": "canary-token-of-another"}')
            assert (await closing(socket))[0] == 4401
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()

    assert [response.status_code for response in responses] == [401, 200]
    assert code in {0, -signal.SIGTERM}
    assert "canary" not in log.read_text()
    for line in log.read_text().splitlines():
        assert isinstance(json.loads(line), dict), line
