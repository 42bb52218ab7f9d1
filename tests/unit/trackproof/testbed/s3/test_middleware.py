"""S3's door: requests are written down, and faults reach any client."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.faults import Fault

CONTENT = b"0123456789" * 1000


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with S3Server(["bucket"]) as server:
        server.client().put_object(Bucket="bucket", Key="k", Body=CONTENT)
        server.ledger.clear()
        yield server


def test_a_presigned_read_is_written_down_with_its_query(s3: S3Server) -> None:
    httpx.get(s3.presign("bucket", "k"))

    request = s3.ledger.last("s3")
    assert request is not None
    assert (request.method, request.path, request.status) == ("GET", "/bucket/k", 200)
    assert {"Signature", "Expires"} <= request.query.keys()


def test_a_key_of_any_script_is_written_down_as_it_is(s3: S3Server) -> None:
    s3.client().put_object(Bucket="bucket", Key="Räume/会議/שלום", Body=CONTENT)
    s3.faults.add(Fault(service="s3", status=503, method="GET", path="/bucket/Räume/会議/*"))

    answer = httpx.get(s3.presign("bucket", "Räume/会議/שלום"))

    assert answer.status_code == 503
    assert [request.path for request in s3.ledger.requests()] == ["/bucket/Räume/会議/שלום"] * 2


def test_a_status_is_answered_as_often_as_told(s3: S3Server) -> None:
    s3.faults.add(Fault(service="s3", status=503, times=1))

    answers = [httpx.get(s3.presign("bucket", "k")).status_code for _ in range(2)]

    assert answers == [503, 200]
    assert [request.faulted for request in s3.ledger.requests()] == [True, False]


def test_a_dropped_connection_is_never_answered(s3: S3Server) -> None:
    s3.faults.add(Fault(service="s3", drop=True, times=1))

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(s3.presign("bucket", "k"))


def test_an_answer_is_cut_after_so_many_bytes(s3: S3Server) -> None:
    s3.faults.add(Fault(service="s3", cut_after=4000, times=1))

    with httpx.stream("GET", s3.presign("bucket", "k")) as answer:
        chunks = answer.iter_raw(4000)
        received = next(chunks)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            next(chunks)

    assert received == CONTENT[:4000]
    assert httpx.get(s3.presign("bucket", "k")).content == CONTENT


def test_a_lost_acknowledgement_has_its_effect(s3: S3Server) -> None:
    s3.faults.add(Fault(service="s3", drop=True, carried_out=True, times=1))
    url = s3.client().generate_presigned_url(
        "put_object", Params={"Bucket": "bucket", "Key": "new"}
    )

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.put(url, content=b"here")

    assert s3.read("bucket", "new") == b"here"


def test_only_s3_can_cut_an_answer() -> None:
    with pytest.raises(ValueError, match="cut_after is for the right answers of s3"):
        Fault(service="llm", cut_after=3)
