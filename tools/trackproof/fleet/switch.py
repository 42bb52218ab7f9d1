"""The switch between the pipelines, from the profile or, by default, from the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.fleet.profile import Position, TriggerTerms
from trackproof.testbed.brokers import waiting_messages


def position_variables(terms: TriggerTerms, position: Position) -> Mapping[str, str]:
    """Return the variables of a position of the switch, as templates."""
    own: Mapping[str, str] | None = getattr(terms, position)
    return contract_positions()[position] if own is None else own


def contract_positions() -> Mapping[str, Mapping[str, str]]:
    """Return the contract's variables of each position."""
    positions: Mapping[str, Mapping[str, str]] = _constants()["positions"]
    return positions


def legacy_messages(terms: TriggerTerms, broker: str) -> list[str]:
    """Return the messages in a broker that start the legacy pipeline; none without a broker."""
    if not broker:
        return []
    task = terms.legacy_task or _constants()["legacy_task"]
    return [message for message in waiting_messages(broker) if task in message]


def _constants() -> Mapping[str, Any]:
    return load_contracts().parts["switch"].constants
