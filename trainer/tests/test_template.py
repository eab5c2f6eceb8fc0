"""The chat template: its words, its prefixes, and the masks that its markers give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import TOOLS, conversation

from clawgym_trainer.chat_template import ChatTemplate
from clawgym_trainer.failures import BadInput
from clawgym_trainer.hermes import parse_answer
from clawgym_trainer.masks import MaskedRow, check_masks, marked_row, recomputed_row
from clawgym_trainer.rows import Conversation, read_conversations
from clawgym_trainer.sft_rows import prepare_rows

GOLDEN = Path(__file__).parent / "golden"


def as_row(seed: int) -> Conversation:
    value = conversation(seed)
    return Conversation(f"row {seed}", value["messages"], value["tools"])


def test_prints_what_is_written_down(tokenizer: Any, template: ChatTemplate) -> None:
    row = json.loads((GOLDEN / "conversation.json").read_text("utf-8"))
    printed = template.render(tokenizer, row["messages"], row["tools"], for_answer=True)
    assert printed == (GOLDEN / "conversation.txt").read_text("utf-8")


@pytest.mark.parametrize("seed", range(50))
def test_what_was_shown_is_the_beginning_of_what_is_shown_next(
    seed: int, tokenizer: Any, template: ChatTemplate
) -> None:
    row = as_row(seed)
    whole = template.render(tokenizer, row.messages, row.tools)
    for position, message in enumerate(row.messages):
        if message["role"] == "assistant":
            shown = template.render(tokenizer, row.messages[:position], row.tools, True)
            assert whole.startswith(shown)


def test_arguments_print_as_they_were_sampled(tokenizer: Any, template: ChatTemplate) -> None:
    said = 'I look.\n<tool_call>\n{"name": "bash", "arguments": {"a":1,  "b" : "é"}}\n</tool_call>'
    answer = parse_answer(said)
    calls = [{"function": {"name": c.name, "arguments": c.arguments}} for c in answer.calls]
    message = {"role": "assistant", "content": answer.content, "tool_calls": calls}
    printed = template.render(tokenizer, [{"role": "user", "content": "x"}, message], TOOLS)
    assert f"<|im_start|>assistant\n{said}<|im_end|>\n" in printed


@pytest.mark.parametrize(
    ("text", "content", "calls", "malformed"),
    [
        ("plain", "plain", [], False),
        ('<tool_call>\n{"name": "a"}\n</tool_call>', "", [("a", "{}")], False),
        ('<tool_call>{"arguments": {"x": "}"}, "name": "a"}', "", [("a", '{"x": "}"}')], False),
        ('<tool_call>{"name":"a","arguments":"{\\"x\\":1}"}', "", [("a", '{"x":1}')], False),
        (
            'two\n<tool_call>\n{"name": "a", "arguments": {}}\n</tool_call>\n<tool_call>\n'
            '{"name": "b", "arguments": {"c": [1, 2]}}\n</tool_call>',
            "two",
            [("a", "{}"), ("b", '{"c": [1, 2]}')],
            False,
        ),
        ('<tool_call>{"name": "a"', '<tool_call>{"name": "a"', [], True),
        ("<tool_call>[1]</tool_call>", "<tool_call>[1]</tool_call>", [], True),
        ('<tool_call>{"name": 1}</tool_call>', '<tool_call>{"name": 1}</tool_call>', [], True),
    ],
)
def test_parts_answers(text: str, content: str, calls: list[Any], malformed: bool) -> None:
    answer = parse_answer(text)
    assert answer.content == content
    assert [(call.name, call.arguments) for call in answer.calls] == calls
    assert answer.malformed == malformed


def by_turns(tokenizer: Any, row: Conversation, ids: list[int]) -> list[int]:
    """The mask again, from ids alone: neither the template nor offsets are asked. A turn of the
    assistant goes from its opening to the mark of its end, which is learnt as well.
    """
    start, end = (tokenizer.convert_tokens_to_ids(mark) for mark in ("<|im_start|>", "<|im_end|>"))
    answers = [message for message in row.messages if message["role"] == "assistant"]
    mask, at, turn = [0] * len(ids), 0, 0
    while at < len(ids):
        if ids[at] != start:
            at += 1
            continue
        # The opening is words of its own; a break at the beginning of an answer may join its end.
        head = at + 1
        while "\n" not in tokenizer.decode(ids[at + 1 : head]):
            head += 1
        opening = tokenizer.decode(ids[at + 1 : head])
        stop = ids.index(end, head)
        if opening.startswith("assistant\n"):
            first = head if opening == "assistant\n" else head - 1
            if answers[turn].get("weight") != 0:
                mask[first : stop + 1] = [1] * (stop + 1 - first)
            turn += 1
        at = stop + 1
    assert turn == len(answers)
    return mask


def test_masks_are_those_of_an_independent_computation(
    tokenizer: Any, template: ChatTemplate, figure: Callable[[str], None]
) -> None:
    rows = [as_row(seed) for seed in range(1000, 1100)]
    masked = [marked_row(tokenizer, template, row) for row in rows]
    for row, marked in zip(rows, masked, strict=True):
        assert by_turns(tokenizer, row, marked.ids) == marked.mask, row.place
        assert recomputed_row(tokenizer, template, row) == marked, row.place
    learnt = sum(sum(row.mask) for row in masked)
    every = sum(len(row.ids) for row in masked)
    assert 0.1 < learnt / every < 0.9
    figure(f"masks of 100 conversations, {learnt} of {every} tokens learnt, 0 differ")


def test_a_wrong_mask_is_found_before_the_first_step(
    tokenizer: Any, template: ChatTemplate
) -> None:
    rows = [as_row(seed) for seed in range(5)]
    masked = [marked_row(tokenizer, template, row) for row in rows]
    wrong = [*masked[:4], MaskedRow(masked[4].ids, [1] * len(masked[4].mask))]
    assert check_masks(tokenizer, template, rows, masked) == 5
    with pytest.raises(BadInput, match="row 4: the mask of learnt tokens"):
        check_masks(tokenizer, template, rows, wrong)


def test_a_template_that_rewrites_history_is_refused(tokenizer: Any) -> None:
    text = (
        "{{ messages | length }}{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    row = Conversation(
        "row", [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], []
    )
    with pytest.raises(BadInput, match="rewrites history"):
        recomputed_row(tokenizer, ChatTemplate(text, ""), row)


def test_rows_are_accounted_for(tokenizer: Any, template: ChatTemplate) -> None:
    short = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    late = [{"role": "user", "content": "word " * 90}, *short[1:]]
    silent = [short[0], {"role": "assistant", "content": "y", "weight": 0}]
    long = [*short, {"role": "user", "content": "word " * 90}, *short[1:]]
    rows = [
        Conversation(f"row {at}", messages, [])
        for at, messages in enumerate([short, late, silent, long])
    ]
    account = prepare_rows(tokenizer, template, rows, 60).account
    assert (account["in"], account["kept"], account["cut"]) == (4, 2, 1)
    assert account["dropped"] == {"noAnswer": 1, "answerBeyondContext": 1}
    with pytest.raises(BadInput, match="none of 1 rows has a token to learn"):
        prepare_rows(tokenizer, template, rows[2:3], 60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("{", "train.jsonl:1: not JSON"),
        ('{"messages": []}', "train.jsonl:1: messages: expected a list with at least one"),
        ('{"messages": [{"role": "robot"}]}', "messages[0]: role: expected one of"),
        ('{"messages": [{"role": "user", "content": 5}]}', "content: expected a string"),
        (
            '{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            "only text can be trained on",
        ),
        ('{"messages": [{"role": "user", "content": "x"}], "tools": {}}', "tools: expected a list"),
    ],
)
def test_bad_rows_are_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "train.jsonl").write_text(text, "utf-8")
    with pytest.raises(BadInput) as refused:
        read_conversations(tmp_path)
    assert said in str(refused.value)
