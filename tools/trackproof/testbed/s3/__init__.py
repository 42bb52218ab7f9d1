"""S3 over HTTP: the server, and the gate that records requests and injects faults."""
