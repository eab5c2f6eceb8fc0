"""Chat completions as JSON and as a burst of server-sent events."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .chat_request import ChatRequest
from .hermes import Answer, parse_answer
from .sampling import Sampled


@dataclass(frozen=True)
class Answered:
    """A sampled answer with everything that its completion tells."""

    model: str
    policy_version: int
    prompt: list[int]
    sampled: Sampled
    #: The words without end marks.
    text: str


def completion(
    request: ChatRequest, answered: Answered, token_of: Callable[[int], str]
) -> dict[str, Any]:
    """The body of an answer. Fields beyond OpenAI's are those of vLLM, and `policy_version`."""
    answer = parse_answer(answered.text) if request.tools else Answer(answered.text, (), False)
    sampled = answered.sampled
    finish = "tool_calls" if answer.calls and sampled.finish == "stop" else sampled.finish
    choice: dict[str, Any] = {
        "index": 0,
        "message": _message(answer, answered),
        "finish_reason": finish,
        "logprobs": _logprobs(sampled, token_of) if request.logprobs else None,
    }
    body: dict[str, Any] = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": answered.model,
        "policy_version": answered.policy_version,
        "choices": [choice],
        "usage": _usage(answered),
    }
    if request.token_ids:
        body["prompt_token_ids"] = answered.prompt
        choice["token_ids"] = sampled.ids
    return body


def _message(answer: Answer, answered: Answered) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.content or None}
    if not answer.calls:
        return {**message, "content": answer.content}
    # Of the tokens, so that the same answer has the same ids and no conversation has one twice.
    seed = hashlib.sha256(json.dumps([answered.prompt, answered.sampled.ids]).encode()).hexdigest()
    calls = [
        {
            "id": f"call_{seed[:20]}{position}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for position, call in enumerate(answer.calls)
    ]
    return {**message, "tool_calls": calls}


def _logprobs(sampled: Sampled, token_of: Callable[[int], str]) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": token_of(token),
                "logprob": logprob,
                "bytes": list(token_of(token).encode()),
                "top_logprobs": [],
            }
            for token, logprob in zip(sampled.ids, sampled.logprobs, strict=True)
        ]
    }


def _usage(answered: Answered) -> dict[str, int]:
    prompt, said = len(answered.prompt), len(answered.sampled.ids)
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


def events(body: dict[str, Any], with_usage: bool) -> Iterator[bytes]:
    """The finished answer as one burst of frames."""
    choice = body["choices"][0]
    message = choice["message"]
    delta = {"role": "assistant", "content": message["content"]}
    if "tool_calls" in message:
        delta["tool_calls"] = [
            {"index": position, **call} for position, call in enumerate(message["tool_calls"])
        ]
    first = {"index": 0, "delta": delta, "logprobs": choice["logprobs"], "finish_reason": None}
    if "token_ids" in choice:
        first["token_ids"] = choice["token_ids"]
    last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}
    shared = {name: body[name] for name in ("id", "created", "model", "policy_version")}
    shared["object"] = "chat.completion.chunk"
    asked = {"prompt_token_ids": body["prompt_token_ids"]} if "prompt_token_ids" in body else {}
    yield _frame({**shared, **asked, "choices": [first]})
    yield _frame({**shared, "choices": [last]})
    if with_usage:
        yield _frame({**shared, "choices": [], "usage": body["usage"]})
    yield b"data: [DONE]\n\n"


def _frame(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()
