"""Tiny models are the same bytes for the same texts and seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support import conversation

from clawgym_trainer.digests import list_files
from clawgym_trainer.tiny_model import main


def test_the_seed_decides_the_bytes(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(conversation(seed)) + "\n" for seed in range(30)), "utf-8")

    def made(name: str, seed: str) -> dict[str, str]:
        out = tmp_path / name
        flags = ["--text", str(rows), "--out", str(out), "--seed", seed, "--vocab", "500"]
        assert main([*flags, "--hidden", "32", "--context", "512"]) == 0
        return {one["path"]: one["sha256"] for one in list_files(out)}

    first, again, other = made("a", "7"), made("b", "7"), made("c", "8")
    assert first == again
    assert [name for name in first if first[name] != other[name]] == ["model.safetensors"]
    config = json.loads((tmp_path / "a" / "config.json").read_text("utf-8"))
    assert (config["vocab_size"], config["max_position_embeddings"]) == (500, 512)


def test_its_tokenizer_keeps_every_text(tokenizer: Any) -> None:
    for text in ("plain words", " 12 34\n\n\té—ü 漢字 🦀", '<tool_call>\n{"a": 1}\n</tool_call>'):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode("<tool_call>")) == 1
    assert tokenizer.decode(tokenizer.encode("a<|im_end|>"), skip_special_tokens=True) == "a"
