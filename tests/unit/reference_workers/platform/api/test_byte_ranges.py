from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_workers.platform.api.byte_ranges import (
    ByteRange,
    UnsatisfiableError,
    has_current_version,
    requested_range,
)

ETAG = '"abc"'
MODIFIED = datetime(2026, 11, 25, 12, 0, 0, 987, tzinfo=UTC)


def wanted(asked: str, *, size: int = 100, if_range: str | None = None) -> ByteRange | None:
    headers = {"range": asked} | ({} if if_range is None else {"if-range": if_range})
    return requested_range(headers, size=size, etag=ETAG, modified_at=MODIFIED)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=10-19", 10, 19),
        ("bytes=90-", 90, 99),
        ("bytes=90-4000", 90, 99),
        ("bytes=0-" + "9" * 4000, 0, 99),
        ("bytes=-1", 99, 99),
        ("bytes=-100", 0, 99),
        ("bytes=-4000", 0, 99),
        ("Bytes= 10 - 19 ", 10, 19),
    ],
)
def test_one_range_is_understood(asked: str, first: int, last: int) -> None:
    assert wanted(asked) == ByteRange(first, last)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=0-1,5-6",
        "bytes=-1-2",
        "bytes=+1-2",
        "bytes=١-٢",
        "bytes=0x1-2",
        "lines=0-1",
        "bytes=" + "9" * 4001 + "-",
    ],
)
def test_what_is_no_single_range_gets_the_whole(asked: str) -> None:
    assert wanted(asked) is None


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=4000-"])
def test_a_range_beyond_the_end_is_unsatisfiable(asked: str) -> None:
    with pytest.raises(UnsatisfiableError):
        wanted(asked)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_nothing_has_no_parts(asked: str) -> None:
    with pytest.raises(UnsatisfiableError):
        wanted(asked, size=0)


@pytest.mark.parametrize(
    ("if_range", "is_part"),
    [
        (ETAG, True),
        ("Wed, 25 Nov 2026 12:00:00 GMT", True),
        ('"another"', False),
        (f"W/{ETAG}", False),
        ("Wed, 25 Nov 2026 12:00:01 GMT", False),
        ("Wed, 25 Nov 2026 12:00:00 -0000", False),
        ("yesterday", False),
        ("", False),
        ("Wed, 99 Nov 99999999999999999999 12:00:00 GMT", False),
    ],
)
def test_another_version_is_sent_whole(if_range: str, is_part: bool) -> None:
    assert wanted("bytes=1-2", if_range=if_range) == (ByteRange(1, 2) if is_part else None)


@pytest.mark.parametrize(
    ("known", "has"),
    [
        (None, False),
        (ETAG, True),
        (f"W/{ETAG}", True),
        (f'"x", {ETAG}', True),
        ("*", True),
        ('"x"', False),
        ("abc", False),
    ],
)
def test_who_has_it_is_seen(known: str | None, has: bool) -> None:
    assert has_current_version(known, ETAG) is has


@given(
    st.text(alphabet="bytes=0123456789-, \x00é", max_size=40) | st.text(max_size=40),
    st.text(max_size=40),
    st.integers(0, 10**15),
)
def test_no_header_leads_outside_the_object(asked: str, if_range: str, size: int) -> None:
    headers = {"range": asked, "if-range": if_range}
    try:
        part = requested_range(headers, size=size, etag=ETAG, modified_at=MODIFIED)
    except UnsatisfiableError:
        return
    assert part is None or 0 <= part.first <= part.last < size
