"""Run the shell steps of `tools/ci` as a CI machine does."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CI = Path(__file__).parents[3] / "tools" / "ci"
EXPRESSION = re.compile(r"\$\{\{ *([a-z-]+)\.([a-z0-9_.-]+) *\}\}")


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    return content


@dataclass
class ActionRun:
    """One run of the composite action; steps that use other actions are given their outputs."""

    workspace: Path
    temporary: Path
    inputs: Mapping[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    summary: str = ""

    def __post_init__(self) -> None:
        self.action = load("action.yml")
        defaults = {name: one.get("default") for name, one in self.action["inputs"].items()}
        self.inputs = {**defaults, **self.inputs}

    def run(self, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the step of this name with GitHub's own command line for bash."""
        [step] = [one for one in self.action["runs"]["steps"] if one["name"] == name]
        script, output, summary = (self.temporary / one for one in ("step.sh", "output", "summary"))
        script.write_text(step["run"], encoding="utf-8")
        output.write_text("", encoding="utf-8")
        given = {key: self._filled(text) for key, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.workspace / self._filled(step.get("working-directory", ".")),
            env={
                **os.environ,
                **given,
                "RUNNER_TEMP": str(self.temporary),
                "GITHUB_ACTION_PATH": str(CI),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=840,
        )
        lines = output.read_text(encoding="utf-8").splitlines()
        self.outputs[step.get("id", name)] = dict(line.split("=", 1) for line in lines)
        self.summary = summary.read_text(encoding="utf-8") if summary.exists() else ""
        return done

    def _filled(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            source, path = match.groups()
            if source == "inputs":
                return str(self.inputs[path])
            assert source == "steps", text
            step, _, output = path.partition(".outputs.")
            return self.outputs[step][output]

        return EXPRESSION.sub(value, text)
