"""Makes a tiny model of the Qwen3 family with a tokenizer of its own, for tests and examples.

    python -m clawgym_trainer.tiny_model --text FILE --out DIR [--seed 7]

The same texts and seed give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .chat_template import BUNDLED, FILE_NAME

#: Beside these, `<|im_start|>` and `<|im_end|>` are the only ones that decoding leaves out.
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TAGS = (
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
#: The splitting into words that the Qwen tokenizers use, digits one by one.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class TinyShape:
    """Size of the model; the defaults have about 0.2 million weights."""

    vocab: int = 1500
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 4096


def make_tiny_model(
    texts: Iterable[str],
    out: Path,
    seed: int,
    shape: TinyShape | None = None,
    template: Path = BUNDLED,
) -> None:
    """Writes config, weights, tokenizer and chat template to `out` in the Hugging Face layout."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    shape = shape or TinyShape()
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(texts, out, shape, template)
    end, start = vocabulary["<|im_end|>"], vocabulary["<|endoftext|>"]
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=shape.hidden,
        intermediate_size=2 * shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=max(1, shape.heads // 2),
        head_dim=shape.hidden // shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        eos_token_id=end,
        pad_token_id=start,
        bos_token_id=None,
    )
    model = Qwen3ForCausalLM(config)
    model.generation_config.eos_token_id = [end, start]
    model.generation_config.pad_token_id = start
    model.save_pretrained(out)


def _write_tokenizer(
    texts: Iterable[str], out: Path, shape: TinyShape, template: Path
) -> dict[str, int]:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocab - len(SPECIAL) - len(TAGS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in TAGS])
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": shape.context,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    (out / FILE_NAME).write_bytes(template.read_bytes())
    return tokenizer.get_vocab(with_added_tokens=True)


def strings_of(paths: Sequence[Path]) -> Iterator[str]:
    """Texts to learn the vocabulary from: files as they are; of `*.jsonl` every string in a row."""
    for path in paths:
        text = path.read_text("utf-8")
        if path.suffix != ".jsonl":
            yield text
            continue
        for line in text.split("\n"):
            if line.strip():
                yield from _strings(json.loads(line))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield json.dumps(value, ensure_ascii=False)
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="clawgym-tiny-model", description=__doc__.split("\n")[0])
    parser.add_argument("--text", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--template", type=Path, default=BUNDLED)
    parser.add_argument("--seed", type=int, default=7)
    for name in ("vocab", "hidden", "layers", "heads", "context"):
        parser.add_argument(f"--{name}", type=int, default=getattr(TinyShape, name))
    given = parser.parse_args(arguments)
    shape = TinyShape(given.vocab, given.hidden, given.layers, given.heads, given.context)
    texts = [*strings_of(given.text), given.template.read_text("utf-8")]
    make_tiny_model(texts, given.out, given.seed, shape, given.template)
    print(json.dumps({"out": str(given.out), "seed": given.seed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
