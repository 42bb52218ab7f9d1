"""Signals that end a verb."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from trackproof.cli import interruption
from trackproof.testbed import processes

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the handlers back afterwards; keep the time that processes have to end."""
    monkeypatch.setattr(processes, "shorten_grace", lambda: None)
    monkeypatch.setattr(interruption, "_received", [])
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), list(zip(SIGNALS, (130, 143, 129), strict=True)))
def test_each_signal_ends_a_verb_with_its_own_code(number: signal.Signals, code: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    interruption.handle_signals()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)

    assert interruption.interruption_code() == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)

    interruption.handle_signals()

    assert signal.getsignal(number) is signal.SIG_IGN
