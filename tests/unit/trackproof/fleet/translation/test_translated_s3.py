"""S3 in the contracts' keys, for a fleet with other keys."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from trackproof.fleet.translation.adapters import TranslatedS3
from trackproof.fleet.translation.field_map import TemplateMap
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.faults import Fault

BUCKET = "transcripts"
KEYS = TemplateMap(
    {"{transcript_id}/padded_track_{track_index}.webm": "p/{transcript_id}/{track_index}"}
)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server([BUCKET]).start()
    yield server
    server.stop()


@pytest.fixture
def translated(server: S3Server) -> Iterator[TranslatedS3]:
    yield TranslatedS3(server, KEYS)
    server.faults.clear()
    server.ledger.clear()


def fetch(server: S3Server, key: str) -> int:
    """Request an object as the fleet does, by its own key."""
    return httpx.get(f"{server.endpoint}/{BUCKET}/{key}").status_code


def test_requests_have_the_contracts_keys(server: S3Server, translated: TranslatedS3) -> None:
    fetch(server, "p/t-1/0")
    fetch(server, "else/where")

    paths = [request.path for request in translated.ledger.requests("s3", method="GET")]

    assert paths == ["/transcripts/t-1/padded_track_0.webm", "/transcripts/else/where"]
    assert translated.ledger.count("s3", path="*/t-1/padded_track_*") == 1


@pytest.mark.parametrize("path", ["*/*/padded_track_1.webm", "/transcripts/*/padded_track_1.webm"])
def test_fault_of_a_contracts_key_applies_to_the_fleets(
    path: str, server: S3Server, translated: TranslatedS3
) -> None:
    translated.faults.add(Fault(service="s3", path=path, status=503))

    assert (fetch(server, "p/t-1/1"), fetch(server, "p/t-1/2")) == (503, 404)


def test_fault_without_a_path_applies_to_everything(
    server: S3Server, translated: TranslatedS3
) -> None:
    translated.faults.add(Fault(service="s3", status=503))

    assert fetch(server, "p/t-1/1") == 503
