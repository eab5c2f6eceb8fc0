"""What may stand in a chat completions request. Unknown fields are refused: one that changes the
sampling and is not heeded would make every log-probability wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .sampling import Sampling

#: Heeded elsewhere or without influence on the answer.
NO_INFLUENCE = {
    "model",
    "messages",
    "tools",
    "user",
    "metadata",
    "store",
    "stream_options",
    "service_tier",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "reasoning_effort",
    "verbosity",
}
#: Only with the value that changes nothing.
ONLY = {
    "n": (1,),
    "best_of": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "top_k": (-1, 0),
    "min_p": (0,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "stop": ([],),
    "use_beam_search": (False,),
    "ignore_eos": (False,),
    "tool_choice": ("auto", "none"),
    "response_format": ({"type": "text"},),
    "skip_special_tokens": (True,),
    "modalities": (["text"],),
}
READ = {
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "logprobs",
    "return_token_ids",
    "stream",
}
ROLES = {"system", "developer", "user", "assistant", "tool"}


class RequestRefused(Exception):
    """Answered with an error in OpenAI's form."""

    def __init__(
        self,
        message: str,
        param: str | None = None,
        status: int = 400,
        code: str = "invalid_value",
    ) -> None:
        super().__init__(message)
        self.param = param
        self.status = status
        self.code = code


@dataclass(frozen=True)
class ChatRequest:
    """A request that can be answered as it stands. `max_tokens` None: as many as fit."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    temperature: float
    top_p: float
    seed: int | None
    max_tokens: int | None
    logprobs: bool
    token_ids: bool
    stream: bool
    stream_usage: bool

    def sampling(self, room: int) -> Sampling:
        """With at most `room` tokens, what the context still holds."""
        wanted = room if self.max_tokens is None else min(self.max_tokens, room)
        return Sampling(self.temperature, self.top_p, self.seed, wanted)


def parse_chat_request(body: Any, model: str) -> ChatRequest:
    """Raises RequestRefused with the field that cannot be heeded."""
    if not isinstance(body, dict):
        raise RequestRefused("the request body must be a JSON object")
    given = {name: value for name, value in body.items() if value is not None}
    for name, value in given.items():
        if name in ONLY:
            if not any(
                (value == one and type(value) is not bool) or value is one for one in ONLY[name]
            ):
                raise RequestRefused(f"{name}: only {_or(ONLY[name])} is supported here", name)
        elif name not in NO_INFLUENCE and name not in READ:
            raise RequestRefused(f"unknown field {name}", name, code="unknown_parameter")
    if given.get("model") != model:
        raise RequestRefused(
            f"the model {given.get('model')!r} does not exist; this server has {model!r}",
            "model",
            404,
            "model_not_found",
        )
    options = given.get("stream_options", {})
    tools = _list(given, "tools") if "tools" in given else []
    return ChatRequest(
        messages=_messages(given),
        tools=[] if given.get("tool_choice") == "none" else tools,
        temperature=_number(given, "temperature", 1.0, 0.0, 2.0),
        top_p=_number(given, "top_p", 1.0, 1e-6, 1.0),
        seed=_whole(given, "seed", -(2**63)),
        max_tokens=_whole(given, "max_completion_tokens", 1) or _whole(given, "max_tokens", 1),
        logprobs=_flag(given, "logprobs"),
        token_ids=_flag(given, "return_token_ids"),
        stream=_flag(given, "stream"),
        stream_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _messages(given: dict[str, Any]) -> list[dict[str, Any]]:
    messages = _list(given, "messages")
    if not messages:
        raise RequestRefused("messages: at least one is needed", "messages")
    for position, message in enumerate(messages):
        if message.get("role") not in ROLES:
            raise RequestRefused(
                f"messages[{position}].role: expected one of {_or(sorted(ROLES))}", "messages"
            )
    return messages


def _list(given: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = given.get(name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RequestRefused(f"{name}: expected a list of objects", name)
    return value


def _number(given: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RequestRefused(f"{name}: expected a number from {least:g} to {most:g}", name)
    return float(value)


def _whole(given: dict[str, Any], name: str, least: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**63:
        raise RequestRefused(f"{name}: expected a whole number of at least {least}", name)
    return value


def _flag(given: dict[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise RequestRefused(f"{name}: expected true or false", name)
    return value


def _or(values: Any) -> str:
    return " or ".join(str(value) for value in values)
