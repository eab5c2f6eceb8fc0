"""Specifications: what is read, and the sentence for each that is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from support import rl_spec, sft_spec

from clawgym_trainer.failures import BadInput
from clawgym_trainer.run_spec import Lora, Yarn, load_run_spec, parse_run_spec
from clawgym_trainer.schedule import rate_factor
from clawgym_trainer.sft import total_steps


def changed(spec: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one member replaced; None takes it out."""
    spec = copy.deepcopy(spec)
    *parents, last = path.split(".")
    inner = spec
    for name in parents:
        inner = inner[name]
    inner.pop(last, None)
    if value is not None:
        inner[last] = value
    return spec


def test_reads_every_member() -> None:
    spec = sft_spec(
        method={"type": "lora", "rank": 8, "alpha": 16, "targets": "all-linear"},
        context={
            "maxTokens": 2048,
            "rope": {"type": "yarn", "factor": "2.0", "originalMaxTokens": 1024},
        },
    )
    read = parse_run_spec(spec)
    assert read.lora == Lora(8, 16, "all-linear")
    assert read.yarn == Yarn(2.0, 1024)
    assert (read.hyper.learning_rate, read.hyper.epochs, read.hyper.max_steps) == (3e-3, None, 12)
    assert read.rl is None
    reinforcement = parse_run_spec(rl_spec("http://x")).rl
    assert reinforcement is not None
    assert reinforcement.algorithm.token_mask == (0.5, 5.0)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("contract", "sft/v2", "contract: expected one of sft/v1, rl-tokens/v1"),
        ("colour", "red", "RUN_SPEC.colour: unknown field"),
        ("hyper.momentum", "0.9", "RUN_SPEC.hyper.momentum: unknown field"),
        ("hyper.learningRate", 1e-3, "hyper.learningRate: expected a decimal string"),
        ("hyper.learningRate", "fast", "hyper.learningRate: expected a decimal string"),
        ("hyper.learningRate", "nan", "hyper.learningRate: expected a decimal string"),
        ("hyper.maxSteps", None, "one of epochs and maxSteps is needed"),
        ("hyper.maxSteps", 0, "hyper.maxSteps: expected a whole number of at least 1"),
        ("hyper.maxSteps", True, "hyper.maxSteps: expected a whole number"),
        ("hyper.globalBatch", None, "RUN_SPEC.hyper.globalBatch: missing"),
        ("checkpoint.everySteps", None, "RUN_SPEC.checkpoint.everySteps: missing"),
        ("hyper.globalBatch", 3, "globalBatch: 3 is no multiple of microBatch 2"),
        ("hyper.schedule", "wave", "hyper.schedule: expected one of constant, linear, cosine"),
        ("seed", None, "RUN_SPEC.seed: missing"),
        ("seed", "7", "RUN_SPEC.seed: expected a whole number"),
        ("deterministic", "yes", "deterministic: expected true or false"),
        ("device", "tpu", "device: expected one of auto, cpu, cuda"),
        ("method.rank", 8, "method.rank: only with the type lora"),
        ("method", {"type": "lora", "rank": 8, "alpha": 8, "targets": []}, "method.targets"),
        ("context.rope", {"type": "ntk"}, "rope.type: expected one of yarn"),
        ("context.rope", {"type": "yarn", "factor": "0.5", "originalMaxTokens": 9}, "rope.factor"),
        ("checkpoint", [], "RUN_SPEC.checkpoint: expected an object, found list"),
        ("rl", {"steps": 1}, "RUN_SPEC.rl: belongs to the contract rl-tokens/v1"),
    ],
)
def test_refuses_with_the_path(path: str, value: Any, said: str) -> None:
    with pytest.raises(BadInput, match=r".+") as refused:
        parse_run_spec(changed(sft_spec(), path, value))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("rl", None, "RUN_SPEC.rl: belongs to the contract rl-tokens/v1 and only to it"),
        ("rl.algorithm.topP", "0.9", "only 1 can be trained on"),
        ("rl.algorithm.tokenMask", ["0.5"], "expected two numbers"),
        ("rl.algorithm.tokenMask", ["1.5", "5"], "1 must lie between"),
        ("rl.algorithm.ratio", "decoupled", "ratio: expected one of sampler"),
        ("rl.algorithm.temperature", "0", "temperature: expected a decimal string from 0.01"),
        ("rl.batches.url", None, "RUN_SPEC.rl.batches.url: missing"),
        ("hyper.globalBatch", 8, "RUN_SPEC.hyper.globalBatch: only with sft/v1"),
        ("checkpoint.everySteps", 1, "RUN_SPEC.checkpoint.everySteps: only with sft/v1"),
    ],
)
def test_refuses_of_reinforcement(path: str, value: Any, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_run_spec(changed(rl_spec("http://x"), path, value))
    assert said in str(refused.value)


def test_refuses_files_that_are_no_specification(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    with pytest.raises(BadInput, match="not readable"):
        load_run_spec(path, "sft/v1")
    path.write_text("{", "utf-8")
    with pytest.raises(BadInput, match="not readable as JSON"):
        load_run_spec(path, "sft/v1")
    path.write_text(json.dumps(sft_spec()), "utf-8")
    with pytest.raises(BadInput, match="this program speaks rl-tokens/v1, found sft/v1"):
        load_run_spec(path, "rl-tokens/v1")


@pytest.mark.parametrize(
    ("epochs", "most", "rows", "steps"),
    [(3, None, 16, 12), (3, 5, 16, 5), (None, 9, 1, 9), (2, 100, 5, 4), (1, None, 1, 1)],
)
def test_ends_with_epochs_or_steps(epochs: int, most: int, rows: int, steps: int) -> None:
    spec = changed(changed(sft_spec(), "hyper.epochs", epochs), "hyper.maxSteps", most)
    assert total_steps(parse_run_spec(spec).hyper, rows) == steps


def test_learning_rate_follows_its_schedule() -> None:
    warm = [rate_factor("constant", step, 4, 10) for step in range(6)]
    assert warm == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert [rate_factor("linear", step, 0, 4) for step in range(5)] == [1, 0.75, 0.5, 0.25, 0]
    cosine = [rate_factor("cosine", step, 0, 2) for step in range(3)]
    assert cosine == pytest.approx([1, 0.5, 0])
