"""Pad a clean Opus track by copying its packets, without decoding (docs/adr/0004).

Packets of silence are prepended; a longer pre-skip removes their excess over the offset. Tracks
with gaps are re-encoded (`padding`): silence inserted between packets does not match the
encoder's state and would distort the audio after it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from reference_workers.audio import JITTER_SAMPLES, RATE
from reference_workers.audio.media_input import packets
from reference_workers.audio.webm_writer import OpusWriter

SILENCE_SAMPLES = RATE // 50
"""Samples in a packet of silence (20 ms)."""

_SILENCE = {1: b"\xf8\xff\xfe", 2: b"\xfc\xff\xfe"}
"""Silent CELT frame of 20 ms by number of channels; decodes to zeros."""

_SILENCE_BEFORE_CELT = bytes.fromhex("080be63b23ab60")
"""20 ms of silence (below -80 dB) as a SILK frame.

CELT encodes levels relative to the previous frame: after a silent CELT frame a track would fade
in over 200 ms. A change of mode resets the decoder to the encoder's initial state.
"""

_FIRST_CELT_CONFIG = 16

_SAMPLES_A_MS = RATE // 1000

_HEAD = struct.Struct("<8sBBHIhB")
"""OpusHead of channel mapping family 0 (RFC 7845, section 5.1)."""


class NotRemuxableError(Exception):
    """The track cannot be padded by packet copy and must be re-encoded."""


def write_remuxed(container: InputContainer, stream: AudioStream, target: Path, lead: int) -> None:
    """Write an Opus track as WebM after `lead` samples of silence.

    Raises:
        NotRemuxableError: The track is not Opus with one or two channels, without gain, in
            contiguous packets of whole milliseconds.
        PermanentError, TransientError: As `packets`.
    """
    channels, own_pre_skip = _opus_head(stream)
    silent = -(-lead // SILENCE_SAMPLES)
    pre_skip = own_pre_skip + silent * SILENCE_SAMPLES - lead
    with target.open("wb") as file:
        writer = OpusWriter(file, channels=channels, pre_skip=pre_skip)
        last: Packet[AudioStream] | None = None
        content, samples = b"", 0
        for packet, next_content, next_samples in _contiguous_packets(container, stream):
            if last is None:
                for silence in _silent_packets(silent, channels, before=next_content):
                    writer.write(silence, SILENCE_SAMPLES)
            else:
                writer.write(content, samples)
            last, content, samples = packet, next_content, next_samples
        if last is not None:
            writer.write(content, samples, discarded=_discard_padding(last))
        writer.finish()


def _silent_packets(count: int, channels: int, *, before: bytes) -> Iterator[bytes]:
    """Yield packets of silence after which the decoder is in its initial state."""
    is_celt = before[0] >> 3 >= _FIRST_CELT_CONFIG
    yield from [_SILENCE[channels]] * (count - 1)
    if count:
        yield _SILENCE_BEFORE_CELT if is_celt else _SILENCE[channels]


def count_samples(packet: bytes) -> int:
    """Return how many samples an Opus packet decodes to; 0 for an invalid packet."""
    if known := _SAMPLES[packet[0]]:
        return known
    return _frame_samples(packet[0]) * (packet[1] & 0x3F) if len(packet) > 1 else 0


def _frame_samples(toc: int) -> int:
    """Return a frame's samples by the packet's TOC byte (RFC 6716, section 3.1)."""
    config = toc >> 3
    if config < 12:  # SILK
        return (480, 960, 1920, 2880)[config & 3]
    if config < 16:  # both
        return (480, 960)[config & 1]
    return (120, 240, 480, 960)[config & 3]  # CELT


_SAMPLES = tuple(_frame_samples(toc) * (1, 2, 2, 0)[toc & 3] for toc in range(256))
"""Samples in a packet by its TOC byte; 0 where the second byte counts the frames."""


def _contiguous_packets(
    container: InputContainer, stream: AudioStream
) -> Iterator[tuple[Packet[AudioStream], bytes, int]]:
    """Yield each packet with its content and samples; raise at the first gap."""
    samples_a_tick = float((stream.time_base or 0) * RATE)
    origin: float | None = None
    position = 0
    for packet in packets(container, stream):
        content, pts = bytes(packet), packet.pts
        if not content:
            continue  # the flush packet
        if pts is None:
            raise NotRemuxableError("a packet without a pts")
        time = pts * samples_a_tick
        if origin is None:
            origin = time
        if abs(time - origin - position) > JITTER_SAMPLES:
            raise NotRemuxableError("a gap, or times that jump back")
        samples = count_samples(content)
        if not samples or samples % _SAMPLES_A_MS:
            raise NotRemuxableError("an invalid packet, or one not of whole milliseconds")
        position += samples
        yield packet, content, samples


def _opus_head(stream: AudioStream) -> tuple[int, int]:
    """Return channels and pre-skip of the OpusHead."""
    head = stream.codec_context.extradata or b""
    if stream.codec_context.name not in {"opus", "libopus"} or head[:8] != b"OpusHead":
        raise NotRemuxableError("not Opus")
    if len(head) != _HEAD.size:
        raise NotRemuxableError("more than two channels")
    _, channels, pre_skip, _, gain, family = _HEAD.unpack(head)[1:]
    if family or gain or channels not in _SILENCE:
        raise NotRemuxableError("a gain, or more than two channels")
    if pre_skip != stream.codec_context.delay:
        raise NotRemuxableError("OpusHead and CodecDelay differ")
    return channels, pre_skip


def _discard_padding(packet: Packet[AudioStream]) -> int:
    """Return how many samples to discard at a packet's end."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[4:8], "little")
