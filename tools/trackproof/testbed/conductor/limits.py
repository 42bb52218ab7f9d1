"""Time limits of the Conductor backends, in seconds."""

REQUEST = 60.0
"""One request to a running server."""

PROBE = 2.0
"""One request to a server that may not run yet."""

START = 120.0
"""From the start of a process or container until the server is ready."""

EXTERNAL = 8.0
"""All requests together to a server given by its URL."""

BUILD = 600.0
"""One step of an image build."""

CLASS_CACHE = 120.0
"""Java writing its class cache after the server has ended."""

FETCH_LOCK = 1800.0
"""Another run on this machine preparing the same jar."""
