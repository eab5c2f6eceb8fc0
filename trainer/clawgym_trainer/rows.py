"""Reads conversations in the form messages-tools/v1 (docs/reference/messages-tools.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import BadInput

TRAIN_FILE = "train.jsonl"
ROLES = {"system", "developer", "user", "assistant", "tool"}


@dataclass(frozen=True)
class Conversation:
    """A row: messages and tools in OpenAI's form. `place` names it in messages."""

    place: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]


def read_conversations(folder: Path) -> list[Conversation]:
    """All rows of `train.jsonl`. Raises BadInput at the first that is not one."""
    path = folder / TRAIN_FILE
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{folder.name}/{TRAIN_FILE}: not readable: {error}") from error
    rows = [_row(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise BadInput(f"{folder.name}/{TRAIN_FILE}: has no rows; nothing can be learnt from it")
    return rows


def _row(line: str, number: int) -> Conversation:
    place = f"{TRAIN_FILE}:{number}"
    try:
        value = json.loads(line)
    except ValueError as error:
        raise BadInput(f"{place}: not JSON: {error}") from error
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(messages, list) or not messages:
        raise BadInput(f"{place}: messages: expected a list with at least one message")
    tools = value.get("tools")
    tools = [] if tools is None else tools
    if not isinstance(tools, list):
        raise BadInput(f"{place}: tools: expected a list")
    for position, message in enumerate(messages):
        _check_message(message, f"{place}: messages[{position}]")
    return Conversation(place, messages, tools)


def _check_message(message: Any, place: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise BadInput(f"{place}: role: expected one of {', '.join(sorted(ROLES))}")
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    if content is not None and not isinstance(content, str | list):
        raise BadInput(f"{place}: content: expected a string or a list of parts")
    for part in parts:
        if not isinstance(part, dict) or part.get("type") != "text":
            raise BadInput(f"{place}: content: only text can be trained on")
