"""Write Opus packets as WebM: as little of Matroska as one audio track needs.

libav's muxer takes a stream's pre-skip from an encoder only. Here it is free, and both places
that state it agree: CodecDelay in nanoseconds and the pre-skip in OpusHead.

The first packet's block time is 0. What the container means by it: the packet begins one
CodecDelay before 0, the pre-skip is dropped, and the first audible sample stands at 0.
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
"""Id, size in four bytes, track 1, milliseconds since the cluster's time, key frame."""

# Element ids of Matroska (RFC 9559).
_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    *(b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66"),
    *(b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"),
)
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


class OpusWriter:
    """A WebM file of one Opus track that begins at 0."""

    def __init__(self, target: BinaryIO, *, channels: int, pre_skip: int) -> None:
        self._target = target
        self._pre_skip = pre_skip
        self._written = self._discarded = 0
        self._cluster = BytesIO()
        self._cluster_ms = 0
        header = _header(channels, pre_skip)
        # The sizes and the duration are known at the end.
        self._segment_at = header.index(_SEGMENT) + len(_SEGMENT)
        self._duration_at = header.index(b"\x44\x89\x88") + 3
        target.write(header)

    @property
    def position(self) -> int:
        """Where the next packet begins, in samples that the listener hears."""
        return self._written - self._pre_skip

    def write(self, packet: bytes, samples: int, *, discarded: int = 0) -> None:
        """Append a packet.

        Args:
            packet: as the encoder made it.
            samples: what it decodes to, a whole number of milliseconds.
            discarded: so many of them, at its end, are not heard.
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
        """Write what is known at the end: sizes and duration."""
        self._end_cluster()
        end = self._target.tell()
        self._target.seek(self._segment_at)
        size = end - self._segment_at - len(_UNKNOWN_SIZE)
        self._target.write((1 << 56 | size).to_bytes(8, "big"))
        self._target.seek(self._duration_at)
        heard = self._written - self._pre_skip - self._discarded
        self._target.write(_DURATION.pack(heard / _SAMPLES_A_MS))
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
    """Return an element with its size in the fewest bytes (a length of all ones is reserved)."""
    width = next(n for n in range(1, 9) if len(content) < (1 << 7 * n) - 1)
    return element + (1 << 7 * width | len(content)).to_bytes(width, "big") + content
