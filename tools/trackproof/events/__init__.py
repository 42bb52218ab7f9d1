"""The events of a run: plain data that every report is written from."""
