"""The numbers of one step of reinforcement that tell whether it was sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from .loss import TokenNumbers
from .run_spec import Algorithm
from .token_batch import TokenBatch


def token_metrics(
    parts: Sequence[TokenNumbers], algorithm: Algorithm, policy_version: int
) -> dict[str, Any]:
    """Of all trained tokens of a step. Differences are of log-probabilities, trainer less sampler;
    `lag0` are those of tokens that this very version sampled: they must be next to nothing.
    """
    delta, ratio, advantage, kept, version = (
        torch.cat([getattr(part, name) for part in parts]).cpu()
        for name in ("delta", "ratio", "advantage", "kept", "version")
    )
    delta, ratio = delta.double(), ratio.double()
    same = version == policy_version
    low = (ratio < 1 - algorithm.clip_low) & (advantage < 0)
    high = (ratio > 1 + algorithm.clip_high) & (advantage > 0)
    lag0 = delta[same].abs()
    return {
        "deltaMeanAbs": float(delta.abs().mean()),
        "deltaMaxAbs": float(delta.abs().max()),
        "lag0Tokens": int(same.sum()),
        "lag0MeanAbs": float(lag0.mean()) if len(lag0) else None,
        "lag0MaxAbs": float(lag0.max()) if len(lag0) else None,
        "klK1": float(-delta.mean()),
        "klK3": float((ratio - 1 - delta).mean()),
        "ratioP99": float(torch.quantile(ratio[:1_000_000], 0.99)),
        "clipLow": float(low.double().mean()),
        "clipHigh": float(high.double().mean()),
        "maskedOut": float((~kept).double().mean()),
        "staleness": _histogram(policy_version - version),
    }


def batch_metrics(batch: TokenBatch) -> dict[str, Any]:
    """Of the batch itself, before it was trained."""
    rewards = torch.tensor(
        [one["reward"] for one in batch.index.get("rollouts", [])], dtype=torch.float64
    )
    groups = batch.index.get("groups", [])
    flat = sum(one.get("verdict") == "noVariance" for one in groups)
    rollouts = len({row.rollout for row in batch.rows})
    return {
        "rewardMean": float(rewards.mean()) if len(rewards) else None,
        "rewardStd": float(rewards.std(correction=0)) if len(rewards) else None,
        "zeroVarianceGroups": flat / len(groups) if groups else None,
        "rollouts": rollouts,
        "segmentsPerRollout": len(batch.rows) / rollouts if rollouts else None,
        "tokens": sum(len(row.ids) for row in batch.rows),
        "trainedTokens": batch.trained,
    }


def _histogram(values: torch.Tensor) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values.tolist()).items())}
