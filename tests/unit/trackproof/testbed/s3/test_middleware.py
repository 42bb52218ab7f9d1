"""The S3 server records requests and injects faults, for any client."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.trackproof.testbed.s3.conftest import BUCKET
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.faults import Fault

CONTENT = b"0123456789" * 1000


@pytest.fixture
def url(s3: S3Server) -> str:
    """Store an object and return its presigned URL."""
    s3.client().put_object(Bucket=BUCKET, Key="k", Body=CONTENT)
    s3.ledger.clear()
    return s3.presign(BUCKET, "k")


def test_presigned_read_is_recorded_with_its_query(s3: S3Server, url: str) -> None:
    httpx.get(url)

    (request,) = s3.ledger.requests("s3")
    assert (request.method, request.path, request.status) == ("GET", "/recordings/k", 200)
    assert {"Signature", "Expires"} <= request.query.keys()


def test_unicode_key_is_recorded_and_matched_unescaped(s3: S3Server) -> None:
    s3.client().put_object(Bucket=BUCKET, Key="Räume/会議/שלום", Body=CONTENT)
    s3.faults.add(Fault(service="s3", status=503, method="GET", path="/recordings/Räume/会議/*"))

    response = httpx.get(s3.presign(BUCKET, "Räume/会議/שלום"))

    assert response.status_code == 503
    paths = [request.path for request in s3.ledger.requests(path="*שלום")]
    assert paths == ["/recordings/Räume/会議/שלום"] * 2


def test_fault_applies_to_the_given_number_of_requests(s3: S3Server, url: str) -> None:
    s3.faults.add(Fault(service="s3", status=503, times=1))

    statuses = [httpx.get(url).status_code for _ in range(2)]

    assert statuses == [503, 200]
    assert [request.faulted for request in s3.ledger.requests()] == [True, False]


def test_dropped_connection_has_no_response(s3: S3Server, url: str) -> None:
    s3.faults.add(Fault(service="s3", drop=True, times=1))

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)


def test_response_is_cut_after_the_given_bytes(s3: S3Server, url: str) -> None:
    s3.faults.add(Fault(service="s3", cut_after=4000, times=1))

    with httpx.stream("GET", url) as response:
        chunks = response.iter_raw(4000)
        received = next(chunks)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            next(chunks)

    assert received == CONTENT[:4000]
    assert httpx.get(url).content == CONTENT


def test_request_with_a_lost_acknowledgement_is_performed(s3: S3Server) -> None:
    s3.faults.add(Fault(service="s3", drop=True, carried_out=True, times=1))
    url = s3.client().generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "new"})

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.put(url, content=b"here")

    assert s3.read(BUCKET, "new") == b"here"


def test_cut_is_valid_for_s3_only() -> None:
    with pytest.raises(ValueError, match="cut_after applies only to successful answers of s3"):
        Fault(service="llm", cut_after=3)
