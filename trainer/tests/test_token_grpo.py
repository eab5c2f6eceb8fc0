"""Reinforcement from token batches: the loss, its gradient, its guards."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from batches import Segment, batch_of, sampled_rollouts
from support import rl_spec

from clawgym_trainer.chat_template import ChatTemplate
from clawgym_trainer.failures import BadInput, Diverged
from clawgym_trainer.loss import PolicyModel, policy_loss, trained_logprobs
from clawgym_trainer.model_load import load_model
from clawgym_trainer.packing import micro_batch, plan_micro_batches
from clawgym_trainer.run_spec import Algorithm, parse_run_spec
from clawgym_trainer.token_batch import Expectations, TokenBatch, read_batch
from clawgym_trainer.token_trainer import TokenTrainer

GRPO = Algorithm("grpo", 0.2, 0.28, (1e-6, 1e6), 1.0)
CPU = torch.device("cpu")


def expectations(**changes: Any) -> Expectations:
    known = {
        "template_sha256": "t",
        "tokenizer_sha256": "k",
        "temperature": 1.0,
        "max_tokens": 512,
        "vocabulary": 700,
    }
    return Expectations(**{**known, **changes})


def made(rollouts: list[tuple[int, float, list[Segment]]], version: int = 0) -> TokenBatch:
    index, tensors = batch_of(1, rollouts, version, "t", "k")
    return read_batch(index, tensors, expectations())


def noisy(segment: Segment, chance: np.random.Generator, spread: float) -> Segment:
    """As if an older policy had sampled it."""
    prompt, ids, logprobs = segment
    shift = chance.uniform(-spread, spread, len(ids))
    return prompt, ids, [min(0.0, one + move) for one, move in zip(logprobs, shift, strict=True)]


@pytest.fixture(scope="module")
def model(tiny: Path) -> Any:
    return load_model(tiny, CPU).eval()


@pytest.fixture(scope="module")
def rollouts(model: Any, tokenizer: Any, template: ChatTemplate) -> list[Any]:
    """Two tasks with four answers each, of different lengths, with the rewards of a coin."""
    prompts = [
        template.encode(tokenizer, [{"role": "user", "content": words}], None, True)
        for words in ("read the file", "sort each of the lines into it")
    ]
    drawn = sampled_rollouts(
        model, frozenset([tokenizer.eos_token_id]), prompts, 4, 1, lambda ids: 0.0, most=40
    )
    return [
        (group, float(at % 3 == 0), [(prompt, ids[: 5 + 4 * at], logp[: 5 + 4 * at])])
        for at, (group, _, [(prompt, ids, logp)]) in enumerate(drawn)
    ]


def test_logprobs_at_lag_0_are_those_of_the_sampler(
    model: Any, rollouts: list[Any], figure: Callable[[str], None]
) -> None:
    batch = micro_batch(made(rollouts).rows)
    with torch.no_grad():
        found = trained_logprobs(PolicyModel(model), batch, 1.0)
    worst = (found - batch.logp[:, 1:][batch.mask[:, 1:].bool()]).abs().max().item()
    assert worst < 1e-5
    figure(f"log-probabilities recomputed at lag 0 differ by {worst:.1e} at most (limit 1e-05)")


def trl_trainer(model: Any, tokenizer: Any, folder: Path, temperature: float) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    arguments = GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=64,
        epsilon=0.2,
        epsilon_high=0.28,
        beta=0.0,
        temperature=temperature,
        loss_type="grpo",
        use_cpu=True,
        report_to=[],
        gradient_checkpointing=False,
        bf16=False,
    )
    return GRPOTrainer(
        model=model,
        args=arguments,
        processing_class=tokenizer,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        train_dataset=Dataset.from_dict({"prompt": ["x"] * 8}),
    )


def trl_inputs(rollouts: list[Any], rows: Any) -> dict[str, torch.Tensor]:
    """The same rows as TRL has them: prompts and completions apart, the latter filled up."""
    segments = [segment for _, _, [segment] in rollouts]
    width = max(len(ids) for _, ids, _ in segments)

    def padded(values: list[Any], dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor([[*one, *[0] * (width - len(one))] for one in values], dtype=dtype)

    prompts = torch.tensor([prompt for prompt, _, _ in segments])
    return {
        "prompt_ids": prompts,
        "prompt_mask": torch.ones_like(prompts),
        "completion_ids": padded([ids for _, ids, _ in segments], torch.long),
        "completion_mask": padded([[1] * len(ids) for _, ids, _ in segments], torch.long),
        "old_per_token_logps": padded([logp for _, _, logp in segments], torch.float32),
        "advantages": torch.tensor([row.advantage for row in rows]),
        "num_items_in_batch": torch.tensor(sum(len(ids) for _, ids, _ in segments)),
    }


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_loss_and_gradient_are_those_of_trl(
    temperature: float,
    tiny: Path,
    tokenizer: Any,
    rollouts: list[Any],
    tmp_path: Path,
    figure: Callable[[str], None],
) -> None:
    # One prompt: TRL fills prompts up at the left, which moves positions.
    group = [(0, float(at % 2), segments) for at, (g, _, segments) in enumerate(rollouts) if g == 0]
    chance = np.random.default_rng(3)
    group = [(g, reward, [noisy(segments[0], chance, 0.5)]) for g, reward, segments in group]
    batch = made(group)
    algorithm = Algorithm("grpo", 0.2, 0.28, (1e-6, 1e6), temperature)
    model = load_model(tiny, CPU, torch.float64).eval()
    mine, numbers = policy_loss(
        trained_logprobs(PolicyModel(model), micro_batch(batch.rows), temperature),
        micro_batch(batch.rows),
        algorithm,
        batch.denominator,
    )
    mine.backward()
    gradient = [weight.grad.clone() for weight in model.parameters()]
    clipped = ((numbers.ratio < 0.8) | (numbers.ratio > 1.28)).sum().item()
    model.zero_grad()
    trainer = trl_trainer(model, tokenizer, tmp_path, temperature)
    trainer.model.eval()
    theirs = trainer._compute_loss(trainer.model, trl_inputs(group, batch.rows))
    theirs.backward()
    apart = abs(mine.item() - theirs.item()) / abs(theirs.item())
    assert clipped > 3
    assert apart < 1e-6
    for one, weight in zip(gradient, model.parameters(), strict=True):
        scale = weight.grad.abs().max().clamp(min=1e-9)
        assert ((one - weight.grad).abs().max() / scale).item() < 1e-6
    figure(f"loss {mine.item():.9f}, of TRL {theirs.item():.9f}, relative difference {apart:.1e}")


def reference_loss(batch: TokenBatch, logprobs: list[np.ndarray], algorithm: Algorithm) -> float:
    """The loss in words: mean over rollouts of the mean over their tokens."""
    votes: dict[int, list[float]] = {}
    for row, new in zip(batch.rows, logprobs, strict=True):
        for at in np.flatnonzero(row.mask):
            ratio = float(np.exp(new[at] - row.logp[at]))
            low, high = algorithm.token_mask
            clipped = min(max(ratio, 1 - algorithm.clip_low), 1 + algorithm.clip_high)
            loss = -min(ratio * row.advantage, clipped * row.advantage)
            votes.setdefault(row.rollout, []).append(loss if low <= ratio <= high else 0.0)
    return sum(sum(one) / len(one) for one in votes.values()) / batch.denominator


def segmented(rollouts: list[Any]) -> list[Any]:
    """The first rollout of each group in two segments, the second of which repeats history."""
    changed = []
    for at, (group, reward, [(prompt, ids, logp)]) in enumerate(rollouts):
        segments = [(prompt, ids, logp)]
        if at % 4 == 0:
            segments = [(prompt, ids[:2], logp[:2]), ([*prompt, *ids[:2]], ids[2:], logp[2:])]
        changed.append((group, reward, segments))
    return changed


@pytest.mark.parametrize("mask", [(0.5, 5.0), (0.9, 1.1)])
def test_each_rollout_has_one_vote_however_it_is_split(
    mask: tuple[float, float], model: Any, rollouts: list[Any]
) -> None:
    chance = np.random.default_rng(7)
    noise = [(g, r, [noisy(segments[0], chance, 0.6)]) for g, r, segments in rollouts]
    algorithm = Algorithm("grpo", 0.2, 0.28, mask, 1.0)
    losses = []
    for shape in (noise, segmented(noise)):
        batch = made(shape)
        part = micro_batch(batch.rows)
        with torch.no_grad():
            new = trained_logprobs(PolicyModel(model), part, 1.0)
            loss, numbers = policy_loss(new, part, algorithm, batch.denominator)
        spread = torch.zeros(part.mask.shape)
        spread[:, 1:][part.mask[:, 1:].bool()] = new
        assert loss.item() == pytest.approx(
            reference_loss(batch, list(spread.numpy()), algorithm), abs=1e-6
        )
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert (mask == (0.9, 1.1)) == bool((~numbers.kept).float().mean() > 0.5)


def trainer_of(model: Any, rows: int, max_tokens: int, **changes: Any) -> TokenTrainer:
    spec = rl_spec("http://x", context={"maxTokens": max_tokens}, **changes)
    spec["hyper"] = {**spec["hyper"], "microBatch": rows}
    return TokenTrainer(copy.deepcopy(model), parse_run_spec(spec), CPU)


def test_the_gradient_does_not_depend_on_the_split(
    model: Any, rollouts: list[Any], figure: Callable[[str], None]
) -> None:
    batch = made(segmented(rollouts))
    longest = max(len(row.ids) for row in batch.rows)
    gradients, parts = [], []
    for rows, tokens in ((100, longest), (3, longest), (1, longest), (1, 8)):
        trainer = trainer_of(model, rows, tokens)
        lengths = [len(row.ids) for row in batch.rows]
        parts.append(len(plan_micro_batches(lengths, rows, tokens)))
        trainer.gradients(batch)
        gradients.append(torch.cat([p.grad.flatten() for p in trainer.trainable.values()]))
    assert parts[0] == 1
    assert parts[1] >= 3
    assert parts[3] == len(batch.rows)
    norm = gradients[0].norm()
    apart = [((one - gradients[0]).norm() / norm).item() for one in gradients[1:]]
    assert max(apart) < 1e-6
    figure(f"gradients of 1 and {parts[1:]} micro-batches differ by {max(apart):.1e} of their norm")


def test_a_step_raises_what_was_rewarded(model: Any, rollouts: list[Any]) -> None:
    trainer = trainer_of(model, 4, 512)
    batch = made(rollouts)
    before = trainer.gradients(batch)[0]
    metrics = [trainer.train(batch, step, 0) for step in range(1)]
    assert metrics[0]["lag0MaxAbs"] < 1e-5
    assert metrics[0]["trainedTokens"] == batch.trained == metrics[0]["lag0Tokens"]
    after = trainer.gradients(batch)[0]
    assert after < before


def test_differing_logprobs_of_its_own_tokens_end_the_run(model: Any, rollouts: list[Any]) -> None:
    trainer = trainer_of(model, 4, 512)
    wrong = [
        (g, r, [(prompt, ids, [one - 0.3 for one in logp])])
        for g, r, [(prompt, ids, logp)] in rollouts
    ]
    with pytest.raises(Diverged, match="sampler and trainer do not compute the same"):
        trainer.train(made(wrong), 0, 0)
    assert trainer.train(made(wrong), 0, 1)["lag0Tokens"] == 0
    with torch.no_grad():
        next(iter(trainer.trainable.values())).fill_(float("nan"))
    with pytest.raises(Diverged, match="the loss is nan"):
        trainer.train(made(rollouts), 0, 1)


def test_a_guard_changes_no_weight(model: Any, rollouts: list[Any]) -> None:
    trainer = trainer_of(model, 4, 512)
    before = [p.detach().clone() for p in trainer.trainable.values()]
    wrong = [
        (g, r, [(prompt, ids, [one - 0.3 for one in logp])])
        for g, r, [(prompt, ids, logp)] in rollouts
    ]
    with pytest.raises(Diverged):
        trainer.train(made(wrong), 0, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.trainable.values(), strict=True))


def test_plans_are_whole_and_bounded() -> None:
    chance = np.random.default_rng(2)
    for _ in range(200):
        lengths = chance.integers(1, 300, chance.integers(1, 40)).tolist()
        rows, most = int(chance.integers(1, 9)), int(chance.integers(50, 300))
        plan = plan_micro_batches(lengths, rows, most)
        assert sorted(at for part in plan for at in part) == list(range(len(lengths)))
        for part in plan:
            longest = max(lengths[at] for at in part)
            assert len(part) == 1 or len(part) * longest <= rows * most
            assert len(part) == 1 or len(part) * longest**2 <= rows * most**2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "rl-tokens/v2"}, "format: expected rl-tokens/v1"),
        ({"templateSha256": "x"}, "templateSha256: the rollouts were made with x"),
        ({"tokenizerSha256": None}, "tokenizerSha256: the rollouts were made with None"),
        ({"temperature": 0.7}, "temperature: expected 1, found 0.7"),
        ({"topP": "0.9"}, "topP: expected 1"),
        ({"number": "1"}, "number: expected a whole number"),
        ({"denominator": None}, "denominator: expected a number"),
    ],
)
def test_refuses_a_batch_of_something_else(
    change: dict[str, Any], said: str, rollouts: list[Any]
) -> None:
    index, tensors = batch_of(1, rollouts, 0, "t", "k")
    with pytest.raises(BadInput) as refused:
        read_batch({**index, **change}, tensors, expectations())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("array", "value", "said"),
    [
        ("ids", np.array([], np.int32), "row_off: does not part 0 tokens"),
        ("ids", np.array([1.0], np.float32), "ids: expected a row of int32"),
        ("mask", None, "mask: expected a row of uint8, found none"),
        ("row_off", np.array([0, 5, 5, 9], np.int64), "row_off: does not part"),
        ("adv", np.array([1.0], np.float32), "adv: expected 8 entries, found 1"),
    ],
)
def test_refuses_arrays_that_do_not_fit(
    array: str, value: Any, said: str, rollouts: list[Any]
) -> None:
    from safetensors.numpy import load, save

    index, tensors = batch_of(1, rollouts, 0, "t", "k")
    arrays = load(tensors)
    arrays.pop(array)
    if value is not None:
        arrays[array] = value
    with pytest.raises(BadInput) as refused:
        read_batch(index, save(arrays), expectations())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"max_tokens": 20}, "more than the 20 of RUN_SPEC.context.maxTokens"),
        ({"vocabulary": 10}, "not in the vocabulary of 10"),
    ],
)
def test_refuses_rows_that_the_model_cannot_take(
    expected: dict[str, Any], said: str, rollouts: list[Any]
) -> None:
    index, tensors = batch_of(1, rollouts, 0, "t", "k")
    with pytest.raises(BadInput) as refused:
        read_batch(index, tensors, expectations(**expected))
    assert said in str(refused.value)
    with pytest.raises(BadInput, match="not a safetensors file"):
        read_batch(index, tensors[:9], expectations())
