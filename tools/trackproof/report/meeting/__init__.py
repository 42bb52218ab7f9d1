"""Pictures and texts of one meeting: workflow, timeline, transcript, trace, comparison."""
