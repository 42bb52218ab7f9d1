"""Audio as pure functions on files and URLs; nothing here knows Conductor or S3.

One convention everywhere: a track's offset is its stream's start_time (the first packet's
time after CodecDelay is taken off), and the first audible sample, after Opus' pre-skip is
dropped, stands at that offset.
"""

RATE = 48_000
"""Samples a second of everything this package makes."""

JITTER_SAMPLES = RATE // 200
"""Times may wobble by 5 ms (container rounding) before it counts as a gap."""
