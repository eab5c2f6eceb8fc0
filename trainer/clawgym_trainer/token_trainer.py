"""One optimiser step on one token batch."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from .failures import BadInput, Diverged
from .loss import PolicyModel, TokenNumbers, policy_loss, trained_logprobs
from .packing import micro_batch, padding_share, plan_micro_batches
from .run_spec import RunSpec
from .schedule import rate_factor
from .step_metrics import batch_metrics, token_metrics
from .token_batch import TokenBatch

#: Mean difference of log-probabilities of tokens that this very version sampled. Beyond it weights,
#: template, temperature or rope of sampler and trainer are not the same.
LAG0_LIMIT = 0.05
BETAS_FULL, BETAS_LORA = (0.9, 0.98), (0.9, 0.999)


class TokenTrainer:
    """Model and optimiser of a run of reinforcement."""

    def __init__(self, model: Any, spec: RunSpec, device: torch.device) -> None:
        if spec.rl is None:
            raise BadInput("RUN_SPEC.rl: missing")
        self.model = model
        self._parts = PolicyModel(model)
        self._hyper, self._rl, self._max_tokens = spec.hyper, spec.rl, spec.max_tokens
        self._device = device
        self.trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.trainable.values(),
            lr=spec.hyper.learning_rate,
            betas=BETAS_FULL if spec.lora is None else BETAS_LORA,
            weight_decay=spec.hyper.weight_decay,
        )

    def train(self, batch: TokenBatch, step: int, policy_version: int) -> dict[str, Any]:
        """One step; returns its metrics. `step` counts from 0. Raises Diverged before any weight
        is changed by numbers that are none.
        """
        began = time.monotonic()
        loss, numbers, padding = self.gradients(batch)
        metrics = token_metrics(numbers, self._rl.algorithm, policy_version)
        self._check(loss, metrics)
        norm = self._clip()
        for group in self.optimizer.param_groups:
            group["lr"] = self._hyper.learning_rate * rate_factor(
                self._hyper.schedule, step, self._hyper.warmup_steps, self._rl.steps
            )
        self.optimizer.step()
        seconds = time.monotonic() - began
        total = batch_metrics(batch)
        return {
            "loss": loss,
            **total,
            **metrics,
            "gradNorm": norm,
            "learningRate": self.optimizer.param_groups[0]["lr"],
            "padding": round(padding, 4),
            "tokensPerSecond": round(total["tokens"] / seconds, 1),
            "trainSeconds": round(seconds, 3),
        }

    def gradients(self, batch: TokenBatch) -> tuple[float, list[TokenNumbers], float]:
        """Leaves the step's gradient in the weights. Returns loss, numbers and share of padding."""
        self.optimizer.zero_grad(set_to_none=True)
        lengths = [len(row.ids) for row in batch.rows]
        plan = plan_micro_batches(lengths, self._hyper.micro_batch, self._max_tokens)
        loss, numbers = 0.0, []
        for positions in plan:
            part = micro_batch([batch.rows[at] for at in positions]).to(self._device)
            share, seen = self._share(part, batch.denominator)
            share.backward()
            loss += share.item()
            numbers.append(seen)
        return loss, numbers, padding_share(lengths, plan)

    def _share(self, part: Any, denominator: float) -> tuple[torch.Tensor, TokenNumbers]:
        algorithm = self._rl.algorithm
        on_gpu = self._device.type == "cuda"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=on_gpu):
            logprobs = trained_logprobs(self._parts, part, algorithm.temperature)
        return policy_loss(logprobs, part, algorithm, denominator)

    def _check(self, loss: float, metrics: dict[str, Any]) -> None:
        if not math.isfinite(loss):
            raise Diverged(f"the loss is {loss}; nothing was changed by it")
        lag0 = metrics["lag0MeanAbs"]
        if lag0 is not None and lag0 > LAG0_LIMIT:
            raise Diverged(
                f"log-probabilities of the policy's own tokens differ by {lag0:.3g} on average from "
                f"those recorded (limit {LAG0_LIMIT}): sampler and trainer do not compute the same"
            )

    def _clip(self) -> float:
        most = self._hyper.gradient_clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.trainable.values(), most).item()
        if not math.isfinite(norm):
            raise Diverged(f"the norm of the gradient is {norm}; nothing was changed by it")
        return norm

    def save(self, folder: Path) -> None:
        """Weights that are trained, optimiser and random state."""
        weights = {name: p.detach().contiguous().cpu() for name, p in self.trainable.items()}
        save_file(weights, folder / "weights.safetensors")
        state = {"optimizer": self.optimizer.state_dict(), "random": torch.get_rng_state()}
        torch.save(state, folder / "optimizer.pt")

    def load(self, folder: Path) -> None:
        """The same state again. Raises BadInput where it is of another model."""
        weights = load_file(folder / "weights.safetensors")
        if weights.keys() != self.trainable.keys():
            raise BadInput(f"checkpoint {folder.name}: is of another model or method")
        with torch.no_grad():
            for name, parameter in self.trainable.items():
                parameter.copy_(weights[name])
        state = torch.load(folder / "optimizer.pt", weights_only=True)
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])


def mean_reward(rows: Sequence[dict[str, Any]]) -> float | None:
    """Of the last metrics rows, for the result."""
    known = [row["rewardMean"] for row in rows if isinstance(row.get("rewardMean"), int | float)]
    return sum(known) / len(known) if known else None
