from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_workers.platform.api.byte_ranges import (
    ByteRange,
    UnsatisfiableError,
    has_current_version,
    requested_range,
)

ETAG = '"abc"'
MODIFIED = datetime(2026, 11, 25, 12, 0, 0, 987, tzinfo=UTC)


def range_of(header: str, *, size: int = 100, if_range: str | None = None) -> ByteRange | None:
    headers = {"range": header} | ({} if if_range is None else {"if-range": if_range})
    return requested_range(headers, size=size, etag=ETAG, modified_at=MODIFIED)


@pytest.mark.parametrize(
    ("header", "first", "last"),
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
def test_a_single_range(header: str, first: int, last: int) -> None:
    assert range_of(header) == ByteRange(first, last)


def test_an_invalid_or_multiple_range_is_ignored() -> None:
    headers = [
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
    ]

    assert [header for header in headers if range_of(header) is not None] == []


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=4000-"])
def test_a_range_beyond_the_end_is_unsatisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        range_of(header)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_an_empty_object_has_no_ranges(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        range_of(header, size=0)


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
def test_if_range_with_another_version_ignores_the_range(if_range: str, is_part: bool) -> None:
    assert range_of("bytes=1-2", if_range=if_range) == (ByteRange(1, 2) if is_part else None)


@pytest.mark.parametrize(
    ("header", "matches"),
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
def test_if_none_match(header: str | None, matches: bool) -> None:
    assert has_current_version(header, ETAG) is matches


@settings(max_examples=50, deadline=None)
@given(
    st.text(alphabet="bytes=0123456789-, \x00é", max_size=40) | st.text(max_size=40),
    st.text(max_size=40),
    st.integers(0, 10**15),
)
def test_any_header_gives_a_range_within_the_object(header: str, if_range: str, size: int) -> None:
    headers = {"range": header, "if-range": if_range}
    try:
        part = requested_range(headers, size=size, etag=ETAG, modified_at=MODIFIED)
    except UnsatisfiableError:
        return
    assert part is None or 0 <= part.first <= part.last < size
