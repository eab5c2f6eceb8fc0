"""Checkpoints of a run: `step-N` folders of which only complete ones ever carry that name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from .durable import fresh_folder, publish_folder, write_file

LATEST = "latest"
NAME = re.compile(r"step-([0-9]+)")


class Checkpoints:
    """The folder RUN_OUT/checkpoints."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, step: int, write: Callable[[Path], None]) -> Path:
        """Lets `write` fill a staging folder, then publishes it as the newest checkpoint."""
        staging = fresh_folder(self.folder / f"step-{step}.tmp")
        write(staging)
        return self.publish(step, staging)

    def publish(self, step: int, staging: Path) -> Path:
        """Makes a filled folder on the same volume the checkpoint of `step`."""
        target = self.folder / f"step-{step}"
        if staging.name != f"{target.name}.tmp":
            moved = self.folder / f"{target.name}.tmp"
            if moved.exists():
                shutil.rmtree(moved)
            staging = staging.rename(moved)
        publish_folder(staging, target)
        write_file(self.folder / LATEST, f"{target.name}\n".encode())
        self._prune(step)
        return target

    def newest(self) -> tuple[int, Path] | None:
        """Step and folder of the newest complete checkpoint; None at the beginning."""
        steps = self._steps()
        return (steps[-1], self.folder / f"step-{steps[-1]}") if steps else None

    def _steps(self) -> list[int]:
        matches = (NAME.fullmatch(path.name) for path in self.folder.iterdir() if path.is_dir())
        return sorted(int(match[1]) for match in matches if match)

    def _prune(self, newest: int) -> None:
        for step in self._steps()[: -self._keep]:
            if step != newest:
                shutil.rmtree(self.folder / f"step-{step}", ignore_errors=True)
