"""Typed clients of everything outside; each raises TransientError or PermanentError."""
