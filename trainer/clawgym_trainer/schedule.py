"""Learning rate by step, a function of the step alone, so that it needs no state to resume."""

from __future__ import annotations

import math


def rate_factor(schedule: str, step: int, warmup: int, total: int) -> float:
    """Factor on the learning rate of the optimiser's step number `step`, counted from 0."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    done = (step - warmup) / max(1, total - warmup)
    if schedule == "linear":
        return max(0.0, 1 - done)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
