"""Reports: writers on the stream of events, one file for each format."""
