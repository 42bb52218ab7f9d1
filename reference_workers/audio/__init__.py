"""Audio processing on files and URLs, independent of Conductor and S3.

Convention: a track's offset is its stream's start_time (the first packet's time minus
CodecDelay). The first audible sample, after Opus' pre-skip, is at that offset.
"""

RATE = 48_000
"""Sample rate in Hz of everything this package writes."""

JITTER_SAMPLES = RATE // 200
"""Tolerance for packet times (5 ms, container rounding); a larger jump is a gap."""
