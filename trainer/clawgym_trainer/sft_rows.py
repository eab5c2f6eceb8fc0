"""The rows that supervised training learns from, and an account of those that it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .chat_template import ChatTemplate
from .failures import BadInput
from .masks import MaskedRow, check_masks, marked_row
from .rows import Conversation


@dataclass(frozen=True)
class SftRows:
    """Rows as ids and masks, cut to the context; `account` says what became of all of them: `cut` are
    those of the kept ones that lost their end.
    """

    rows: list[MaskedRow]
    account: dict[str, Any]


def prepare_rows(
    tokenizer: Any, template: ChatTemplate, given: Sequence[Conversation], max_tokens: int
) -> SftRows:
    """Tokenises, checks the masks on real rows, cuts what is too long at its end and drops what then
    has nothing to learn. Raises BadInput where nothing is left.
    """
    masked = [marked_row(tokenizer, template, row) for row in given]
    checked = check_masks(tokenizer, template, given, masked)
    cut = [MaskedRow(row.ids[:max_tokens], row.mask[:max_tokens]) for row in masked]
    # The first token is never predicted, so it teaches nothing.
    kept = [row for row in cut if any(row.mask[1:])]
    if not kept:
        raise BadInput(
            f"data: none of {len(given)} rows has a token to learn within {max_tokens} tokens"
        )
    unanswered = sum(not any(row.mask) for row in masked)
    account = {
        "in": len(given),
        "kept": len(kept),
        "dropped": {
            "noAnswer": unanswered,
            "answerBeyondContext": len(given) - len(kept) - unanswered,
        },
        "cut": sum(
            len(row.ids) > max_tokens and any(part.mask[1:])
            for row, part in zip(masked, cut, strict=True)
        ),
        "masksChecked": checked,
        "tokens": sum(len(row.ids) for row in kept),
        "trainedTokens": sum(sum(row.mask) for row in kept),
    }
    return SftRows(kept, account)
