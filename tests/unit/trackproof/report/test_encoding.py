"""Output to a terminal or file that cannot show every character."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from tests.unit.trackproof.report import run_events
from trackproof.report.terminal.encoding import make_output_printable
from trackproof.report.terminal.run import PlainLines


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_a_run_is_printed_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))

    make_output_printable()
    terminal = PlainLines(Console())
    for event in run_events.failed_run():
        terminal.write(event)
    sys.stdout.write("M\u00fcller \udcff \u8b70\n")
    sys.stdout.flush()

    text = raw.getvalue().decode(encoding)
    assert "FAILED: " in text
    assert ("\n✗ " if encoding == "utf-8" else "\nx ") in text  # failed and passed differ
    assert "\\udcff" in text
    assert ("Müller" in text) is (encoding != "ascii")
