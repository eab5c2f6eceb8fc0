"""The policy loss of a micro-batch, over denominators of the whole step.

Ratios are against the recorded log-probabilities of the sampler. Tokens whose ratio lies outside the
token mask teach nothing: what the engine and the trainer see so differently is no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .packing import MicroBatch
from .run_spec import Algorithm

#: Truncation of the importance weight of CISPO.
CISPO_CAP = 5.0


@dataclass(frozen=True)
class TokenNumbers:
    """Per trained token, one after the other, without gradients: for metrics and guards."""

    delta: torch.Tensor
    ratio: torch.Tensor
    advantage: torch.Tensor
    kept: torch.Tensor
    version: torch.Tensor


def trained_logprobs(model: Any, batch: MicroBatch, temperature: float) -> torch.Tensor:
    """Log-probability of each trained token under the model at the sampling temperature, one after
    the other. The output layer runs only where it is needed, the softmax in at least 32 bits.
    """
    hidden = model.base_model_of(batch.ids)
    chosen = batch.mask[:, 1:].bool()
    logits = model.head(hidden[:, :-1][chosen])
    wide = logits if logits.dtype == torch.float64 else logits.float()
    spread = torch.log_softmax(wide / temperature, -1)
    return spread.gather(-1, batch.ids[:, 1:][chosen].unsqueeze(-1)).squeeze(-1)


def policy_loss(
    logprobs: torch.Tensor, batch: MicroBatch, algorithm: Algorithm, denominator: float
) -> tuple[torch.Tensor, TokenNumbers]:
    """The micro-batch's share of the step's loss: sum over its trained tokens of weight times token
    loss, divided by the step's `denominator`. Shares of a step add up to the same whatever the split.
    """
    chosen = batch.mask[:, 1:].bool()
    rows = chosen.nonzero()[:, 0]
    advantage, weight = batch.advantage[rows], batch.weight[rows]
    delta = logprobs - batch.logp[:, 1:][chosen]
    ratio = delta.exp()
    low, high = algorithm.token_mask
    kept = ((ratio >= low) & (ratio <= high)).detach()
    if algorithm.loss == "cispo":
        token_loss = -ratio.detach().clamp(max=CISPO_CAP) * advantage * logprobs
    else:
        clipped = ratio.clamp(1 - algorithm.clip_low, 1 + algorithm.clip_high)
        token_loss = -torch.minimum(ratio * advantage, clipped * advantage)
    loss = (token_loss * weight * kept).sum() / denominator
    numbers = TokenNumbers(
        delta.detach(), ratio.detach(), advantage, kept, batch.version[:, 1:][chosen]
    )
    return loss, numbers


class PolicyModel:
    """A causal language model parted into its body and its output layer."""

    def __init__(self, model: Any) -> None:
        self.model = model
        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._body = plain.base_model
        self.head = plain.get_output_embeddings()

    def base_model_of(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states before the output layer. Without a cache: with one, rows are not equal to
        those of the sampler.
        """
        return self._body(input_ids=ids, use_cache=False).last_hidden_state
