"""Hypothesis settings: few examples by default, many in `nox -s nightly`."""

from __future__ import annotations

import os

from hypothesis import settings

FACTOR = int(os.environ.get("TRACKPROOF_EXAMPLES_FACTOR", "1"))


def examples(count: int) -> settings:
    """Return settings for `count` examples, multiplied in `nox -s nightly`."""
    return settings(max_examples=count * FACTOR, deadline=None)
