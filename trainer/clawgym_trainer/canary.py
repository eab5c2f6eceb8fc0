"""A question and its greedy answer, by which a server of a model is proven later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from .chat_template import ChatTemplate
from .sampling import Sampling, sample
from .served_policy import load_policy

PROMPT = "Say in one line what you can do."
MOST_TOKENS = 16


def canary_of(folder: Path, device: torch.device, template: ChatTemplate) -> dict[str, Any]:
    """`prompt`, one message of a user without tools, and the `ids` of the answer. The model is loaded
    from its folder as a server loads it, which proves the folder as well.
    """
    policy = load_policy(folder, 0, device, None)
    messages = [{"role": "user", "content": PROMPT}]
    prompt = template.encode(policy.tokenizer, messages, None, for_answer=True)
    room = min(MOST_TOKENS, policy.context - len(prompt))
    if room < 1:
        return {"prompt": PROMPT, "ids": []}
    said = sample(policy.model, prompt, policy.ends, Sampling(0.0, 1.0, None, room))
    return {"prompt": PROMPT, "ids": said.ids}
