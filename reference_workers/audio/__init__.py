"""Audio as pure functions on files and URLs; nothing here knows Conductor or S3.

One convention everywhere: a track's offset is its stream's start_time (the first packet's
time after CodecDelay is taken off), and the first audible sample, after Opus' pre-skip is
dropped, stands at that offset.
"""
