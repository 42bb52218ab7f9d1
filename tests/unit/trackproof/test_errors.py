from __future__ import annotations

import pytest

from trackproof.errors import TrackproofError


@pytest.mark.parametrize(
    ("evidence", "hint", "text"),
    [
        ("", "", "it failed"),
        ("line 1\nline 2", "", "it failed\n  | line 1\n  | line 2"),
        ("line 1", "restart it", "it failed\n  | line 1\nHint: restart it"),
    ],
)
def test_error_text_has_message_evidence_and_hint(evidence: str, hint: str, text: str) -> None:
    assert str(TrackproofError("it failed", evidence=evidence, hint=hint)) == text
