"""Folders that hold a whole model, and the mark that says so.

A model folder has config.json, safetensors weights, the tokenizer and the chat template. `READY` is
written last and lists path, size and SHA-256 of every file: what carries it is complete.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .chat_template import FILE_NAME, ChatTemplate
from .digests import canonical, list_files, sha256_bytes, sha256_file
from .durable import fresh_folder, publish_folder, write_file
from .failures import BadInput

READY = "READY"
TOKENIZER = "tokenizer.json"
#: Copied byte for byte from the base, so that their digests stay what they were.
TOKENIZER_FILES = (
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)


def write_model_folder(
    target: Path, base: Path, template: ChatTemplate, save: Callable[[Path], None]
) -> str:
    """Publishes at `target` what `save` writes (config and weights) with the tokenizer of `base` and
    the pinned template. Returns the SHA-256 of READY, which names the whole.
    """
    staging = fresh_folder(target.with_name(f"{target.name}.tmp"))
    save(staging)
    for name in TOKENIZER_FILES:
        if (base / name).exists():
            shutil.copyfile(base / name, staging / name)
    (staging / FILE_NAME).write_text(template.text, "utf-8", newline="")
    ready = canonical({"files": list_files(staging)})
    write_file(staging / READY, ready)
    publish_folder(staging, target)
    return sha256_bytes(ready)


def verify_model_folder(folder: Path) -> None:
    """Checks every file against READY where there is one. Raises BadInput."""
    if not (folder / "config.json").is_file():
        raise BadInput(f"{folder}: no model: config.json is missing")
    if not (folder / READY).is_file():
        return
    wanted: list[Any] = json.loads((folder / READY).read_text("utf-8"))["files"]
    for entry in wanted:
        path = folder / entry["path"]
        if not path.is_file() or sha256_file(path) != entry["sha256"]:
            raise BadInput(f"{folder}: {entry['path']} is not what {READY} says")
