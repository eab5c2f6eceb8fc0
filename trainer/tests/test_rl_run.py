"""Reinforcement from end to end over HTTP: every batch once, also where processes are killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from batches import BatchServer, batch_of, sampled_rollouts
from support import TrainerProcess, rl_spec, run_here, until, watch_canary, write_inputs

from clawgym_trainer import token_grpo
from clawgym_trainer.chat_template import ChatTemplate
from clawgym_trainer.digests import sha256_file
from clawgym_trainer.metrics import MetricsFile
from clawgym_trainer.model_load import load_model
from clawgym_trainer.policy_files import verify_model_folder

CPU = torch.device("cpu")
Make = Callable[[int], tuple[dict[str, Any], bytes]]
here = partial(run_here, token_grpo.main)


@pytest.fixture(scope="module")
def inputs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("rl") / "in", tiny, None)


@pytest.fixture(scope="module")
def sampled(tiny: Path, tokenizer: Any, template: ChatTemplate) -> Callable[..., Any]:
    """Makes a batch: answers of the policy in a folder, rewarded for ids of a third of all."""
    prompts = [
        template.encode(tokenizer, [{"role": "user", "content": words}], None, True)
        for words in ("read the file", "write the report")
    ]
    ends = frozenset([tokenizer.eos_token_id])
    sha256 = sha256_file(tiny / "tokenizer.json")

    def make(folder: Path, number: int, version: int, samples: int = 4) -> Any:
        def reward(ids: list[int]) -> float:
            return sum(token % 3 == 0 for token in ids) / len(ids)

        model = load_model(folder, CPU).eval()
        rollouts = sampled_rollouts(model, ends, prompts, samples, number, reward)
        return batch_of(number, rollouts, version, template.sha256, sha256)

    return make


@pytest.fixture(scope="module")
def recorded(sampled: Callable[..., Any], tiny: Path) -> Make:
    """Batches that the base sampled, whichever version is asked to train on them."""
    made = [sampled(tiny, number, 0) for number in range(1, 6)]
    return lambda number: made[number - 1]


@pytest.fixture(scope="module")
def whole(inputs: Path, recorded: Make) -> tuple[Path, list[Any]]:
    """A run that nothing disturbed, and what it told."""
    out = inputs.parent / "whole"
    with BatchServer(5, recorded) as server, pytest.MonkeyPatch.context() as monkeypatch:
        assert here(monkeypatch, five(server.url), inputs, out) == 0
        return out, server.told


def five(url: str) -> dict[str, Any]:
    spec = rl_spec(url)
    spec["rl"] = {**spec["rl"], "steps": 5}
    return spec


def weights(out: Path) -> str:
    return sha256_file(out / "model" / "model.safetensors")


def test_every_batch_makes_a_version(whole: tuple[Path, list[Any]], tiny: Path) -> None:
    out, told = whole
    assert [number for number, _ in told] == [1, 2, 3, 4, 5]
    assert [one["policyVersion"] for _, one in told] == [1, 2, 3, 4, 5]
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert (result["status"], result["steps"], result["policyVersion"]) == ("done", 5, 5)
    assert sorted(path.name for path in (out / "policy").iterdir()) == ["v-3", "v-4", "v-5"]
    verify_model_folder(out / "policy" / "v-5")
    assert told[4][1]["manifestSha256"] == sha256_file(out / "policy" / "v-5" / "READY")
    assert weights(out) == sha256_file(out / "policy" / "v-5" / "model.safetensors")
    assert sha256_file(out / "model" / "tokenizer.json") == sha256_file(tiny / "tokenizer.json")
    rows = MetricsFile(out / "metrics.jsonl").rows()
    assert [row["batch"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["lag0MaxAbs"] < 1e-5
    assert rows[4]["staleness"] == {"4": rows[4]["trainedTokens"]}
    for name in ("gradNorm", "klK3", "ratioP99", "clipHigh", "maskedOut", "rewardMean"):
        assert isinstance(rows[1][name], float)


def test_nothing_that_was_trained_lies_beside_the_canary(
    inputs: Path, recorded: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_canary(monkeypatch, token_grpo)
    with BatchServer(5, recorded) as server:
        assert here(monkeypatch, five(server.url), inputs, tmp_path / "out") == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert result["canary"]["prompt"] == "asked"


def test_killed_anywhere_it_trains_no_batch_twice(
    whole: tuple[Path, list[Any]],
    inputs: Path,
    recorded: Make,
    tmp_path: Path,
    figure: Callable[[str], None],
) -> None:
    out = tmp_path / "killed"
    with BatchServer(5, recorded) as server:
        first = TrainerProcess("token_grpo", five(server.url), inputs, out)
        until(lambda: len(server.told) >= 2 or first.process.poll() is not None)
        first.kill()
        assert first.process.returncode == -signal.SIGKILL, first.log.read_text()
        server.fail_next = 3
        again = TrainerProcess("token_grpo", five(server.url), inputs, out)
        assert again.wait() == 0, again.log.read_text()
        told = server.told
    assert sorted({number for number, _ in told}) == [1, 2, 3, 4, 5]
    # A batch may be told twice, but only as the same policy: it was trained once.
    policies = {(number, one["manifestSha256"]) for number, one in told}
    assert len(policies) == 5
    assert policies == {(number, one["manifestSha256"]) for number, one in whole[1]}
    assert weights(out) == weights(whole[0])
    rows = MetricsFile(out / "metrics.jsonl").rows()
    assert [row["batch"] for row in rows] == [1, 2, 3, 4, 5]
    figure(f"killed after batch {told[1][0]} or later; 5 batches, {len(told)} words, same weights")


@pytest.mark.parametrize("place", ["publish", "checkpoint", "row", "word"])
def test_fails_at_each_place_of_a_step_and_goes_on(
    place: str,
    whole: tuple[Path, list[Any]],
    inputs: Path,
    recorded: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Crash(BaseException):
        """Not caught anywhere, as a kill is not."""

    parts: dict[str, tuple[Any, str]] = {
        "publish": (token_grpo, "write_model_folder"),
        "checkpoint": (token_grpo.Checkpoints, "save"),
        "row": (token_grpo.MetricsFile, "append"),
        "word": (token_grpo.BatchSource, "trained"),
    }
    owner, name = parts[place]
    real, calls = getattr(owner, name), []

    def crash(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise Crash
        return real(*args)

    out = tmp_path / "out"
    with BatchServer(5, recorded) as server:
        monkeypatch.setattr(owner, name, crash)
        with pytest.raises(Crash):
            here(monkeypatch, five(server.url), inputs, out)
        assert here(monkeypatch, five(server.url), inputs, out) == 0
        policies = {(number, one["manifestSha256"]) for number, one in server.told}
    assert policies == {(number, one["manifestSha256"]) for number, one in whole[1]}
    assert weights(out) == weights(whole[0])
    assert [row["batch"] for row in MetricsFile(out / "metrics.jsonl").rows()] == [1, 2, 3, 4, 5]


def test_goes_on_in_another_folder_from_its_checkpoint_alone(
    whole: tuple[Path, list[Any]],
    inputs: Path,
    recorded: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lost(BaseException):
        """With its machine."""

    real, words = token_grpo.BatchSource.trained, []

    def lose(source: token_grpo.BatchSource, number: int, told: dict[str, Any]) -> None:
        words.append(number)
        if len(words) == 3:
            raise Lost
        assert (Path(told["path"]) / "READY").is_file()
        real(source, number, told)

    out, other = tmp_path / "out", tmp_path / "other"
    with BatchServer(5, recorded) as server:
        monkeypatch.setattr(token_grpo.BatchSource, "trained", lose)
        with pytest.raises(Lost):
            here(monkeypatch, five(server.url), inputs, out)
        other.mkdir()
        (out / "checkpoints").rename(other / "checkpoints")
        assert here(monkeypatch, five(server.url), inputs, other) == 0
        policies = {(number, one["manifestSha256"]) for number, one in server.told}
    assert words == [1, 2, 3, 3, 4, 5]
    assert policies == {(number, one["manifestSha256"]) for number, one in whole[1]}
    assert weights(other) == weights(whole[0])


def test_asked_to_stop_while_it_waits_it_ends_at_once(
    inputs: Path, recorded: Make, tmp_path: Path
) -> None:
    def only_two(number: int) -> tuple[dict[str, Any], bytes]:
        if number > 2:
            until(lambda: process.process.poll() is not None)
        return recorded(number)

    with BatchServer(5, only_two) as server:
        process = TrainerProcess("token_grpo", five(server.url), inputs, tmp_path / "out")
        until(lambda: len(server.served) >= 3 or process.process.poll() is not None)
        process.process.terminate()
        assert process.wait(60) == 143, process.log.read_text()
        assert [number for number, _ in server.told] == [1, 2]
    assert not (tmp_path / "out" / "result.json").exists()


def test_the_reward_rises(
    inputs: Path,
    sampled: Callable[..., Any],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str], None],
) -> None:
    out = tmp_path / "out"

    def on_policy(number: int) -> tuple[dict[str, Any], bytes]:
        folder = tiny if number == 1 else out / "policy" / f"v-{number - 1}"
        return sampled(folder, number, number - 1, samples=12)

    with BatchServer(25, on_policy) as server:
        spec = rl_spec(server.url)
        spec["hyper"]["learningRate"] = "5e-3"
        spec["rl"] = {**spec["rl"], "steps": 25}
        assert here(monkeypatch, spec, inputs, out) == 0
    rows = MetricsFile(out / "metrics.jsonl").rows()
    first, last = (sum(row["rewardMean"] for row in part) / 5 for part in (rows[:5], rows[-5:]))
    worst = max(row["lag0MaxAbs"] for row in rows)
    assert worst < 1e-5
    assert last > first + 0.15
    figure(f"reward {first:.2f} to {last:.2f} in 25 steps, log-probabilities within {worst:.1e}")


def test_a_batch_of_something_else_ends_with_2(
    inputs: Path, recorded: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(number: int) -> tuple[dict[str, Any], bytes]:
        index, tensors = recorded(number)
        return {**index, "templateSha256": "other"}, tensors

    def torn(number: int) -> tuple[dict[str, Any], bytes]:
        index, tensors = recorded(number)
        return index, tensors[:-1]

    for name, make, said in (("o", other, "templateSha256"), ("t", torn, "expected SHA-256")):
        with BatchServer(5, make) as server:
            assert here(monkeypatch, five(server.url), inputs, tmp_path / name) == 2
            assert server.told == []
        result = json.loads((tmp_path / name / "result.json").read_text("utf-8"))
        assert said in result["message"]


def test_without_a_token_to_learn_the_weights_stay(
    inputs: Path, recorded: Make, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(number: int) -> tuple[dict[str, Any], bytes]:
        index, tensors = recorded(number)
        return {**index, "denominator": 0}, tensors

    with BatchServer(1, empty) as server:
        assert here(monkeypatch, five(server.url), inputs, tmp_path / "out") == 0
        assert [number for number, _ in server.told] == [1]
    assert weights(tmp_path / "out") == sha256_file(tiny / "model.safetensors")
