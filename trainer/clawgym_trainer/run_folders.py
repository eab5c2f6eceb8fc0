"""The folders of a run, named by RUN_SPEC, RUN_IN and RUN_OUT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .failures import BadInput


@dataclass(frozen=True)
class RunFolders:
    """Inputs are read only; everything that a run writes is below `out`."""

    spec: Path
    model: Path
    data: Path
    template: Path
    out: Path

    @property
    def result(self) -> Path:
        """Written at the very end."""
        return self.out / "result.json"

    @property
    def final_model(self) -> Path:
        """The model that the run made."""
        return self.out / "model"

    @property
    def work(self) -> Path:
        """Files of the running process that nobody else reads."""
        return self.out / "work"


def run_folders(env: Mapping[str, str]) -> RunFolders:
    """Raises BadInput where a variable is missing."""
    for name in ("RUN_SPEC", "RUN_IN", "RUN_OUT"):
        if not env.get(name):
            raise BadInput(f"{name}: the environment variable is not set")
    inputs, out = Path(env["RUN_IN"]), Path(env["RUN_OUT"])
    out.mkdir(parents=True, exist_ok=True)
    return RunFolders(
        Path(env["RUN_SPEC"]), inputs / "model", inputs / "data", inputs / "template", out
    )
