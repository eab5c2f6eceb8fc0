"""Seeds and settings under which the same run gives the same numbers."""

from __future__ import annotations

import os
import random

import numpy as np
import torch


def make_deterministic(seed: int, strict: bool) -> None:
    """Seeds every source of chance. `strict` also refuses operations that are not repeatable."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    if strict:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
