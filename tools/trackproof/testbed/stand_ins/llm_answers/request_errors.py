"""Requests that the LLM stand-in refuses."""

from __future__ import annotations


class BadRequestError(ValueError):
    """A request that cannot be answered; the message says what was expected."""

    def __init__(self, message: str, param: str) -> None:
        """Name the parameter that is wrong."""
        super().__init__(message)
        self.param = param
