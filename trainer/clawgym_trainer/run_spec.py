"""Reads RUN_SPEC, the resolved specification of a run. Whatever is not understood is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import BadInput
from .fields import Fields

SFT = "sft/v1"
RL_TOKENS = "rl-tokens/v1"


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters instead of all weights."""

    rank: int
    alpha: int
    targets: str | tuple[str, ...]


@dataclass(frozen=True)
class Yarn:
    """Static YaRN scaling, written into the model's config.json."""

    factor: float
    original_max_tokens: int


@dataclass(frozen=True)
class Hyper:
    """Of the optimiser. Of sft/v1 alone are `epochs` and `max_steps`, of which one may be absent, and
    `global_batch`.
    """

    learning_rate: float
    epochs: int | None
    max_steps: int | None
    global_batch: int | None
    micro_batch: int
    warmup_steps: int
    schedule: str
    weight_decay: float
    gradient_clip: float

    @property
    def parts(self) -> int:
        """Micro-batches of one step of sft/v1."""
        if self.global_batch is None:
            raise AssertionError("the contract was checked")
        return self.global_batch // self.micro_batch


@dataclass(frozen=True)
class Checkpointing:
    """How often states are kept (sft/v1 alone), how many, and how long a stop may take."""

    every_steps: int | None
    keep: int
    grace_seconds: int


@dataclass(frozen=True)
class Algorithm:
    """Of the policy loss."""

    loss: str
    clip_low: float
    clip_high: float
    token_mask: tuple[float, float]
    temperature: float


@dataclass(frozen=True)
class Reinforcement:
    """Only with the contract rl-tokens/v1."""

    steps: int
    algorithm: Algorithm
    url: str
    token_file: Path | None


@dataclass(frozen=True)
class RunSpec:
    """All that a trainer is told, beside the folders of its inputs and outputs."""

    contract: str
    run: str
    name: str
    seed: int
    device: str
    deterministic: bool
    lora: Lora | None
    max_tokens: int
    yarn: Yarn | None
    hyper: Hyper
    checkpoint: Checkpointing
    rl: Reinforcement | None
    source: dict[str, Any]


TOP = [
    "contract",
    "run",
    "name",
    "seed",
    "device",
    "deterministic",
    "method",
    "context",
    "hyper",
    "checkpoint",
    "rl",
]


def load_run_spec(path: Path, contract: str) -> RunSpec:
    """The specification at `path`, which must be of `contract`. Raises BadInput."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"RUN_SPEC {path}: not readable as JSON: {error}") from error
    spec = parse_run_spec(value)
    if spec.contract != contract:
        raise BadInput(f"RUN_SPEC.contract: this program speaks {contract}, found {spec.contract}")
    return spec


def parse_run_spec(value: Any) -> RunSpec:
    """Checks a parsed RUN_SPEC. Raises BadInput with the path of the first offending field."""
    top = Fields(value, "RUN_SPEC", TOP)
    contract = top.text("contract", (SFT, RL_TOKENS))
    if (contract == RL_TOKENS) != top.has("rl"):
        raise BadInput(f"RUN_SPEC.rl: belongs to the contract {RL_TOKENS} and only to it")
    context = top.inner("context", ("maxTokens", "rope"))
    return RunSpec(
        contract=contract,
        run=top.text("run"),
        name=top.text("name"),
        seed=top.whole("seed", 0),
        device=top.text("device", ("auto", "cpu", "cuda")),
        deterministic=top.flag("deterministic"),
        lora=_method(top),
        max_tokens=context.whole("maxTokens", 2),
        yarn=_rope(context) if context.has("rope") else None,
        hyper=_hyper(top, contract),
        checkpoint=_checkpoint(top, contract),
        rl=_reinforcement(top) if top.has("rl") else None,
        source=dict(value),
    )


def _method(top: Fields) -> Lora | None:
    method = top.inner("method", ("type", "rank", "alpha", "targets"))
    if method.text("type", ("full", "lora")) == "full":
        for name in ("rank", "alpha", "targets"):
            if method.has(name):
                raise BadInput(f"RUN_SPEC.method.{name}: only with the type lora")
        return None
    targets = method.raw("targets")
    if isinstance(targets, list) and targets and all(isinstance(one, str) for one in targets):
        chosen: str | tuple[str, ...] = tuple(targets)
    elif targets == "all-linear":
        chosen = targets
    else:
        raise BadInput(
            f'RUN_SPEC.method.targets: expected "all-linear" or a list of modules, found {targets!r}'
        )
    return Lora(method.whole("rank", 1), method.whole("alpha", 1), chosen)


def _rope(context: Fields) -> Yarn:
    rope = context.inner("rope", ("type", "factor", "originalMaxTokens"))
    rope.text("type", ("yarn",))
    return Yarn(rope.decimal("factor", 1, 1024), rope.whole("originalMaxTokens", 1))


HYPER = [
    "learningRate",
    "epochs",
    "maxSteps",
    "globalBatch",
    "microBatch",
    "warmupSteps",
    "schedule",
    "weightDecay",
    "gradientClip",
]


def _hyper(top: Fields, contract: str) -> Hyper:
    hyper = top.inner("hyper", HYPER)
    if contract == SFT and not (hyper.has("epochs") or hyper.has("maxSteps")):
        raise BadInput("RUN_SPEC.hyper: one of epochs and maxSteps is needed")
    global_batch, micro_batch = None, hyper.whole("microBatch", 1)
    if contract == SFT:
        global_batch = hyper.whole("globalBatch", 1)
    elif hyper.has("globalBatch"):
        raise BadInput(
            f"RUN_SPEC.hyper.globalBatch: only with {SFT}; a step of {RL_TOKENS} takes its whole batch"
        )
    if global_batch is not None and global_batch % micro_batch != 0:
        raise BadInput(
            f"RUN_SPEC.hyper.globalBatch: {global_batch} is no multiple of microBatch {micro_batch}"
        )
    return Hyper(
        learning_rate=hyper.decimal("learningRate", 0, 10),
        epochs=hyper.whole("epochs", 1) if hyper.has("epochs") else None,
        max_steps=hyper.whole("maxSteps", 1) if hyper.has("maxSteps") else None,
        global_batch=global_batch,
        micro_batch=micro_batch,
        warmup_steps=hyper.whole("warmupSteps", 0),
        schedule=hyper.text("schedule", ("constant", "linear", "cosine")),
        weight_decay=hyper.decimal("weightDecay", 0, 1),
        gradient_clip=hyper.decimal("gradientClip", 0, 1e6),
    )


def _checkpoint(top: Fields, contract: str) -> Checkpointing:
    checkpoint = top.inner("checkpoint", ("everySteps", "keep", "graceSeconds"))
    if contract != SFT and checkpoint.has("everySteps"):
        raise BadInput(
            f"RUN_SPEC.checkpoint.everySteps: only with {SFT}; each step of {RL_TOKENS} has its own"
        )
    return Checkpointing(
        checkpoint.whole("everySteps", 1) if contract == SFT else None,
        checkpoint.whole("keep", 1),
        checkpoint.whole("graceSeconds", 1),
    )


def _reinforcement(top: Fields) -> Reinforcement:
    rl = top.inner("rl", ("steps", "algorithm", "batches"))
    batches = rl.inner("batches", ("url", "tokenFile"))
    return Reinforcement(
        steps=rl.whole("steps", 1),
        algorithm=_algorithm(rl),
        url=batches.text("url"),
        token_file=Path(batches.text("tokenFile")) if batches.has("tokenFile") else None,
    )


ALGORITHM = ["loss", "clipLow", "clipHigh", "ratio", "tokenMask", "temperature", "topP"]


def _algorithm(rl: Fields) -> Algorithm:
    algorithm = rl.inner("algorithm", ALGORITHM)
    algorithm.text("ratio", ("sampler",))
    if algorithm.decimal("topP", 0, 1) != 1:
        raise BadInput(
            "RUN_SPEC.rl.algorithm.topP: only 1 can be trained on: below it the sampler's "
            "log-probabilities are over another set of tokens"
        )
    mask = algorithm.raw("tokenMask")
    if not isinstance(mask, list) or len(mask) != 2:
        raise BadInput(f"RUN_SPEC.rl.algorithm.tokenMask: expected two numbers, found {mask!r}")
    low, high = (algorithm.decimal_of(one, "tokenMask", 0, 1e6) for one in mask)
    if not low < 1 < high:
        raise BadInput(f"RUN_SPEC.rl.algorithm.tokenMask: 1 must lie between {low:g} and {high:g}")
    return Algorithm(
        loss=algorithm.text("loss", ("grpo", "cispo")),
        clip_low=algorithm.decimal("clipLow", 0, 1),
        clip_high=algorithm.decimal("clipHigh", 0, 100),
        token_mask=(low, high),
        temperature=algorithm.decimal("temperature", 0.01, 100),
    )
