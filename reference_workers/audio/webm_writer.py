"""Minimal WebM writer for one Opus track with a freely chosen pre-skip.

libav's muxer takes a stream's pre-skip only from an encoder. This writer sets it in both places
consistently: CodecDelay (nanoseconds) and the pre-skip in OpusHead (samples).

The first block has time 0: its packet starts one CodecDelay before 0, the pre-skip is discarded,
and the first audible sample is at 0.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import BinaryIO

from reference_workers.audio import RATE

_SAMPLES_A_MS = RATE // 1000
_CLUSTER_MS = 5_000
_SEEK_PREROLL_NS = 80_000_000
_DURATION = struct.Struct(">d")
_SIMPLE_BLOCK = struct.Struct(">BIBHB")
"""Id, size in four bytes, track 1, milliseconds relative to the cluster, key-frame flag."""

# Element ids of Matroska (RFC 9559).
_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    *(b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66"),
    *(b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"),
)
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


class OpusWriter:
    """Writes a WebM file with one Opus track that starts at 0."""

    def __init__(self, target: BinaryIO, *, channels: int, pre_skip: int) -> None:
        self._target = target
        self._pre_skip = pre_skip
        self._written = self._discarded = 0
        self._cluster = BytesIO()
        self._cluster_ms = 0
        header = _header(channels, pre_skip)
        # Patched by `finish`: the segment's size and the duration.
        self._segment_at = header.index(_SEGMENT) + len(_SEGMENT)
        self._duration_at = header.index(b"\x44\x89\x88") + 3
        target.write(header)

    def write(self, packet: bytes, samples: int, *, discarded: int = 0) -> None:
        """Append a packet.

        Args:
            packet: An Opus packet.
            samples: How many samples it decodes to; whole milliseconds.
            discarded: How many samples at its end are discarded (DiscardPadding).
        """
        time_ms = self._written // _SAMPLES_A_MS
        if time_ms - self._cluster_ms >= _CLUSTER_MS:
            self._end_cluster()
            self._cluster_ms = time_ms
        since_cluster = time_ms - self._cluster_ms
        if discarded:
            block = _element(b"\xa1", b"\x81%b\0%b" % (since_cluster.to_bytes(2, "big"), packet))
            trim_ns = round(discarded * 1e9 / RATE).to_bytes(8, "big")
            self._cluster.write(_element(b"\xa0", block + _element(b"\x75\xa2", trim_ns)))
        else:
            size = 0x1000_0000 | len(packet) + 4
            self._cluster.write(_SIMPLE_BLOCK.pack(0xA3, size, 0x81, since_cluster, 0x80))
            self._cluster.write(packet)
        self._written += samples
        self._discarded += discarded

    def finish(self) -> None:
        """Write the last cluster, the segment's size and the duration."""
        self._end_cluster()
        end = self._target.tell()
        self._target.seek(self._segment_at)
        size = end - self._segment_at - len(_UNKNOWN_SIZE)
        self._target.write((1 << 56 | size).to_bytes(8, "big"))
        self._target.seek(self._duration_at)
        audible = self._written - self._pre_skip - self._discarded
        self._target.write(_DURATION.pack(audible / _SAMPLES_A_MS))
        self._target.seek(end)

    def _end_cluster(self) -> None:
        blocks = self._cluster.getvalue()
        if blocks:
            self._target.write(_element(_CLUSTER, _uint(b"\xe7", self._cluster_ms) + blocks))
        self._cluster = BytesIO()


def _header(channels: int, pre_skip: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, pre_skip, RATE, 0, 0)
    return b"".join(
        [
            _element(_EBML, _element(b"\x42\x82", b"webm") + _uint(b"\x42\x87", 4)),
            _SEGMENT + _UNKNOWN_SIZE,
            _element(
                _INFO,
                _uint(b"\x2a\xd7\xb1", 1_000_000)
                + _element(b"\x4d\x80", b"trackproof")
                + _element(b"\x57\x41", b"trackproof")
                + _element(b"\x44\x89", bytes(8)),
            ),
            _element(
                _TRACKS,
                _element(
                    b"\xae",
                    _uint(b"\xd7", 1)
                    + _uint(b"\x73\xc5", 1)
                    + _uint(b"\x83", 2)
                    + _uint(b"\x9c", 0)
                    + _element(b"\x86", b"A_OPUS")
                    + _uint(b"\x56\xaa", round(pre_skip * 1e9 / RATE))
                    + _uint(b"\x56\xbb", _SEEK_PREROLL_NS)
                    + _element(b"\x63\xa2", head)
                    + _element(
                        b"\xe1",
                        _element(b"\xb5", struct.pack(">f", RATE)) + _uint(b"\x9f", channels),
                    ),
                ),
            ),
        ]
    )


def _uint(element: bytes, value: int) -> bytes:
    return _element(element, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _element(element: bytes, content: bytes) -> bytes:
    """Return an element with its size in the fewest bytes (a size of all ones is reserved)."""
    width = next(n for n in range(1, 9) if len(content) < (1 << 7 * n) - 1)
    return element + (1 << 7 * width | len(content)).to_bytes(width, "big") + content
