"""Tool calls as the models print them: JSON between <tool_call> tags (the hermes convention)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

OPEN, CLOSE = "<tool_call>", "</tool_call>"
DECODER = json.JSONDecoder()
SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class ToolCall:
    """A call; `arguments` are the model's own characters, so they print again as they were."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """What a model said, parted. Without calls the whole text is the content."""

    content: str
    calls: tuple[ToolCall, ...]
    #: True where tags were opened, but what they hold is no call: then it is plain content.
    malformed: bool


def parse_answer(text: str) -> Answer:
    """Parts text into content and calls. One call that cannot be read makes all of it content."""
    before, opened, rest = text.partition(OPEN)
    if not opened:
        return Answer(text, (), False)
    calls = []
    for piece in rest.split(OPEN):
        call = _call(piece.partition(CLOSE)[0])
        if call is None:
            return Answer(text, (), True)
        calls.append(call)
    return Answer(before.removesuffix("\n"), tuple(calls), False)


def _call(body: str) -> ToolCall | None:
    text = body.strip()
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    if not isinstance(value.get("arguments", {}), dict | str):
        return None
    return ToolCall(value["name"], _raw_arguments(text))


def _raw_arguments(text: str) -> str:
    """The characters of the member `arguments` of a JSON object that is known to parse."""
    found = "{}"
    at = _skip(text, 1)
    while text[at] != "}":
        key, at = DECODER.raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        value, at = DECODER.raw_decode(text, begin)
        if key == "arguments":
            found = value if isinstance(value, str) else text[begin:at]
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    """Position of the next character that is no white space."""
    match = SPACE.match(text, at)
    return match.end() if match else at
