"""Samples tokens one by one and says under which distribution each was drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache


@dataclass(frozen=True)
class Sampling:
    """Temperature 0 takes the likeliest token; its log-probability is then that of temperature 1."""

    temperature: float
    top_p: float
    seed: int | None
    max_tokens: int


@dataclass(frozen=True)
class Sampled:
    """Ids with the end mark if it was drawn, and as many log-probabilities."""

    ids: list[int]
    logprobs: list[float]
    #: `stop` at an end mark, `length` where `max_tokens` were drawn before.
    finish: str


@torch.inference_mode()
def sample(
    model: Any,
    prompt: Sequence[int],
    ends: frozenset[int],
    sampling: Sampling,
    cancelled: Callable[[], bool] = lambda: False,
) -> Sampled:
    """Continues `prompt` to the first of `ends`."""
    device = model.device
    generator = torch.Generator()
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed)
    cache = DynamicCache(config=model.config)
    ids: list[int] = []
    logprobs: list[float] = []
    shown = torch.tensor([list(prompt)], device=device)
    while len(ids) < sampling.max_tokens and not cancelled():
        logits = model(
            input_ids=shown, past_key_values=cache, use_cache=True, logits_to_keep=1
        ).logits[0, -1]
        token, logprob = draw(logits, sampling, generator)
        ids.append(token)
        logprobs.append(logprob)
        if token in ends:
            return Sampled(ids, logprobs, "stop")
        shown = torch.tensor([[token]], device=device)
    return Sampled(ids, logprobs, "length")


def draw(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> tuple[int, float]:
    """One token and its log-probability under the distribution that it was drawn from."""
    logits = logits.float().cpu()
    if sampling.temperature == 0:
        token = int(torch.argmax(logits))
        return token, float(torch.log_softmax(logits, -1)[token])
    logprobs = torch.log_softmax(logits / sampling.temperature, -1)
    if sampling.top_p < 1:
        logprobs = _nucleus(logprobs, sampling.top_p)
    token = int(torch.multinomial(logprobs.exp(), 1, generator=generator))
    return token, float(logprobs[token])


def _nucleus(logprobs: torch.Tensor, top_p: float) -> torch.Tensor:
    """The likeliest tokens that together reach `top_p`, as a distribution of their own."""
    ordered, order = torch.sort(logprobs, descending=True)
    before = torch.cumsum(ordered.exp(), -1) - ordered.exp()
    dropped = order[before >= top_p]
    kept = logprobs.clone()
    kept[dropped] = -torch.inf
    return torch.log_softmax(kept, -1)
