"""What outlives a task: transcripts, recordings, rooms, consents and events."""
