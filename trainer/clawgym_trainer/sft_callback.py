"""What happens beside the steps of supervised training: metrics, progress, checkpoints, stopping."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from .checkpoints import Checkpoints
from .durable import write_file
from .failures import Diverged
from .metrics import MetricsFile
from .progress import Progress
from .signals import StopRequest

STATE = "clawgym.json"
#: Names of the library to names of metrics.jsonl.
NAMES = {
    "loss": "loss",
    "grad_norm": "gradNorm",
    "learning_rate": "learningRate",
    "mean_token_accuracy": "tokenAccuracy",
    "entropy": "entropy",
    "epoch": "epoch",
}


class SftCallback(TrainerCallback):
    """Called by the trainer of the library at its events."""

    def __init__(
        self, checkpoints: Checkpoints, metrics: MetricsFile, progress: Progress, stop: StopRequest
    ) -> None:
        self._checkpoints = checkpoints
        self._metrics = metrics
        self._progress = progress
        self._stop = stop
        #: The library counts from 0 again after a resume.
        self.tokens_before = 0
        self.tokens = 0
        self.losses: list[float] = []

    def resume(self, folder: Path) -> None:
        """Takes over the counts of a checkpoint."""
        self.tokens_before = json.loads((folder / STATE).read_text("utf-8"))["tokens"]
        self.tokens = self.tokens_before

    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: Any = None, **_kwargs: Any
    ) -> None:
        """A row of metrics for each step. Raises Diverged."""
        if not logs or "loss" not in logs:
            return
        self.tokens = self.tokens_before + int(logs.get("num_tokens", 0))
        row = {name: float(logs[key]) for key, name in NAMES.items() if key in logs}
        if not math.isfinite(row["loss"]) or not math.isfinite(row.get("gradNorm", 0.0)):
            raise Diverged(
                f"step {state.global_step}: loss {row['loss']}, norm of the gradient "
                f"{row.get('gradNorm')}"
            )
        self.losses.append(row["loss"])
        self._metrics.append(state.global_step, {**row, "tokens": self.tokens})
        self._progress.tell(state.global_step, {**row, "num_tokens": self.tokens})

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_kwargs: Any) -> Any:
        """Asked to stop: this step's checkpoint is the last thing."""
        if self._stop.asked:
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_save(self, args: Any, state: Any, _control: Any, **_kwargs: Any) -> None:
        """Publishes the folder that the library wrote."""
        written = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        write_file(written / STATE, json.dumps({"tokens": self.tokens}).encode())
        self._checkpoints.publish(state.global_step, written)
