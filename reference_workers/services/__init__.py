"""Clients of the outside services; all raise TransientError or PermanentError."""
