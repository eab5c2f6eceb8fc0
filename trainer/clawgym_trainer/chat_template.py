"""The pinned chat template: one file for training, serving and reinforcement alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .digests import sha256_bytes
from .failures import BadInput

BUNDLED = Path(__file__).parent / "templates" / "qwen3-agent.jinja"
FILE_NAME = "chat_template.jinja"
ROLE_OPEN = "<|im_start|>assistant\n"
TURN_END = "<|im_end|>"


@dataclass(frozen=True)
class ChatTemplate:
    """Text and identity of a template. The identity is the SHA-256 of the file's bytes."""

    text: str
    sha256: str

    def render(
        self,
        tokenizer: Any,
        messages: Sequence[Any],
        tools: Sequence[Any] | None,
        for_answer: bool = False,
    ) -> str:
        """The conversation as text; with the opening of an assistant's turn if `for_answer`."""
        return tokenizer.apply_chat_template(
            list(messages),
            tools=list(tools) if tools else None,
            chat_template=self.text,
            add_generation_prompt=for_answer,
            tokenize=False,
        )

    def encode(
        self,
        tokenizer: Any,
        messages: Sequence[Any],
        tools: Sequence[Any] | None,
        for_answer: bool = False,
    ) -> list[int]:
        """The same as token ids."""
        return tokenizer.encode(
            self.render(tokenizer, messages, tools, for_answer), add_special_tokens=False
        )


def read_template(path: Path) -> ChatTemplate:
    """A template file, or the only `*.jinja` file of a folder. Raises BadInput."""
    if path.is_dir():
        found = sorted(path.glob("*.jinja"))
        if len(found) != 1:
            names = ", ".join(one.name for one in found) or "none"
            raise BadInput(f"{path.name}: expected one *.jinja file, found {names}")
        path = found[0]
    try:
        data = path.read_bytes()
        return ChatTemplate(data.decode("utf-8"), sha256_bytes(data))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"chat template {path.name}: not readable: {error}") from error
