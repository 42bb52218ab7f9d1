"""The switch between the pipelines (seed INFRA-003, SHADOW-001, CUTOVER-001)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from reference_workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Switch:
    """Which pipelines process a recording."""

    conductor: bool
    """Whether a workflow is started."""
    legacy: bool
    """Whether the legacy task is sent, in any case."""
    fallback: bool
    """Whether the legacy task is sent if the workflow cannot be started or does not end."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the switch that the environment sets; shadow mode alone changes nothing."""
        conductor = settings.conductor_enabled
        shadow = conductor and settings.conductor_shadow_mode
        return cls(
            conductor=conductor,
            legacy=shadow or not conductor,
            fallback=conductor and not shadow and settings.conductor_fallback,
        )

    @property
    def shadow(self) -> bool:
        """Whether the workflow runs beside the legacy pipeline, without effect on its results."""
        return self.conductor and self.legacy
