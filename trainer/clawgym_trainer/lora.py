"""Low-rank adapters on a loaded model, and the full model that they amount to."""

from __future__ import annotations

import copy
from typing import Any

from .failures import BadInput
from .run_spec import Lora


def lora_config(lora: Lora) -> Any:
    """Of the PEFT library; without dropout, so that a run is repeatable and log-probabilities are
    those of the policy.
    """
    from peft import LoraConfig

    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=targets,
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )


def with_adapter(model: Any, lora: Lora | None) -> Any:
    """The model with fresh adapters where the method asks for them. Raises BadInput."""
    if lora is None:
        return model
    from peft import get_peft_model

    try:
        return get_peft_model(model, lora_config(lora))
    except ValueError as error:
        raise BadInput(f"RUN_SPEC.method.targets: {error}") from error


def merged(model: Any) -> Any:
    """A full model for serving. Made of a copy: taking an adapter out of the weights again would not
    give the same weights.
    """
    if not hasattr(model, "merge_and_unload"):
        return model
    return copy.deepcopy(model).merge_and_unload()
