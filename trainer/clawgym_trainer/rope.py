"""Longer contexts by YaRN, written into config.json: servers and trainers then need no flag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .failures import BadInput
from .run_spec import Yarn

CONFIG = "config.json"


def with_rope(model: Path, work: Path, yarn: Yarn | None, max_tokens: int) -> Path:
    """The folder to load the model from: `model` itself, or `work` with links to its files and an
    edited config.json. Raises BadInput where `max_tokens` are more than the model can take.
    """
    config = _read(model)
    if yarn is not None:
        config = edited_config(config, yarn)
    longest = config.get("max_position_embeddings")
    if isinstance(longest, int) and max_tokens > longest:
        raise BadInput(
            f"RUN_SPEC.context.maxTokens: {max_tokens} is more than the model's {longest}; "
            "name a rope of type yarn with a factor that reaches it"
        )
    if yarn is None:
        return model
    work.mkdir(parents=True, exist_ok=True)
    for path in model.iterdir():
        link = work / path.name
        link.unlink(missing_ok=True)
        if path.name != CONFIG:
            link.symlink_to(path.resolve())
    (work / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    return work


def edited_config(config: dict[str, Any], yarn: Yarn) -> dict[str, Any]:
    """A config.json with static YaRN under the one name that transformers 5 saves. Theta stays."""
    old = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kept = {
        name: value for name, value in config.items() if name not in ("rope_scaling", "rope_theta")
    }
    theta = old.get("rope_theta") or config.get("rope_theta")
    if theta is None:
        raise BadInput("model/config.json: names no rope_theta; YaRN cannot be written into it")
    return {
        **kept,
        "max_position_embeddings": int(yarn.original_max_tokens * yarn.factor),
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": theta,
            "factor": yarn.factor,
            "original_max_position_embeddings": yarn.original_max_tokens,
        },
    }


def _read(model: Path) -> dict[str, Any]:
    try:
        value = json.loads((model / CONFIG).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"model/{CONFIG}: not readable as JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"model/{CONFIG}: expected an object")
    return value
