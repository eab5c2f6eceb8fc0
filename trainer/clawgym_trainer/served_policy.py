"""The policy that a server answers with, and its replacement by a newer one between answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .chat_answer import Answered
from .chat_request import ChatRequest, RequestRefused
from .chat_template import ChatTemplate
from .failures import BadInput
from .model_load import load_model, load_tokenizer
from .policy_files import verify_model_folder
from .sampling import sample
from .server_metrics import ServerMetrics


@dataclass(frozen=True)
class Policy:
    """A loaded model with its version."""

    model: Any
    tokenizer: Any
    version: int
    ends: frozenset[int]
    context: int


def load_policy(folder: Path, version: int, device: torch.device, context: int | None) -> Policy:
    """Loads and checks a model folder. Raises BadInput."""
    verify_model_folder(folder)
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    model = load_model(folder, device, dtype).eval()
    tokenizer = load_tokenizer(folder)
    ends = model.generation_config.eos_token_id
    known = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
    if not known:
        raise BadInput(f"{folder.name}: names no token that ends an answer")
    longest = model.config.max_position_embeddings
    return Policy(model, tokenizer, version, frozenset(known), min(context or longest, longest))


class ServedPolicy:
    """Answers one request at a time. An answer is of one version from its first token to its last."""

    def __init__(
        self,
        first: Policy,
        template: ChatTemplate,
        name: str,
        load: Callable[[Path, int], Policy],
    ) -> None:
        self.metrics = ServerMetrics()
        self.name = name
        self._current = first
        self._template = template
        self._load = load
        self._turn = threading.Lock()
        self._loading = threading.Lock()

    @property
    def current(self) -> Policy:
        """The policy that the next request will be answered with."""
        return self._current

    def replace(self, folder: Path, version: int) -> Policy:
        """Loads beside the one in use, then lets new requests have it. Raises BadInput."""
        with self._loading:
            policy = self._load(folder, version)
            self._current = policy
            return policy

    def answer(
        self, request: ChatRequest, cancelled: Callable[[], bool]
    ) -> tuple[Answered, Callable[[int], str]]:
        """Samples an answer; with it how an id of it reads. Raises RequestRefused."""
        policy = self._current
        prompt = self._encode(policy, request)
        room = policy.context - len(prompt)
        if room < 1:
            raise RequestRefused(
                f"This model's maximum context length is {policy.context} tokens; the messages "
                f"have {len(prompt)}",
                "messages",
                code="context_length_exceeded",
            )
        with self.metrics.waiting(), self._turn:
            policy = self._current
            with self.metrics.running():
                sampled = sample(
                    policy.model, prompt, policy.ends, request.sampling(room), cancelled
                )
        self.metrics.answered(len(prompt), len(sampled.ids), sampled.finish)
        words = sampled.ids[:-1] if sampled.finish == "stop" else sampled.ids
        text = policy.tokenizer.decode(words, skip_special_tokens=True)
        answered = Answered(self.name, policy.version, prompt, sampled, text)
        return answered, lambda token: policy.tokenizer.decode([token])

    def _encode(self, policy: Policy, request: ChatRequest) -> list[int]:
        try:
            return self._template.encode(
                policy.tokenizer, request.messages, request.tools, for_answer=True
            )
        except Exception as error:
            raise RequestRefused(
                f"messages: the chat template refuses them: {error}", "messages"
            ) from error
