"""Persistent state: transcripts, recordings, rooms, consents, events, leases and cache."""
