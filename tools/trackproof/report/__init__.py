"""Reports: writers that consume the event stream, one module for each format."""
