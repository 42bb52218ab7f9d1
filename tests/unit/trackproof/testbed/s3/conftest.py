"""One S3 server per module, emptied before each test: a stop takes half a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trackproof.testbed.s3.server import S3Server

BUCKET = "recordings"


@pytest.fixture(scope="module")
def running_s3() -> Iterator[S3Server]:
    with S3Server([BUCKET]) as server:
        yield server


@pytest.fixture
def s3(running_s3: S3Server) -> S3Server:
    running_s3.reset()
    running_s3.faults.clear()
    running_s3.ledger.clear()
    return running_s3
