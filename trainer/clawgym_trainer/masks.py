"""Which tokens of a conversation are learnt: what the assistant said, to the end of its turn.

Two ways that share nothing but the tokenizer: the markers in the template, and the difference
between the conversation with and without each answer. They must agree before the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .chat_template import TURN_END, ChatTemplate
from .failures import BadInput
from .rows import Conversation

#: Agreement is checked on so many rows, spread over the data.
CHECKED_ROWS = 64


@dataclass(frozen=True)
class MaskedRow:
    """Ids of a conversation and 1 for each that is learnt."""

    ids: list[int]
    mask: list[int]


def marked_row(tokenizer: Any, template: ChatTemplate, row: Conversation) -> MaskedRow:
    """The row with the mask that the template's generation markers give."""
    try:
        encoded = tokenizer.apply_chat_template(
            row.messages,
            tools=row.tools or None,
            chat_template=template.text,
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
    except Exception as error:
        raise BadInput(f"{row.place}: the chat template refuses it: {error}") from error
    return MaskedRow(list(encoded["input_ids"]), list(encoded["assistant_masks"]))


def recomputed_row(tokenizer: Any, template: ChatTemplate, row: Conversation) -> MaskedRow:
    """The same without the markers. An answer is what stands between the text that asks for it
    and the end of its turn; a token is learnt if part of it is in an answer.
    """
    whole = template.render(tokenizer, row.messages, row.tools)
    spans = [
        _span(tokenizer, template, row, position, whole)
        for position, message in enumerate(row.messages)
        if message["role"] == "assistant" and message.get("weight") != 0
    ]
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    mask = [
        int(any(start < end and stop > begin for begin, end in spans))
        for start, stop in encoded["offset_mapping"]
    ]
    return MaskedRow(list(encoded["input_ids"]), mask)


def _span(
    tokenizer: Any, template: ChatTemplate, row: Conversation, position: int, whole: str
) -> tuple[int, int]:
    asked = template.render(tokenizer, row.messages[:position], row.tools, for_answer=True)
    answered = template.render(tokenizer, row.messages[: position + 1], row.tools)
    if not whole.startswith(asked) or not answered.startswith(asked):
        raise BadInput(
            f"{row.place}: messages[{position}]: the text before this answer is not the beginning "
            "of the conversation; the chat template rewrites history and cannot be trained with"
        )
    return len(asked), answered.rindex(TURN_END) + len(TURN_END)


def check_masks(
    tokenizer: Any,
    template: ChatTemplate,
    rows: Sequence[Conversation],
    masked: Sequence[MaskedRow],
) -> int:
    """Compares both ways on real rows; returns how many were compared. Raises BadInput."""
    step = max(1, len(rows) // CHECKED_ROWS)
    checked = range(0, len(rows), step)
    for at in checked:
        again = recomputed_row(tokenizer, template, rows[at])
        if again == masked[at]:
            continue
        differing = [
            place
            for place, (left, right) in enumerate(zip(again.mask, masked[at].mask, strict=False))
            if left != right
        ]
        raise BadInput(
            f"{rows[at].place}: the mask of learnt tokens is not what the template's text says"
            f" (first at token {differing[0] if differing else 'count'}); nothing was trained"
        )
    return len(checked)
