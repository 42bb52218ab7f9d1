"""MP3 encoder that writes the LAME tag with encoder delay and padding.

LAME prepends a delay and pads the last frame. Players that read the tag return exactly the input
samples. The `lameenc` package encodes three times faster than the LAME inside PyAV's wheel
(docs/audio.md) but writes no tag.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import lameenc
import numpy as np
from numpy.typing import NDArray

from reference_workers.audio import RATE

BIT_RATE = 128_000
"""Bits a second."""

QUALITY = 3
"""LAME's own default for this bit rate, which FFmpeg uses too."""

_FRAME_SAMPLES = 1152
_FRAME_BYTES = _FRAME_SAMPLES // 8 * BIT_RATE // RATE
_DELAY_SAMPLES = 576
"""LAME's encoder delay; players add the decoder's own 529 samples themselves."""


class Mp3Writer:
    """A stereo MP3 of 48 kHz at a constant bit rate."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._samples = 0
        self._bytes = 0
        self._encoder = lameenc.Encoder()
        self._encoder.silence()
        self._encoder.set_in_sample_rate(RATE)
        self._encoder.set_channels(2)
        self._encoder.set_bit_rate(BIT_RATE // 1000)
        self._encoder.set_quality(QUALITY)
        target.write(bytes(_FRAME_BYTES))  # placeholder for the tag

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples, one row (left, right) each."""
        self._samples += len(samples)
        self._append(self._encoder.encode(samples.tobytes()))

    def finish(self) -> float:
        """Flush the encoder, write the tag and return the audible seconds."""
        self._append(self._encoder.flush())
        frames = self._bytes // _FRAME_BYTES
        padding = frames * _FRAME_SAMPLES - _DELAY_SAMPLES - self._samples
        self._target.seek(0)
        self._target.write(_tag(frames, self._bytes, padding))
        self._target.seek(0, 2)
        return self._samples / RATE

    def _append(self, encoded: bytes) -> None:
        self._target.write(encoded)
        self._bytes += len(encoded)


def _tag(frames: int, audio_bytes: int, padding: int) -> bytes:
    """Return the tag: a silent frame with an Info header and LAME's extension."""
    size = audio_bytes + _FRAME_BYTES
    tag = b"".join(
        [
            b"\xff\xfb\x94\x44",  # MPEG 1 layer III, no CRC, 128 kb/s, 48 kHz, joint stereo
            bytes(32),  # side information
            b"Info",
            struct.pack(">III", 0b1111, frames, size),
            bytes(n * 256 // 100 for n in range(100)),  # seek table in 256ths
            struct.pack(">I", 100 - 10 * QUALITY),
            b"LAME3.100",
            b"\x01",  # constant bit rate
            bytes(10),  # no low-pass, peak or gain
            bytes([BIT_RATE // 1000]),
            (_DELAY_SAMPLES << 12 | padding).to_bytes(3, "big"),
            bytes(4),
            struct.pack(">IH", size, 0),
        ]
    )
    return (tag + struct.pack(">H", _crc16(tag))).ljust(_FRAME_BYTES, b"\0")


def _crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
