"""Create the fleet's tables."""

import os
import sqlite3

with sqlite3.connect(os.environ["DATABASE_FILE"]) as connection:
    connection.executescript(
        "CREATE TABLE transcripts (id TEXT PRIMARY KEY, title TEXT);"
        "CREATE TABLE events (transcript_id TEXT, event TEXT, data TEXT);"
    )
