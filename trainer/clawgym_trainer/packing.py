"""Parts the rows of a step into micro-batches of bounded cost with little padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .token_batch import TokenRow

PAD = 0


@dataclass(frozen=True)
class MicroBatch:
    """Rows side by side, filled up at the right. Causal attention never looks at what is there, so
    no attention mask is needed, and the mask of trained tokens is 0 there.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    logp: torch.Tensor
    version: torch.Tensor
    advantage: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> MicroBatch:
        """The same on a device."""
        return MicroBatch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def plan_micro_batches(lengths: Sequence[int], rows: int, max_tokens: int) -> list[list[int]]:
    """Positions of rows, micro-batch by micro-batch. One holds no more attention work (rows times
    the square of the longest) and no more tokens than `rows` rows of `max_tokens`; a row longer than
    that is alone. Rows of like length come together, the longest first.
    """
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    plan: list[list[int]] = []
    longest = 0
    for at in order:
        fits = plan and (len(plan[-1]) + 1) * longest <= rows * max_tokens
        work = plan and (len(plan[-1]) + 1) * longest**2 <= rows * max_tokens**2
        if fits and work:
            plan[-1].append(at)
        else:
            plan.append([at])
            longest = lengths[at]
    return plan


def micro_batch(rows: Sequence[TokenRow]) -> MicroBatch:
    """The arrays of some rows as tensors [rows, longest]."""
    shape = (len(rows), max(len(row.ids) for row in rows))
    ids = np.full(shape, PAD, np.int64)
    mask = np.zeros(shape, np.float32)
    logp = np.zeros(shape, np.float32)
    version = np.full(shape, -1, np.int64)
    for at, row in enumerate(rows):
        width = len(row.ids)
        ids[at, :width], mask[at, :width] = row.ids, row.mask
        logp[at, :width], version[at, :width] = row.logp, row.version
    return MicroBatch(
        ids=torch.from_numpy(ids),
        mask=torch.from_numpy(mask),
        logp=torch.from_numpy(logp),
        version=torch.from_numpy(version),
        advantage=torch.tensor([row.advantage for row in rows], dtype=torch.float32),
        weight=torch.tensor([row.weight for row in rows], dtype=torch.float32),
    )


def padding_share(lengths: Sequence[int], plan: Sequence[Sequence[int]]) -> float:
    """Part of the computed positions that hold no token."""
    computed = sum(len(part) * max(lengths[at] for at in part) for part in plan)
    return 1 - sum(lengths) / computed if computed else 0.0
