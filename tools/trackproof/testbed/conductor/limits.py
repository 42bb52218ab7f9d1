"""Every time limit of the Conductor room, in seconds."""

REQUEST = 10.0
"""One question to a running server."""

PROBE = 2.0
"""One question to a server that may not be there yet."""

START = 120.0
"""From the start of a process or container until the server is ready."""

EXISTING = 8.0
"""All questions to a server that somebody else started, together."""

ENGINE = 5.0
"""One question to the Docker engine."""

BUILD = 600.0
"""One step of building an image."""

PULL_SILENCE = 20.0
"""The engine saying nothing while it gets an image."""

GUARD = 20.0
"""The guard of a container getting ready: it loads the Docker client."""

PULL = 180.0
"""Getting one image."""

CLASS_CACHE = 120.0
"""Java writing down the classes of a server that has ended."""

FETCH_LOCK = 1800.0
"""Another run on this machine that is getting the same jar ready."""
