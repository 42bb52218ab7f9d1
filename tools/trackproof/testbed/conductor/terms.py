"""Terms in which `ConductorRest` takes and returns names and documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Json = dict[str, Any]


class Terms(Protocol):
    """Translates between the caller's terms and those of the server's fleet."""

    def task_to_fleet(self, name: str) -> str:
        """Return the fleet's name of a task type."""

    def task_from_fleet(self, name: str) -> str:
        """Return the caller's name of a task type."""

    def workflow_name_to_fleet(self, name: str, version: int | None) -> tuple[str, int | None]:
        """Return the fleet's name and version of a workflow."""

    def workflow_input(self, payload: Mapping[str, Any]) -> Json:
        """Return a workflow's input as the fleet expects it."""

    def inline_workflow_to_fleet(
        self, workflow: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return an unregistered workflow of one task and its input as the fleet expects them."""

    def run_from_fleet(self, run: Mapping[str, Any]) -> Json:
        """Return a run in the caller's terms."""

    def task_definition_from_fleet(self, definition: Mapping[str, Any]) -> Json:
        """Return a task definition in the caller's terms."""

    def workflow_from_fleet(self, workflow: Mapping[str, Any]) -> Json:
        """Return a workflow definition in the caller's terms."""


class ServerTerms:
    """Translates nothing: the caller uses the server's own names."""

    def task_to_fleet(self, name: str) -> str:
        """Return `name`."""
        return name

    def task_from_fleet(self, name: str) -> str:
        """Return `name`."""
        return name

    def workflow_name_to_fleet(self, name: str, version: int | None) -> tuple[str, int | None]:
        """Return both arguments."""
        return name, version

    def workflow_input(self, payload: Mapping[str, Any]) -> Json:
        """Return a copy."""
        return dict(payload)

    def inline_workflow_to_fleet(
        self, workflow: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return both arguments."""
        return workflow, payload

    def run_from_fleet(self, run: Mapping[str, Any]) -> Json:
        """Return a copy."""
        return dict(run)

    def task_definition_from_fleet(self, definition: Mapping[str, Any]) -> Json:
        """Return a copy."""
        return dict(definition)

    def workflow_from_fleet(self, workflow: Mapping[str, Any]) -> Json:
        """Return a copy."""
        return dict(workflow)


SERVER_TERMS = ServerTerms()
