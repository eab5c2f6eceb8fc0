"""Loads models and tokenizers from folders; nothing is ever fetched."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

from .failures import BadInput

# Before the first import of the libraries: they look for newer files otherwise.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as library_logging

library_logging.disable_progress_bar()


def choose_device(wanted: str) -> torch.device:
    """`auto` takes a GPU where there is one. Raises BadInput for one that is missing."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise BadInput("RUN_SPEC.device: cuda is wanted, but this machine shows no GPU")
    use_gpu = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_gpu else "cpu")


def choose_training_device(wanted: str) -> torch.device:
    """The same for a trainer, which is one process with one GPU. Raises BadInput where it sees more:
    the library of supervised training would part each batch among all of them by itself, and take
    that many times the rows a step; reinforcement would leave all but one idle.
    """
    device = choose_device(wanted)
    seen = torch.cuda.device_count() if device.type == "cuda" else 0
    if seen > 1:
        raise BadInput(
            f"this trainer uses one GPU and sees {seen}: give it one (spec.trainer.gpusPerNode in a "
            "cluster, CUDA_VISIBLE_DEVICES=0 on a machine)"
        )
    return device


def free_memory() -> None:
    """Gives back what nothing names any more: models and optimisers are in cycles, and the memory of a
    GPU is kept for later.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def as_stored(model: Any, base: Path) -> Any:
    """The trained model, which is in 32 bits, in the type of its base's weights, changed in place: a base
    in bfloat16 would come out twice its size. Other types stay in 32 bits, for float16 has another range.
    """
    config = json.loads((base / "config.json").read_text("utf-8"))
    named = config.get("dtype") or config.get("torch_dtype")
    return model.to(torch.bfloat16) if named == "bfloat16" else model


def limit_threads(most: int = 2) -> int:
    """Few threads are the best for small models, and their number changes the order of sums.
    OMP_NUM_THREADS is the way to have more.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS") or min(most, os.cpu_count() or 1))
    torch.set_num_threads(threads)
    return threads


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder. Raises BadInput."""
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:
        raise BadInput(f"{folder.name}: the tokenizer cannot be loaded: {error}") from error


def load_model(folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Any:
    """The full model of a folder. An adapter in the same folder would be applied silently, so a
    folder with one is refused. Raises BadInput.
    """
    if (folder / "adapter_config.json").exists():
        raise BadInput(f"{folder.name}: holds an adapter; merge it into its base first")
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, dtype=dtype, attn_implementation="sdpa"
        )
    except Exception as error:
        raise BadInput(f"{folder.name}: the model cannot be loaded: {error}") from error
    return model.to(device)
