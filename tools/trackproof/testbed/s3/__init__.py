"""S3 over HTTP: the server, and the middleware that records requests and injects faults."""
